"""Loader: good samples arrive whole, bad ones leave nothing but an error."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from bephw.loader import Loader

from .bench import core_of, drive, plain, trace

CORES = [core_of(), core_of(segments=1, slots=1, contexts=2, threads=1, operand_words=1), core_of(contexts=8)]
CORES += [core_of(contexts=16, fronts=2, threads=1), core_of(contexts=8, fronts=4)]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"S{c.segments}c{c.contexts}f{c.fronts}")


def frames(rng, core, segments, classes, count, bad):
    """Random frames: (kind, label, close, beats after the header)."""
    for _ in range(count):
        kind = rng.choice(["short", "long", "label", "header"]) if rng.random() < bad else "good"
        if kind == "short" and segments == 1:
            kind = "header"
        length = {
            "good": segments, "label": rng.randrange(1, segments + 3), "header": 0,
            "short": rng.randrange(1, max(segments, 2)), "long": segments + rng.randrange(1, 9),
        }[kind]  # fmt: skip
        label = rng.randrange(classes, 64) if kind == "label" else rng.randrange(classes)
        yield kind, label, rng.randrange(2), [rng.getrandbits(core.lanes) for _ in range(length)]


@pytest.mark.thin(3)
@SHAPE
@pytest.mark.parametrize("gaps", [0, 0.4])
@pytest.mark.parametrize("bad", [0, 0.5])
@pytest.mark.parametrize("seed", [1, 2])
def test_good_frames_arrive_and_bad_ones_do_not(core, gaps, bad, seed):
    rng = random.Random(seed)
    segments = rng.randrange(1, core.segments * core.operand_words + 1)
    segments = segments if seed > 1 else core.segments * core.operand_words
    classes = rng.randrange(2, 64)
    sent = list(frames(rng, core, segments, classes, 40, bad))
    dut = Loader(core)
    seen = {"tokens": [], "frame": 0, "label": 0, "stores": {}, "fills": {}}
    live = []  # contexts in use, oldest first
    ahead = [0]  # how many of them, the newest, the update stage has not got
    good = [frame for frame in sent if frame[0] == "good"]

    async def send(ctx):
        ctx.set(dut.run, 1)
        ctx.set(dut.classes, classes)
        ctx.set(dut.row.segments, segments)
        ctx.set(dut.row.starts, 1)
        for _, label, close, beats in sent:
            header = label | close << 6 | rng.getrandbits(core.lanes) >> 7 << 7
            for index, beat in enumerate([header, *beats]):
                while rng.random() < gaps:
                    await ctx.tick()
                ctx.set(dut.i.payload, {"data": beat, "last": index == len(beats)})
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(4)
        while live:
            await ctx.tick()
        await ctx.tick()
        assert ctx.get(dut.idle)

    async def watch(ctx):
        watched = (dut.o.valid, dut.o.payload, dut.bad_frame, dut.bad_label, dut.store_enable, dut.store_segment,
                   dut.fill_context, dut.fill_data, dut.fill_enable, dut.fill_mask, dut.fill_word,
                   dut.idle)  # fmt: skip
        while True:
            _, _, *values = await ctx.tick().sample(*watched)
            valid, token, frame, label, store, segment, context, word, fill, mask, fill_word, idle = map(plain, values)
            seen["frame"] += frame
            seen["label"] += label
            assert fill == store
            if store:
                assert context not in live, "a context in use was written"
                seen["stores"][context, segment] = word
                seen["fills"][context, fill_word, mask] = word
            if valid:
                index = len(seen["tokens"])
                _, label, close, beats = good[index]
                assert token == {"context": index % core.contexts, "label": label, "close": close}
                stored = [seen["stores"][token["context"], i] for i in range(segments)]
                assert stored == beats
                for q, beat in enumerate(beats):  # starts = 1: the operand is in one slot only
                    place = token["context"], q // core.segments, 1 << q % core.segments
                    assert seen["fills"][place] == beat
                seen["tokens"].append(token)
                live.append(token["context"])
                ahead[0] += 1
                assert len(live) <= core.contexts and ahead[0] <= core.fronts
            assert not (live and idle)

    async def retire(ctx):
        while True:
            retired = len(live) > ahead[0] and rng.random() < 0.1
            handed = ahead[0] > 0 and rng.random() < 0.05
            if retired:
                live.pop(0)
            ahead[0] -= handed
            ctx.set(dut.retired, retired)
            ctx.set(dut.handed, handed)
            await ctx.tick()

    drive(dut, send, background=(watch, retire))
    kinds = [frame[0] for frame in sent]
    assert len(seen["tokens"]) == len(good)
    assert seen["label"] == kinds.count("label")
    assert seen["frame"] == kinds.count("short") + kinds.count("long") + kinds.count("header")


def frame(data, last):
    return {"i.valid": 1, "i.payload": {"data": data, "last": last}}


def test_one_beat_a_cycle_one_between_samples_and_a_token_right_after():
    core = core_of(contexts=4)
    beats = [frame(3 | 1 << 6, 0), frame(11, 0), frame(12, 0), frame(13, 1)]
    start = {"run": 1, "classes": 10, "row.segments": 3, "row.starts": 0b01001}
    inputs = [start, *beats, beats[0], *beats, {"i.valid": 0}]
    seen = trace(
        Loader(core), inputs, ["i.ready", "o.valid", "o.payload", "store_segment", "fill_enable", "fill_mask", "idle"]
    )
    assert seen["i.ready"][:11] == [0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0]
    assert [t for t, valid in enumerate(seen["o.valid"]) if valid] == [5, 10]
    assert seen["o.payload"][5] == {"context": 0, "label": 3, "close": 1} and seen["o.payload"][10]["context"] == 1
    assert seen["fill_enable"][:7] == [0, 0, 0, 1, 1, 1, 0]
    assert seen["fill_mask"][3:6] == [0b01001, 0b10010, 0b00101]
    assert seen["store_segment"][3:6] == [0, 1, 2]
    assert seen["idle"][:3] == [1, 1, 0] and not any(seen["idle"][2:])


@pytest.mark.parametrize("shape", [{"contexts": 2, "threads": 1}, {"contexts": 4, "fronts": 2, "threads": 1}], ids=str)
def test_a_header_waits_for_run_a_context_and_a_front(shape):
    """Two samples fill what there is; each of the two pulses is waited for where it is the last thing missing."""
    core = core_of(**shape)
    beats = [frame(0, 0), frame(1, 1)]
    setup = {"classes": 2, "row.segments": 1, "row.starts": 1}
    handed, retired = ({"handed": 1}, {"handed": 0}), ({"retired": 1}, {"retired": 0})
    inputs = [beats[0] | setup, {}, {"run": 1}, {}, beats[1], beats[0], {}, beats[1], beats[0], {}, *handed, {}, {}]
    full = len(inputs)  # as many contexts as fronts: one pulse alone frees no context
    inputs += [*retired, {}, {}, {"run": 0}, {}]
    seen = trace(Loader(core), inputs, ["i.ready", "idle"], after=0)["i.ready"]
    #                  run         segment     segment full
    assert seen[:10] == [0, 0, 0, 1, 1, 0, 1, 1, 0, 0]
    if core.contexts == core.fronts:
        assert seen[10:] == [0] * (full - 10) + [0, 0, 1, 1, 1, 1]
    else:  # the header is taken two cycles after the pulse, and its segment waits for nobody
        assert seen[10:] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]


class Model:
    """When the loader takes a beat, and when it is idle: what the docstring promises, cycle by cycle."""

    def __init__(self, core):
        self.core = core
        self.state, self.index, self.used, self.ahead, self.room = "HEADER", 0, 0, 0, False

    def cycle(self, x):
        header = self.state == "HEADER"
        shown = {"i.ready": int(not header or self.room), "idle": int(header and not self.used)}
        taken, done = x.valid and shown["i.ready"], False
        if taken and header:
            if not x.last:
                self.state, self.index = ("SKIP" if x.label >= x.classes else "SEGMENTS"), 0
        elif taken and self.state == "SKIP":
            self.state = "HEADER" if x.last else "SKIP"
        elif taken:
            self.index += 1
            end = self.index == x.segments
            done = end and x.last
            self.state = "HEADER" if x.last else "SKIP" if end else "SEGMENTS"
        self.room = bool(
            x.run and self.used != self.core.contexts and self.ahead != self.core.fronts and not done
        )  # a cycle ahead
        self.used += done - x.retired
        self.ahead += done - x.handed
        return shown


@SHAPE
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_takes_beats_like_the_model(core, seed):
    """Frames good and bad, `run` that goes, samples handed on and retired at random paces."""
    rng, model, expected = random.Random(seed), Model(core), []
    x = SimpleNamespace(segments=rng.randrange(1, 4), classes=10, run=1)
    inputs = [{"classes": x.classes, "row.segments": x.segments, "row.starts": 1}]
    expected.append({})
    paces, held = [(0.8, 0.01), (0.01, 0.8), (0.5, 0.5)], set()
    for cycle in range(1500):
        if cycle % 250 == 0:
            pace = paces[cycle // 250] if cycle < 750 else (rng.choice([0.05, 0.8]), rng.choice([0.05, 0.8]))
        x.valid, x.run = rng.random() < 0.9, rng.random() < 0.95
        x.label, x.last = rng.randrange(11), rng.random() < (0.02 if model.state == "HEADER" else 0.1)
        if model.state == "SEGMENTS" and model.index + 1 == x.segments:
            x.last = rng.random() < 0.9
        x.handed = int(model.ahead > 0 and rng.random() < pace[0])
        x.retired = int(model.used > model.ahead and rng.random() < pace[1])
        if model.state == "HEADER":
            held |= {"context"} if model.used == core.contexts else set()
            held |= {"front"} if model.ahead == core.fronts and model.used < core.contexts else set()
        inputs.append(frame(x.label, x.last) | {"run": x.run, "handed": x.handed, "retired": x.retired})
        inputs[-1]["i.valid"] = x.valid
        expected.append(model.cycle(x))
    seen = trace(Loader(core), inputs, ["i.ready", "idle"], after=0)
    for cycle, shown in enumerate(expected):
        assert {name: seen[name][cycle] for name in shown} == shown, cycle
    assert held == ({"context"} if core.contexts == core.fronts else {"context", "front"})


@pytest.mark.parametrize("label, bad", [(9, 0), (10, 1), (63, 1)])
def test_a_label_must_be_below_the_classes(label, bad):
    start = {"run": 1, "classes": 10, "row.segments": 1, "row.starts": 1}
    inputs = [start, frame(label, 0), frame(5, 1), {"i.valid": 0}]
    seen = trace(Loader(core_of()), inputs, ["bad_label", "o.valid", "store_enable", "bad_frame"])
    assert sum(seen["bad_label"]) == bad and sum(seen["o.valid"]) == 1 - bad == sum(seen["store_enable"])
    assert not any(seen["bad_frame"])


def test_sixty_four_classes_take_every_label():
    start = {"run": 1, "classes": 64, "row.segments": 1, "row.starts": 1}
    inputs = [start, frame(63, 0), frame(5, 1), {"i.valid": 0}]
    seen = trace(Loader(core_of()), inputs, ["o.valid", "o.payload"])
    assert np.flatnonzero(seen["o.valid"]).tolist() == [3] and seen["o.payload"][3]["label"] == 63


@pytest.mark.parametrize("operand, segments", [(3, 3), (3, 7), (1, 9), (5, 12)])
@pytest.mark.parametrize("gaps", [0, 0.4])
def test_of_a_sequence_only_the_first_operand_goes_to_the_operand_store(operand, segments, gaps):
    """Good and broken frames; every segment of a good one is in the input store."""
    rng = random.Random(segments)
    core = core_of(rules=1, contexts=4, segments=2, slots=1, store_segments=12)
    dut = Loader(core)
    sent = list(frames(rng, core, segments, 10, 20, 0.3))
    good = [beats for kind, _, _, beats in sent if kind == "good"]
    stores, fills, done = {}, [], []

    async def send(ctx):
        ctx.set(dut.run, 1)
        ctx.set(dut.classes, 10)
        for name, value in (("segments", segments), ("operand", operand), ("starts", 1)):
            ctx.set(getattr(dut.row, name), value)
        for _, label, close, beats in sent:
            for index, beat in enumerate([label | close << 6, *beats]):
                while rng.random() < gaps:
                    await ctx.tick()
                ctx.set(dut.i.payload, {"data": beat, "last": index == len(beats)})
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(4)

    async def watch(ctx):
        while True:
            _, _, enable, segment, context, word, fill, mask, place, valid, token = await ctx.tick().sample(
                dut.store_enable, dut.store_segment, dut.fill_context, dut.fill_data, dut.fill_enable, dut.fill_mask,
                dut.fill_word, dut.o.valid, dut.o.payload,
            )  # fmt: skip
            ctx.set(dut.retired, valid)
            ctx.set(dut.handed, valid)
            if enable:
                stores[context, segment] = word
                if segment == 0:
                    fills.clear()
            if fill:
                fills.append((context, 2 * place + (mask >> 1), word))
            if valid:
                beats = good[len(done)]
                assert [stores[token.context, i] for i in range(segments)] == beats
                assert fills == [(token.context, q, beat) for q, beat in enumerate(beats[:operand])]
                done.append(token)

    drive(dut, send, background=(watch,))
    assert len(done) == len(good) > 5
