"""WinnerRows: entries of a bank become row jobs, in order, without a gap and without an early end."""

from collections import deque

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from bephw.winner_rows import WinnerRows
from bepsw.program import compile_program

from .bench import constants, core_of, drive, network_of, plain, receiver

CORES = [
    core_of(),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256),
    core_of(rules=1),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}r{c.rules}")


class WithTable(wiring.Component):
    """WinnerRows beside its step table."""

    def __init__(self, core, steps):
        self.core, self.table = core, steps
        self.inner = WinnerRows(core)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        m.d.comb += inner.row.eq(constants(self.core, "hidden", self.table, inner.layer))
        return m


def entries_of(rng, core, layers, dense):
    """Random entries of one sample, and the (layer, row, desired) that they stand for."""
    entries, rows = [], []
    for layer, matrix in enumerate(layers):
        carried_from = None
        for beat in range(matrix.beats):
            here = min(matrix.rows_per_word, matrix.rows - beat * matrix.rows_per_word)
            chosen = [slot for slot in range(here) if rng.random() < dense]
            if not chosen:
                carried_from = beat
                continue
            slots = [{"valid": 0, "slot": int(rng.integers(core.slots)), "desired": 1} for _ in range(core.slots)]
            carried = carried_from is not None and rng.random() < 0.5
            for index, slot in enumerate(chosen):
                source = int(rng.integers(matrix.rows_per_word)) if carried and index == 0 else slot
                slots[slot] = {"valid": 1, "slot": source, "desired": int(rng.integers(2))}
                at = carried_from if carried and index == 0 else beat
                rows.append((layer, at * matrix.rows_per_word + source, slots[slot]["desired"]))
            entries.append(
                {
                    "layer": layer, "beat": beat, "carried": int(carried),
                    "carried_beat": carried_from if carried else int(rng.integers(core.beats)), "slots": slots,
                }
            )  # fmt: skip
            carried_from = None
    return entries, rows


def job_of(layers, layer, row, desired, rules=0):
    word, position = layers[layer].place_of(row, 0)
    matrix = layers[layer]
    return {
        "layer": layer, "sweep": 0, "desired": desired, "hidden_address": matrix.hidden_base + row * matrix.segments,
        "weight_address": word, "position": position,
        **(dict(zip(("beat", "slot"), divmod(row, matrix.rows_per_word), strict=True)) if rules else {}),
    }  # fmt: skip


def memory(inner, bank):
    """The winner bank: an entry comes two cycles after its index."""

    async def bench(ctx):
        late = deque([{}])
        while True:
            _, _, index = await ctx.tick().sample(inner.index)
            late.append(bank[index] if index < len(bank) else {})
            ctx.set(inner.entry, late.popleft() or {"layer": 1})

    return bench


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("stalls", [0, 0.5, 0.95])
@pytest.mark.parametrize("seed", [1, 2])
def test_jobs_of_every_entry_in_order(core, stalls, seed):
    rng = np.random.default_rng([seed, core.segments])
    network, _, thresholds = network_of(rng, core)
    program = compile_program(network, core, thresholds)
    layers = program.layout.layers
    dut = WithTable(core, program.tables["hidden"])
    inner, bank, done = dut.inner, [], []

    async def samples(ctx):
        for dense in (0.1, 0.9, 0.5):
            entries, rows = entries_of(rng, core, layers, dense)
            if not entries:
                continue
            bank[:] = entries
            ctx.set(inner.count, len(entries))
            ctx.set(inner.start, 1)
            received = []
            await ctx.tick()
            ctx.set(inner.start, 0)
            take = receiver(inner.o, received, len(rows), rng, stalls=stalls)
            await take(ctx)
            assert received == [job_of(layers, *row, core.rules) for row in rows]
            await ctx.tick().repeat(3)
            assert not ctx.get(inner.busy)
            done.append(len(rows))

    drive(dut, samples, background=(memory(inner, bank),))
    assert sum(done) > 5


@SHAPE
@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_busy_from_the_start_to_the_last_job(core, count):
    """One valid slot an entry: whatever the pipeline does, `busy` must not blink."""
    rng = np.random.default_rng(count)
    network, _, thresholds = network_of(rng, core, depth=2)
    program = compile_program(network, core, thresholds)
    slot = {"valid": 1, "slot": 0, "desired": 1}
    beats = program.layout.layers[0].beats
    bank = [{"layer": 0, "beat": beat % beats, "slots": [slot]} for beat in range(count)]
    inner = (dut := WithTable(core, program.tables["hidden"])).inner
    trail = []

    async def bench(ctx):
        ctx.set(inner.count, count)
        ctx.set(inner.start, 1)
        ctx.set(inner.o.ready, 1)
        await ctx.tick()
        ctx.set(inner.start, 0)
        for _ in range(count + 30):
            _, _, busy, valid, job = await ctx.tick().sample(inner.busy, inner.o.valid, inner.o.payload)
            trail.append((busy, valid, plain(job)))

    drive(dut, bench, background=(memory(inner, bank),))
    valid = [cycle for cycle, entry in enumerate(trail) if entry[1]]
    assert len(valid) == count
    seen = [busy for busy, *_ in trail]
    assert seen[: valid[-1] + 2] == [1] * (valid[-1] + 2) and not any(seen[valid[-1] + 2 :]), "a cycle for counting"


@SHAPE
def test_one_job_a_cycle_without_a_gap(core):
    rng = np.random.default_rng(7)
    network, _, thresholds = network_of(rng, core, depth=1)
    program = compile_program(network, core, thresholds)
    matrix = program.layout.layers[0]
    slots = [{"valid": int(slot < matrix.rows_per_word), "slot": slot, "desired": 0} for slot in range(core.slots)]
    bank = [{"layer": 0, "beat": beat, "slots": slots} for beat in range(matrix.rows // matrix.rows_per_word)]
    inner = (dut := WithTable(core, program.tables["hidden"])).inner
    valid = []

    async def bench(ctx):
        ctx.set(inner.count, len(bank))
        ctx.set(inner.start, 1)
        ctx.set(inner.o.ready, 1)
        await ctx.tick()
        ctx.set(inner.start, 0)
        for _ in range(matrix.rows + 30):
            _, _, there = await ctx.tick().sample(inner.o.valid)
            valid.append(there)

    drive(dut, bench, background=(memory(inner, bank),))
    first, jobs = valid.index(1), len(bank) * matrix.rows_per_word
    assert valid[first : first + jobs] == [1] * jobs and sum(valid) == jobs
