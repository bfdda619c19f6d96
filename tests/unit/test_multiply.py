"""Multiply against Python's product."""

import random

import pytest

from bephw.multiply import Multiply

from .bench import trace


@pytest.mark.parametrize(
    "a_bits, b_bits, out_bits", [(1, 1, 1), (1, 5, 5), (2, 3, 5), (3, 9, 12), (5, 7, 9), (8, 4, 12), (9, 9, 10)]
)
@pytest.mark.parametrize("seed", [1])
def test_products_modulo_the_width_with_their_latency(a_bits, b_bits, out_bits, seed):
    rng = random.Random(seed)
    top = (1 << a_bits) - 1, (1 << b_bits) - 1
    pairs = [
        (0, 0),
        top,
        (top[0], 1),
        (1, top[1]),
        *((rng.getrandbits(a_bits), rng.getrandbits(b_bits)) for _ in range(80)),
    ]
    latency = Multiply.latency_of(a_bits)
    seen = trace(Multiply(a_bits, b_bits, out_bits), [{"a": a, "b": b} for a, b in pairs], ["o"], after=latency)["o"]
    assert seen[latency:] == [a * b % (1 << out_bits) for a, b in pairs]


def test_latency_is_the_depth_of_the_adder_tree():
    assert [Multiply.latency_of(bits) for bits in (1, 2, 3, 4, 5, 8, 9)] == [1, 1, 2, 2, 3, 3, 4]
