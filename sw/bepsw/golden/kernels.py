"""The compiled kernels of the packed engine: XNOR and popcount on 64 weights a word, as in the hardware.

They work on the flat buffers that `packed.PackedEngine` lays out and hands over in `records`; a row of the geometry
table says where a layer lies. Of a recurrent layer 1 the flat buffers hold the last time step, and the
`tape_*` buffers all of them; its inputs are [x_t ; s_{t−1}].
"""

import numpy as np

from .moves import refresh_row, sweep, update
from .records import (
    BIT_IN,
    FAN_IN,
    PLANE,
    PROTOTYPE,
    ROW,
    ROWS,
    SCORER,
    TURNED,
    WORD_IN,
    WORD_OUT,
    WORDS_IN,
    WORDS_OUT,
)
from .words import AVAILABLE, first_largest, njit, pack, popcount, products

__all__ = ["AVAILABLE", "infer", "train"]

_CORRECT = 62  # bit of a key that puts a correct unit behind every wrong one
_INDEX = 20  # low bits of a key that hold the unit


@njit(cache=True)
def _layer(g, plane, flags, words, z):
    """z, flags and words of one layer from the flags of its input."""
    rows, fan_in = g[ROWS], g[FAN_IN]
    inputs = words[g[WORD_IN] : g[WORD_IN] + g[WORDS_IN]]
    pack(flags[g[BIT_IN] : g[BIT_IN] + fan_in], inputs)
    z_l = z[g[ROW] : g[ROW] + rows]
    products(inputs, plane[g[PLANE] : g[PLANE] + g[WORDS_IN] * rows].reshape(g[WORDS_IN], rows), fan_in, z_l)
    out = flags[g[BIT_IN] + fan_in : g[BIT_IN] + fan_in + rows]
    for j in range(rows):
        out[j] = z_l[j] >= 0


@njit(cache=True)
def _copy(source, target):
    for i in range(source.size):
        target[i] = source[i]


@njit(cache=True)
def _forward(geometry, steps, plane, bits, flags, words, z, tape_inputs, tape_z):
    """One sample through all layers; a recurrent layer 1 writes the tape."""
    g = geometry[0]
    fan_in, rows = g[FAN_IN], g[ROWS]
    if steps:
        width = fan_in - rows
        states = flags[fan_in : fan_in + rows]
        states[:] = 1
        for t in range(steps):
            _copy(bits[t * width : (t + 1) * width], flags)
            _copy(states, flags[width:fan_in])
            _copy(flags[:fan_in], tape_inputs[t])
            _layer(g, plane, flags, words, z)
            _copy(z[:rows], tape_z[t])
    else:
        _copy(bits, flags)
        _layer(g, plane, flags, words, z)
    for layer in range(1, geometry.shape[0]):
        _layer(geometry[layer], plane, flags, words, z)
    top = geometry[-1]
    start = top[BIT_IN] + top[FAN_IN]
    pack(flags[start : start + top[ROWS]], words[top[WORD_OUT] : top[WORD_OUT] + top[WORDS_OUT]])


@njit(cache=True)
def _score(g, scorers, words, scores):
    """Scores of a layer's classifier."""
    matrix = scorers[g[SCORER] : g[SCORER] + g[WORDS_OUT] * scores.size].reshape(g[WORDS_OUT], scores.size)
    products(words[g[WORD_OUT] : g[WORD_OUT] + g[WORDS_OUT]], matrix, g[ROWS], scores)


@njit(cache=True)
def _judge(geometry, local, scorers, words, limits, label, scores, hits):
    """Which layers update, into hits; returns prediction and margin of the last layer, and whether any does."""
    prediction, margin, any_hit = 0, np.int64(0), False
    for layer in range(geometry.shape[0]):
        g = geometry[layer]
        if g[SCORER] < 0:
            continue
        _score(g, scorers, words, scores)
        prediction = first_largest(scores)
        true = scores[label]
        scores[label] = -(1 << 30)
        margin = true - scores.max()
        hits[layer] = margin < limits[layer]
        any_hit |= margin < limits[layer]
    if not local:
        hits[:] = any_hit
    return prediction, margin, any_hit


@njit(cache=True)
def _send_back(g, turned, gate, z, first, wanted_words, allowed, open_gates, sums, below):
    """below = sign(W^T (g ⊙ a*)) for the inputs from `first` on; a* stands in the layer's wanted words."""
    rows, fan_in = g[ROWS], g[FAN_IN]
    for j in range(rows):
        allowed[j] = abs(z[j]) <= gate
    open_words = open_gates[: g[WORDS_OUT]]
    pack(allowed[:rows], open_words)
    count = np.int64(0)
    total = sums[: fan_in - first]
    total[:] = 0
    for w in range(g[WORDS_OUT]):
        count += np.int64(popcount(open_words[w]))
        mask, word = open_words[w], wanted_words[g[WORD_OUT] + w]
        row = turned[g[TURNED] + w * fan_in + first : g[TURNED] + (w + 1) * fan_in]
        for i in range(total.size):
            total[i] += np.int64(popcount((word ^ row[i]) & mask))
    for i in range(total.size):
        below[i] = 2 * total[i] <= count


@njit(cache=True)
def _pack_wanted(g, wanted, wanted_words):
    start = g[BIT_IN] + g[FAN_IN]
    pack(wanted[start : start + g[ROWS]], wanted_words[g[WORD_OUT] : g[WORD_OUT] + g[WORDS_OUT]])


@njit(cache=True)
def _take_prototypes(geometry, prototypes, label, wanted):
    """a* = ρ_label in every layer that has a classifier."""
    for layer in range(geometry.shape[0]):
        g = geometry[layer]
        if g[SCORER] >= 0:
            start = g[PROTOTYPE] + label * g[ROWS]
            _copy(prototypes[start : start + g[ROWS]], wanted[g[BIT_IN] + g[FAN_IN] :])


@njit(cache=True)
def _walk_back(geometry, steps, turned, gates, z, wanted, wanted_words, allowed, open_gates, sums, tape_z, tape_wanted):
    """a* of every layer below the last into wanted, of a recurrent layer 1 into the tape."""
    for layer in range(geometry.shape[0] - 1, 0, -1):
        g = geometry[layer]
        _pack_wanted(g, wanted, wanted_words)
        below = wanted[g[BIT_IN] : g[BIT_IN] + g[FAN_IN]]
        z_l = z[g[ROW] : g[ROW] + g[ROWS]]
        _send_back(g, turned, gates[layer], z_l, 0, wanted_words, allowed, open_gates, sums, below)
    if steps:
        g = geometry[0]
        fan_in, rows = g[FAN_IN], g[ROWS]
        state = wanted[fan_in : fan_in + rows]
        _copy(state, tape_wanted[steps - 1])
        for t in range(steps - 1, 0, -1):
            _pack_wanted(g, wanted, wanted_words)
            _send_back(
                g, turned, gates[0], tape_z[t], fan_in - rows, wanted_words, allowed, open_gates, sums, state
            )  # fmt: skip
            _copy(state, tape_wanted[t - 1])


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
def train(
    net, trained, limits, work, pending, bits, labels, prediction, margins, triggered, winner_counts, layer_triggers
):
    """Train on samples in order; returns (saturations, sweeps, pending)."""
    # Records are taken apart here: passing one on costs as much as a layer, in reference counts of its arrays.
    geometry, steps, flags, words, z = net.geometry, net.steps, work.flags, work.words, work.z
    wanted, keys, winners, hits = work.wanted, work.keys, work.winners, work.hits
    hidden, changed, low, high = trained.hidden, trained.changed, net.low, net.high
    stuck, sweeps = np.int64(0), 0
    for n in range(labels.size):
        _forward(geometry, steps, trained.plane, bits[n], flags, words, z, work.tape_inputs, work.tape_z)
        prediction[n], margins[n], triggered[n] = _judge(
            geometry, net.local, net.scorers, words, limits.margins, labels[n], work.scores, hits
        )
        if triggered[n]:
            _take_prototypes(geometry, net.prototypes, labels[n], wanted)
            if not net.local:
                _walk_back(
                    geometry, steps, trained.turned, limits.gates, z, wanted, work.wanted_words, work.allowed,
                    work.open, work.sums, work.tape_z, work.tape_wanted,
                )  # fmt: skip
            for layer in range(geometry.shape[0]):
                if not hits[layer]:
                    continue
                layer_triggers[n, layer] = True
                g = geometry[layer]
                rows, out = g[ROWS], g[BIT_IN] + g[FAN_IN]
                if layer == 0 and steps:
                    inputs, desired = work.tape_inputs, work.tape_wanted
                    _rank_in_time(work.tape_z, desired, keys)
                else:
                    inputs = flags[g[BIT_IN] : out].reshape(1, g[FAN_IN])
                    desired = wanted[out : out + rows].reshape(1, rows)
                    _rank(z[g[ROW] : g[ROW] + rows], flags[out : out + rows], desired[0], keys)
                if limits.by_threshold:
                    count = _pick_below(keys[:rows], limits.select[layer], limits.push[layer], winners)
                else:
                    count = _pick_winners(keys[:rows], limits.groups[layer], winners)
                winner_counts[n, layer] = count
                stuck += update(
                    g, winners[:count], inputs, desired, hidden, changed, low, high, limits.rarity, trained.bank,
                    net.lanes, work.padded, work.mask, work.ups,
                )  # fmt: skip
                if net.online:
                    for i in range(count):
                        refresh_row(g, winners[i], hidden, trained.plane, trained.turned)
        pending += 1
        if pending == net.batch:
            stuck += sweep(net, trained, limits.reinforce, work)
            sweeps += 1
            pending = 0
    return stuck, sweeps, pending


@njit(cache=True)
def infer(net, plane, work, bits, prediction):
    """Predictions of all samples."""
    geometry, flags, words, z, scores = net.geometry, work.flags, work.words, work.z, work.scores
    for n in range(prediction.size):
        _forward(geometry, net.steps, plane, bits[n], flags, words, z, work.tape_inputs, work.tape_z)
        _score(geometry[-1], net.scorers, words, scores)
        prediction[n] = first_largest(scores)
