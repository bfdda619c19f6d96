"""Forward: every activation, score and verdict of random networks against the golden forward pass."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from bephw.forward import Forward
from bephw.weight_plane import WeightPlane
from bepsw.cycles import Timing
from bepsw.golden.step import StepModel
from bepsw.program import compile_program

from . import recurrent
from .bench import core_of, drive, network_of, plain, plane_words, receiver, segments_of
from .recurrent import name_of, recurrent_of

CORES = [
    core_of(),
    core_of(lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20),
    core_of(lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, contexts=8, threads=4),
    core_of(segments=2, slots=2, lanes=13, operand_words=6, weight_words=256, threads=3),
    core_of(rules=1, weight_words=256, prototype_segments=32, threads=3, contexts=8),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}t{c.threads}r{c.rules}")


class Bench:
    """A Forward with a W plane, tables, samples to send, and everything that it wrote."""

    def __init__(self, core, rng, count, *, depth=None, train=1, batch=100, online=0, steps=None, **options):
        self.core, self.rng = core, rng
        self.train, self.batch, self.online = train, batch, online
        if steps is None:
            network, training, thresholds = network_of(rng, core, depth=depth, **options)
        else:
            network, training, thresholds = recurrent_of(rng, core, depth=depth, steps=steps, **options)
        self.network, self.thresholds, self.local = network, thresholds, training.local
        judged = network.widths[1:] if self.local else network.widths[-1:]
        prototypes = [rng.integers(0, 2, (network.classes, width)) for width in judged]
        self.model = StepModel(network, training, prototypes if self.local else prototypes[0], lanes=core.lanes)
        self.program = compile_program(network, core, thresholds)
        layout = self.program.layout
        self.matrices = [*layout.layers, *layout.classifiers]
        self.plane = {}
        for matrix, bits in zip(self.matrices, [*self.model.weights, *self.model.classifiers], strict=True):
            self.plane |= plane_words(matrix, bits, core, rng)
        self.bits = rng.integers(0, 2, (count, network.inputs))
        self.inputs = {}  # what copies are made of
        self.labels = rng.integers(0, network.classes, count)
        if self.local:  # the last layer is content with half of the samples
            self.labels[::2] = self.model.infer(self.bits[::2])
        self.dut = Forward(core)
        self.z, self.hidden, self.results, self.judged, self.streams = {}, {}, [], [], []
        self.triggers = set()  # layers that triggered, as they occurred
        self.judged_at, self.free, self.sent = [], deque(range(core.contexts)), 0

    async def setup(self, ctx):
        dut = self.dut
        for name in ("train", "batch", "online"):
            ctx.set(getattr(dut, name), getattr(self, name))
        ctx.set(dut.margin, self.thresholds.margin)
        ctx.set(dut.table_enable, 1)
        for address, word in enumerate(self.program.words(self.core)["forward"]):
            ctx.set(dut.table_address, address)
            ctx.set(dut.table_row.as_value(), word)
            await ctx.tick()
        ctx.set(dut.table_enable, 0)

    async def fill(self, ctx, context, bits):
        """The operand of layer 1, copied to its row slots."""
        dut, matrix = self.dut, self.matrices[0]
        ctx.set(dut.fill_context, context)
        ctx.set(dut.fill_enable, 1)
        for q, value in enumerate(segments_of(bits, self.core.lanes)):
            slots = range(matrix.rows_per_word)
            places = [matrix.place_of(slot if matrix.words_per_row == 1 else 0, q) for slot in slots]
            ctx.set(dut.fill_mask, sum(1 << position for _, position in places))
            ctx.set(dut.fill_word, places[0][0] - matrix.weight_base)
            ctx.set(dut.fill_data, value)
            await ctx.tick()
        ctx.set(dut.fill_enable, 0)

    def first_operand(self, context, bits):
        """Of a sequence [x_1 ; s_0]; x_2 … x_T stand behind it in the input store."""
        unrolled = self.program.layout.unrolled
        if not unrolled:
            return bits
        steps = np.asarray(bits).reshape(unrolled.steps, -1)
        for step, x in enumerate(steps[1:]):
            for segment, value in enumerate(segments_of(x, self.core.lanes)):
                self.inputs[context, unrolled.segments + step * unrolled.copies + segment] = value
        return np.concatenate([steps[0], np.ones(unrolled.state, int)])

    def send(self, gaps=0.0):
        async def bench(ctx):
            await self.setup(ctx)
            for bits, label in zip(self.bits, self.labels, strict=True):
                while not self.free or self.rng.random() < gaps:
                    await ctx.tick()
                context = self.free.popleft()
                await self.fill(ctx, context, self.first_operand(context, bits))
                ctx.set(self.dut.tokens.payload, {"context": context, "label": int(label), "close": 0})
                ctx.set(self.dut.tokens.valid, 1)
                await ctx.tick().until(self.dut.tokens.ready)
                ctx.set(self.dut.tokens.valid, 0)
                self.sent += 1

        return bench

    async def plane_and_writes(self, ctx):
        """The W plane, the input store, and a record of everything written."""
        dut, core = self.dut, self.core
        copies = deque([0])
        copy = (dut.copy_context, dut.copy_segment) if core.rules else (dut.streaming, dut.streaming)
        late = deque([[0] * core.segments] * (WeightPlane.latency_of(core) - 1))
        cycle = 0
        while True:
            _, _, *values = await ctx.tick().sample(
                dut.read_address, dut.streaming, dut.z_enable, dut.z_context, dut.z_beat, dut.z_data,
                dut.hidden_enable, dut.hidden_context, dut.hidden_segment, dut.hidden_data, *copy,
            )  # fmt: skip
            address, streaming, z, z_context, beat, data, hidden, context, segment, word, *place = map(plain, values)
            if core.rules:
                copies.append(self.inputs.get(tuple(place), 0))
                ctx.set(dut.copy_data, copies.popleft())
            late.append(self.plane.get(address, [0] * core.segments))
            ctx.set(dut.weights, late.popleft())
            self.streams.append(streaming)
            if z:
                self.z[z_context, beat] = data
            if hidden:
                self.hidden[context, segment] = word
            cycle += 1

    def check(self, index, context):
        """What was written for a judged sample."""
        inputs, z, a = self.model.forward(self.bits[index].astype(bool))
        for matrix, layer in zip(self.program.layout.layers, z, strict=True):
            for step, values in enumerate(np.atleast_2d(layer)):
                for beat in range(matrix.beats):
                    rows = values[beat * matrix.rows_per_word : (beat + 1) * matrix.rows_per_word].tolist()
                    at = matrix.beat_base + step * matrix.beats + beat
                    assert self.z[context, at][: len(rows)] == rows, (index, step, beat)
        if self.network.steps:
            a = (a[0][-1], *a[1:])
            for step, operand in enumerate(inputs[0][1:]):
                for segment, word in enumerate(segments_of(operand, self.core.lanes)):
                    at = step * self.matrices[0].segments + segment
                    assert self.hidden[context, at] == word, (index, step, segment)
        stored = [matrix.store_base for matrix in self.matrices[: len(a)]]
        for base, active in zip(stored, a, strict=True):
            for segment, word in enumerate(segments_of(active, self.core.lanes)):
                assert self.hidden[context, base + segment] == word, (index, segment)
        label, layers = int(self.labels[index]), 0
        limits = self.thresholds.margins or [self.thresholds.margin]
        for layer, (prototypes, limit) in enumerate(zip(self.model.classifiers, limits, strict=True)):
            active = a[layer] if self.local else a[-1]
            scores = (2 * (np.asarray(prototypes) == active).sum(axis=1) - active.size).astype(int)
            margin = int(scores[label] - np.delete(scores, label).max())
            if margin < limit and self.train:
                layers |= 1 << layer if self.local else 63
        self.triggers.add(layers)
        result = {"prediction": int(np.argmax(scores)), "triggered": int(layers > 0), "reserved": 0, "margin": margin}
        return result, layers

    def retire(self, slow):
        """Take judged samples, check them, and retire them in order, some time later."""

        async def bench(ctx):
            dut, waiting = self.dut, deque()
            index = 0
            while index < len(self.bits) or waiting:
                retired = bool(waiting) and self.rng.random() >= slow
                ctx.set(dut.retired, retired)
                ready = self.rng.random() >= slow
                ctx.set(dut.judged.ready, ready)
                _, _, valid, token = await ctx.tick().sample(dut.judged.valid, dut.judged.payload)
                if retired:
                    self.free.append(waiting.popleft())
                if valid and ready:
                    token = plain(token)
                    expected, layers = self.check(index, token["context"])
                    assert token.get("layers", layers) == layers
                    assert token["label"] == self.labels[index] and token["triggered"] == expected["triggered"]
                    assert token["batch_end"] == (self.train and (index + 1) % self.batch == 0)
                    if self.online or token["batch_end"]:
                        assert self.sent == index + 1, "a sample passed the barrier"
                    self.judged.append(expected)
                    waiting.append(token["context"])
                    index += 1
            ctx.set(dut.retired, 0)
            assert ctx.get(dut.empty) or (await ctx.tick() and ctx.get(dut.empty))

        return bench


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("seed, mode", [(1, {}), (2, {"online": 1}), (3, {"train": 0}), (4, {"batch": 4})], ids=str)
def test_equals_the_golden_forward_pass(core, seed, mode):
    follow_golden(core, np.random.default_rng([seed, core.lanes]), seed, mode)


@pytest.mark.thin(5)
@pytest.mark.parametrize("depth, classes", [(1, 64), (2, 64), (3, 64), (4, 64), (2, 3), (3, 3)])
@pytest.mark.parametrize("mode", [{}, {"train": 0}, {"batch": 4}], ids=str)
def test_a_local_rule_has_a_verdict_for_every_layer(depth, classes, mode):
    """Few classes have all their scores in one word."""
    core = replace(CORES[-1], classes=classes)
    mode = mode | {"rule": "local", "depth": depth, "r": 0}
    triggers = follow_golden(core, np.random.default_rng([depth, 5]), depth, mode)
    if mode.get("train", 1) and depth > 1:
        assert any(layers and not layers >> depth - 1 for layers in triggers), "the last layer always triggered"


def follow_golden(core, rng, seed, mode):
    """Ten samples, with stalls of every kind; which layers triggered."""
    slow = float(rng.choice([0.0, 0.5, 0.95]))
    bench = Bench(core, rng, 10, **mode)
    dut = bench.dut

    async def hold(ctx):
        held = 0
        while True:
            held ^= int(rng.random() < (0.1 if held else 0.03))
            ctx.set(dut.hold, held)
            await ctx.tick()

    take = receiver(dut.results, bench.results, 10, np.random.default_rng(seed), stalls=slow)
    drive(dut, bench.send(gaps=slow / 2), bench.retire(slow), take, background=(bench.plane_and_writes, hold))
    assert bench.results == bench.judged
    return bench.triggers


@SHAPE
@pytest.mark.parametrize("seed", [1, 2])
def test_one_sample_takes_the_documented_cycles(core, seed):
    """Passes of n words and the gaps between them, then the judge and the queue."""
    bench = Bench(core, np.random.default_rng(seed), 1, rule="local" if core.rules else "bep")
    timing, arrived = Timing.of(core), []

    async def take(ctx):
        ctx.set(bench.dut.results.ready, 1)
        cycle = 0
        while not arrived:
            _, _, valid = await ctx.tick().sample(bench.dut.results.valid)
            if valid:
                arrived.append(cycle)
            cycle += 1

    drive(bench.dut, bench.send(), take, background=(bench.plane_and_writes,))
    start = bench.streams.index(1)
    expected, at = [], start
    for step in bench.program.tables["forward"]:
        expected += range(at, at + step["words"])
        at += step["words"] + (timing.score_gap if step["classifier"] else timing.pass_gap)
    assert [cycle for cycle, streaming in enumerate(bench.streams) if streaming] == expected
    assert arrived == [expected[-1] + timing.read + timing.z + timing.judge + timing.queue]


@pytest.mark.thin(3)
@pytest.mark.parametrize("core", recurrent.CORES, ids=name_of)
@pytest.mark.parametrize("seed, steps, mode", [(1, 1, {}), (2, 2, {"online": 1}), (3, 3, {"train": 0}), (4, 7, {})])
def test_equals_the_golden_forward_pass_through_time(core, seed, steps, mode):
    rng = np.random.default_rng([seed, core.lanes])
    slow = float(rng.choice([0.0, 0.5]))
    bench = Bench(core, rng, 6, steps=steps, **mode)
    take = receiver(bench.dut.results, bench.results, 6, np.random.default_rng(seed), stalls=slow)
    drive(bench.dut, bench.send(gaps=slow / 2), bench.retire(slow), take, background=(bench.plane_and_writes,))
    assert bench.results == bench.judged
