"""EventCounters: totals that lose nothing, whatever comes when."""

import random

import pytest

from bephw.event_counters import COUNTER_BITS, EventCounters

from .bench import core_of, drive

NAMES = EventCounters.names
_QUIET = 3  # cycles until what has been counted is in every read


class Bench:
    """Counters, what they should hold, and reads with their cycles."""

    def __init__(self, seed, lanes=9):
        self.rng = random.Random(seed)
        self.dut = EventCounters(core_of(lanes=lanes))
        self.most = EventCounters.most_of(self.dut.core)
        self.totals = dict.fromkeys(NAMES, 0)

    async def count(self, ctx, cycles, *, events=None, clears=0.0):
        """Random events, or as many as `events` names in every cycle; a clear comes before the events of its cycle."""
        dut, before = self.dut, None
        for _ in range(cycles):
            now = events or {name: self.rng.randint(0, self.most[name]) for name in NAMES}
            clear = self.rng.random() < clears
            for name in NAMES:
                ctx.set(getattr(dut, f"count_{name}"), now.get(name, 0))
            ctx.set(dut.clear, clear)
            await ctx.tick()
            if clear:  # events are registered: those of the cycle before are not yet counted
                self.totals = dict(before) if before else dict.fromkeys(NAMES, 0)
            before = {name: now.get(name, 0) for name in NAMES}
            for name in NAMES:
                self.totals[name] += before[name]
        for name in NAMES:
            ctx.set(getattr(dut, f"count_{name}"), 0)
        ctx.set(dut.clear, 0)

    async def read(self, ctx, name, high):
        ctx.set(self.dut.wanted, 1)
        ctx.set(self.dut.index, NAMES.index(name))
        ctx.set(self.dut.high, high)
        cycles, found = 0, 0
        while not found:
            _, _, found, value = await ctx.tick().sample(self.dut.found, self.dut.value)
            cycles += 1
        assert cycles <= EventCounters.read_cycles + 1
        ctx.set(self.dut.wanted, 0)
        for _ in range(2 + self.rng.randrange(5)):
            _, _, found, after = await ctx.tick().sample(self.dut.found, self.dut.value)
        assert after == 0
        return value

    async def check(self, ctx):
        await ctx.tick().repeat(_QUIET)
        for name in self.rng.sample(NAMES, len(NAMES)):
            low, high = await self.read(ctx, name, 0), await self.read(ctx, name, 1)
            assert low | high << 32 == self.totals[name], name


@pytest.mark.parametrize("lanes", [8, 144])
@pytest.mark.parametrize("seed", [1, 2])
def test_totals_of_random_events(lanes, seed):
    bench = Bench(seed, lanes)

    async def run(ctx):
        for cycles in (1, 7, 300, bench.rng.randrange(500)):
            await bench.count(ctx, cycles)
            await bench.check(ctx)
        await bench.count(ctx, 400, events=bench.most)  # no short sum overflows
        await bench.check(ctx)

    drive(bench.dut, run)


@pytest.mark.parametrize("seed", range(4))
def test_a_clear_takes_effect_in_one_cycle_for_all(seed):
    bench = Bench(seed)

    async def run(ctx):
        for clears in (0.3, 0.05, 0.02, 0.01):
            for _ in range(12):
                await bench.count(ctx, bench.rng.randrange(1, 130), clears=clears)
                await bench.check(ctx)

    drive(bench.dut, run)


def test_carries_over_24_32_and_48_bits():
    bench = Bench(5, lanes=8)

    async def preset(ctx, value):
        """Twice: what the first time was under way has been written by the second."""
        for _ in range(2):
            for row in range(len(NAMES)):
                ctx.set(bench.dut.totals.data[row], value)
            await ctx.tick().repeat(8)

    async def run(ctx):
        await ctx.tick().repeat(2 * EventCounters.round_cycles)
        for bits in (24, 32, COUNTER_BITS):
            start = (1 << bits) - 30
            await preset(ctx, start)
            bench.totals = dict.fromkeys(NAMES, start)
            await bench.count(ctx, 60, events=dict.fromkeys(NAMES, 1))
            bench.totals = {name: total % (1 << COUNTER_BITS) for name, total in bench.totals.items()}
            await bench.check(ctx)

    drive(bench.dut, run)
