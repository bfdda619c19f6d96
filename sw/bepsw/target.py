"""What every trainer looks like from the outside: the golden model, the simulated core, a board.

The epoch loop, the command line and the scoreboard are written against `Target` and never against one of them.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

__all__ = ["Counters", "Results", "State", "Target"]


@dataclass(frozen=True)
class State:
    """Everything that training changes, at a sample boundary.

    hidden : per layer, int16 `Network.shapes`, the counters k (h = 2k+1).
    weights : per layer, bool `Network.shapes`, the W plane; differs from k ≥ 0 only inside a mini-batch.
    generator : uint64 array, the reinforcement generator's bank.
    pending : samples since the last sweep.
    """

    hidden: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]
    generator: np.ndarray
    pending: int = 0


@dataclass(frozen=True)
class Results:
    """One row per sample, in stream order.

    prediction : uint8, argmax of the scores (ties: lowest class).
    margin : int32, d = score of the true class − best other score.
    triggered : bool.
    """

    prediction: np.ndarray
    margin: np.ndarray
    triggered: np.ndarray


@dataclass
class Counters:
    """Totals since they were last cleared; each saturates never (Python) or wraps at its register's width (hardware).

    samples, triggered : samples judged in training, and those that updated.
    updates : winner rows updated.
    saturations : single ±1 steps (update or reinforcement) that a counter at its limit did not take.
    sweeps : reinforcement sweeps.
    """

    samples: int = 0
    triggered: int = 0
    updates: int = 0
    saturations: int = 0
    sweeps: int = 0


class Target(Protocol):
    """A trainer. Bits are uint8 arrays (n, Network.inputs) of 0 and 1; labels are integer arrays (n,)."""

    counters: Counters

    def load(self, state):
        """Take over a `State` at a batch boundary or inside a batch."""

    def configure(self, thresholds):
        """Use these `Thresholds` from the next sample on."""

    def train(self, bits, labels, *, close=False):
        """Train on samples in order, sweeping every `batch` samples; `close` ends the last batch early. `Results`."""

    def infer(self, bits):
        """Predictions, uint8 (n,), without touching the state."""

    def state(self):
        """The present `State`, as copies."""
