"""The order in which a board replays its data set, defined here once and matched by `bephw.dataset.permutation`.

An order of n samples is a bijection of 0 … n−1 that follows from (seed, epoch) and n alone. It is a Feistel network
over the 2^b numbers of b = ⌈log2 n⌉ bits, walked on from every number that is not below n (cycle walking; fewer than
two attempts on average, because 2^b < 2n). The two halves of a number are its even and its odd bits, so that any b
is split fairly and no bit moves. With m_e and m_o the masks of the even and the odd half, rounds r = 0 … 7 are

    even r:  even ← even ⊕ (F_r(odd) ∧ m_e)          p = (h ⊕ B_r) · A_r,   A_r (odd) and B_r of 16 bits
    odd r:   odd  ← odd  ⊕ (F_r(even) ∧ m_o)         F_r(h) = (p >> 8 ⊕ p >> 16) mod 2^12

The round keys come from one xorshift generator (`bepsw.generator.step_bank`) that starts at
seed·2^32 + 2^31 + epoch, which is never 0, and makes `WARM_UP` steps. Then every round steps it once and adds its
two 32-bit halves: B_r are the lower 16 bits of the sum modulo 2^32, A_r the upper 16 with the lowest of them set.
"""

import numpy as np

from .errors import BepError
from .generator import step_bank

__all__ = [
    *("HALF_BITS", "INDEX_BITS", "ORDERS", "ROUNDS", "SHIFTS", "WARM_UP", "hardware_order", "index_bits", "round_keys"),
]

ORDERS = ("host", "hardware")
"""Orders of the samples in an epoch: that of `fit.epoch_order`, and this one."""

INDEX_BITS = 24
"""Bits of the largest index."""

HALF_BITS = INDEX_BITS // 2
ROUNDS = 8
SHIFTS = 8, 16
WARM_UP = 16

_U64 = np.uint64


def index_bits(count):
    """b, bits of the numbers that are permuted: ⌈log2 count⌉."""
    return (count - 1).bit_length()


def round_keys(seed, epoch):
    """Keys (A_r, B_r) of an epoch, a list of `ROUNDS` pairs of ints.

    seed : 32 bits; epoch : 31 bits.
    """
    state = np.array([seed << 32 | 1 << 31 | epoch], dtype=_U64)
    for _ in range(WARM_UP):
        state = step_bank(state)
    keys = []
    for _ in range(ROUNDS):
        state = step_bank(state)
        total = (int(state[0]) >> 32) + int(state[0]) & 0xFFFF_FFFF
        keys.append((total >> 16 | 1, total & 0xFFFF))
    return keys


def hardware_order(seed, epoch, count, positions=None):
    """Order of `count` samples in an epoch: int64 (count,), the index of the sample at every position.

    positions : array of integers below `count`, optional
        Only these positions, in this order.

    Raises
    ------
    BepError
        More samples than `INDEX_BITS` can count, or a seed or epoch out of its range.
    """
    for name, value, bits in (("seed", seed, 32), ("epoch", epoch, 31)):
        if not 0 <= value < 1 << bits:
            raise BepError(f"The {name} of a hardware order must be from 0 to {(1 << bits) - 1}, not {value}.")
    if not 0 <= count <= 1 << INDEX_BITS:
        raise BepError(f"The hardware orders at most {1 << INDEX_BITS} samples, not {count}.")
    positions = np.arange(count, dtype=_U64) if positions is None else np.asarray(positions, dtype=_U64)
    if count < 2:
        return np.zeros(len(positions), np.int64)
    keys, mask = round_keys(seed, epoch), (1 << index_bits(count)) - 1
    order = _permute(positions, keys, mask)
    walking = np.flatnonzero(order >= count)
    while walking.size:
        order[walking] = _permute(order[walking], keys, mask)
        walking = walking[order[walking] >= count]
    return order.astype(np.int64)


def _permute(numbers, keys, mask):
    """One attempt: the network on uint64 numbers, all below mask + 1."""
    halves, masks = [_half(numbers), _half(numbers >> _U64(1))], [_half(_U64(mask)), _half(_U64(mask >> 1))]
    for index, (factor, offset) in enumerate(keys):
        product = (halves[1 - index % 2] ^ _U64(offset)) * _U64(factor)
        mixed = product >> _U64(SHIFTS[0]) ^ product >> _U64(SHIFTS[1])
        halves[index % 2] = halves[index % 2] ^ (mixed & masks[index % 2])
    return _spread(halves[0]) | _spread(halves[1]) << _U64(1)


def _half(numbers):
    """Bits 0, 2, 4 … packed."""
    packed = numbers & _U64(0)
    for bit in range(HALF_BITS):
        packed = packed | (numbers >> _U64(2 * bit) & _U64(1)) << _U64(bit)
    return packed


def _spread(halves):
    """The inverse of `_half`."""
    numbers = halves & _U64(0)
    for bit in range(HALF_BITS):
        numbers = numbers | (halves >> _U64(bit) & _U64(1)) << _U64(2 * bit)
    return numbers
