"""The hardware's order: a bijection for every count, the same on every machine, and as good as shuffled."""

import numpy as np
import pytest

from bepsw.errors import BepError
from bepsw.permutation import HALF_BITS, INDEX_BITS, ROUNDS, WARM_UP, hardware_order, index_bits, round_keys

_32 = 0xFFFF_FFFF


def literal_order(seed, epoch, count):
    """The order from its definition, one number and one bit at a time, in Python's integers."""
    state, keys = seed << 32 | 1 << 31 | epoch, []
    for step in range(WARM_UP + ROUNDS):
        state ^= state << 13 & (1 << 64) - 1
        state ^= state >> 7
        state ^= state << 17 & (1 << 64) - 1
        if step >= WARM_UP:
            total = (state >> 32) + (state & _32) & _32
            keys.append((total >> 16 | 1, total & 0xFFFF))
    bits, order = (count - 1).bit_length(), []
    for position in range(count):
        number = position
        while True:
            halves = [[number >> bit & 1 for bit in range(odd, bits, 2)] for odd in (0, 1)]
            for index, (a, b) in enumerate(keys):
                h = sum(bit << place for place, bit in enumerate(halves[1 - index % 2]))
                p = (h ^ b) * a
                mixed = (p >> 8 ^ p >> 16) & (1 << HALF_BITS) - 1
                halves[index % 2] = [bit ^ (mixed >> place & 1) for place, bit in enumerate(halves[index % 2])]
            number = sum(bit << 2 * place + odd for odd in (0, 1) for place, bit in enumerate(halves[odd]))
            if number < count:
                break
        order.append(number)
    return order


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 100, 257])
@pytest.mark.parametrize("seed, epoch", [(0, 0), (7, 3), (_32, (1 << 31) - 1)])
def test_it_is_what_its_definition_says(seed, epoch, count):
    assert hardware_order(seed, epoch, count).tolist() == literal_order(seed, epoch, count)


def test_it_is_kept_literally():
    assert round_keys(7, 3)[:2] == [(15611, 15744), (63285, 26530)]
    assert hardware_order(7, 3, 12).tolist() == [6, 0, 8, 9, 4, 1, 10, 5, 3, 2, 11, 7]


def test_it_is_a_bijection_for_every_count():
    for count in range(2049):
        order = hardware_order(count % 5, count % 3, count)
        assert order.dtype == np.int64 and np.array_equal(np.sort(order), np.arange(count)), count


@pytest.mark.parametrize("draw", range(12))
def test_it_is_a_bijection_for_large_counts(draw):
    rng = np.random.default_rng(draw)
    seed, epoch = int(rng.integers(1 << 32)), int(rng.integers(1 << 31))
    count = [60_000, 65_537, 1 << 17][draw] if draw < 3 else int(rng.integers(2049, 300_000))
    hits = np.bincount(hardware_order(seed, epoch, count), minlength=count)
    assert hits.size == count and (hits == 1).all()


def test_single_positions_are_those_of_the_whole_order():
    order, positions = hardware_order(3, 4, 777), [776, 0, 5, 5, 300]
    assert np.array_equal(hardware_order(3, 4, 777, positions), order[positions])


def test_the_widest_numbers():
    assert index_bits(1 << INDEX_BITS) == INDEX_BITS and index_bits(1) == 0 and index_bits(5) == 3
    positions = np.arange(5000) << 11
    order = hardware_order(1, 2, 1 << INDEX_BITS, positions)
    assert len(np.unique(order)) == 5000 and order.max() > (1 << INDEX_BITS) - 20_000 and order.min() < 20_000
    with pytest.raises(BepError, match="orders at most 16777216 samples"):
        hardware_order(0, 0, (1 << INDEX_BITS) + 1)


def excess(counts):
    """Chi-square of equal shares, as standard deviations above its mean."""
    expected = counts.sum() / counts.size
    freedom = counts.size - 1
    return (((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom)


def measures(order, other):
    """How far the order is from a shuffle: where samples go, what follows what, and two epochs side by side."""
    count = len(order)
    positions = np.arange(count)
    sixteenth, following = order * 16 // count, np.roll(order, -1)
    return {
        "displacement": excess(np.bincount((order - positions) % count * 64 // count, minlength=64)),
        "place": excess(np.bincount(positions * 16 // count * 16 + sixteenth, minlength=256)),
        "step to the next": excess(np.bincount((following - order) % count * 64 // count, minlength=64)),
        "step over one": excess(np.bincount((np.roll(order, -2) - order) % count * 64 // count, minlength=64)),
        "neighbours": excess(np.bincount(sixteenth * 16 + following * 16 // count, minlength=256)),
        "low bits": excess(np.bincount((positions & 15) * 16 + (order & 15), minlength=256)),
        "the next epoch": excess(np.bincount(sixteenth * 16 + other * 16 // count, minlength=256)),
        "shift to the next epoch": excess(np.bincount((order - other) % count * 64 // count, minlength=64)),
    }


@pytest.mark.parametrize("count", [1000, 4096, 54_000, 65_536])
def test_it_is_as_good_as_shuffled(count):
    """Over 40 orders no measure strays farther than those of true shuffles do, nor leans to one side."""
    all_of = {}
    for seed in range(10):
        orders = [hardware_order(seed, epoch, count) for epoch in range(5)]
        for order, other in zip(orders[1:], orders, strict=False):
            for name, value in measures(order, other).items():
                all_of.setdefault(name, []).append(value)
    for name, values in all_of.items():
        assert max(values) < 6 and np.mean(values) < 0.7, (name, max(values), np.mean(values))


def test_neighbours_of_a_power_of_two_are_not_tied_by_their_difference():
    """A network without a nonlinear round would send x and x+1 to two numbers that always differ by the same."""
    for seed in range(20):
        order = hardware_order(seed, 0, 4096)
        difference = order[::2] ^ order[1::2]
        assert excess(np.bincount(difference >> 6, minlength=64)) < 6, seed


def test_seeds_and_epochs_have_orders_of_their_own():
    orders = {hardware_order(seed, epoch, 50).tobytes() for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


@pytest.mark.parametrize("bad", [(-1, 0), (1 << 32, 0), (0, -1), (0, 1 << 31)], ids=str)
def test_nonsense_is_refused(bad):
    with pytest.raises(BepError, match="must be from 0 to"):
        hardware_order(*bad, 5)
