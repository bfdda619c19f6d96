"""What one training sample went through, for whoever looks for a first difference."""

from dataclasses import dataclass

import numpy as np

__all__ = ["SampleTrace"]


@dataclass(frozen=True)
class SampleTrace:
    """Everything that one training sample went through. Tuples are indexed by layer, [0] is layer 1.

    What is (K_l,) here is (T, K_1) in a recurrent layer 1, a row per time step.

    z : int32 (K_l,), pre-activations.
    a : bool (K_l,), activations.
    scores : int32 (C,), of the last layer.
    prediction, margin, triggered : as in `Results`.
    desired : bool (K_l,), a*_l; an empty tuple when no layer triggered.
    gates : bool (K_l,), |z_l| ≤ G_l; empty when not triggered and with a local rule. The gate of a feed-forward
        layer 1 has no effect.
    winners : int64 arrays of the rows that were updated, ascending; arrays of length 0 where not triggered.
    swept : True when this sample ended a batch.
    layer_margins : d_l of every layer with a local rule; (margin,) with bep.
    layer_triggers : bool of every layer; with bep all the same.
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
    layer_margins: tuple[int, ...]
    layer_triggers: tuple[bool, ...]
