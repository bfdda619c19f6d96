"""Counters and weights of the numpy engine, moved in rounds.

Round n makes the n-th update of every row that has one, so that each row's steps keep their order and every single
one saturates by itself. Counters are int16, W is ±1 in float32.
"""

import numpy as np

from ..generator import Generator
from ..spec import REINFORCE_BITS, counter_range
from .matrix_pass import signs

__all__ = ["MatrixCounters"]


class MatrixCounters:
    """H, W and the generator of one network.

    Members
    -------
    weights : list of float32 arrays `Network.shapes`
        W, ±1.
    """

    def __init__(self, network, online, lanes, state):
        self.fan_ins, self.online = network.fan_ins, online
        self.low, self.high = counter_range(network.bits)
        self.hidden = [k.astype(np.int16) for k in state.hidden]
        self.weights = [signs(w) for w in state.weights]
        self.changed = [np.ones(len(k), dtype=bool) for k in state.hidden]
        self.generator = Generator(0, lanes)
        self.generator.state = state.generator.astype(np.uint64)

    def state(self):
        """Copies: hidden, weights, generator."""
        hidden = tuple(k.copy() for k in self.hidden)
        return hidden, tuple(w > 0 for w in self.weights), self.generator.state.copy()

    def update(self, chosen, inputs, desired, rarity):
        """Update the chosen rows of every layer, bool (n, K_l), samples in order; returns the saturations."""
        events = [np.nonzero(rows) for rows in chosen]
        masks = self._masks(events, inputs, rarity)
        parts = enumerate(zip(events, inputs, desired, masks, strict=True))
        return sum(self._update(layer, *event, *rest) for layer, (event, *rest) in parts)

    def _masks(self, events, inputs, rarity):
        """Per layer the steps that are taken, bool (events, T, fan-in): drawn by sample, layer, row, t, segment."""
        if not rarity:
            return [None] * len(events)
        lanes, steps = self.generator.lanes, [x.shape[1] if x.ndim == 3 else 1 for x in inputs]
        segments = [-(-fan_in // lanes) for fan_in in self.fan_ins]
        words = np.concatenate(
            [np.full(len(rows), t * s) for (_, rows), t, s in zip(events, steps, segments, strict=True)]
        )
        order = np.argsort(np.concatenate([samples for samples, _ in events]), kind="stable")
        first = np.empty(len(words), dtype=np.int64)
        first[order] = np.cumsum(words[order]) - words[order]
        drawn = self.generator.words(1 << (REINFORCE_BITS - rarity), int(words.sum()))
        masks, start = [], 0
        for (_, rows), t, s, fan_in in zip(events, steps, segments, self.fan_ins, strict=True):
            mine = drawn[first[start : start + len(rows), np.newaxis] + np.arange(t * s)]
            masks.append(mine.reshape(len(rows), t, s * lanes)[:, :, :fan_in])
            start += len(rows)
        return masks

    def _update(self, layer, samples, rows, inputs, desired, masks):
        """All steps of a layer's rows in the order sample, t; returns the saturations."""
        hidden, saturations = self.hidden[layer], 0
        steps = inputs.shape[1] if inputs.ndim == 3 else 1
        inputs, desired = (x.reshape(len(x), steps, -1) for x in (inputs, desired))
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=-1))
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        for turn in range(rank.max() + 1 if len(rank) else 0):
            chosen = order[rank == turn]
            winners, of = rows[chosen], samples[chosen]
            for t in range(steps):
                wanted = inputs[of, t].astype(np.int16)
                wanted *= desired[of, t, winners].astype(np.int16)[:, np.newaxis]
                if masks is not None:
                    wanted *= masks[chosen, t]
                wanted += hidden[winners]
                saturations += self._store(hidden, winners, wanted)
        if self.online:
            self._refresh(layer, rows)
        self.changed[layer][rows] = True
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

    def sweep(self, reinforce):
        """Reinforce every layer with its threshold, then W ← (k ≥ 0); returns the saturations."""
        saturations = 0
        for layer, (hidden, threshold) in enumerate(zip(self.hidden, reinforce, strict=True)):
            flat = hidden.reshape(-1)
            where = np.flatnonzero(self.generator.masks(threshold, *hidden.shape))
            values = flat[where]
            values += np.where(values >= 0, np.int16(1), np.int16(-1))
            saturations += self._store(flat, where, values)
            self._refresh(layer, np.flatnonzero(self.changed[layer]))
            self.changed[layer][:] = False
        return saturations

    def _refresh(self, layer, rows):
        self.weights[layer][rows] = signs(self.hidden[layer][rows] >= 0)
