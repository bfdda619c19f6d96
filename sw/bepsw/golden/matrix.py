"""The numpy engine of `FastModel`: matrix products over the samples of a batch.

Activations and weights are ±1 in float32; every sum is an integer of at most 2^16, which float32 holds exactly.
Counters stay int16 and are moved in rounds: round t makes the t-th update of every row that has one, so that each
row's updates keep their stream order and every single step saturates by itself.
"""

import numpy as np

from ..generator import Generator
from ..spec import counter_range

__all__ = ["MatrixEngine"]

_INFER_BLOCK = 2048  # samples at a time, which bounds memory


class MatrixEngine:
    """State and arithmetic of one network; the arguments come checked from `FastModel`.

    Members
    -------
    pending : int
        Samples since the last sweep.
    """

    def __init__(self, network, training, prototypes, lanes, state):
        self.low, self.high = counter_range(network.bits)
        self.batch, self.online = training.batch, training.online
        self.prototypes = _signs(prototypes)
        self.hidden = [k.astype(np.int16) for k in state.hidden]
        self.weights = [_signs(w) for w in state.weights]
        self.changed = [np.ones(len(k), dtype=bool) for k in state.hidden]
        self.generator = Generator(0, lanes)
        self.generator.state = state.generator.astype(np.uint64)
        self.pending = state.pending

    def state(self):
        """Copies: hidden, weights, generator."""
        hidden = tuple(k.copy() for k in self.hidden)
        return hidden, tuple(w > 0 for w in self.weights), self.generator.state.copy()

    def infer(self, bits):
        """Predictions, uint8 (n,)."""
        blocks = [bits[start : start + _INFER_BLOCK] for start in range(0, len(bits), _INFER_BLOCK)]
        tops = (self._forward(block)[1][-1] for block in blocks)
        return np.concatenate([np.zeros(0, np.uint8), *((a @ self.prototypes.T).argmax(axis=1) for a in tops)]).astype(
            np.uint8
        )

    def train(self, bits, labels, close, thresholds, results, winner_counts):
        """Train in order, writing a row per sample into `results` and `winner_counts`; (saturations, sweeps)."""
        saturations = sweeps = start = 0
        while start < len(bits):
            stop = start + (1 if self.online else self.batch - self.pending)
            part = slice(start, min(stop, len(bits)))
            saturations += self._train_frozen(bits[part], labels[part], thresholds, results, winner_counts, part)
            self.pending += part.stop - part.start
            start = part.stop
            if self.pending == self.batch:
                saturations += self._sweep(thresholds)
                sweeps += 1
        if close and self.pending:
            saturations += self._sweep(thresholds)
            sweeps += 1
        return saturations, sweeps

    def _forward(self, bits):
        z, a = [], [_signs(bits)]
        for weights in self.weights:
            z.append(a[-1] @ weights.T)
            a.append(_signs(z[-1] >= 0))
        return z, a

    def _train_frozen(self, bits, labels, thresholds, results, winner_counts, part):
        """Samples that all see the same W; returns the saturations of their updates."""
        z, a = self._forward(bits)
        scores = a[-1] @ self.prototypes.T
        results.prediction[part] = scores.argmax(axis=1)
        rows = np.arange(len(bits))
        true = scores[rows, labels]
        scores[rows, labels] = -np.inf
        margin = true - scores.max(axis=1)
        results.margin[part] = margin
        triggered = margin < thresholds.margin
        results.triggered[part] = triggered
        if not triggered.any():
            return 0
        z, a = [x[triggered] for x in z], [x[triggered] for x in a]
        desired = self._walk_back(z, self.prototypes[labels[triggered]], thresholds.gates)
        saturations = 0
        for layer, group in enumerate(thresholds.groups):
            samples, winners = _pick_winners(z[layer], a[layer + 1], desired[layer], group)
            winner_counts[part, layer][triggered] = np.bincount(samples, minlength=len(z[layer]))
            signs = desired[layer][samples, winners].astype(np.int16)
            saturations += self._update(layer, samples, winners, signs, a[layer].astype(np.int16))
            if self.online:
                self._refresh(layer, winners)
        return saturations

    def _walk_back(self, z, desired, gates):
        desired = [desired]
        for layer in range(len(z) - 1, 0, -1):
            sent = desired[0] * (np.abs(z[layer]) <= gates[layer])
            desired.insert(0, _signs(sent @ self.weights[layer] >= 0))
        return desired

    def _update(self, layer, samples, winners, signs, inputs):
        hidden, saturations = self.hidden[layer], 0
        order = np.argsort(winners, kind="stable")
        ordered = winners[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        for turn in range(rank.max() + 1 if len(rank) else 0):
            chosen = order[rank == turn]
            rows = winners[chosen]
            wanted = inputs[samples[chosen]]
            wanted *= signs[chosen, np.newaxis]
            wanted += hidden[rows]
            saturations += self._store(hidden, rows, wanted)
        self.changed[layer][winners] = True
        return saturations

    def _store(self, hidden, where, wanted):
        # at B = 16 a step past the end wraps in int16, to a value of the other sign: told apart by the caller's ±1
        if self.high == np.iinfo(np.int16).max:
            before = hidden[where]
            up = (before == self.high) & (wanted == self.low)
            down = (before == self.low) & (wanted == self.high)
            hidden[where] = np.where(up | down, before, wanted)
            return int(np.count_nonzero(up | down))
        moved = np.clip(wanted, self.low, self.high)
        hidden[where] = moved
        return int(np.count_nonzero(moved != wanted))

    def _sweep(self, thresholds):
        saturations = 0
        for layer, (hidden, threshold) in enumerate(zip(self.hidden, thresholds.reinforce, strict=True)):
            flat = hidden.reshape(-1)
            where = np.flatnonzero(self.generator.masks(threshold, *hidden.shape))
            values = flat[where]
            values += np.where(values >= 0, np.int16(1), np.int16(-1))
            saturations += self._store(flat, where, values)
            self._refresh(layer, np.flatnonzero(self.changed[layer]))
            self.changed[layer][:] = False
        self.pending = 0
        return saturations

    def _refresh(self, layer, rows):
        self.weights[layer][rows] = _signs(self.hidden[layer][rows] >= 0)


def _signs(bits):
    signs = bits.astype(np.float32)
    signs *= 2
    signs -= 1
    return signs


def _pick_winners(z, a, desired, group):
    """Winners of all samples, (sample, unit) in stream order: per group the wrong unit with the smallest |z|."""
    cost = np.where(a != desired, np.abs(z), np.inf).reshape(len(z), -1, group)
    best = cost.argmin(axis=2)  # the first of equals, hence the lowest index
    samples, groups = np.nonzero(np.take_along_axis(cost, best[:, :, np.newaxis], axis=2)[:, :, 0] < np.inf)
    return samples, groups * group + best[samples, groups]
