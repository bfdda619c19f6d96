"""SweepRows: every row of every layer once, in order."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from bephw.sweep_rows import SweepRows
from bepsw.program import compile_program

from .bench import constants, core_of, drive, network_of, receiver

CORES = [
    core_of(),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")


class WithTable(wiring.Component):
    """SweepRows beside its step table."""

    def __init__(self, core, steps):
        self.core, self.table = core, steps
        self.inner = SweepRows(core)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        m.d.comb += inner.row.eq(constants(self.core, "hidden", self.table, inner.layer))
        return m


def jobs_of(layers):
    return [
        {
            "layer": layer, "sweep": 1, "desired": 0, "hidden_address": matrix.hidden_base + row * matrix.segments,
            "weight_address": matrix.place_of(row, 0)[0], "position": matrix.place_of(row, 0)[1],
        }
        for layer, matrix in enumerate(layers)
        for row in range(matrix.rows)
    ]  # fmt: skip


def setup(core, seed, depth=None):
    network, _, thresholds = network_of(np.random.default_rng([seed, core.lanes]), core, depth=depth)
    program = compile_program(network, core, thresholds)
    dut = WithTable(core, program.tables["hidden"])
    return dut, dut.inner, jobs_of(program.layout.layers)


@SHAPE
@pytest.mark.parametrize("stalls", [0, 0.6])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_in_order_twice(core, stalls, seed):
    dut, inner, jobs = setup(core, seed)
    ended = []

    async def bench(ctx):
        for _ in range(2):
            assert not ctx.get(inner.busy)
            ctx.set(inner.start, 1)
            await ctx.tick()
            ctx.set(inner.start, 0)
            received = []
            assert ctx.get(inner.busy)
            await receiver(inner.o, received, len(jobs), np.random.default_rng(seed), stalls=stalls)(ctx)
            assert received == jobs
            assert not ctx.get(inner.busy) and not ctx.get(inner.o.valid)
            await ctx.tick().repeat(3)
            ended.append(True)

    drive(dut, bench)
    assert len(ended) == 2


@SHAPE
@pytest.mark.parametrize("depth", [1, 3])
def test_a_job_a_cycle_and_one_cycle_between_layers(core, depth):
    dut, inner, jobs = setup(core, 5, depth)
    valid, busy = [], []

    async def bench(ctx):
        ctx.set(inner.start, 1)
        ctx.set(inner.o.ready, 1)
        await ctx.tick()
        ctx.set(inner.start, 0)
        for _ in range(len(jobs) + depth + 2):
            _, _, there, still = await ctx.tick().sample(inner.o.valid, inner.busy)
            valid.append(there)
            busy.append(still)

    drive(dut, bench)
    rows = [sum(job["layer"] == layer for job in jobs) for layer in range(depth)]
    expected = [one for count in rows for one in [0, *[1] * count]]
    assert valid == [*expected, 0, 0] and busy == [1] * len(expected) + [0, 0]
