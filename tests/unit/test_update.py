"""Update: samples in order, when each retires against its rows and the sweep, the swap, and the cycles in between."""

from collections import deque

import numpy as np
import pytest

from bephw.update import Update
from bepsw.cycles import Timing

from .bench import core_of, drive
from .hidden_bench import HiddenBench

CORES = [
    core_of(max_width=30),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20, bits=2),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, max_width=30, bits=16),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256, max_width=30, bits=4),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}B{c.bits}")


class Bench(HiddenBench):
    """Samples one after another, with winners in banks, and what the memories hold at every event.

    Members
    -------
    expected : (event, H words, segments of W written since the last event), in order; `watch` checks them off
    taken, retired, done, swept : cycles in which samples were taken and retired, banks freed, sweeps over
    lengths : per sample, steps of its rows and whether it ends the batch
    """

    def __init__(self, core, rng, most, **options):
        super().__init__(core, rng, **options)
        self.dut = Update(core)
        self.banks, self.bank_free = [[] for _ in range(core.winner_banks)], [True] * core.winner_banks
        self.most, self.only, self.ends = most, None, 0.3
        self.expected, self.cycle = deque(), -1
        self.taken, self.retired, self.done, self.swept, self.lengths = [], [], [], [], []

    def entries(self, winners):
        """Winners as entries of a bank, one for each beat that has some."""
        beats = {}
        for layer, row, desired in winners:
            beat, slot = divmod(row, self.layers[layer].rows_per_word)
            slots = beats.setdefault((layer, beat), [{"valid": 0}] * self.core.slots)
            slots[slot] = {"valid": 1, "slot": slot, "desired": desired}
        return [{"layer": layer, "beat": beat, "slots": slots} for (layer, beat), slots in sorted(beats.items())]

    async def setup(self, ctx):
        dut = self.dut
        await self.set_generator(ctx, dut.engine)
        ctx.set(dut.engine.online, self.online)
        ctx.set(dut.online, self.online)
        ctx.set(dut.table_enable, 1)
        for address, word in enumerate(self.program.words(self.core)["hidden"]):
            ctx.set(dut.table_address, address)
            ctx.set(dut.table_row.as_value(), word)
            await ctx.tick()
        ctx.set(dut.table_enable, 0)

    def next_sample(self, context):
        """Draw a sample, and say what the stage should do with it: (entries, end)."""
        winners, plane = self.sample(context, self.most if self.rng.random() < 0.8 else 0, self.only)
        end = self.rng.random() < self.ends
        if end and not self.online:  # the signs are handed over before the sweep
            self.expected.append(("swap", self.words(), plane))
            plane = self.sweep()
            self.expected.append(("swept", self.words(), plane))
        elif end:
            plane |= self.sweep()
            self.expected.append(("swept", self.words(), plane))
            self.expected.append(("retired", self.words(), {}))
        else:
            self.expected.append(("retired", self.words(), plane))
        self.lengths.append((sum(self.layers[layer].segments for layer, _, _ in winners), end))
        return self.entries(winners), end

    def send(self, count, gaps):
        """Samples with and without winners, each offered as soon as the one before it was taken."""

        async def bench(ctx):
            dut, bank = self.dut, 0
            await self.setup(ctx)
            for index in range(count):
                context = index % self.core.contexts
                entries, end = self.next_sample(context)
                while not self.bank_free[bank]:
                    await ctx.tick()
                if entries:
                    self.banks[bank][:] = entries
                    self.bank_free[bank] = False
                while self.rng.random() < gaps:
                    await ctx.tick()
                token = {"context": context, "batch_end": end, "updates": bool(entries), "bank": bank}
                token["count"] = len(entries) or int(self.rng.integers(5))
                ctx.set(dut.updates.payload, token)
                ctx.set(dut.updates.valid, 1)
                await ctx.tick().until(dut.updates.ready)
                ctx.set(dut.updates.valid, 0)
                bank = (bank + bool(entries)) % self.core.winner_banks
            while self.expected:
                await ctx.tick()
            await ctx.tick().repeat(12)
            assert not ctx.get(dut.sweeping)
            await self.check_generator(ctx, dut.engine)

        return bench

    def check(self, event):
        name, words, plane = self.expected.popleft()
        assert event == name, len(self.retired)
        assert self.bank == words and self.plane == plane, (event, len(self.retired))
        self.plane.clear()

    async def watch(self, ctx):
        """The winner banks, an entry two cycles after its index; events; `sweeping`."""
        dut, late, sweep, over = self.dut, deque([None]), False, 0
        signals = (
            dut.winners_bank, dut.winners_index, dut.retired, dut.bank_done, dut.swept, dut.swap, dut.sweeping,
            dut.updates.valid, dut.updates.ready, dut.engine.jobs.valid, dut.engine.jobs.ready,
            dut.engine.jobs.payload.sweep,
        )  # fmt: skip
        while True:
            values = await ctx.tick().sample(*signals)
            _, _, bank, index, retired, done, swept, swap, sweeping, valid, ready, *job = values
            self.cycle += 1
            late.append(self.banks[bank][index] if index < len(self.banks[bank]) else None)
            ctx.set(dut.winners, late.popleft() or {"layer": 1})
            assert retired or not swap
            if valid and ready:
                self.taken.append(self.cycle)
            if retired:
                self.retired.append(self.cycle)
                self.check("swap" if swap else "retired")
            if done:
                assert not self.bank_free[bank]
                self.bank_free[bank] = True
                self.done.append(self.cycle)
            sweep = sweep or swap  # from the swap on: between the two nobody may think that nothing is to be done
            assert sweeping or not sweep
            if all(job):
                assert sweeping
                sweep = True
            over = 0 if sweep else over + 1
            assert not sweeping or over < 3 or self.online, "still sweeping two cycles after the sweep"
            if swept:
                self.swept.append(self.cycle)
                self.check("swept")
                sweep = False

    def run(self, count, gaps):
        memories = self.memories(self.dut.engine, self.dut.context)
        drive(self.dut, self.send(count, gaps), background=(memories, self.watch))
        assert len(self.retired) == count and all(self.bank_free)
        assert len(self.swept) == self.model.counters.sweeps
        assert self.updated == self.model.counters.updates
        assert self.saturated == self.model.counters.saturations


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("most", [1.0, 0.1])
@pytest.mark.parametrize("seed, online, gaps", [(1, False, 0), (2, True, 0.5)])
def test_samples_retire_when_their_rows_are_written(core, most, seed, online, gaps):
    """In a batch before the sweep and with the swap, online after it and without."""
    Bench(core, np.random.default_rng([seed, core.lanes, core.segments]), most, online=online).run(6, gaps)


@SHAPE
@pytest.mark.parametrize("online", [False, True])
def test_batches_of_one(core, online):
    """Every sample sweeps, and the next one waits at the door."""
    bench = Bench(core, np.random.default_rng([4, core.lanes, core.segments]), 0.2, online=online)
    bench.ends = 1
    bench.run(4, 0)
    assert all(taken > swept for taken, swept in zip(bench.taken[1:], bench.swept, strict=False))
    first, second = (bench.swept, bench.retired) if online else (bench.retired, bench.swept)
    assert all(early < late for early, late in zip(first, second, strict=True))


@SHAPE
@pytest.mark.parametrize("seed, online", [(1, False), (2, False), (3, True)])
def test_cycles_of_a_sample_are_those_of_the_model(core, seed, online):
    bench = Bench(core, np.random.default_rng([seed, 5, core.segments]), 0.5, online=online)
    bench.ends = 0.5
    bench.run(5, 0)
    timing, words = Timing.of(core), sum(matrix.hidden_words for matrix in bench.layers)
    gaps = sum(matrix.segments == 1 for matrix in bench.layers[:-1])
    retired, swept, done, free = [], [], [], [bench.taken[0]]
    for taken, (steps, end) in zip(bench.taken, bench.lengths, strict=True):
        state = taken + 1
        if steps:
            state += timing.update_start + steps - 1 + timing.update_end
            done.append(state)
        over = state + timing.sweep_start + words + gaps - 1 + timing.update_end
        if end:
            swept.append(over)
        retired.append((over if end and online else state) + 1 + bool(steps or end))
        free.append(over + 1 if end and not online else retired[-1])
    assert (bench.retired, bench.swept, bench.done) == (retired, swept, done)
    assert bench.taken == free[:-1], "one sample right after the other"


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("layer", [0, -1])
@pytest.mark.parametrize("online", [False, True])
def test_a_lone_winner_is_written_before_the_sample_retires(core, layer, online):
    """The one job is still in the pipeline when nothing else is."""
    bench = Bench(core, np.random.default_rng([3, core.lanes]), 0, online=online)
    layer = range(len(bench.layers))[layer]
    bench.only = layer, bench.layers[layer].rows - 1
    bench.run(4, 0)
    assert bench.updated == 4
