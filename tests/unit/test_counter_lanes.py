"""CounterLanes: ±1 with saturation, exhaustively where that is small."""

import random

import pytest

from bephw.counter_lanes import CounterLanes

from .bench import trace


def golden(k, bits, enable, up):
    """(k', positive, saturated) of one counter."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    wanted = k + ((1 if up else -1) if enable else 0)
    moved = min(max(wanted, low), high)
    return moved, moved >= 0, moved != wanted


def check(lanes, bits, steps):
    inputs = [
        {"i": [k & (1 << bits) - 1 for k, _, _ in step], "enable": sum(e << n for n, (_, e, _) in enumerate(step)),
         "up": sum(u << n for n, (_, _, u) in enumerate(step))}
        for step in steps
    ]  # fmt: skip
    seen = trace(
        CounterLanes(lanes=lanes, bits=bits), inputs, ["o", "positive", "saturated"], after=CounterLanes.latency
    )
    for cycle, step in enumerate(steps):
        expected = [golden(k, bits, e, u) for k, e, u in step]
        assert seen["o"][cycle + CounterLanes.latency] == [k & (1 << bits) - 1 for k, _, _ in expected]
        assert seen["positive"][cycle + CounterLanes.latency] == sum(p << n for n, (_, p, _) in enumerate(expected))
        assert seen["saturated"][cycle + CounterLanes.latency] == sum(s << n for n, (_, _, s) in enumerate(expected))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_every_counter_value_and_step(bits):
    steps = [(k, e, u) for k in range(-(1 << bits - 1), 1 << bits - 1) for e in (0, 1) for u in (0, 1)]
    check(3, bits, [[steps[at], steps[at - 1], steps[at - 7]] for at in range(len(steps))])


@pytest.mark.parametrize("lanes, bits", [(8, 16), (36, 8), (9, 5)])
@pytest.mark.parametrize("seed", [1])
def test_lanes_are_independent(lanes, bits, seed):
    rng = random.Random(seed)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def lane():
        return (
            rng.choice([low, low + 1, -1, 0, high - 1, high, rng.randint(low, high)]),
            rng.getrandbits(1),
            rng.getrandbits(1),
        )

    check(lanes, bits, [[lane() for _ in range(lanes)] for _ in range(60)])
