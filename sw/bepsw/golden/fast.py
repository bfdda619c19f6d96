"""The golden model at speed: the same bits as `StepModel`, whole mini-batches at once.

Within a batch W is frozen, so that forward and backward passes of its samples do not depend on each other; only the
saturating counter updates and the random words that they may draw keep their order. Two engines do this: `matrix`
(numpy, matrix products) and `packed` (numba, 64 weights a word), which is used when numba is installed.
"""

import numpy as np

from ..errors import BepError
from ..target import Results, State
from . import kernels
from .base import Model, check_state
from .matrix import MatrixEngine
from .packed import PackedEngine

__all__ = ["ENGINES", "FastModel"]

ENGINES = ("numpy", "numba")


class FastModel(Model):
    """BEP, BEP-TT and the local rules, many samples at once; implements `Target`, equals `StepModel` bit for bit.

    Parameters
    ----------
    engine : "auto", "numpy" or "numba"
        auto: numba where it is installed.
    Others, and errors: see `Model`.

    Members
    -------
    engine : str
        The engine in use.
    winner_counts : uint16 array (n, L)
        Updated rows of every sample of the last `train`, per layer.
    layer_triggers : bool array (n, L)
        Layers that triggered; with bep all of a sample's or none. Both are what the cycle model needs.
    """

    def __init__(self, network, training, prototypes, *, lanes, engine="auto"):
        if engine == "auto":
            engine = "numba" if kernels.AVAILABLE else "numpy"
        if engine not in ENGINES:
            raise BepError(f"The engine must be auto, {' or '.join(ENGINES)}, not {engine!r}.")
        if engine == "numba" and not kernels.AVAILABLE:
            raise BepError("The numba engine needs numba; install it with: pip install 'bepcore[fast]'")
        self.engine = engine
        self._engine_class = PackedEngine if engine == "numba" else MatrixEngine
        self._engine = None
        self.winner_counts = np.zeros((0, network.layers), dtype=np.uint16)
        self.layer_triggers = np.zeros((0, network.layers), dtype=bool)
        super().__init__(network, training, prototypes, lanes=lanes)

    def load(self, state):
        """Take over a `State` at a batch boundary or inside a batch."""
        check_state(state, self.network, self.training, self.lanes)
        self._engine = self._engine_class(self.network, self.training, self.classifiers, self.lanes, state)

    def state(self):
        """The present `State`, as copies."""
        hidden, weights, generator = self._engine.state()
        return State(hidden=hidden, weights=weights, generator=generator, pending=self._engine.pending)

    def train(self, bits, labels, *, close=False):
        """Train on samples in order, sweeping every `batch` samples; `close` ends the last batch early."""
        bits = self.check_bits(bits)
        count = len(bits)
        labels = self.check_labels(labels, count)
        results = Results(np.zeros(count, np.uint8), np.zeros(count, np.int32), np.zeros(count, bool))
        self.winner_counts = np.zeros((count, self.network.layers), dtype=np.uint16)
        self.layer_triggers = np.zeros((count, self.network.layers), dtype=bool)
        counts = self.winner_counts, self.layer_triggers
        saturations, sweeps = self._engine.train(bits, labels, close, self.thresholds, results, *counts)
        self.counters.samples += count
        self.counters.triggered += int(np.count_nonzero(results.triggered))
        self.counters.updates += int(self.winner_counts.sum())
        self.counters.saturations += saturations
        self.counters.sweeps += sweeps
        return results

    def infer(self, bits):
        """Predictions, uint8 (n,), without touching the state."""
        return self._engine.infer(self.check_bits(bits))
