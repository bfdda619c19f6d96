"""Loader: good samples arrive whole, bad ones leave nothing but an error."""

import random

import numpy as np
import pytest

from bephw.loader import Loader

from .bench import core_of, drive, plain, trace

CORES = [core_of(), core_of(segments=1, slots=1, contexts=2, threads=1, operand_words=1), core_of(contexts=8)]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"S{c.segments}c{c.contexts}")


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
                   dut.fill_context, dut.fill_data, dut.fill_mask, dut.fill_word, dut.idle)  # fmt: skip
        while True:
            _, _, *values = await ctx.tick().sample(*watched)
            valid, token, frame, label, store, segment, context, word, mask, fill_word, idle = map(plain, values)
            seen["frame"] += frame
            seen["label"] += label
            assert bool(mask) == bool(store)
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
                assert len(live) <= core.contexts
            assert not (live and idle)

    async def retire(ctx):
        while True:
            retired = bool(live) and rng.random() < 0.05
            if retired:
                live.pop(0)
            ctx.set(dut.retired, retired)
            await ctx.tick()

    drive(dut, send, background=(watch, retire))
    kinds = [frame[0] for frame in sent]
    assert len(seen["tokens"]) == len(good)
    assert seen["label"] == kinds.count("label")
    assert seen["frame"] == kinds.count("short") + kinds.count("long") + kinds.count("header")


def frame(data, last):
    return {"i.valid": 1, "i.payload": {"data": data, "last": last}}


def test_one_beat_a_cycle_and_a_token_right_after():
    core = core_of(contexts=4)
    beats = [frame(3 | 1 << 6, 0), frame(11, 0), frame(12, 0), frame(13, 1)]
    start = {"run": 1, "classes": 10, "row.segments": 3, "row.starts": 0b01001}
    inputs = [beats[0] | start, *beats[1:], *beats, {"i.valid": 0}]
    seen = trace(Loader(core), inputs, ["i.ready", "o.valid", "o.payload", "store_segment", "fill_mask", "idle"])
    assert seen["i.ready"][:8] == [1] * 8
    assert [t for t, valid in enumerate(seen["o.valid"]) if valid] == [4, 8]
    assert seen["o.payload"][4] == {"context": 0, "label": 3, "close": 1} and seen["o.payload"][8]["context"] == 1
    assert seen["fill_mask"][:6] == [0, 0, 0b01001, 0b10010, 0b00101, 0]
    assert seen["store_segment"][1:4] == [0, 1, 2]
    assert seen["idle"][:2] == [1, 0] and not any(seen["idle"][1:])


def test_a_header_waits_for_run_and_for_a_context():
    core = core_of(contexts=2, threads=1)
    beats = [frame(0, 0), frame(1, 1)]
    setup = {"classes": 2, "row.segments": 1, "row.starts": 1}
    inputs = [beats[0] | setup, {}, {"run": 1}, beats[1], beats[0], beats[1], beats[0], {}, {"retired": 1}]
    inputs += [{"retired": 0}, beats[1] | {"run": 0}, {"i.valid": 0}, {"retired": 1}, {}, {"retired": 0}, {}]
    seen = trace(Loader(core), inputs, ["i.ready", "o.valid", "idle"], after=0)
    #                          run          full    free
    assert seen["i.ready"] == [0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    assert seen["idle"] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("label, bad", [(9, 0), (10, 1), (63, 1)])
def test_a_label_must_be_below_the_classes(label, bad):
    start = {"run": 1, "classes": 10, "row.segments": 1, "row.starts": 1}
    inputs = [frame(label, 0) | start, frame(5, 1), {"i.valid": 0}]
    seen = trace(Loader(core_of()), inputs, ["bad_label", "o.valid", "store_enable", "bad_frame"])
    assert sum(seen["bad_label"]) == bad and sum(seen["o.valid"]) == 1 - bad == sum(seen["store_enable"])
    assert not any(seen["bad_frame"])


def test_sixty_four_classes_take_every_label():
    inputs = [frame(63, 0) | {"run": 1, "classes": 64, "row.segments": 1, "row.starts": 1}, frame(5, 1), {"i.valid": 0}]
    seen = trace(Loader(core_of()), inputs, ["o.valid", "o.payload"])
    assert np.flatnonzero(seen["o.valid"]).tolist() == [2] and seen["o.payload"][2]["label"] == 63
