"""The golden model that steps: one sample at a time, every intermediate in the open, nothing clever.

Each method is one line of the algorithm. `FastModel` gives the same bits many times faster; this one is what the
hardware is debugged against.

    bits ─ forward ─ z, a per layer ─ judge ─ triggered? ─ walk back ─ a*, gates ─ pick winners ─ update k
                                                                       every `batch` samples: sweep k, refresh W
"""

from dataclasses import dataclass

import numpy as np

from ..generator import Generator
from ..target import Results, State
from .base import Model, check_state

__all__ = ["SampleTrace", "StepModel"]


@dataclass(frozen=True)
class SampleTrace:
    """Everything that one training sample went through. Tuples are indexed by layer, [0] is layer 1.

    z : int32 (K_l,), pre-activations.
    a : bool (K_l,), activations.
    scores : int32 (C,).
    prediction, margin, triggered : as in `Results`.
    desired : bool (K_l,), a*_l; an empty tuple when the sample did not trigger.
    gates : bool (K_l,), |z_l| ≤ G_l; empty when not triggered. Layer 1's gate has no effect.
    winners : int64 arrays of row indices, ascending; arrays of length 0 when not triggered.
    swept : True when this sample ended a batch.
    """

    z: tuple[np.ndarray, ...]
    a: tuple[np.ndarray, ...]
    scores: np.ndarray
    prediction: int
    margin: int
    triggered: bool
    desired: tuple[np.ndarray, ...]
    gates: tuple[np.ndarray, ...]
    winners: tuple[np.ndarray, ...]
    swept: bool


class StepModel(Model):
    """BEP for a multi-layer perceptron, sample by sample (BEP paper, Eq. 1 and 5 to 9); implements `Target`.

    Parameters, members and errors: see `Model`. A new model starts from `initial_state`.
    """

    def load(self, state):
        """Take over a `State` at a batch boundary or inside a batch."""
        check_state(state, self.network, self.training, self.lanes)
        self.hidden = [k.astype(np.int16) for k in state.hidden]
        self.weights = [w.astype(bool) for w in state.weights]
        self.generator = Generator(0, self.lanes)
        self.generator.state = state.generator.astype(np.uint64)
        self.pending = state.pending

    def state(self):
        """The present `State`, as copies."""
        return State(
            hidden=tuple(k.copy() for k in self.hidden),
            weights=tuple(w.copy() for w in self.weights),
            generator=self.generator.state.copy(),
            pending=self.pending,
        )

    def train(self, bits, labels, *, close=False):
        """Train on samples in order, sweeping every `batch` samples; `close` ends the last batch early."""
        bits = self.check_bits(bits)
        labels = self.check_labels(labels, len(bits))
        results = Results(np.zeros(len(bits), np.uint8), np.zeros(len(bits), np.int32), np.zeros(len(bits), bool))
        for index, (sample, label) in enumerate(zip(bits, labels, strict=True)):
            trace = self._step(sample, label)
            results.prediction[index] = trace.prediction
            results.margin[index] = trace.margin
            results.triggered[index] = trace.triggered
        if close and self.pending:
            self.sweep()
        return results

    def step(self, bits, label):
        """Train on one sample, bits (K_0,), and return its `SampleTrace`."""
        bits = self.check_bits(np.asarray(bits)[np.newaxis])
        return self._step(bits[0], self.check_labels(np.array([label]), 1)[0])

    def infer(self, bits):
        """Predictions, uint8 (n,), without touching the state."""
        scores = (self.scores(self.forward(sample.astype(bool))[1][-1]) for sample in self.check_bits(bits))
        return np.array([np.argmax(s) for s in scores], dtype=np.uint8)

    def forward(self, bits):
        """z_l = W_l a_{l−1} = 2·popcount(XNOR) − K_{l−1} and a_l = (z_l ≥ 0) of every layer."""
        z, a = [], [bits]
        for weights in self.weights:
            z.append((2 * np.count_nonzero(weights == a[-1], axis=1) - a[-1].size).astype(np.int32))
            a.append(z[-1] >= 0)
        return tuple(z), tuple(a[1:])

    def scores(self, top):
        """ŷ = P a_L, int32 (C,)."""
        return (2 * np.count_nonzero(self.prototypes == top, axis=1) - top.size).astype(np.int32)

    def walk_back(self, z, label):
        """a*_L = ρ_label; a*_l = sign(W_{l+1}^T (g_{l+1} ⊙ a*_{l+1})), sign(0) = +1 (Eq. 5, 7)."""
        gates = tuple(np.abs(z_l) <= limit for z_l, limit in zip(z, self.thresholds.gates, strict=True))
        desired = [self.prototypes[label]]
        for weights, gate in zip(self.weights[:0:-1], gates[:0:-1], strict=True):
            agree = weights[gate] == desired[0][gate, np.newaxis]
            desired.insert(0, 2 * np.count_nonzero(agree, axis=0) >= np.count_nonzero(gate))
        return tuple(desired), gates

    def pick_winners(self, layer, z, a, desired):
        """In every group of γ units the wrong one with the smallest |z|, ties to the lowest index."""
        group = self.thresholds.groups[layer]
        winners = []
        for start in range(0, z.size, group):
            wrong = start + np.flatnonzero(a[start : start + group] != desired[start : start + group])
            if wrong.size:
                winners.append(wrong[np.argmin(np.abs(z[wrong]))])
        return np.array(winners, dtype=np.int64)

    def update(self, layer, winners, inputs, desired):
        """H[j,:] += 2·a*_j·a_{l−1} for every winner j: k moves by ±1 and saturates (Eq. 8, 9)."""
        hidden = self.hidden[layer]
        for row in winners:
            hidden[row] = self._move(hidden[row], np.where(inputs == desired[row], 1, -1))
            if self.training.online:
                self.weights[layer][row] = hidden[row] >= 0
        self.counters.updates += winners.size

    def sweep(self):
        """End of a batch: reinforce every layer, then W ← (k ≥ 0). Words are drawn even at probability 0."""
        for layer, (hidden, threshold) in enumerate(zip(self.hidden, self.thresholds.reinforce, strict=True)):
            mask = self.generator.masks(threshold, *hidden.shape)
            hidden[:] = self._move(hidden, np.where(hidden >= 0, 1, -1) * mask)
            self.weights[layer] = hidden >= 0
        self.counters.sweeps += 1
        self.pending = 0

    def _move(self, hidden, steps):
        wanted = hidden.astype(np.int32) + steps
        moved = np.clip(wanted, self.low, self.high)
        self.counters.saturations += int(np.count_nonzero(moved != wanted))
        return moved

    def _step(self, bits, label):
        bits = bits.astype(bool)
        z, a = self.forward(bits)
        scores = self.scores(a[-1])
        margin = int(scores[label]) - int(np.delete(scores, label).max())
        triggered = margin < self.thresholds.margin
        desired, gates, winners = (), (), tuple(np.empty(0, dtype=np.int64) for _ in z)
        if triggered:
            desired, gates = self.walk_back(z, label)
            winners = tuple(
                self.pick_winners(layer, *parts) for layer, parts in enumerate(zip(z, a, desired, strict=True))
            )
            for layer, inputs in enumerate((bits, *a[:-1])):
                self.update(layer, winners[layer], inputs, desired[layer])
        self.counters.samples += 1
        self.counters.triggered += triggered
        self.pending += 1
        swept = self.pending == self.training.batch
        if swept:
            self.sweep()
        prediction = int(np.argmax(scores))
        return SampleTrace(z, a, scores, prediction, margin, triggered, desired, gates, winners, swept)
