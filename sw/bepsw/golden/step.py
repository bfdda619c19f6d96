"""The golden model that steps: one sample at a time, every intermediate in the open, nothing clever.

Each method is one line of the algorithm. `FastModel` gives the same bits many times faster; this one is what the
hardware is debugged against.

    bits ─ forward ─ z, a per layer ─ judge ─ triggered? ─ desire ─ a*, gates ─ pick winners ─ update k
                                                                       every `batch` samples: sweep k, refresh W
"""

import numpy as np

from ..generator import Generator
from ..spec import REINFORCE_BITS
from ..target import Results, State
from .base import Model, check_state
from .trace import SampleTrace

__all__ = ["StepModel"]


class StepModel(Model):
    """BEP, BEP-TT and the local rules, sample by sample; implements `Target`. Eq. n is an equation of the BEP paper.

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
        """Train on one sample, bits (inputs,), and return its `SampleTrace`."""
        bits = self.check_bits(np.asarray(bits)[np.newaxis])
        return self._step(bits[0], self.check_labels(np.array([label]), 1)[0])

    def infer(self, bits):
        """Predictions, uint8 (n,), without touching the state."""
        tops = (_final(self.forward(sample.astype(bool))[2][-1]) for sample in self.check_bits(bits))
        return np.array([np.argmax(_scores(self.classifiers[-1], top)) for top in tops], dtype=np.uint8)

    def forward(self, bits):
        """Inputs, z_l = W_l a_{l−1} = 2·popcount(XNOR) − fan-in and a_l = (z_l ≥ 0) of every layer."""
        inputs, z, a = [], [], []
        for layer, weights in enumerate(self.weights):
            if layer == 0 and self.network.steps:
                below, pre = self.unroll(bits)
            else:
                below = _final(a[-1]) if a else bits
                pre = _scores(weights, below)
            inputs.append(below)
            z.append(pre)
            a.append(pre >= 0)
        return tuple(inputs), tuple(z), tuple(a)

    def unroll(self, bits):
        """The recurrent layer: [x_t ; s_{t−1}], bool (T, K_0+K_1), and z_t, int32 (T, K_1); s_0 is all +1."""
        state, inputs, z = np.ones(self.network.widths[1], dtype=bool), [], []
        for x in bits.reshape(self.network.steps, -1):
            inputs.append(np.concatenate([x, state]))
            z.append(_scores(self.weights[0], inputs[-1]))
            state = z[-1] >= 0
        return np.array(inputs), np.array(z)

    def judge(self, scores, label):
        """d = score of the true class − best other score (Eq. 1)."""
        return int(scores[label]) - int(np.delete(scores, label).max())

    def walk_back(self, z, label):
        """a*_L = ρ_label; a*_l = sign(W_{l+1}^T (g_{l+1} ⊙ a*_{l+1})) (Eq. 5, 7), and so through time."""
        gates = tuple(np.abs(z_l) <= limit for z_l, limit in zip(z, self.thresholds.gates, strict=True))
        desired = [self.classifiers[-1][label]]
        for weights, gate in zip(self.weights[:0:-1], gates[:0:-1], strict=True):
            desired.insert(0, _send_back(weights, gate, desired[0]))
        if self.network.steps:
            desired[0] = self.walk_back_in_time(gates[0], desired[0])
        return tuple(desired), gates

    def walk_back_in_time(self, gates, last):
        """s*_T = last; s*_t = sign(W_ss^T (g_{t+1} ⊙ s*_{t+1})), bool (T, K_1)."""
        desired, recurrent = [last], self.weights[0][:, self.network.widths[0] :]
        for gate in gates[:0:-1]:
            desired.insert(0, _send_back(recurrent, gate, desired[0]))
        return np.array(desired)

    def pick_winners(self, layer, z, a, desired):
        """The rows to update, ascending: the weakest wrong unit of every group, or all up to a threshold."""
        wrong, size = _errors(z, a, desired)
        if self.thresholds.select:
            rows = wrong & (size <= self.thresholds.select[layer])
            if self.thresholds.push:
                rows |= ~wrong & (size <= self.thresholds.push[layer])
            return np.flatnonzero(rows)
        winners = []
        for start in range(0, size.size, self.thresholds.groups[layer]):
            candidates = start + np.flatnonzero(wrong[start : start + self.thresholds.groups[layer]])
            if candidates.size:
                winners.append(candidates[np.argmin(size[candidates])])
        return np.array(winners, dtype=np.int64)

    def update(self, layer, winners, inputs, desired):
        """H[j,:] += 2·a*_j·a_{l−1} for every winner j, t = 1 … T: k moves by ±1 and saturates (Eq. 8, 9)."""
        hidden = self.hidden[layer]
        for row in winners:
            for below, wanted in zip(np.atleast_2d(inputs), np.atleast_2d(desired)[:, row], strict=True):
                steps = np.where(below == wanted, 1, -1)
                if self.thresholds.rarity:
                    steps *= self.generator.masks(1 << (REINFORCE_BITS - self.thresholds.rarity), 1, below.size)[0]
                hidden[row] = self._move(hidden[row], steps)
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
        inputs, z, a = self.forward(bits.astype(bool))
        judged = a if self.training.local else a[-1:]
        scores = [_scores(p, _final(a_l)) for p, a_l in zip(self.classifiers, judged, strict=True)]
        margins = tuple(self.judge(s, label) for s in scores)
        triggers = tuple(
            d < r for d, r in zip(margins, self.thresholds.margins or [self.thresholds.margin], strict=True)
        )
        if not self.training.local:
            triggers *= self.network.layers
        desired, gates, winners = (), (), [np.empty(0, dtype=np.int64) for _ in z]
        if any(triggers):
            desired, gates = self.desire(z, label)
            for layer in np.flatnonzero(triggers):
                winners[layer] = self.pick_winners(layer, z[layer], a[layer], desired[layer])
                self.update(layer, winners[layer], inputs[layer], desired[layer])
        self.counters.samples += 1
        self.counters.triggered += any(triggers)
        self.pending += 1
        swept = self.pending == self.training.batch
        if swept:
            self.sweep()
        return SampleTrace(
            z=z, a=a, scores=scores[-1], prediction=int(np.argmax(scores[-1])), margin=margins[-1],
            triggered=any(triggers), desired=desired, gates=gates, winners=tuple(winners), swept=swept,
            layer_margins=margins, layer_triggers=triggers,
        )  # fmt: skip

    def desire(self, z, label):
        """a* of every layer, and the gates that it passed: rows of the layers' own classifiers with a local rule."""
        if self.training.local:
            return tuple(prototypes[label] for prototypes in self.classifiers), ()
        return self.walk_back(z, label)


def _final(a):
    """What the layer above sees: a_l, or s_T of a recurrent layer."""
    return a[-1] if a.ndim == 2 else a


def _scores(matrix, bits):
    """2·popcount(XNOR) − K of every row, int32 (rows,)."""
    return (2 * np.count_nonzero(matrix == bits, axis=1) - bits.size).astype(np.int32)


def _send_back(weights, gate, desired):
    """sign(W^T (g ⊙ a*)), bool (columns,); sign(0) = +1, also with every gate shut."""
    agree = weights[gate] == desired[gate, np.newaxis]
    return 2 * np.count_nonzero(agree, axis=0) >= np.count_nonzero(gate)


def _errors(z, a, desired):
    """(wrong, size) of every unit: a ≠ a* and |z|; over time u = Σ_t s*_t·z_t < 0 and |u|."""
    if z.ndim == 1:
        return a != desired, np.abs(z)
    stability = np.where(desired, z, -z).sum(axis=0)
    return stability < 0, np.abs(stability)
