"""The packed engine of `FastModel` (numba): state and buffers; the arithmetic is in `kernels`.

W of layer l is kept twice, with the row index innermost so that the compiler turns the loops over rows into vector
code:

    plane  uint64 (⌈fan-in/64⌉, K_l)      bit b of word w of column j: W[j, 64·w + b]      forward
    turned uint64 (⌈K_l/64⌉, fan-in)      the same matrix transposed                       walk back

`turned` is there for the layers that a walk back goes through: l ≥ 2 and a recurrent layer 1. All layers lie one
behind the other in flat buffers. Padding bits are zero in activations and weights alike, so that they never count as
different.
"""

import numpy as np

from ..spec import REINFORCE_BITS, counter_range
from . import kernels, moves, records

__all__ = ["PackedEngine"]


class PackedEngine:
    """State of one network in the kernels' layout; the arguments come checked from `FastModel`.

    Members
    -------
    pending : int
        Samples since the last sweep.
    """

    def __init__(self, network, training, classifiers, lanes, state):
        self.network = network
        geometry, plane, turned = _geometry(network, training.local)
        low, high = np.array(counter_range(network.bits), dtype=np.int16)
        self.net = records.Net(
            geometry=geometry, steps=network.steps, lanes=lanes, batch=training.batch, online=training.online,
            local=training.local, low=low, high=high,
            prototypes=np.concatenate([p.reshape(-1) for p in classifiers]).view(np.uint8),
            scorers=np.concatenate([_pack_rows(p).reshape(-1) for p in classifiers]),
        )  # fmt: skip
        self.trained = records.Trained(
            hidden=np.concatenate([k.astype(np.int16).reshape(-1) for k in state.hidden]),
            plane=np.zeros(plane, dtype=np.uint64),
            turned=np.zeros(max(turned, 1), dtype=np.uint64),
            changed=np.ones(sum(network.widths[1:]), dtype=np.uint8),
            bank=state.generator.astype(np.uint64),
        )
        for g, weights in zip(geometry, state.weights, strict=True):
            packed = _pack_rows(weights)
            self.trained.plane[g[records.PLANE] :][: packed.size] = packed.reshape(-1)
            if g[records.TURNED] >= 0:
                packed = _pack_rows(weights.T)
                self.trained.turned[g[records.TURNED] :][: packed.size] = packed.reshape(-1)
        self.work = _work(network, geometry, lanes, state.generator.size)
        self.pending = state.pending

    def state(self):
        """Copies: hidden, weights, generator."""
        hidden, weights = [], []
        for g in self.net.geometry:
            shape = g[records.ROWS], g[records.FAN_IN]
            hidden.append(self.trained.hidden[g[records.HIDDEN] :][: shape[0] * shape[1]].reshape(shape).copy())
            packed = self.trained.plane[g[records.PLANE] :][: g[records.WORDS_IN] * shape[0]]
            packed = np.ascontiguousarray(packed.reshape(-1, shape[0]).T).astype("<u8").view(np.uint8)
            weights.append(np.unpackbits(packed, axis=1, count=shape[1], bitorder="little").view(bool))
        return tuple(hidden), tuple(weights), self.trained.bank.copy()

    def infer(self, bits):
        """Predictions, uint8 (n,)."""
        prediction = np.zeros(len(bits), dtype=np.uint8)
        kernels.infer(self.net, self.trained.plane, self.work, _writeable(bits), prediction)
        return prediction

    def train(self, bits, labels, close, thresholds, results, winner_counts, layer_triggers):
        """Train in order, writing a row per sample into the last three; (saturations, sweeps)."""
        limits = _limits(thresholds)
        saturations, sweeps, self.pending = kernels.train(
            self.net, self.trained, limits, self.work, self.pending, _writeable(bits), labels,
            results.prediction, results.margin, results.triggered, winner_counts, layer_triggers,
        )  # fmt: skip
        if close and self.pending:
            saturations += moves.sweep(self.net, self.trained, limits.reinforce, self.work)
            sweeps += 1
            self.pending = 0
        return saturations, sweeps


def _writeable(array):
    """The array itself, or a copy of a read-only one: numba would compile every kernel anew for that type."""
    return array if array.flags.writeable else array.copy()


def _limits(thresholds):
    layers = len(thresholds.groups)
    column = lambda values, otherwise: np.array(values or [otherwise] * layers, dtype=np.int64)  # noqa: E731
    return records.Limits(
        margins=column(thresholds.margins, thresholds.margin),
        gates=column(thresholds.gates, 0),
        groups=column(thresholds.groups, 1),
        reinforce=column(thresholds.reinforce, 0),
        by_threshold=bool(thresholds.select),
        select=column(thresholds.select, -1),
        push=column(thresholds.push, -1),
        rarity=1 << (REINFORCE_BITS - thresholds.rarity) if thresholds.rarity else 0,
    )


def _geometry(network, local):
    """The geometry table, int64 (L, 13), and the sizes of the `plane` and `turned` buffers."""
    table, hidden, plane, turned, row, word, bit, scorer, prototype = [], 0, 0, 0, 0, 0, 0, 0, 0
    for layer, (rows, fan_in) in enumerate(network.shapes):
        words_in, words_out = -(-fan_in // 64), -(-rows // 64)
        has_turned = layer > 0 or network.steps > 0
        judged = local or layer == network.layers - 1
        table.append((fan_in, rows, words_in, words_out, hidden, plane, turned if has_turned else -1, row, word,
                      word + words_in, bit, scorer if judged else -1, prototype if judged else -1))  # fmt: skip
        hidden += rows * fan_in
        plane += words_in * rows
        turned += words_out * fan_in if has_turned else 0
        row += rows
        word += words_in
        bit += fan_in
        scorer += words_out * network.classes if judged else 0
        prototype += rows * network.classes if judged else 0
    return np.array(table, dtype=np.int64), plane, turned


def _work(network, geometry, lanes, bank):
    top, rows = geometry[-1], sum(network.widths[1:])
    widest, steps = max(network.widths[1:]), max(1, network.steps)
    flags = np.zeros(top[records.BIT_IN] + top[records.FAN_IN] + top[records.ROWS], dtype=np.uint8)
    words = np.zeros(top[records.WORD_OUT] + top[records.WORDS_OUT], dtype=np.uint64)
    parts = -(-lanes // 64)
    return records.Work(
        flags=flags,
        words=words,
        z=np.zeros(rows, dtype=np.int64),
        wanted=np.zeros_like(flags),
        wanted_words=np.zeros_like(words),
        keys=np.zeros(widest, dtype=np.int64),
        winners=np.zeros(widest, dtype=np.int64),
        scores=np.zeros(network.classes, dtype=np.int64),
        hits=np.zeros(network.layers, dtype=np.uint8),
        open=np.zeros_like(words),
        allowed=np.zeros(widest, dtype=np.uint8),
        sums=np.zeros(max(network.fan_ins), dtype=np.int64),
        padded=np.zeros(bank + parts + 1, dtype=np.uint64),
        mask=np.zeros(parts, dtype=np.uint64),
        ups=np.zeros(max(network.fan_ins), dtype=np.uint8),
        tape_inputs=np.zeros((steps, network.fan_ins[0]), dtype=np.uint8),
        tape_z=np.zeros((steps, network.widths[1]), dtype=np.int64),
        tape_wanted=np.zeros((steps, network.widths[1]), dtype=np.uint8),
    )


def _pack_rows(matrix):
    """bool (rows, columns) → uint64 (⌈columns/64⌉, rows)."""
    rows, columns = matrix.shape
    flags = np.zeros((rows, -(-columns // 64) * 64), dtype=np.uint8)
    flags[:, :columns] = matrix
    return np.ascontiguousarray(np.packbits(flags, axis=1, bitorder="little").view("<u8").astype(np.uint64).T)
