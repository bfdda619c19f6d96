"""The reinforcement generator: density, independence of the lanes, and jumping ahead against stepping."""

import numpy as np
import pytest

from bepsw import generator
from bepsw.generator import DITHER_BITS, LEVELS, Generator, bank_bits, bank_size, seed_bank, step_bank
from bepsw.spec import REINFORCE_BITS


def stepped_masks(state, lanes, threshold, rows, fan_in):
    """The same masks from the definition: one word at a time, one integer comparison a lane."""
    lanes8 = -(-lanes // 8) * 8
    mask = np.zeros((rows, fan_in), dtype=bool)
    for row in range(rows):
        for first in range(0, fan_in, lanes):
            flat = sum(int(x) << 64 * n for n, x in enumerate(state))
            dither = flat >> LEVELS * lanes8 & (1 << DITHER_BITS) - 1
            for lane in range(min(lanes, fan_in - first)):
                r = sum((flat >> level * lanes8 + lane & 1) << level for level in range(LEVELS))
                mask[row, first + lane] = (r << DITHER_BITS) + dither < threshold
            state = step_bank(state)
    return mask, state


@pytest.mark.parametrize("seed", range(12))
def test_masks_and_state_equal_stepping_word_by_word(seed):
    rng = np.random.default_rng(seed)
    lanes, rows, fan_in = int(rng.integers(1, 140)), int(rng.integers(1, 12)), int(rng.integers(1, 300))
    fast, state = Generator(seed, lanes), seed_bank(seed, lanes)
    for threshold in (int(rng.integers(1 << 26)), int(rng.integers(1 << 18)), 0, (1 << 26) - 1, 5 << DITHER_BITS):
        expected, state = stepped_masks(state, lanes, threshold, rows, fan_in)
        mask = fast.masks(threshold, rows, fan_in)
        assert mask.dtype == bool and np.array_equal(mask, expected)
        assert np.array_equal(fast.state, state)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 1000, 2049])
def test_jump_ahead_equals_stepping(count):
    start = seed_bank(99, 72)
    states, after = generator._run(start, count)
    state = start
    for n in range(count):
        assert np.array_equal(states[n], state), n
        state = step_bank(state)
    assert len(states) == count and np.array_equal(after, state)


def test_blocks_join_without_a_seam(monkeypatch):
    whole, parts = Generator(1, 36), Generator(1, 36)
    expected = whole.masks(1 << 22, 50, 100)
    monkeypatch.setattr(generator, "_BLOCK", 40)
    assert np.array_equal(parts.masks(1 << 22, 50, 100), expected)
    assert np.array_equal(parts.state, whole.state)


@pytest.mark.parametrize("probability", [1e-4, 5e-4, 1e-3, 4e-3, 0.02, 0.1, 0.5, 0.9])
def test_density_within_two_percent(probability):
    threshold = int(probability * (1 << REINFORCE_BITS))
    fan_in, words = 720, 0
    hits, draws = 0, max(10**6, int(4e4 / probability))  # so that 2 % is four standard deviations
    source = Generator(20, 72)
    while words * fan_in < draws:
        hits += int(np.count_nonzero(source.masks(threshold, 1600, fan_in)))
        words += 1600
    assert hits / (words * fan_in) == pytest.approx(threshold / (1 << REINFORCE_BITS), rel=0.02)


def test_the_ends_of_the_probability():
    assert not Generator(3, 72).masks(0, 1000, 720).any()
    assert Generator(3, 72).masks((1 << 26) - 1, 100, 720).all()


@pytest.mark.parametrize("probability", [0.03, 0.25, 0.5])
def test_lanes_and_words_are_uncorrelated(probability):
    words, lanes = 60_000, 72
    mask = Generator(11, lanes).masks(int(probability * (1 << REINFORCE_BITS)), words, lanes).astype(np.float32)
    mask -= mask.mean(axis=0)
    mask /= mask.std(axis=0)
    limit = 5.5 / np.sqrt(words)
    same_word = mask.T @ mask / words
    np.fill_diagonal(same_word, 0)
    assert np.abs(same_word).max() < limit
    for lag in (1, 2, 7):
        assert np.abs(mask[:-lag].T @ mask[lag:] / (words - lag)).max() < limit, lag


def test_the_dither_itself_is_not_below():
    """A lane whose number equals t with a dither that equals f: too rare to be met by chance."""
    lanes, number, dither = 13, 0b1000000101, 0x8001
    source = Generator(0, lanes)
    flat = dither << LEVELS * 16 | sum((number >> level & 1) << 16 * level for level in range(LEVELS))
    start = np.array([flat >> 64 * n & (1 << 64) - 1 for n in range(bank_size(lanes))], dtype=np.uint64)
    for threshold, hit in ((number << DITHER_BITS | dither, False), (number << DITHER_BITS | dither + 1, True)):
        source.state = start
        assert source.masks(threshold, 1, lanes)[0, 0] == hit


def test_bank_holds_exactly_the_bits_of_a_word():
    assert bank_bits(72) == 10 * 72 + 16
    assert [bank_size(lanes) for lanes in (1, 8, 13, 72)] == [2, 2, 3, 12]


def test_seeds_differ_and_no_generator_is_stuck():
    banks = [seed_bank(seed, 72) for seed in (0, 1, 2, (1 << 32) - 1)]
    assert len({tuple(bank.tolist()) for bank in banks}) == 4
    assert all(bank.all() for bank in banks)
