"""Unpack: the beats of `sample_beats` from the words of `sample_words`, for every g."""

import numpy as np
import pytest

from bephw.dataset.unpack import Unpack
from bepsw.driver_words import sample_beats
from bepsw.stored import sample_words

from .bench import core_of, drive, plain, receiver, sender

LANES = [8, 9, 13, 16, 17, 32, 36, 66, 72, 144]


def expected_beats(bits, labels, close, lanes):
    beats, last = sample_beats(bits, labels, close, lanes)
    words = [int.from_bytes(beat.tobytes(), "little") for beat in beats]
    return [{"data": word, "last": int(end)} for word, end in zip(words, last, strict=True)]


def begin(dut, inputs, length, close):
    async def bench(ctx):
        ctx.set(dut.inputs, inputs)
        ctx.set(dut.close, close)
        ctx.set(dut.length, length)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.words) == 1 + -(-inputs // 16)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        assert not ctx.get(dut.done)

    return bench


def draw(rng, inputs, count):
    bits = (rng.random((count, inputs)) < rng.choice([0.5, 0.95])).astype(np.uint8)
    return bits, rng.integers(0, 64, count)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("seed", [1, 2])
def test_beats_with_gaps_and_stalls(lanes, seed):
    rng = np.random.default_rng(100 * lanes + seed)
    core = core_of(lanes=lanes)
    inputs = int(rng.choice([1, 15, 16, 17, lanes - 1, lanes, lanes + 1, 2 * lanes, *rng.integers(1, 5 * lanes, 4)]))
    close = bool(rng.integers(2))
    bits, labels = draw(rng, inputs, 5)
    words = sample_words(bits, labels).ravel().tolist()
    dut, got = Unpack(core), []
    beats = expected_beats(bits, labels, close, lanes)
    setup = begin(dut, inputs, 5, close)

    async def send(ctx):
        await setup(ctx)
        await sender(dut.i, words, rng, gaps=0.3)(ctx)

    async def take(ctx):
        await receiver(dut.o, got, len(beats), rng, stalls=0.4)(ctx)
        await ctx.tick()
        assert ctx.get(dut.done) and ctx.get(dut.boundary)

    drive(dut, send, take)
    assert got == beats


@pytest.mark.parametrize("lanes, inputs", [(36, 784), (72, 784), (66, 784), (8, 100), (144, 3), (9, 9), (13, 40)])
def test_its_cycles(lanes, inputs):
    """Header to header, and no beat but what belongs to the samples."""
    rng, core = np.random.default_rng(inputs), core_of(lanes=lanes)
    bits, labels = draw(rng, inputs, 3)
    words = sample_words(bits, labels).ravel().tolist() + [0] * 5
    dut, headers = Unpack(core), []
    setup = begin(dut, inputs, 3, False)

    async def bench(ctx):
        await setup(ctx)
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for cycle in range(3 * Unpack.cycles_of(core, inputs)):
            ctx.set(dut.i.payload, words[0])
            if ctx.get(dut.boundary):
                headers.append(cycle)
                assert ctx.get(dut.o.valid) and plain(ctx.get(dut.o.payload))["last"] == 0
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            if ready:
                words.pop(0)
        assert ctx.get(dut.done)

    drive(dut, bench)
    assert np.diff(headers).tolist() == [Unpack.cycles_of(core, inputs)] * 2


@pytest.mark.parametrize("after", [0, 3, 8, 9, 10, 11, 17])
def test_stopped_it_finishes_its_frame_and_throws_the_rest_away(after):
    rng, core = np.random.default_rng(after), core_of(lanes=9)
    bits, labels = draw(rng, 30, 6)
    words = sample_words(bits, labels).ravel().tolist()
    dut, got = Unpack(core), []
    setup = begin(dut, 30, 6, True)

    async def bench(ctx):
        await setup(ctx)
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        cycle = 0
        while words:
            ctx.set(dut.i.payload, words[0])
            ctx.set(dut.stop, cycle >= after)
            _, _, ready, valid, beat = await ctx.tick().sample(dut.i.ready, dut.o.valid, dut.o.payload)
            if ready:
                words.pop(0)
            if valid:
                got.append(plain(beat))
            cycle += 1
        assert ctx.get(dut.boundary)

    drive(dut, bench)
    whole = expected_beats(bits, labels, True, 9)
    assert got == whole[: len(got)] and (not got or got[-1]["last"])
    assert len(got) == -(-max(after, 0) // Unpack.cycles_of(core, 30)) * 5
