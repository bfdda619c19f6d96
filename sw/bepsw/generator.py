"""The random generator of the reinforcement sweep, defined here once and matched by the hardware.

The sweep visits the hidden weights word by word: layer 1 … L, row 0 … K_l−1, segment 0 … ⌈fan-in/g⌉−1 of
g lanes each. Updates with rare steps visit the words of their rows: layer, row, time step, segment, each ascending.
Every word draws one state of a bank of independent 64-bit xorshift generators (Marsaglia 2003, shifts 13, 7, 17),
uses it, and then steps the bank:

    flat bit (level·g8 + lane), g8 = g rounded up to a multiple of 8   the random bit r_level of a lane
    flat bits LEVELS·g8 … +15                                           the dither u of the word
    bit n of the bank                                                   bit n mod 64 of generator n // 64

A lane is reinforced, or takes its step, iff its LEVELS-bit number Σ r_level·2^level is below t, or equals t and
u < f, where the 26-bit threshold is t·2^16 + f. The probability is therefore exactly threshold / 2^26, and lanes
share only the dither of the last 2^-LEVELS.
"""

from functools import cache

import numpy as np

from .spec import REINFORCE_BITS

__all__ = ["DITHER_BITS", "LEVELS", "Generator", "bank_bits", "bank_size", "seed_bank", "step_bank"]

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

    xorshift is linear over GF(2), so the states of many words are computed side by side by jumping ahead; the bits
    are those of stepping word by word.

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
        segments = -(-fan_in // self.lanes)
        return self.words(threshold, rows * segments).reshape(rows, segments * self.lanes)[:, :fan_in]

    def words(self, threshold, count):
        """Masks of the next `count` words, bool (count, lanes); advances the state by as many."""
        packed = [_below(draws, threshold, _lanes8(self.lanes)) for draws in self._draws(count)]
        packed = np.concatenate([np.zeros((0, _lanes8(self.lanes) // 8), np.uint8), *packed])
        return np.unpackbits(packed, axis=1, count=self.lanes, bitorder="little").view(bool)

    def _draws(self, words):
        """The states that `words` words draw, in blocks of uint64 (n, bank_size); advances the state."""
        while words:
            block, self.state = _run(self.state, min(words, _BLOCK))
            words -= len(block)
            yield block


def _below(draws, threshold, lanes8):
    """Packed lane masks, uint8 (n, lanes8 / 8), of the words that drew uint64 (n, bank_size)."""
    # byte b of all words side by side: the comparisons below then run over contiguous memory
    planes = np.ascontiguousarray(draws.astype("<u8", copy=False).view(np.uint8).T)
    levels = planes[: LEVELS * lanes8 // 8].reshape(LEVELS, lanes8 // 8, len(draws))
    low, high = planes[LEVELS * lanes8 // 8 :][: DITHER_BITS // 8].astype(np.uint32)
    dither_below = (low | high << np.uint32(8)) < (threshold & ((1 << DITHER_BITS) - 1))
    below = np.broadcast_to(np.where(dither_below, np.uint8(0xFF), np.uint8(0)), levels.shape[1:])
    for level, bits in enumerate(levels):
        below = ~(bits & ~below) if threshold >> (DITHER_BITS + level) & 1 else ~(bits | ~below)
    return np.ascontiguousarray(below.T)


_STRIDE_LOG2 = 5
_BLOCK = 1 << 14  # words at a time, which bounds the memory of a large layer


def _run(state, count):
    """`count` successive states from `state` on, uint64 (count, n), and the state after them.

    Streams of 2^_STRIDE_LOG2 states each advance side by side; their starts come from jumping ahead by doubling.
    """
    starts, log2 = state[np.newaxis], _STRIDE_LOG2
    while len(starts) << _STRIDE_LOG2 < count + 1:
        starts = np.concatenate([starts, _apply(_jump_table(log2), starts)])
        log2 += 1
    streams = -(-(count + 1) >> _STRIDE_LOG2)
    starts = starts[:streams]
    states = np.empty((streams, 1 << _STRIDE_LOG2, state.size), dtype=_U64)
    for index in range(1 << _STRIDE_LOG2):
        states[:, index] = starts
        starts = step_bank(starts)
    states = states.reshape(-1, state.size)
    return states[:count], states[count].copy()


@cache
def _jump_table(log2):
    """2^log2 steps of one generator as a linear map over GF(2): uint64 (8, 256), image of every value of every byte."""
    if log2:
        half = _jump_table(log2 - 1)
        images = _apply(half, _apply(half, _U64(1) << np.arange(64, dtype=_U64)))
    else:
        images = step_bank(_U64(1) << np.arange(64, dtype=_U64))
    table = np.zeros((8, 256), dtype=_U64)
    for bit, image in enumerate(images):
        byte, bit = divmod(bit, 8)
        table[byte, 1 << bit : 2 << bit] = table[byte, : 1 << bit] ^ image
    return table


def _apply(table, states):
    """The linear map of a jump table on an array of uint64 states."""
    result = table[0][states & _U64(0xFF)]
    for byte in range(1, 8):
        result ^= table[byte][states >> _U64(8 * byte) & _U64(0xFF)]
    return result
