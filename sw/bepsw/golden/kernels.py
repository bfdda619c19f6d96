"""The compiled kernels of the packed engine: XNOR and popcount on 64 weights a word, as in the hardware.

They work on the flat buffers that `packed.PackedEngine` lays out; a row of its geometry table says where a layer
lies. This is the one module that touches numba: when it is missing, `AVAILABLE` is False, the kernels stay plain
functions, and nobody may call them.
"""

import numpy as np

from ..generator import DITHER_BITS, LEVELS

try:
    from numba import njit
    from numba.core import types
    from numba.extending import intrinsic

    AVAILABLE = True
except ImportError:  # the numpy engine serves without it
    AVAILABLE = False

    def njit(*_args, **_options):
        """Stand-in that leaves the kernels as plain, never called functions."""
        return lambda function: function

    def intrinsic(function):
        """Stand-in for numba's."""
        return function


__all__ = [
    "AVAILABLE",
    "BIT_IN",
    "FAN_IN",
    "HIDDEN",
    "PLANE",
    "ROW",
    "ROWS",
    "TURNED",
    "WORDS_IN",
    "WORDS_OUT",
    "WORD_IN",
    "WORD_OUT",
    "infer",
    "sweep",
    "train",
]

# columns of the geometry table, one row per layer
FAN_IN, ROWS, WORDS_IN, WORDS_OUT = 0, 1, 2, 3
HIDDEN, PLANE, TURNED, ROW, WORD_IN, WORD_OUT, BIT_IN = 4, 5, 6, 7, 8, 9, 10

_NO_WINNER = np.int64(1) << np.int64(40)


@intrinsic
def _popcount(typingctx, word):
    """Set bits of a uint64."""
    return types.uint64(types.uint64), lambda context, builder, signature, args: builder.ctpop(args[0])


@intrinsic
def _lowest_bit(typingctx, word):
    """Index of the lowest set bit of a uint64 that is not zero."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), generate


@njit(cache=True)
def _pack(flags, words):
    """Flags of 0 and 1, uint8 (K,), into words; the rest of the last word is zero."""
    one = np.uint64(1)
    for w in range(words.size):
        word = np.uint64(0)
        base = 64 * w
        for b in range(min(64, flags.size - base)):
            word |= (np.uint64(flags[base + b]) & one) << np.uint64(b)
        words[w] = word


@njit(cache=True)
def _products(words, plane, length, z):
    """z[j] = 2·popcount(XNOR(words, column j of plane)) − length."""
    z[:] = length
    for w in range(words.size):
        word = words[w]
        row = plane[w]
        for j in range(z.size):
            z[j] -= np.int64(2) * np.int64(_popcount(word ^ row[j]))


@njit(cache=True)
def _forward(geometry, plane, bits, flags, words, z):
    """One sample through all layers: flags (bytes) and words of every activation, z of every layer."""
    flags[: bits.size] = bits
    _pack(bits, words[: geometry[0, WORDS_IN]])
    for layer in range(geometry.shape[0]):
        g = geometry[layer]
        rows, inputs = g[ROWS], words[g[WORD_IN] : g[WORD_IN] + g[WORDS_IN]]
        z_l = z[g[ROW] : g[ROW] + rows]
        matrix = plane[g[PLANE] : g[PLANE] + g[WORDS_IN] * rows].reshape(g[WORDS_IN], rows)
        _products(inputs, matrix, g[FAN_IN], z_l)
        start = g[BIT_IN] + g[FAN_IN]
        flags_l = flags[start : start + rows]
        for j in range(rows):
            flags_l[j] = z_l[j] >= 0
        _pack(flags_l, words[g[WORD_OUT] : g[WORD_OUT] + g[WORDS_OUT]])


@njit(cache=True)
def _first_largest(scores):
    best = 0
    for c in range(1, scores.size):
        if scores[c] > scores[best]:
            best = c
    return best


@njit(cache=True)
def _walk_back(geometry, turned, gates, z, flags, words):
    """a*_l of every layer below the last, from the a*_L that flags and words already hold."""
    gate = np.zeros(words.size, np.uint64)
    allowed = np.zeros(z.size, np.uint8)
    sums = np.empty(flags.size, np.int64)
    for layer in range(geometry.shape[0] - 1, 0, -1):
        g = geometry[layer]
        rows, fan_in, limit, first = g[ROWS], g[FAN_IN], gates[layer], g[ROW]
        for j in range(rows):
            allowed[j] = abs(z[first + j]) <= limit
        open_words = gate[: g[WORDS_OUT]]
        _pack(allowed[:rows], open_words)
        count = np.int64(0)
        total = sums[:fan_in]
        total[:] = 0
        for w in range(g[WORDS_OUT]):
            count += np.int64(_popcount(open_words[w]))
            mask, word = open_words[w], words[g[WORD_OUT] + w]
            row = turned[g[TURNED] + w * fan_in : g[TURNED] + (w + 1) * fan_in]
            for i in range(fan_in):
                total[i] += np.int64(_popcount((word ^ row[i]) & mask))
        below = flags[g[BIT_IN] : g[BIT_IN] + fan_in]
        for i in range(fan_in):
            below[i] = 2 * total[i] <= count
        _pack(below, words[g[WORD_IN] : g[WORD_IN] + g[WORDS_IN]])


@njit(cache=True)
def _pick_winners(z, active, desired, group, keys, winners):
    """Per group the wrong unit with the smallest |z|, ties to the lowest index; returns how many."""
    for j in range(z.size):
        keys[j] = (np.int64(active[j] == desired[j]) << np.int64(40)) | (abs(z[j]) << np.int64(20)) | np.int64(j)
    count = 0
    for start in range(0, z.size, group):
        best = _NO_WINNER
        for j in range(start, start + group):
            best = min(best, keys[j])
        if best < _NO_WINNER:
            winners[count] = best & np.int64(0xFFFFF)
            count += 1
    return count


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
def _refresh_row(g, row, hidden, plane, turned):
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
                turned[start + np.int64(_lowest_bit(changed))] ^= bit
                changed &= changed - one


@njit(cache=True)
def sweep(geometry, hidden, plane, turned, changed, bank, lanes, thresholds, low, high):
    """Reinforce every layer, then W ← (k ≥ 0) for the changed rows; returns the steps not taken."""
    one, full = np.uint64(1), ~np.uint64(0)
    lanes8 = (lanes + 7) // 8 * 8
    parts = (lanes + 63) // 64
    padded = np.zeros(bank.size + parts + 1, np.uint64)
    stuck = np.int64(0)
    for layer in range(geometry.shape[0]):
        g = geometry[layer]
        fan_in, threshold = g[FAN_IN], thresholds[layer]
        fraction = np.uint64(threshold & ((1 << DITHER_BITS) - 1))
        for row in range(g[ROWS]):
            k = hidden[g[HIDDEN] + row * fan_in : g[HIDDEN] + (row + 1) * fan_in]
            for first in range(0, fan_in, lanes):
                for n in range(bank.size):
                    x = bank[n]
                    padded[n] = x
                    x ^= x << np.uint64(13)
                    x ^= x >> np.uint64(7)
                    bank[n] = x ^ (x << np.uint64(17))
                dither = _bits_at(padded, LEVELS * lanes8) & np.uint64((1 << DITHER_BITS) - 1)
                used = min(lanes, fan_in - first)
                for part in range(parts):
                    if used <= 64 * part:
                        break
                    below = full if dither < fraction else np.uint64(0)
                    for level in range(LEVELS):
                        bits = _bits_at(padded, level * lanes8 + 64 * part)
                        below = ~bits | below if threshold >> (DITHER_BITS + level) & 1 else ~bits & below
                    if used - 64 * part < 64:
                        below &= (one << np.uint64(used - 64 * part)) - one
                    while below:
                        i = first + 64 * part + np.int64(_lowest_bit(below))
                        below &= below - one
                        if k[i] == high or k[i] == low:
                            stuck += 1
                        else:
                            k[i] += 1 if k[i] >= 0 else -1
            if changed[g[ROW] + row]:
                _refresh_row(g, row, hidden, plane, turned)
                changed[g[ROW] + row] = 0
    return stuck


@njit(cache=True)
def _bits_at(words, start):
    """64 bits of a flat little-endian bit string."""
    word, shift = start >> 6, np.uint64(start & 63)
    low = words[word] >> shift
    return low | (words[word + 1] << (np.uint64(63) - shift)) << np.uint64(1)


@njit(cache=True)
def train(geometry, hidden, plane, turned, changed, bank, lanes, scorer, prototypes, limits, batch, online, pending,
           margin, gates, groups, reinforce, bits, labels, prediction, margins, triggered, winner_counts):  # fmt: skip
    """Train on samples in order; returns (saturations, sweeps, pending)."""
    layers, top = geometry.shape[0], geometry[-1]
    low, high = limits[0], limits[1]
    flags = np.zeros(top[BIT_IN] + top[FAN_IN] + top[ROWS], np.uint8)
    words = np.zeros(top[WORD_OUT] + top[WORDS_OUT], np.uint64)
    wanted, wanted_words = np.zeros_like(flags), np.zeros_like(words)
    z = np.zeros(changed.size, np.int64)
    keys = np.zeros(changed.size, np.int64)
    winners = np.zeros(changed.size, np.int64)
    scores = np.zeros(prototypes.shape[0], np.int64)
    top_words = words[top[WORD_OUT] :]
    top_flags = top[BIT_IN] + top[FAN_IN]
    stuck, sweeps = np.int64(0), 0
    for n in range(labels.size):
        _forward(geometry, plane, bits[n], flags, words, z)
        _products(top_words, scorer, top[ROWS], scores)
        label = labels[n]
        prediction[n] = _first_largest(scores)
        true = scores[label]
        scores[label] = -(1 << 30)
        margins[n] = true - scores.max()
        if margins[n] < margin:
            triggered[n] = True
            wanted[top_flags:] = prototypes[label]
            _pack(prototypes[label], wanted_words[top[WORD_OUT] :])
            _walk_back(geometry, turned, gates, z, wanted, wanted_words)
            for layer in range(layers):
                g = geometry[layer]
                rows, fan_in = g[ROWS], g[FAN_IN]
                out = g[BIT_IN] + fan_in
                desired = wanted[out : out + rows]
                count = _pick_winners(
                    z[g[ROW] : g[ROW] + rows], flags[out : out + rows], desired, groups[layer], keys, winners
                )
                winner_counts[n, layer] = count
                inputs = flags[g[BIT_IN] : out]
                for i in range(count):
                    row = winners[i]
                    start = g[HIDDEN] + row * fan_in
                    stuck += _move_row(hidden[start : start + fan_in], inputs, desired[row], low, high)
                    changed[g[ROW] + row] = 1
                    if online:
                        _refresh_row(g, row, hidden, plane, turned)
        pending += 1
        if pending == batch:
            stuck += sweep(geometry, hidden, plane, turned, changed, bank, lanes, reinforce, low, high)
            sweeps += 1
            pending = 0
    return stuck, sweeps, pending


@njit(cache=True)
def infer(geometry, plane, scorer, bits, prediction):
    top = geometry[-1]
    flags = np.zeros(top[BIT_IN] + top[FAN_IN] + top[ROWS], np.uint8)
    words = np.zeros(top[WORD_OUT] + top[WORDS_OUT], np.uint64)
    z = np.zeros(top[ROW] + top[ROWS], np.int64)
    scores = np.zeros(scorer.shape[1], np.int64)
    for n in range(prediction.size):
        _forward(geometry, plane, bits[n], flags, words, z)
        _products(words[top[WORD_OUT] :], scorer, top[ROWS], scores)
        prediction[n] = _first_largest(scores)
