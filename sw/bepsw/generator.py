"""The random generator of the reinforcement sweep, defined here once and matched by the hardware.

The sweep visits the hidden weights word by word: layer 1 … L, row 0 … K_l−1, segment 0 … ⌈K_{l−1}/g⌉−1 of
g lanes each. Every word draws one state of a bank of independent 64-bit xorshift generators (Marsaglia 2003,
shifts 13, 7, 17), uses it, and then steps the bank:

    flat bit (level·g8 + lane), g8 = g rounded up to a multiple of 8   the random bit r_level of a lane
    flat bits LEVELS·g8 … +15                                           the dither u of the word
    bit n of the bank                                                   bit n mod 64 of generator n // 64

A lane is reinforced iff its LEVELS-bit number Σ r_level·2^level is below t, or equals t and u < f, where the
26-bit threshold is t·2^16 + f. The probability is therefore exactly threshold / 2^26, and lanes share only the
dither of the last 2^-LEVELS.
"""

import numpy as np

from .spec import REINFORCE_BITS

__all__ = ["LEVELS", "DITHER_BITS", "bank_size", "bank_bits", "seed_bank", "step_bank", "Generator"]

DITHER_BITS = 16
LEVELS = REINFORCE_BITS - DITHER_BITS

_U64 = np.uint64


def _lanes8(lanes):
    return -(-lanes // 8) * 8


def bank_bits(lanes):
    """Random bits that one word of `lanes` weights consumes."""
    return LEVELS * _lanes8(lanes) + DITHER_BITS


def bank_size(lanes):
    """Number of 64-bit generators for words of `lanes` weights."""
    return -(-bank_bits(lanes) // 64)


def seed_bank(seed, lanes):
    """Initial bank (uint64 array of `bank_size(lanes)`): splitmix64 of a 32-bit seed; a zero becomes 1."""
    mask = (1 << 64) - 1
    x, states = seed & mask, []
    for _ in range(bank_size(lanes)):
        x = (x + 0x9E3779B97F4A7C15) & mask
        z = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        states.append((z ^ (z >> 31)) or 1)
    return np.array(states, dtype=_U64)


def step_bank(state):
    """One xorshift64 step of every generator in a uint64 array."""
    state = state ^ (state << _U64(13))
    state = state ^ (state >> _U64(7))
    return state ^ (state << _U64(17))


class Generator:
    """The bank with its state, and the masks of one layer's sweep.

    Parameters
    ----------
    seed : int
        32-bit seed.
    lanes : int
        g, lanes of a hidden-weight word (a parameter of the core).
    """

    def __init__(self, seed, lanes):
        self.lanes = lanes
        self.state = seed_bank(seed, lanes)

    def masks(self, threshold, rows, fan_in):
        """Reinforcement mask of one layer, bool (rows, fan_in); advances the state by rows·⌈fan_in/g⌉ words."""
        lanes, lanes8 = self.lanes, _lanes8(self.lanes)
        segments = -(-fan_in // lanes)
        words = rows * segments
        draws = np.empty((words, self.state.size), dtype=_U64)
        state = self.state
        for word in range(words):
            draws[word] = state
            state = step_bank(state)
        self.state = state
        draws = draws.astype("<u8").view(np.uint8)
        top = draws[:, LEVELS * lanes8 // 8 :][:, : DITHER_BITS // 8]
        dither = top[:, 0].astype(np.uint32) | top[:, 1].astype(np.uint32) << 8
        below = np.where(dither < (threshold & 0xFFFF), 0xFF, 0).astype(np.uint8)[:, None]
        below = np.broadcast_to(below, (words, lanes8 // 8))
        for level in range(LEVELS):
            bits = draws[:, level * lanes8 // 8 : (level + 1) * lanes8 // 8]
            below = (~bits | below) if threshold >> (DITHER_BITS + level) & 1 else (~bits & below)
        lane_bits = np.unpackbits(below, axis=1, bitorder="little")[:, :lanes]
        return lane_bits.reshape(rows, segments * lanes)[:, :fan_in].astype(bool)
