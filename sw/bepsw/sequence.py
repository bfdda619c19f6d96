"""From series to the bits of T time steps, fitted on training data and then frozen.

    series (points, channels) ── thermometer per channel ──► bits of every point ── T windows ──► T × K_x bits
                                                                                └─ optional: sign(E·x) of each step

- The thermometer of a channel is fitted on all points of that channel over the training data: time steps share it.
- T windows of w = ⌈points/T⌉ consecutive points are read one after the other, window i from point
  ⌊i·(points−w)/(T−1)⌋ on. Where T divides the number of points they touch; where it does not, neighbours overlap by
  less than w, so that each point is seen, none is made up, and the last window ends with the series.
- A step's bits are those of its points in order, of a point its channels in order, of a channel its levels in order.
- The random expansion E, of ±1, is one matrix for all steps: a step becomes sign(E·x), sign(0) = +1.
"""

from dataclasses import dataclass

import numpy as np

from . import binarise
from .binarise import Binariser
from .errors import BepError

__all__ = ["SequenceBinariser", "fit_sequence", "restore", "windows"]

_CHUNK = 1 << 22
"""Bits handled at a time."""


def windows(points, steps):
    """Points that each step sees, int (steps, ⌈points/steps⌉).

    Raises
    ------
    BepError
        When there are more steps than points.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= points:
        raise BepError(
            f"A series of {points} points can be cut into 1 to {points} windows, not {steps!r}; "
            "--window is the number of time steps that the network sees."
        )
    width = -(-points // steps)
    starts = np.arange(steps) * (points - width) // max(1, steps - 1)
    return starts[:, None] + np.arange(width)


@dataclass(frozen=True)
class SequenceBinariser:
    """A frozen map from series to bits, step after step.

    Parameters
    ----------
    points : int
        Length of a series.
    steps : int
        T.
    channels : Binariser
        Thermometers of the channels, without expansion.
    expansion : bool (K_x, w·channels·levels) or None
        E, True for +1; None leaves the bits as they are.
    """

    points: int
    steps: int
    channels: Binariser
    expansion: np.ndarray | None

    @property
    def features(self):
        """Values that a sample must have: points·channels, point after point."""
        return self.points * self.channels.features

    @property
    def step_width(self):
        """K_x, bits of a step."""
        if self.expansion is not None:
            return self.expansion.shape[0]
        return windows(self.points, self.steps).shape[1] * self.channels.width

    @property
    def width(self):
        """Bits of a sample, T·K_x."""
        return self.steps * self.step_width

    def __call__(self, x):
        """Bits, uint8 (n, T·K_x) of 0 and 1, step after step, of series (n, points·channels).

        Raises
        ------
        BepError
            When the samples have another length or other channels, or hold NaN.
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.features:
            channels = self.channels.features
            raise BepError(
                f"The network was trained on series of {self.points} points of {channels} "
                f"channel{'s' * (channels > 1)}, {self.features} values in all, but a sample of this data has "
                f"{x.shape[-1] if x.ndim else 0}; use data of the same kind as in training."
            )
        cut = windows(self.points, self.steps)
        bits = np.empty((len(x), self.width), dtype=np.uint8)
        batch = max(1, _CHUNK // (cut.size * self.channels.width))
        for start in range(0, len(x), batch):
            part = x[start : start + batch].reshape(-1, self.points, self.channels.features)
            seen = self.channels(part)[:, cut].reshape(len(part) * self.steps, -1)
            if self.expansion is not None:
                seen = binarise.expanded(seen, self.expansion)
            bits[start : start + batch] = seen.reshape(len(part), -1)
        return bits

    def warning(self):
        """One sentence about channels that never varied in training, or None."""
        count = int(self.channels.constant.sum())
        if not count:
            return None
        verb, their = ("varies", "its") if count == 1 else ("vary", "their")
        return (
            f"{count} of {len(self.channels.constant)} channels never {verb} in the training data; {their} bits are 0."
        )

    def as_dict(self):
        """Everything that `restore` needs, as JSON values, exact to the bit."""
        whole = Binariser(self.channels.thresholds, self.expansion, self.channels.constant).as_dict()
        return {**whole, "points": self.points, "steps": self.steps}


def fit_sequence(x, *, points, steps, levels=1, expand=0, seed=0):
    """Fit a `SequenceBinariser`.

    Parameters
    ----------
    x : array (n, points·channels)
        Training series only, point after point.
    points : int
        Length of a series.
    steps : int
        T, 1 … points.
    levels, expand, seed
        As for `binarise.fit`; `expand` is K_x.

    Raises
    ------
    BepError
        When there are more steps than points, and as `binarise.fit`.
    """
    cut = windows(points, steps)
    x = np.asarray(x)
    channels = binarise.fit(x.reshape(len(x), points, x.shape[1] // points), levels=levels)
    expansion = binarise.random_expansion(expand, cut.shape[1] * channels.width, seed)
    return SequenceBinariser(points, steps, channels, expansion)


def restore(record):
    """The `Binariser` or `SequenceBinariser` whose `as_dict` gave `record`."""
    if "steps" not in record:
        return Binariser.from_dict(record)
    try:
        points, steps = record["points"], record["steps"]
        window = windows(points, steps).shape[1]
        columns = window * record["levels"] * len(record["constant"])
    except (KeyError, ValueError, TypeError):
        raise BepError("The stored binariser is incomplete or damaged; train again to get a good one.") from None
    stored = Binariser.from_dict(record, columns=columns)
    return SequenceBinariser(points, steps, Binariser(stored.thresholds, None, stored.constant), stored.expansion)
