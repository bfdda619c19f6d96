"""The compiled kernels of the packed engine: XNOR and popcount on 64 weights a word, as in the hardware.

They work on the flat buffers that `packed.PackedEngine` lays out and hands over in the records below; a row of the
geometry table says where a layer lies. Of a recurrent layer 1 the flat buffers hold the last time step, and the
`tape_*` buffers all of them; its inputs are [x_t ; s_{t−1}].
"""

from collections import namedtuple

import numpy as np

from ..generator import DITHER_BITS, LEVELS
from .words import AVAILABLE, bits_at, first_largest, lowest_bit, njit, pack, popcount, products

__all__ = ["AVAILABLE", "COLUMNS", "Limits", "Net", "Trained", "Work", "infer", "sweep", "train"]

COLUMNS = 12
# columns of the geometry table, one row per layer; the last says where its classifier lies, −1 for none
FAN_IN, ROWS, WORDS_IN, WORDS_OUT = 0, 1, 2, 3
HIDDEN, PLANE, TURNED, ROW, WORD_IN, WORD_OUT, BIT_IN, CLASSIFIER = 4, 5, 6, 7, 8, 9, 10, 11

Net = namedtuple("Net", "geometry steps lanes batch online local prototypes scorers low high")
"""What stays: prototypes uint8 (classifiers, C, widest), scorers uint64 (classifiers, most words, C); low and high
of the counters; the rest as in `Network` and `Training`."""

Trained = namedtuple("Trained", "hidden plane turned changed bank")
"""What training changes, in the layout of `packed`; changed: rows whose W may differ from the sign of k."""

Limits = namedtuple("Limits", "margins gates groups reinforce by_threshold select push rarity")
"""`Thresholds` as int64 arrays (L,); with bep all margins are R, and without push every φ is −1."""

Work = namedtuple(
    "Work",
    "flags words z wanted wanted_words keys winners scores hits open allowed sums padded mask "
    "tape_inputs tape_z tape_wanted",
)
"""Scratch: activations of all layers as flags and as words, the same for a*, z, and what the kernels name."""

_CORRECT = 62  # bit of a key that puts a correct unit behind every wrong one
_INDEX = 20  # low bits of a key that hold the unit


@njit(cache=True)
def _layer(g, plane, work):
    """z, flags and words of one layer from the flags of its input."""
    rows, fan_in = g[ROWS], g[FAN_IN]
    inputs = work.words[g[WORD_IN] : g[WORD_IN] + g[WORDS_IN]]
    pack(work.flags[g[BIT_IN] : g[BIT_IN] + fan_in], inputs)
    z = work.z[g[ROW] : g[ROW] + rows]
    products(inputs, plane[g[PLANE] : g[PLANE] + g[WORDS_IN] * rows].reshape(g[WORDS_IN], rows), fan_in, z)
    out = work.flags[g[BIT_IN] + fan_in : g[BIT_IN] + fan_in + rows]
    for j in range(rows):
        out[j] = z[j] >= 0


@njit(cache=True)
def _forward(net, plane, bits, work):
    """One sample through all layers; a recurrent layer 1 writes the tape."""
    g = net.geometry[0]
    fan_in, rows = g[FAN_IN], g[ROWS]
    if net.steps:
        width = fan_in - rows
        states = work.flags[fan_in : fan_in + rows]
        states[:] = 1
        for t in range(net.steps):
            work.flags[:width] = bits[t * width : (t + 1) * width]
            work.flags[width:fan_in] = states
            work.tape_inputs[t] = work.flags[:fan_in]
            _layer(g, plane, work)
            work.tape_z[t] = work.z[:rows]
    else:
        work.flags[:fan_in] = bits
        _layer(g, plane, work)
    for layer in range(1, net.geometry.shape[0]):
        _layer(net.geometry[layer], plane, work)
    top = net.geometry[-1]
    start = top[BIT_IN] + top[FAN_IN]
    pack(work.flags[start : start + top[ROWS]], work.words[top[WORD_OUT] : top[WORD_OUT] + top[WORDS_OUT]])


@njit(cache=True)
def _score(net, g, work):
    """Scores of a layer's classifier."""
    matrix = net.scorers[g[CLASSIFIER], : g[WORDS_OUT]]
    products(work.words[g[WORD_OUT] : g[WORD_OUT] + g[WORDS_OUT]], matrix, g[ROWS], work.scores)


@njit(cache=True)
def _judge(net, limits, label, work):
    """Which layers update, into work.hits; returns prediction and margin of the last layer, and whether any does."""
    prediction, margin, any_hit = 0, np.int64(0), False
    for layer in range(net.geometry.shape[0]):
        g = net.geometry[layer]
        if g[CLASSIFIER] < 0:
            continue
        _score(net, g, work)
        prediction = first_largest(work.scores)
        true = work.scores[label]
        work.scores[label] = -(1 << 30)
        margin = true - work.scores.max()
        work.hits[layer] = margin < limits.margins[layer]
        any_hit |= margin < limits.margins[layer]
    if not net.local:
        work.hits[:] = any_hit
    return prediction, margin, any_hit


@njit(cache=True)
def _send_back(g, turned, gate, z, first, work, below):
    """below = sign(W^T (g ⊙ a*)) for the inputs from `first` on; a* stands in the layer's wanted words."""
    rows, fan_in = g[ROWS], g[FAN_IN]
    for j in range(rows):
        work.allowed[j] = abs(z[j]) <= gate
    open_words = work.open[: g[WORDS_OUT]]
    pack(work.allowed[:rows], open_words)
    count = np.int64(0)
    total = work.sums[: fan_in - first]
    total[:] = 0
    for w in range(g[WORDS_OUT]):
        count += np.int64(popcount(open_words[w]))
        mask, word = open_words[w], work.wanted_words[g[WORD_OUT] + w]
        row = turned[g[TURNED] + w * fan_in + first : g[TURNED] + (w + 1) * fan_in]
        for i in range(total.size):
            total[i] += np.int64(popcount((word ^ row[i]) & mask))
    for i in range(total.size):
        below[i] = 2 * total[i] <= count


@njit(cache=True)
def _pack_wanted(g, work):
    start = g[BIT_IN] + g[FAN_IN]
    pack(work.wanted[start : start + g[ROWS]], work.wanted_words[g[WORD_OUT] : g[WORD_OUT] + g[WORDS_OUT]])


@njit(cache=True)
def _desire(net, trained, gates, label, work):
    """a* of every layer into work.wanted, of a recurrent layer 1 into the tape."""
    layers = net.geometry.shape[0]
    for layer in range(layers):
        g = net.geometry[layer]
        if g[CLASSIFIER] >= 0:
            start = g[BIT_IN] + g[FAN_IN]
            work.wanted[start : start + g[ROWS]] = net.prototypes[g[CLASSIFIER], label, : g[ROWS]]
    if net.local:
        return
    for layer in range(layers - 1, 0, -1):
        g = net.geometry[layer]
        _pack_wanted(g, work)
        below = work.wanted[g[BIT_IN] : g[BIT_IN] + g[FAN_IN]]
        _send_back(g, trained.turned, gates[layer], work.z[g[ROW] : g[ROW] + g[ROWS]], 0, work, below)
    if net.steps:
        g = net.geometry[0]
        fan_in, rows = g[FAN_IN], g[ROWS]
        state = work.wanted[fan_in : fan_in + rows]
        work.tape_wanted[net.steps - 1] = state
        for t in range(net.steps - 1, 0, -1):
            _pack_wanted(g, work)
            _send_back(g, trained.turned, gates[0], work.tape_z[t], fan_in - rows, work, state)
            work.tape_wanted[t - 1] = state


@njit(cache=True)
def _rank(z, active, desired, keys):
    """Keys of a layer's units, wrong before correct, then by |z|, then by index."""
    for j in range(z.size):
        keys[j] = (np.int64(active[j] == desired[j]) << _CORRECT) | (abs(z[j]) << _INDEX) | np.int64(j)


@njit(cache=True)
def _rank_in_time(z, desired, keys):
    """Keys of a recurrent layer's units: wrong iff u_j = Σ_t s*_{t,j}·z_{t,j} < 0, then by |u_j|, then by index."""
    steps, units = z.shape
    keys[:units] = 0
    for t in range(steps):
        for j in range(units):
            keys[j] += z[t, j] if desired[t, j] else -z[t, j]
    for j in range(units):
        u = keys[j]
        keys[j] = (np.int64(u >= 0) << _CORRECT) | (abs(u) << _INDEX) | np.int64(j)


@njit(cache=True)
def _pick_winners(keys, group, winners):
    """Per group the wrong unit with the smallest key; returns how many."""
    count = 0
    for start in range(0, keys.size, group):
        best = np.int64(1) << _CORRECT
        for j in range(start, start + group):
            best = min(best, keys[j])
        if best < np.int64(1) << _CORRECT:
            winners[count] = best & ((1 << _INDEX) - 1)
            count += 1
    return count


@njit(cache=True)
def _pick_below(keys, select, push, winners):
    """Wrong units up to `select` and correct ones up to `push`, ascending; returns how many."""
    count = 0
    for j in range(keys.size):
        size = (keys[j] & ((np.int64(1) << _CORRECT) - 1)) >> _INDEX
        if size <= (push if keys[j] >> _CORRECT else select):
            winners[count] = j
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
        below = full if dither < fraction else np.uint64(0)
        for level in range(LEVELS):
            bits = bits_at(padded, level * lanes8 + 64 * part)
            below = ~bits | below if threshold >> (DITHER_BITS + level) & 1 else ~bits & below
        mask[part] = below & ((one << np.uint64(left)) - one) if left < 64 else below


@njit(cache=True)
def _move_row_rarely(net, row, inputs, desired, bank, threshold, work):
    """As `_move_row`, but a step is taken only where the generator says so: one word a segment."""
    one, stuck = np.uint64(1), np.int64(0)
    for first in range(0, row.size, net.lanes):
        _draw(bank, net.lanes, threshold, min(net.lanes, row.size - first), work.padded, work.mask)
        for part in range(work.mask.size):
            taken = work.mask[part]
            while taken:
                i = first + 64 * part + np.int64(lowest_bit(taken))
                taken &= taken - one
                up = inputs[i] == desired
                if row[i] == (net.high if up else net.low):
                    stuck += 1
                else:
                    row[i] += 1 if up else -1
    return stuck


@njit(cache=True)
def _refresh_row(g, row, trained):
    """W[row, :] = (k ≥ 0), in both layouts."""
    one = np.uint64(1)
    fan_in = g[FAN_IN]
    k = trained.hidden[g[HIDDEN] + row * fan_in : g[HIDDEN] + (row + 1) * fan_in]
    bit = one << np.uint64(row & 63)
    for w in range(g[WORDS_IN]):
        word = np.uint64(0)
        base = 64 * w
        for b in range(min(64, fan_in - base)):
            word |= np.uint64(k[base + b] >= 0) << np.uint64(b)
        place = g[PLANE] + w * g[ROWS] + row
        changed = trained.plane[place] ^ word
        trained.plane[place] = word
        if g[TURNED] >= 0:
            start = g[TURNED] + (row >> 6) * fan_in + base
            while changed:
                trained.turned[start + np.int64(lowest_bit(changed))] ^= bit
                changed &= changed - one


@njit(cache=True)
def sweep(net, trained, reinforce, work):
    """Reinforce every layer, then W ← (k ≥ 0) for the changed rows; returns the steps not taken."""
    one, stuck = np.uint64(1), np.int64(0)
    for layer in range(net.geometry.shape[0]):
        g = net.geometry[layer]
        fan_in = g[FAN_IN]
        for row in range(g[ROWS]):
            k = trained.hidden[g[HIDDEN] + row * fan_in : g[HIDDEN] + (row + 1) * fan_in]
            for first in range(0, fan_in, net.lanes):
                _draw(trained.bank, net.lanes, reinforce[layer], min(net.lanes, fan_in - first), work.padded, work.mask)
                for part in range(work.mask.size):
                    taken = work.mask[part]
                    while taken:
                        i = first + 64 * part + np.int64(lowest_bit(taken))
                        taken &= taken - one
                        if k[i] == net.high or k[i] == net.low:
                            stuck += 1
                        else:
                            k[i] += 1 if k[i] >= 0 else -1
            if trained.changed[g[ROW] + row]:
                _refresh_row(g, row, trained)
                trained.changed[g[ROW] + row] = 0
    return stuck


@njit(cache=True)
def _pick(g, limits, layer, work):
    """The rows of a feed-forward layer to update, into work.winners; returns how many."""
    keys = work.keys[: g[ROWS]]
    if limits.by_threshold:
        return _pick_below(keys, limits.select[layer], limits.push[layer], work.winners)
    return _pick_winners(keys, limits.groups[layer], work.winners)


@njit(cache=True)
def _update(net, trained, limits, layer, count, inputs, desired, work):
    """Move the first `count` rows of work.winners, each by its steps t in order; returns the steps not taken."""
    g = net.geometry[layer]
    fan_in, stuck = g[FAN_IN], np.int64(0)
    for n in range(count):
        row = work.winners[n]
        k = trained.hidden[g[HIDDEN] + row * fan_in : g[HIDDEN] + (row + 1) * fan_in]
        for t in range(inputs.shape[0]):
            if limits.rarity:
                stuck += _move_row_rarely(net, k, inputs[t], desired[t, row], trained.bank, limits.rarity, work)
            else:
                stuck += _move_row(k, inputs[t], desired[t, row], net.low, net.high)
        trained.changed[g[ROW] + row] = 1
        if net.online:
            _refresh_row(g, row, trained)
    return stuck


@njit(cache=True)
def train(net, trained, limits, work, pending, bits, labels, prediction, margins, triggered, winner_counts):
    """Train on samples in order; returns (saturations, sweeps, pending)."""
    stuck, sweeps = np.int64(0), 0
    for n in range(labels.size):
        _forward(net, trained.plane, bits[n], work)
        prediction[n], margins[n], triggered[n] = _judge(net, limits, labels[n], work)
        if triggered[n]:
            _desire(net, trained, limits.gates, labels[n], work)
            for layer in range(net.geometry.shape[0]):
                if not work.hits[layer]:
                    continue
                g = net.geometry[layer]
                rows, out = g[ROWS], g[BIT_IN] + g[FAN_IN]
                if layer == 0 and net.steps:
                    inputs, desired = work.tape_inputs, work.tape_wanted
                    _rank_in_time(work.tape_z, desired, work.keys)
                else:
                    inputs = work.flags[g[BIT_IN] : out].reshape(1, g[FAN_IN])
                    desired = work.wanted[out : out + rows].reshape(1, rows)
                    _rank(work.z[g[ROW] : g[ROW] + rows], work.flags[out : out + rows], desired[0], work.keys)
                count = _pick(g, limits, layer, work)
                winner_counts[n, layer] = count
                stuck += _update(net, trained, limits, layer, count, inputs, desired, work)
        pending += 1
        if pending == net.batch:
            stuck += sweep(net, trained, limits.reinforce, work)
            sweeps += 1
            pending = 0
    return stuck, sweeps, pending


@njit(cache=True)
def infer(net, plane, work, bits, prediction):
    """Predictions of all samples."""
    for n in range(prediction.size):
        _forward(net, plane, bits[n], work)
        _score(net, net.geometry[-1], work)
        prediction[n] = first_largest(work.scores)
