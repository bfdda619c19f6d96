"""Backward: desired activations, gates and winners of random networks against the golden model."""

from collections import deque

import numpy as np
import pytest

from bephw.backward import Backward
from bephw.weight_plane import WeightPlane
from bepsw.golden.step import StepModel
from bepsw.program import compile_program

from . import recurrent
from .bench import core_of, drive, network_of, plain, plane_words, rows_of, segments_of

CORES = [
    core_of(classes=8),
    core_of(
        classes=4, lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20
    ),
    core_of(classes=4, lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, contexts=8),
    core_of(classes=4, segments=2, slots=2, lanes=13, operand_words=6, weight_words=256),
    core_of(classes=3, lanes=30, segments=3, slots=3, prototype_segments=2, operand_words=2),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")


class Bench:
    """A Backward with tables, prototypes and a W plane; samples are random pre-activations."""

    def __init__(self, core, rng, count, *, make=network_of, **options):
        self.core, self.rng, self.count = core, rng, count
        network, training, thresholds = make(rng, core, **options)
        self.network = network
        judged = network.widths[1:] if training.local else network.widths[-1:]
        self.prototypes = [rng.integers(0, 2, (network.classes, width)) for width in judged]
        prototypes = self.prototypes if training.local else self.prototypes[0]
        self.model = StepModel(network, training, prototypes, lanes=core.lanes)
        self.model.weights = [rng.integers(0, 2, w.shape).astype(bool) for w in self.model.weights]
        self.program = compile_program(network, core, thresholds)
        self.layers = self.program.layout.layers
        self.plane = {}
        for matrix, bits in zip(self.layers, self.model.weights, strict=True):
            self.plane |= plane_words(matrix, bits, core, rng)
        self.dut = Backward(core)
        self.samples, self.updates = [], deque()
        self.seen, self.entries_read = 0, 0

    def sample(self):
        """Pre-activations around the gates and around 0, and what should come of them."""
        rng, spread = self.rng, float(self.rng.choice([0.1, 0.4, 1]))
        limits = [max(1, int(matrix.fan_in * spread)) for matrix in self.layers]
        z = [rng.integers(-k, k + 1, matrix.rows) for matrix, k in zip(self.layers, limits, strict=True)]
        if self.network.steps:
            z[0] = rng.integers(-limits[0], limits[0] + 1, (self.network.steps, self.layers[0].rows))
        label = int(rng.integers(self.network.classes))
        desired, _ = self.model.desire(z, label)
        for layer, (values, wanted) in enumerate(zip(z, desired, strict=True)):
            if rng.random() < 0.2:
                values[:] = np.where(wanted, np.abs(values), -np.abs(values) - 1).clip(-self.layers[layer].fan_in)
        desired, _ = self.model.desire(z, label)
        layers = int(rng.integers(1, 1 << len(z))) if self.model.training.local else 63
        rows = []
        for layer, (values, wanted) in enumerate(zip(z, desired, strict=True)):
            winners = self.model.pick_winners(layer, values, values >= 0, wanted)
            if not layers >> layer & 1:
                continue
            history = np.atleast_2d(wanted) if layer == 0 else np.array([wanted])  # of every step
            rows += [(layer, int(row), int(history[0, row]), history[:, row].tolist()) for row in winners]
        return z, label, layers, rows

    async def setup(self, ctx):
        dut, core = self.dut, self.core
        ctx.set(dut.table_enable, 1)
        for address, word in enumerate(self.program.words(core)["backward"]):
            ctx.set(dut.table_address, address)
            ctx.set(dut.table_row.as_value(), word)
            await ctx.tick()
        ctx.set(dut.table_enable, 0)
        ctx.set(dut.prototype_enable, 1)
        for base, prototypes in zip(self.program.layout.prototype_bases, self.prototypes, strict=True):
            for label, row in enumerate(prototypes):
                for segment, word in enumerate(segments_of(row, core.lanes)):
                    ctx.set(dut.prototype_address, label * core.prototype_segments + base + segment)
                    ctx.set(dut.prototype_data, word)
                    await ctx.tick()
        ctx.set(dut.prototype_enable, 0)

    async def judge(self, ctx):
        """Write the pre-activations of each sample, then hand it over."""
        dut, core = self.dut, self.core
        await self.setup(ctx)
        for index in range(self.count):
            z, label, layers, rows = self.sample()
            context = index % core.contexts
            ctx.set(dut.z_enable, 1)
            ctx.set(dut.z_context, context)
            for matrix, layer in zip(self.layers, z, strict=True):
                for step, values in enumerate(np.atleast_2d(layer)):
                    for beat in range(matrix.beats):
                        here = values[beat * matrix.rows_per_word : (beat + 1) * matrix.rows_per_word].tolist()
                        ctx.set(dut.z_beat, matrix.beat_base + step * matrix.beats + beat)
                        ctx.set(dut.z_data, here + [-1] * (core.slots - len(here)))
                        await ctx.tick()
            ctx.set(dut.z_enable, 0)
            triggered = self.rng.random() < 0.8
            token = {"context": context, "label": label, "triggered": triggered, "batch_end": index % 3 == 0}
            token |= {"layers": layers} if core.rules else {}
            self.samples.append((token, rows if triggered else []))
            ctx.set(dut.judged.payload, token)
            ctx.set(dut.judged.valid, 1)
            await ctx.tick().until(dut.judged.ready)
            ctx.set(dut.judged.valid, 0)

    def port(self, traffic):
        """The W plane, with forward passes of random length between the walks."""

        async def bench(ctx):
            dut = self.dut
            late = deque([[0] * self.core.segments] * (WeightPlane.latency_of(self.core) - 1))
            left = 0
            while True:
                ctx.set(dut.forward_streaming, left > 0)
                signals = dut.walking, dut.walk_address, dut.hold, dut.updates.valid, dut.updates.payload
                _, _, walking, address, hold, valid, token = await ctx.tick().sample(*signals)
                assert not (walking and left), "two words at once"
                if valid:
                    self.updates.append(plain(token))
                late.append(
                    self.plane[address]
                    if walking
                    else [int(v) for v in self.rng.integers(1 << 8, size=self.core.segments)]
                )
                ctx.set(dut.weights, late.popleft())
                left = max(left - 1, 0)
                if not left and not hold and self.rng.random() < traffic:
                    left = int(self.rng.integers(1, 20))

        return bench

    async def history(self, ctx, row, steps):
        """What layer 1 wanted of a row in every step."""
        matrix, found = self.layers[0], []
        beat, slot = divmod(row, matrix.rows_per_word)
        for step in range(steps):
            ctx.set(self.dut.history_index, step * matrix.beats + beat)
            await ctx.tick().repeat(2)
            found.append(ctx.get(self.dut.history) >> slot & 1)
        return found

    async def update(self, ctx):
        """Read the winner banks back, entry by entry, some time later."""
        dut = self.dut
        for index in range(self.count):
            while not self.updates or self.rng.random() < 0.9:
                await ctx.tick()
            token, (judged, expected) = self.updates.popleft(), self.samples[index]
            assert (token["context"], token["batch_end"]) == (judged["context"], judged["batch_end"])
            assert bool(token["updates"]) == bool(expected), index
            if not token["updates"]:
                self.seen += 1
                continue
            entries = []
            ctx.set(dut.winners_bank, token["bank"])
            for entry in range(token["count"]):
                ctx.set(dut.winners_index, entry)
                await ctx.tick().repeat(2)
                entries.append(plain(ctx.get(dut.winners)))
            rows = [
                (entry["layer"], row, desired)
                for entry in entries
                for row, desired in rows_of(entry, self.layers[entry["layer"]].rows_per_word)
            ]
            ordered = self.model.training.local or self.model.thresholds.rarity
            assert (rows if ordered else sorted(rows)) == [row[:3] for row in expected], index
            for layer, row, _, history in expected:
                if self.network.steps and layer == 0:
                    assert await self.history(ctx, row, len(history)) == history, (index, row)
            ctx.set(dut.bank_done, 1)
            await ctx.tick()
            ctx.set(dut.bank_done, 0)
            self.seen += 1


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("seed, depth", [(1, 1), (2, 2), (3, 3), (5, 4)])
def test_equals_the_golden_walk(core, seed, depth):
    rng = np.random.default_rng([seed, core.lanes, core.segments])
    bench = Bench(core, rng, 6, depth=depth)
    drive(bench.dut, bench.judge, bench.update, background=(bench.port(traffic=0.1 * (seed % 2)),))
    assert bench.seen == bench.count


EVERY_RULE = [
    core_of(classes=8, rules=1, steps=12, prototype_segments=32, weight_words=256),
    core_of(
        classes=4, lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20,
        rules=1, prototype_segments=16, weight_words=256,
    ),
    core_of(classes=4, lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, rules=1, prototype_segments=32),
]  # fmt: skip
RULES = {
    "bep": {},
    "rare": {"rarity": 1},
    "rare, no gate": {"rarity": 1, "gate": False},
    "threshold": {"select": "threshold", "theta": 0.5},
    "push": {"select": "threshold", "theta": 0.7, "push": 0.3},
    "everything": {"select": "threshold", "theta": 256, "push": 256, "rarity": 1},
    "local": {"rule": "local"},
    "local, push": {"rule": "local", "select": "threshold", "theta": 0.5, "push": 0},
}


@pytest.mark.thin(5)
@pytest.mark.parametrize("core", EVERY_RULE, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed, depth", [(1, 2), (2, 4)])
def test_every_rule_finds_its_winners(core, rule, seed, depth):
    """Only layers that triggered have any; where random words are drawn for them, they come from layer 1 on."""
    bench = Bench(core, np.random.default_rng([seed, core.lanes]), 5, depth=depth, **RULES[rule])
    drive(bench.dut, bench.judge, bench.update, background=(bench.port(traffic=0.1 * (seed % 2)),))
    assert bench.seen == bench.count


@SHAPE
def test_reads_w_back(core):
    rng = np.random.default_rng(core.lanes)
    bench = Bench(core, rng, 0, depth=2)
    dut, read = bench.dut, []
    places = [(int(rng.choice(list(bench.plane))), int(rng.integers(core.segments))) for _ in range(8)]

    async def peek(ctx):
        await bench.setup(ctx)
        for address, position in places:
            ctx.set(dut.peek_address, address)
            ctx.set(dut.peek_position, position)
            ctx.set(dut.peek, 1)
            (word,) = await ctx.tick().sample(dut.peek_data).until(dut.peek_done)
            read.append(word)
            ctx.set(dut.peek, 0)
            await ctx.tick().repeat(int(rng.integers(1, 3)))

    drive(dut, peek, background=(bench.port(traffic=0),))
    assert read == [bench.plane[address][position] for address, position in places]


@pytest.mark.parametrize("gamma", [1, None])
@pytest.mark.parametrize("seed", [1, 2])
def test_reading_back_leaves_the_next_sample_alone(seed, gamma):
    core = CORES[0]
    bench = Bench(core, np.random.default_rng(seed), 6, depth=2, gamma=gamma)

    async def peek(ctx):
        while True:
            await ctx.tick()
            ctx.set(bench.dut.peek, bench.seen == len(bench.samples) and not ctx.get(bench.dut.peek_done))

    drive(bench.dut, bench.judge, bench.update, background=(bench.port(traffic=0), peek))
    assert bench.seen == bench.count


@pytest.mark.thin(3)
@pytest.mark.parametrize("core", recurrent.CORES, ids=recurrent.name_of)
@pytest.mark.parametrize(
    "seed, steps, options",
    [
        (1, 1, {}), (2, 2, {"rarity": 1}), (3, 3, {}),
        (4, 7, {"gate": False, "select": "threshold", "theta": 0.7, "push": 0.3}),
    ],
)  # fmt: skip
def test_equals_the_golden_walk_through_time(core, seed, steps, options):
    rng = np.random.default_rng([seed, core.lanes, core.segments])
    bench = Bench(core, rng, 4, make=recurrent.recurrent_of, steps=steps, **options)
    drive(bench.dut, bench.judge, bench.update, background=(bench.port(traffic=0.1 * (seed % 2)),), limit=200_000)
    assert bench.seen == bench.count
