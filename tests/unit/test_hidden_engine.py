"""HiddenEngine: updates and sweeps of whole networks against the golden model, words and cycles."""

from collections import deque

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from bephw.hidden_engine import HiddenEngine
from bepsw.golden.step import StepModel
from bepsw.program import compile_program
from bepsw.spec import counter_range

from .bench import constants, core_of, drive, network_of, plain, segments_of

CORES = [
    core_of(),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20, bits=2),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, bits=16),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256, bits=4),
]
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


class Bench:
    """An engine with memories around it, and the golden model of what they should hold."""

    def __init__(self, core, rng, *, online, depth=None):
        self.core, self.rng, self.online = core, rng, online
        network, training, thresholds = network_of(rng, core, depth=depth)
        prototypes = rng.integers(0, 2, (network.classes, network.widths[-1]))
        self.model = StepModel(network, training, prototypes, lanes=core.lanes)
        object.__setattr__(self.model.training, "online", online)
        low, high = counter_range(core.bits)
        for hidden in self.model.hidden:
            near = rng.choice([low, low + 1, -1, 0, high - 1, high], hidden.shape)
            hidden[:] = np.where(rng.random(hidden.shape) < 0.5, near, rng.integers(low, high + 1, hidden.shape))
        self.model.weights = [rng.integers(0, 2, w.shape).astype(bool) for w in self.model.weights]
        program = compile_program(network, core, thresholds)
        self.layers, self.steps = program.layout.layers, program.tables["hidden"]
        self.dut = WithTable(core, self.steps)
        self.inner = self.dut.inner
        self.padding = {}  # what the lanes beyond the fan-in hold: it must stay
        self.bank = self.words(fill=True)
        self.plane = {}
        self.activations = {}
        self.trail, self.saturated, self.updated = [], 0, 0

    def words(self, fill=False):
        """H words of the model's counters, {address: lanes}."""
        core, words = self.core, {}
        for matrix, hidden in zip(self.layers, self.model.hidden, strict=True):
            lanes = matrix.segments * core.lanes
            for row, counters in enumerate(hidden.tolist()):
                key = matrix.hidden_base, row
                if fill:
                    self.padding[key] = self.rng.integers(0, 1 << core.bits, lanes - matrix.fan_in).tolist()
                row_lanes = [k & (1 << core.bits) - 1 for k in counters] + self.padding[key]
                for segment in range(matrix.segments):
                    address = matrix.hidden_base + row * matrix.segments + segment
                    words[address] = row_lanes[segment * core.lanes : (segment + 1) * core.lanes]
        return words

    def segments(self, layer, row):
        """{(word, position): segment} of one row of the model's W."""
        values = segments_of(self.model.weights[layer][row], self.core.lanes)
        return {self.layers[layer].place_of(row, at): value for at, value in enumerate(values)}

    def job(self, layer, row, *, sweep, desired=0):
        matrix = self.layers[layer]
        word, position = matrix.place_of(row, 0)
        return {
            "layer": layer, "sweep": int(sweep), "desired": int(desired), "weight_address": word,
            "position": position, "hidden_address": matrix.hidden_base + row * matrix.segments,
        }  # fmt: skip

    async def memories(self, ctx):
        """H bank, W plane and activations, with the latencies of the ports; and a record of every cycle."""
        inner = self.inner
        reads, stores = deque([[0] * self.core.lanes]), deque([0])
        signals = (
            inner.jobs.valid, inner.jobs.ready, inner.busy, inner.read_address, inner.write_enable,
            inner.write_address, inner.write_data, inner.weight_enable, inner.weight_address, inner.weight_position,
            inner.weight_data, inner.store_segment, inner.from_input, inner.updated, inner.saturated,
        )  # fmt: skip
        while True:
            _, _, *values = await ctx.tick().sample(*signals)
            (valid, ready, busy, read, write, address, data, refresh, word, position, bits, segment, from_input,
             updated, saturated) = map(plain, values)  # fmt: skip
            self.trail.append((valid and ready, busy, write))
            reads.append(self.bank.get(read, [0] * self.core.lanes))
            stores.append(self.activations.get((from_input, segment), 0))
            if write:
                assert busy
                self.bank[address] = data
            if refresh:
                assert write
                self.plane[word, position] = bits
            self.updated += updated
            self.saturated += saturated
            ctx.set(inner.read_data, reads.popleft())
            ctx.set(inner.activations, stores.popleft())

    async def send(self, ctx, jobs, gaps):
        inner = self.inner
        for job in jobs:
            while self.rng.random() < gaps:
                await ctx.tick()
            ctx.set(inner.jobs.payload, job)
            ctx.set(inner.jobs.valid, 1)
            await ctx.tick().until(inner.jobs.ready)
            ctx.set(inner.jobs.valid, 0)
        await ctx.tick()
        while ctx.get(inner.busy):
            await ctx.tick()

    async def set_generator(self, ctx):
        for index, state in enumerate(self.model.generator.state.tolist()):
            ctx.set(self.inner.random_index, index)
            ctx.set(self.inner.random_new, state)
            ctx.set(self.inner.random_set, 1)
            await ctx.tick()
        ctx.set(self.inner.random_set, 0)

    async def check_generator(self, ctx):
        for index, state in enumerate(self.model.generator.state.tolist()):
            ctx.set(self.inner.random_index, index)
            await ctx.tick()
            assert ctx.get(self.inner.random_state) == state

    def sample(self):
        """Activations and winners of one sample; returns the jobs and applies them to the model."""
        jobs, expected = [], {}
        for layer, matrix in enumerate(self.layers):
            bits = self.rng.integers(0, 2, matrix.fan_in).astype(bool)
            base = self.steps[layer]["store_base"]
            for segment, value in enumerate(segments_of(bits, self.core.lanes)):
                noise = int(self.rng.integers(1 << self.core.lanes)) if segment == matrix.segments - 1 else 0
                value |= noise >> matrix.tail << matrix.tail
                self.activations[int(layer == 0), base + segment] = value
            desired = self.rng.integers(0, 2, matrix.rows).astype(bool)
            count = int(self.rng.integers(0, matrix.rows + 1))
            winners = self.rng.permutation(matrix.rows)[:count]
            jobs += [self.job(layer, int(row), sweep=False, desired=desired[row]) for row in winners]
            self.model.update(layer, winners, bits, desired)
            if self.online:
                for row in winners:
                    expected |= self.segments(layer, row)
        return jobs, expected

    def sweep(self):
        self.model.sweep()
        rows = [(layer, row) for layer, matrix in enumerate(self.layers) for row in range(matrix.rows)]
        expected = {}
        for layer, row in rows:
            expected |= self.segments(layer, row)
        return [self.job(layer, row, sweep=True) for layer, row in rows], expected


@SHAPE
@pytest.mark.parametrize("gaps", [0, 0.5])
@pytest.mark.parametrize("seed, online", [(1, False), (2, True)])
def test_updates_and_sweeps(core, gaps, seed, online):
    bench = Bench(core, np.random.default_rng([seed, core.lanes, core.segments]), online=online)
    inner, checked = bench.inner, []

    async def run(ctx):
        await bench.set_generator(ctx)
        ctx.set(inner.online, online)
        for action in (bench.sample, bench.sample, bench.sweep, bench.sample, bench.sweep):
            jobs, plane = action()
            bench.plane.clear()
            await bench.send(ctx, jobs, gaps)
            assert bench.plane == plane, action
            assert bench.bank == bench.words(), action
            checked.append(len(jobs))
        await bench.check_generator(ctx)
        await ctx.tick().repeat(12)

    drive(bench.dut, run, background=(bench.memories,))
    assert len(checked) == 5
    assert bench.saturated == bench.model.counters.saturations > 0
    assert bench.updated == bench.model.counters.updates > 0


@SHAPE
@pytest.mark.parametrize("kind", ["sample", "sweep"])
def test_a_segment_a_cycle_and_the_documented_latency(core, kind):
    bench = Bench(core, np.random.default_rng([9, core.lanes]), online=False, depth=2)
    jobs, _ = getattr(bench, kind)()

    async def run(ctx):
        await bench.send(ctx, jobs, gaps=0)
        await ctx.tick().repeat(4)

    drive(bench.dut, run, background=(bench.memories,))
    lengths = [bench.layers[job["layer"]].segments for job in jobs]
    taken = [cycle for cycle, entry in enumerate(bench.trail) if entry[0]]
    assert taken == [taken[0] + sum(lengths[:index]) for index in range(len(jobs))]
    first = taken[0] + 1 + HiddenEngine.latency
    written = [cycle for cycle, entry in enumerate(bench.trail) if entry[2]]
    assert written == [*range(first, first + sum(lengths))]
    busy = [cycle for cycle, entry in enumerate(bench.trail) if entry[1]]
    assert busy == [*range(taken[0] + 1, written[-1] + 1)]
