"""Time series of any length, with gaps, as rows of one length without gaps.

Two rules, which look at nothing but the series itself:

- a missing value is interpolated linearly between its neighbours in time, in the same channel; before the first and
  after the last known value that value is held;
- a series of another length is stretched (or compressed) linearly: of P points, point i is read at
  i·(length−1)/(P−1) of the original. Nothing is padded, so the last point of a series stays its end, where a
  recurrent network is asked for its answer.
"""

import numpy as np

__all__ = ["fill_missing", "rectangle", "stretch"]


def fill_missing(values):
    """Values, float64 (points,), with every NaN replaced; at least one value must be known."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    known = np.flatnonzero(~missing)
    return np.interp(np.arange(len(values)), known, values[known])


def stretch(values, points):
    """Values, float64 (length,), read at `points` evenly spaced places from the first to the last."""
    if len(values) == points:
        return values
    return np.interp(np.linspace(0, len(values) - 1, points), np.arange(len(values)), values)


def rectangle(series, points):
    """Series (a list of channels each) as rows, float64 (n, points·channels): point after point, all channels of one
    point together."""
    filled = [[stretch(fill_missing(channel), points) for channel in channels] for channels in series]
    return np.array(filled).transpose(0, 2, 1).reshape(len(series), -1)
