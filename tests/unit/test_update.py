"""Update: samples in order, every winner and sweep done when a sample retires, and the cycles in between."""

from collections import deque

import numpy as np
import pytest

from bephw.update import Update
from bepsw.cycles import Timing

from .bench import core_of, drive, plain
from .hidden_bench import HiddenBench

CORES = [
    core_of(max_width=30),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20, bits=2),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, max_width=30, bits=16),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256, max_width=30, bits=4),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}B{c.bits}")


class Bench(HiddenBench):
    """Samples with winners in two banks, and what memories hold when each retires."""

    def __init__(self, core, rng, most, **options):
        super().__init__(core, rng, **options)
        self.dut = Update(core)
        self.banks, self.bank_free = [[], []], [True, True]
        self.most, self.only = most, None
        self.retired, self.arrived, self.swept, self.lengths = [], [], 0, []

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
        ctx.set(dut.table_enable, 1)
        for address, word in enumerate(self.program.words(self.core)["hidden"]):
            ctx.set(dut.table_address, address)
            ctx.set(dut.table_row.as_value(), word)
            await ctx.tick()
        ctx.set(dut.table_enable, 0)

    def send(self, count, gaps):
        """Samples with and without winners; `check` runs when the sample retires."""

        async def bench(ctx):
            dut, bank = self.dut, 0
            await self.setup(ctx)
            for index in range(count):
                context = index % self.core.contexts
                winners, plane = self.sample(context, self.most if self.rng.random() < 0.8 else 0, self.only)
                end = self.rng.random() < 0.3
                if end:
                    plane |= self.sweep()
                entries = self.entries(winners)
                assert not entries or self.bank_free[bank]
                if entries:
                    self.banks[bank][:] = entries
                    self.bank_free[bank] = False
                steps = sum(self.layers[layer].segments for layer, _, _ in winners)
                self.lengths.append((steps, end))
                while self.rng.random() < gaps:
                    await ctx.tick()
                token = {"context": context, "batch_end": end, "updates": bool(entries), "bank": bank}
                token["count"] = len(entries) or int(self.rng.integers(5))
                ctx.set(dut.updates.payload, token)
                ctx.set(dut.updates.valid, 1)
                self.arrived.append(len(self.trail))
                await ctx.tick().until(dut.updates.ready)
                ctx.set(dut.updates.valid, 0)
                while len(self.retired) <= index:
                    await ctx.tick()
                assert self.bank == self.words(), index
                assert self.plane == plane, index
                self.plane.clear()
                bank ^= bool(entries)
            await ctx.tick().repeat(12)
            await self.check_generator(ctx, dut.engine)

        return bench

    async def watch(self, ctx):
        """The winner banks, an entry two cycles after its index; pulses."""
        dut, late = self.dut, deque([None])
        while True:
            signals = dut.winners_bank, dut.winners_index, dut.retired, dut.bank_done, dut.swept, dut.updates.payload
            _, _, bank, index, retired, done, swept, token = await ctx.tick().sample(*signals)
            late.append(self.banks[bank][index] if index < len(self.banks[bank]) else None)
            ctx.set(dut.winners, late.popleft() or {"layer": 1})
            token = plain(token)
            if retired:
                self.retired.append(len(self.trail) - 1)
            if done:
                assert not self.bank_free[token["bank"]]
                self.bank_free[token["bank"]] = True
            if swept:
                assert token["batch_end"]
                self.swept += 1


@SHAPE
@pytest.mark.parametrize("most", [1.0, 0.1])
@pytest.mark.parametrize("seed, online, gaps", [(1, False, 0), (2, True, 0.5)])
def test_samples_retire_when_their_rows_are_written(core, most, seed, online, gaps):
    rng = np.random.default_rng([seed, core.lanes, core.segments])
    bench = Bench(core, rng, most, online=online)
    engine = bench.dut.engine
    memories = bench.memories(engine, bench.dut.context)
    drive(bench.dut, bench.send(6, gaps), background=(memories, bench.watch))
    assert len(bench.retired) == 6 and bench.bank_free == [True, True]
    assert bench.swept == bench.model.counters.sweeps
    assert bench.updated == bench.model.counters.updates
    assert bench.saturated == bench.model.counters.saturations


@SHAPE
@pytest.mark.parametrize("seed", [1, 2])
def test_cycles_of_a_sample_are_those_of_the_model(core, seed):
    bench = Bench(core, np.random.default_rng([seed, 5, core.segments]), 0.5, online=False)
    memories = bench.memories(bench.dut.engine, bench.dut.context)
    drive(bench.dut, bench.send(4, 0), background=(memories, bench.watch))
    timing, sweep = Timing.of(core), sum(matrix.hidden_words for matrix in bench.layers)
    gaps = sum(matrix.segments == 1 for matrix in bench.layers[:-1])
    for arrived, retired, (steps, end) in zip(bench.arrived, bench.retired, bench.lengths, strict=True):
        expected = arrived + 1
        if steps:
            expected += timing.update_start + steps - 1 + timing.update_end
        if end:
            expected += timing.sweep_start + sweep + gaps - 1 + timing.update_end
        assert retired == expected + 1 + bool(steps or end)


@SHAPE
@pytest.mark.parametrize("layer", [0, -1])
def test_a_lone_winner_is_written_before_the_sample_retires(core, layer):
    """The one job is still in the pipeline when nothing else is."""
    bench = Bench(core, np.random.default_rng([3, core.lanes]), 0, online=True)
    layer = range(len(bench.layers))[layer]
    bench.only = layer, bench.layers[layer].rows - 1
    memories = bench.memories(bench.dut.engine, bench.dut.context)
    drive(bench.dut, bench.send(4, 0), background=(memories, bench.watch))
    assert bench.updated == 4
