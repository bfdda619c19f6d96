"""PopCount against int.bit_count."""

import random

import pytest

from bephw.popcount import PopCount

from .bench import trace


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 8, 13, 36, 144])
@pytest.mark.parametrize("seed", [1])
def test_counts_every_cycle_with_its_latency(width, seed):
    rng = random.Random(seed)
    corners = [
        0,
        (1 << width) - 1,
        *(1 << i for i in range(width)),
        *(~(1 << i) & (1 << width) - 1 for i in range(width)),
    ]
    values = corners + [rng.getrandbits(width) for _ in range(60)]
    latency = PopCount.latency_of(width)
    seen = trace(PopCount(width), [{"i": value} for value in values], ["o"], after=latency + 1)["o"]
    assert seen[latency : latency + len(values)] == [value.bit_count() for value in values]


def test_every_width_is_counted():
    """Exhaustively, for the widths at which the tree changes its shape."""
    for width in range(1, 9):
        values = range(1 << width)
        latency = PopCount.latency_of(width)
        seen = trace(PopCount(width), [{"i": value} for value in values], ["o"], after=latency)["o"]
        assert seen[latency:] == [value.bit_count() for value in values], width


def test_latency_grows_by_one_when_the_width_doubles():
    assert [PopCount.latency_of(width) for width in (1, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128)] == [
        1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7,
    ]  # fmt: skip
