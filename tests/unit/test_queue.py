"""Queue: order, latency, capacity, and nothing lost when it is filled without a gap."""

import random

import pytest

from bephw.queue import Queue

from .bench import drive, receiver, trace


@pytest.mark.parametrize("depth", [2, 3, 4, 8, 32])
def test_takes_its_depth_without_a_gap(depth):
    words = [{"i.valid": 1, "i.payload": value} for value in range(1, depth + 1)]
    rest = [{"i.valid": 0}, {}, {}, {"o.ready": 1}, *[{}] * (depth + 3)]
    seen = trace(Queue(8, depth=depth), words + rest, ["o.valid", "o.payload"])
    first = len(words) + 3
    assert seen["o.payload"][first : first + depth] == [*range(1, depth + 1)]
    assert seen["o.valid"][first:][: depth + 1] == [1] * depth + [0]


@pytest.mark.parametrize("depth", [2, 4])
def test_latency_is_two_cycles(depth):
    seen = trace(Queue(8, depth=depth), [{"i.valid": 1, "i.payload": 77, "o.ready": 1}, {"i.valid": 0}], ["o.valid"])
    assert seen["o.valid"][:4] == [0, 0, 1, 0]


def test_streams_a_word_a_cycle():
    words = [{"i.valid": 1, "i.payload": value, "o.ready": 1} for value in range(100)]
    seen = trace(Queue(8, depth=4), [*words, {"i.valid": 0}], ["o.valid", "o.payload"], after=3)
    assert seen["o.valid"][2:102] == [1] * 100 and seen["o.payload"][2:102] == [*range(100)]


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("seed", [1, 2])
def test_keeps_order_under_random_stalls(depth, seed):
    rng = random.Random(seed)
    dut, received = Queue(12, depth=depth), []
    values = [rng.getrandbits(12) for _ in range(200)]

    async def write(ctx):
        for sent, value in enumerate(values):
            while sent - len(received) >= depth or rng.random() < 0.3:
                await ctx.tick()
            ctx.set(dut.i.payload, value)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)

    drive(dut, receiver(dut.o, received, len(values), random.Random(seed)), write)
    assert received == values
