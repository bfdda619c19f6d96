"""The packed engine of `FastModel` (numba): state and buffers; the arithmetic is in `kernels`.

W of layer l is kept twice, with the row index innermost so that the compiler turns the loops over rows into vector
code:

    plane  uint64 (⌈K_{l−1}/64⌉, K_l)      bit b of word w of column j: W[j, 64·w + b]      forward
    turned uint64 (⌈K_l/64⌉, K_{l−1})      the same matrix transposed, for l ≥ 2            walk back

All layers lie one behind the other in flat buffers. Padding bits are zero in activations and weights alike, so that
they never count as different.
"""

from itertools import pairwise

import numpy as np

from ..spec import counter_range
from . import kernels

__all__ = ["PackedEngine"]


class PackedEngine:
    """State of one network in the kernels' layout; the arguments come checked from `FastModel`.

    Members
    -------
    pending : int
        Samples since the last sweep.
    """

    def __init__(self, network, training, prototypes, lanes, state):
        self.network, self.lanes = network, lanes
        self.batch, self.online = training.batch, training.online
        self.limits = np.array(counter_range(network.bits), dtype=np.int16)
        self.geometry, plane, turned = _geometry(network.widths)
        self.prototypes = np.ascontiguousarray(prototypes).view(np.uint8)
        self.scorer = _pack_rows(prototypes)
        self.hidden = np.concatenate([k.astype(np.int16).reshape(-1) for k in state.hidden])
        self.plane = np.zeros(plane, dtype=np.uint64)
        self.turned = np.zeros(max(turned, 1), dtype=np.uint64)
        for g, weights in zip(self.geometry, state.weights, strict=True):
            packed = _pack_rows(weights)
            self.plane[g[kernels.PLANE] :][: packed.size] = packed.reshape(-1)
            if g[kernels.TURNED] >= 0:
                packed = _pack_rows(weights.T)
                self.turned[g[kernels.TURNED] :][: packed.size] = packed.reshape(-1)
        self.changed = np.ones(sum(network.widths[1:]), dtype=np.uint8)
        self.bank = state.generator.astype(np.uint64)
        self.pending = state.pending

    def state(self):
        """Copies: hidden, weights, generator."""
        hidden, weights = [], []
        for g in self.geometry:
            shape = g[kernels.ROWS], g[kernels.FAN_IN]
            hidden.append(self.hidden[g[kernels.HIDDEN] :][: shape[0] * shape[1]].reshape(shape).copy())
            packed = self.plane[g[kernels.PLANE] :][: g[kernels.WORDS_IN] * shape[0]]
            packed = np.ascontiguousarray(packed.reshape(-1, shape[0]).T).astype("<u8").view(np.uint8)
            weights.append(np.unpackbits(packed, axis=1, count=shape[1], bitorder="little").view(bool))
        return tuple(hidden), tuple(weights), self.bank.copy()

    def infer(self, bits):
        """Predictions, uint8 (n,)."""
        prediction = np.zeros(len(bits), dtype=np.uint8)
        kernels.infer(self.geometry, self.plane, self.scorer, _writeable(bits), prediction)
        return prediction

    def train(self, bits, labels, close, thresholds, results, winner_counts):
        """Train in order, writing a row per sample into `results` and `winner_counts`; (saturations, sweeps)."""
        reinforce = np.array(thresholds.reinforce, dtype=np.int64)
        saturations, sweeps, self.pending = kernels.train(
            self.geometry, self.hidden, self.plane, self.turned, self.changed, self.bank, self.lanes,
            self.scorer, self.prototypes, self.limits, self.batch, self.online, self.pending,
            thresholds.margin, np.array(thresholds.gates, dtype=np.int64), np.array(thresholds.groups, dtype=np.int64),
            reinforce, _writeable(bits), labels, results.prediction, results.margin, results.triggered, winner_counts,
        )  # fmt: skip
        if close and self.pending:
            saturations += kernels.sweep(
                self.geometry, self.hidden, self.plane, self.turned, self.changed, self.bank, self.lanes, reinforce,
                *self.limits,
            )  # fmt: skip
            sweeps += 1
            self.pending = 0
        return saturations, sweeps


def _writeable(array):
    """The array itself, or a copy of a read-only one: numba would compile every kernel anew for that type."""
    return array if array.flags.writeable else array.copy()


def _geometry(widths):
    """The geometry table, int64 (L, 11), and the sizes of the `plane` and `turned` buffers."""
    words = [-(-width // 64) for width in widths]
    table, hidden, plane, turned, row, word, bit = [], 0, 0, 0, 0, 0, 0
    for layer, (fan_in, rows) in enumerate(pairwise(widths)):
        words_in, words_out = words[layer : layer + 2]
        has_turned = layer > 0  # nothing walks back through the first layer
        table.append((fan_in, rows, words_in, words_out, hidden, plane, turned if has_turned else -1, row, word,
                      word + words_in, bit))  # fmt: skip
        hidden += rows * fan_in
        plane += words_in * rows
        turned += words_out * fan_in if has_turned else 0
        row += rows
        word += words_in
        bit += fan_in
    return np.array(table, dtype=np.int64), plane, turned


def _pack_rows(matrix):
    """bool (rows, columns) → uint64 (⌈columns/64⌉, rows)."""
    rows, columns = matrix.shape
    flags = np.zeros((rows, -(-columns // 64) * 64), dtype=np.uint8)
    flags[:, :columns] = matrix
    return np.ascontiguousarray(np.packbits(flags, axis=1, bitorder="little").view("<u8").astype(np.uint64).T)
