"""HiddenEngine: updates and sweeps of whole networks against the golden model, words and cycles."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from bephw.hidden_engine import HiddenEngine

from . import recurrent
from .bench import constants, core_of, drive
from .hidden_bench import HiddenBench

CORES = [
    core_of(max_width=30),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20, bits=2),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, max_width=30, bits=16),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256, max_width=30, bits=4),
]
# Rows of one segment: steps must wait for each other, and every segment is the last of its step.
ONE_ROW = core_of(
    rules=1, lanes=40, segments=2, slots=2, max_width=24, max_fan_in=40, bits=3, store_segments=40, steps=8
)
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}B{c.bits}")


class WithTable(wiring.Component):
    """HiddenEngine beside its step table."""

    def __init__(self, core, steps):
        self.core, self.table = core, steps
        self.inner = HiddenEngine(core)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        m.d.comb += inner.row.eq(constants(self.core, "hidden", self.table, inner.layer))
        return m


def job(bench, layer, row, desired, sweep):
    matrix = bench.layers[layer]
    word, position = matrix.place_of(row, 0)
    beat, slot = divmod(row, matrix.rows_per_word)
    rules = {"beat": beat, "slot": slot} if bench.core.rules else {}
    return rules | {
        "layer": layer, "sweep": sweep, "desired": desired, "weight_address": word, "position": position,
        "hidden_address": matrix.hidden_base + row * matrix.segments,
    }  # fmt: skip


def sample(bench):
    winners, plane = bench.sample()
    return [job(bench, *winner, 0) for winner in winners], plane


def sweep(bench):
    rows = [(layer, row) for layer, matrix in enumerate(bench.layers) for row in range(matrix.rows)]
    return [job(bench, *row, 0, 1) for row in rows], bench.sweep()


async def send(ctx, bench, inner, jobs, gaps):
    for payload in jobs:
        while bench.rng.random() < gaps:
            await ctx.tick()
        ctx.set(inner.jobs.payload, payload)
        ctx.set(inner.jobs.valid, 1)
        await ctx.tick().until(inner.jobs.ready)
        ctx.set(inner.jobs.valid, 0)
    await ctx.tick()
    while ctx.get(inner.busy):
        await ctx.tick()


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("gaps", [0, 0.5])
@pytest.mark.parametrize("seed, online", [(1, False), (2, True)])
def test_updates_and_sweeps(core, gaps, seed, online):
    update_and_sweep(core, gaps, seed, online)


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("rarity", [0, 1, 4, 8])
def test_rare_updates_and_sweeps(core, rarity):
    """Random words are drawn for updates only where they are rare, and a step that is not taken saturates nothing."""
    update_and_sweep(replace(core, rules=1), 0.3, 1, False, rarity=rarity)


def update_and_sweep(core, gaps, seed, online, **options):
    bench = HiddenBench(core, np.random.default_rng([seed, core.lanes, core.segments]), online=online, **options)
    inner, checked = (dut := WithTable(core, bench.steps)).inner, []

    async def run(ctx):
        await bench.set_generator(ctx, inner)
        ctx.set(inner.online, online)
        for action in (sample, sample, sweep, sample, sweep):
            jobs, plane = action(bench)
            bench.plane.clear()
            await send(ctx, bench, inner, jobs, gaps)
            assert bench.plane == plane, action
            assert bench.bank == bench.words(), action
            checked.append(len(jobs))
        await bench.check_generator(ctx, inner)
        await ctx.tick().repeat(12)

    drive(dut, run, background=(bench.memories(inner),))
    assert len(checked) == 5
    assert bench.saturated == bench.model.counters.saturations
    assert bench.saturated > 0 or options.get("rarity") == 8  # hardly a step is taken
    assert bench.updated == bench.model.counters.updates > 0


@SHAPE
@pytest.mark.parametrize("action", [sample, sweep])
def test_a_segment_a_cycle_and_the_documented_latency(core, action):
    bench = HiddenBench(core, np.random.default_rng([9, core.lanes]), online=False, depth=2)
    inner = (dut := WithTable(core, bench.steps)).inner
    jobs, _ = action(bench)

    async def run(ctx):
        await send(ctx, bench, inner, jobs, gaps=0)
        await ctx.tick().repeat(4)

    drive(dut, run, background=(bench.memories(inner),))
    lengths = [bench.layers[payload["layer"]].segments for payload in jobs]
    taken = [cycle for cycle, entry in enumerate(bench.trail) if entry[0]]
    assert taken == [taken[0] + sum(lengths[:index]) for index in range(len(jobs))]
    first = taken[0] + 1 + HiddenEngine.latency
    written = [cycle for cycle, entry in enumerate(bench.trail) if entry[2]]
    assert written == [*range(first, first + sum(lengths))]
    busy = [cycle for cycle, entry in enumerate(bench.trail) if entry[1]]
    assert busy == [*range(taken[0] + 1, written[-1] + 1)]


RECURRENT = pytest.mark.parametrize("core", [*recurrent.CORES, ONE_ROW], ids=recurrent.name_of)


@pytest.mark.thin(3)
@RECURRENT
@pytest.mark.parametrize("gaps", [0, 0.5])
@pytest.mark.parametrize("seed, online, options", [(1, False, {}), (2, True, {}), (3, False, {"rarity": 2})])
def test_every_time_step_of_a_recurrent_layer(core, gaps, seed, online, options):
    bench = HiddenBench(
        core, np.random.default_rng([seed, core.lanes, core.segments]), online=online, recurrent=True, **options
    )
    inner = (dut := WithTable(core, bench.steps)).inner

    async def run(ctx):
        await bench.set_generator(ctx, inner)
        ctx.set(inner.online, online)
        for action in (sample, sweep, sample, sample):
            jobs, plane = action(bench)
            bench.plane.clear()
            await send(ctx, bench, inner, jobs, gaps)
            assert bench.plane == plane, action
            assert bench.bank == bench.words(), action
        await bench.check_generator(ctx, inner)
        await ctx.tick().repeat(12)

    drive(dut, run, background=(bench.memories(inner),))
    assert bench.saturated == bench.model.counters.saturations > 0
    assert bench.updated == bench.model.counters.updates


@RECURRENT
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_time_steps_come_a_row_or_the_latency_apart(core, steps):
    bench = HiddenBench(
        core, np.random.default_rng([9, core.lanes]), online=False, recurrent=True, depth=1, steps=steps
    )
    inner = (dut := WithTable(core, bench.steps)).inner
    rows = [(0, row, 1) for row in range(min(4, bench.layers[0].rows))]
    jobs = [job(bench, *row, 0) for row in rows]

    async def run(ctx):
        await send(ctx, bench, inner, jobs, gaps=0)
        await ctx.tick().repeat(4)

    drive(dut, run, background=(bench.memories(inner),))
    segments = bench.layers[0].segments
    apart = max(segments, HiddenEngine.latency)
    taken = [cycle for cycle, entry in enumerate(bench.trail) if entry[0]]
    length = (steps - 1) * apart + segments
    assert taken == [taken[0] + index * length for index in range(len(jobs))]
    first = taken[0] + 1 + HiddenEngine.latency
    expected = [first + index * length + t * apart + i for index in range(len(jobs)) for t in range(steps)
                for i in range(segments)]  # fmt: skip
    assert [cycle for cycle, entry in enumerate(bench.trail) if entry[2]] == expected
    busy = [cycle for cycle, entry in enumerate(bench.trail) if entry[1]]
    assert busy == [*range(taken[0] + 1, expected[-1] + 1)]
