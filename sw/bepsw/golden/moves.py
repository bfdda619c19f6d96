"""The compiled kernels of the counters: steps of winner rows, random masks, the sweep, and W from H.

Like `kernels`, which calls them, they work on flat buffers; a row of the geometry table says where a layer lies.
"""

import numpy as np

from ..generator import DITHER_BITS, LEVELS
from .records import FAN_IN, HIDDEN, PLANE, ROW, ROWS, TURNED, WORDS_IN
from .words import bits_at, lowest_bit, njit

__all__ = ["move_row_in_time", "refresh_row", "sweep", "update"]


@njit(cache=True)
def _move_row(row, inputs, desired, low, high):
    """One step of every counter of a row, up where input and a* agree; returns the steps not taken."""
    stuck = np.int64(0)
    for i in range(row.size):
        k = row[i]
        up = inputs[i] == desired
        at_end = k == (high if up else low)
        stuck += at_end
        row[i] = k if at_end else (k + 1 if up else k - 1)
    return stuck


@njit(cache=True)
def move_row_in_time(row, inputs, desired, low, high, ups):
    """All time steps of a row, at once where none can saturate, else one by one; returns the steps not taken."""
    steps = inputs.shape[0]
    if steps == 1:
        return _move_row(row, inputs[0], desired[0], low, high)
    lowest, highest = np.int64(row[0]), np.int64(row[0])
    for i in range(row.size):
        lowest, highest = min(lowest, row[i]), max(highest, row[i])
    if steps > 255 or lowest - steps < low or highest + steps > high:
        stuck = np.int64(0)
        for t in range(steps):
            stuck += _move_row(row, inputs[t], desired[t], low, high)
        return stuck
    counts = ups[: row.size]
    counts[:] = 0
    for t in range(steps):
        x, wanted = inputs[t], desired[t]
        for i in range(row.size):
            counts[i] += np.uint8(x[i] == wanted)
    for i in range(row.size):
        row[i] += np.int16(2 * np.int16(counts[i]) - steps)
    return np.int64(0)


@njit(cache=True, inline="always")
def _draw(bank, lanes, threshold, used, padded, mask):
    """The mask of the next word of the generator, for its first `used` lanes; steps the bank."""
    one, full = np.uint64(1), ~np.uint64(0)
    for n in range(bank.size):
        x = bank[n]
        padded[n] = x
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        bank[n] = x ^ (x << np.uint64(17))
    lanes8 = (lanes + 7) // 8 * 8
    dither = bits_at(padded, LEVELS * lanes8) & np.uint64((1 << DITHER_BITS) - 1)
    fraction = np.uint64(threshold & ((1 << DITHER_BITS) - 1))
    for part in range(mask.size):
        left = used - 64 * part
        if left <= 0:
            mask[part] = 0
            continue
        below = np.uint64(0)
        equal = full if left >= 64 else (one << np.uint64(left)) - one  # lanes that higher levels have not decided
        level = LEVELS - 1
        while equal and level >= 0:
            bits = bits_at(padded, level * lanes8 + 64 * part)
            if threshold >> (DITHER_BITS + level) & 1:
                below |= equal & ~bits
                equal &= bits
            else:
                equal &= ~bits
            level -= 1
        mask[part] = below | equal if dither < fraction else below


@njit(cache=True)
def _move_row_rarely(row, inputs, desired, low, high, bank, lanes, threshold, padded, mask):
    """As `_move_row`, but a step is taken only where the generator says so: one word a segment."""
    one, stuck = np.uint64(1), np.int64(0)
    for first in range(0, row.size, lanes):
        _draw(bank, lanes, threshold, min(lanes, row.size - first), padded, mask)
        for part in range(mask.size):
            taken = mask[part]
            while taken:
                i = first + 64 * part + np.int64(lowest_bit(taken))
                taken &= taken - one
                up = inputs[i] == desired
                if row[i] == (high if up else low):
                    stuck += 1
                else:
                    row[i] += 1 if up else -1
    return stuck


@njit(cache=True)
def refresh_row(g, row, hidden, plane, turned):
    """W[row, :] = (k ≥ 0), in both layouts."""
    one = np.uint64(1)
    fan_in = g[FAN_IN]
    k = hidden[g[HIDDEN] + row * fan_in : g[HIDDEN] + (row + 1) * fan_in]
    bit = one << np.uint64(row & 63)
    for w in range(g[WORDS_IN]):
        word = np.uint64(0)
        base = 64 * w
        for b in range(min(64, fan_in - base)):
            word |= np.uint64(k[base + b] >= 0) << np.uint64(b)
        place = g[PLANE] + w * g[ROWS] + row
        changed = plane[place] ^ word
        plane[place] = word
        if g[TURNED] >= 0:
            start = g[TURNED] + (row >> 6) * fan_in + base
            while changed:
                turned[start + np.int64(lowest_bit(changed))] ^= bit
                changed &= changed - one


@njit(cache=True)
def sweep(net, trained, reinforce, work):
    """Reinforce every layer, then W ← (k ≥ 0) for the changed rows; returns the steps not taken."""
    one, stuck = np.uint64(1), np.int64(0)
    lanes, low, high, padded, mask = net.lanes, net.low, net.high, work.padded, work.mask
    hidden, plane, turned, changed, bank = trained
    for layer in range(net.geometry.shape[0]):
        g = net.geometry[layer]
        fan_in, threshold = g[FAN_IN], reinforce[layer]
        for row in range(g[ROWS]):
            k = hidden[g[HIDDEN] + row * fan_in : g[HIDDEN] + (row + 1) * fan_in]
            for first in range(0, fan_in, lanes):
                _draw(bank, lanes, threshold, min(lanes, fan_in - first), padded, mask)
                for part in range(mask.size):
                    taken = mask[part]
                    while taken:
                        i = first + 64 * part + np.int64(lowest_bit(taken))
                        taken &= taken - one
                        if k[i] == high or k[i] == low:
                            stuck += 1
                        else:
                            k[i] += 1 if k[i] >= 0 else -1
            if changed[g[ROW] + row]:
                refresh_row(g, row, hidden, plane, turned)
                changed[g[ROW] + row] = 0
    return stuck


@njit(cache=True)
def update(g, winners, inputs, desired, hidden, changed, low, high, rarity, bank, lanes, padded, mask, ups):
    """Move the winners' rows, each by its steps t in order; returns the steps not taken."""
    fan_in, stuck = g[FAN_IN], np.int64(0)
    for row in winners:
        k = hidden[g[HIDDEN] + row * fan_in : g[HIDDEN] + (row + 1) * fan_in]
        if rarity:
            for t in range(inputs.shape[0]):
                stuck += _move_row_rarely(
                    k, inputs[t], desired[t, row], low, high, bank, lanes, rarity, padded, mask
                )  # fmt: skip
        else:
            stuck += move_row_in_time(k, inputs, desired[:, row], low, high, ups)
        changed[g[ROW] + row] = 1
    return stuck
