"""The numpy engine of `FastModel`: a whole batch at once, its W being frozen."""

import numpy as np

from .matrix_counters import MatrixCounters
from .matrix_pass import choose_rows, final, forward, signs, walk_back

__all__ = ["MatrixEngine"]

_INFER_BLOCK = 2048  # samples at a time
_CELLS = 1 << 26  # array elements at a time; both bound memory


class MatrixEngine:
    """State and arithmetic of one network; the arguments come checked from `FastModel`.

    Members
    -------
    pending : int
        Samples since the last sweep.
    """

    def __init__(self, network, training, classifiers, lanes, state):
        self.network, self.local = network, training.local
        self.batch, self.online = training.batch, training.online
        self.classifiers = [signs(p) for p in classifiers]
        self.trained = MatrixCounters(network, training.online, lanes, state)
        self.pending = state.pending

    def state(self):
        """Copies: hidden, weights, generator."""
        return self.trained.state()

    def infer(self, bits):
        """Predictions, uint8 (n,)."""
        size = min(_INFER_BLOCK, self._block(rare=False))
        blocks = [bits[start : start + size] for start in range(0, len(bits), size)]
        tops = (final(forward(self.trained.weights, self.network.steps, block)[2][-1]) for block in blocks)
        found = [(top @ self.classifiers[-1].T).argmax(axis=1) for top in tops]
        return np.concatenate([np.zeros(0, np.uint8), *found]).astype(np.uint8)

    def train(self, bits, labels, close, thresholds, results, winner_counts, layer_triggers):
        """Train in order, writing a row per sample into the last three; (saturations, sweeps)."""
        saturations = sweeps = start = 0
        block = 1 if self.online else self._block(rare=thresholds.rarity > 0)
        while start < len(bits):
            part = slice(start, min(start + min(block, self.batch - self.pending), len(bits)))
            counts = winner_counts[part], layer_triggers[part]
            saturations += self._train_frozen(bits[part], labels[part], thresholds, results, *counts, part)
            self.pending += part.stop - part.start
            start = part.stop
            if self.pending == self.batch:
                saturations += self.trained.sweep(thresholds.reinforce)
                sweeps += 1
                self.pending = 0
        if close and self.pending:
            saturations += self.trained.sweep(thresholds.reinforce)
            sweeps += 1
            self.pending = 0
        return saturations, sweeps

    def _block(self, rare):
        """Samples at a time: W is frozen inside a batch, so that it may be cut anywhere."""
        cells = self.network.hidden_weights if rare else sum(self.network.fan_ins)
        return max(1, _CELLS // (cells * max(1, self.network.steps)))

    def _train_frozen(self, bits, labels, thresholds, results, winner_counts, layer_triggers, part):
        """Samples that all see the same W; returns the saturations of their updates."""
        inputs, z, a = forward(self.trained.weights, self.network.steps, bits)
        layer_triggers[:] = triggers = self._judge(a, labels, thresholds, results, part)
        hit = triggers.any(axis=1)
        results.triggered[part] = hit
        if not hit.any():
            return 0
        inputs, z = [x[hit] for x in inputs], [x[hit] for x in z]
        desired = [prototypes[labels[hit]] for prototypes in self.classifiers]
        if not self.local:
            desired = walk_back(self.trained.weights, self.network.steps, z, desired[-1], thresholds.gates)
        chosen = []
        for layer, group in enumerate(thresholds.groups):
            select, push = (limits[layer] if limits else None for limits in (thresholds.select, thresholds.push))
            chosen.append(choose_rows(z[layer], desired[layer], group, select, push))
            chosen[layer] &= triggers[hit, layer, np.newaxis]
            winner_counts[hit, layer] = np.count_nonzero(chosen[layer], axis=1)
        return self.trained.update(chosen, inputs, desired, thresholds.rarity)

    def _judge(self, a, labels, thresholds, results, part):
        """Which layers of which samples update, bool (n, L); predictions and margins are the last layer's."""
        judged = a if self.local else a[-1:]
        limits = thresholds.margins if self.local else (thresholds.margin,)
        triggers = np.empty((len(labels), len(limits)), dtype=bool)
        rows = np.arange(len(labels))
        for layer, (prototypes, limit) in enumerate(zip(self.classifiers, limits, strict=True)):
            scores = final(judged[layer]) @ prototypes.T
            results.prediction[part] = scores.argmax(axis=1)
            true = scores[rows, labels]
            scores[rows, labels] = -np.inf
            results.margin[part] = margin = true - scores.max(axis=1)
            triggers[:, layer] = margin < limit
        return np.repeat(triggers, self.network.layers // len(limits), axis=1)
