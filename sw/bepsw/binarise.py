"""From real-valued features to the bits that a binary network takes, fitted on training data and then frozen.

One rule covers both binarisers of the specification: with n levels, bit b = 1 … n of a feature is 1 iff the value
exceeds the feature's b/(n+1) quantile over the training data. One level is the median threshold, more levels are the
distributive thermometer. An optional fixed random matrix E of ±1 then turns the bits x into sign(E·x), sign(0) = +1.

Two kinds of feature need a rule of their own:

- constant in training: it tells nothing, so its bits are 0 for ever, whatever new data holds;
- two-valued in training: cut half-way between the two values, because a quantile that falls on the larger one would
  be exceeded by nothing.
"""

from dataclasses import dataclass

import numpy as np

from .errors import BepError

__all__ = ["Binariser", "expanded", "fit", "random_expansion"]

_CHUNK = 1 << 22
"""Values handled at a time: bounds the float64 copies to some tens of megabytes."""


@dataclass(frozen=True)
class Binariser:
    """A frozen map from features to bits.

    Parameters
    ----------
    thresholds : float64 (features, levels), ascending along a row; +inf where a feature was constant in training.
    expansion : bool (width, features·levels) or None
        E, True for +1; None leaves the bits as they are.
    constant : bool (features,)
        Features that never varied in the training data.
    """

    thresholds: np.ndarray
    expansion: np.ndarray | None
    constant: np.ndarray

    @property
    def features(self):
        """Features that a sample must have."""
        return self.thresholds.shape[0]

    @property
    def levels(self):
        """Bits per feature: 1 for the median, n for a thermometer."""
        return self.thresholds.shape[1]

    @property
    def width(self):
        """K_0, bits per sample."""
        return self.features * self.levels if self.expansion is None else self.expansion.shape[0]

    def __call__(self, x):
        """Bits, uint8 (…, width) of 0 and 1, of features (…, features); bit b of feature f is at f·levels + b.

        Raises
        ------
        BepError
            When the samples have another number of features, or hold NaN.
        """
        x = np.asarray(x)
        if x.ndim < 1 or x.shape[-1] != self.features:
            found = x.shape[-1] if x.ndim else 0
            raise BepError(
                f"The binariser was fitted on {self.features} features a sample but this data has {found}; "
                "use data of the same kind as in training."
            )
        rows = x.reshape(-1, self.features)
        bits = np.empty((len(rows), self.width), dtype=np.uint8)
        step = max(1, _CHUNK // (self.features * self.levels))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            _refuse_nan(part)
            raw = (part[:, :, None] > self.thresholds).reshape(len(part), -1)
            bits[start : start + step] = raw if self.expansion is None else expanded(raw, self.expansion)
        return bits.reshape(*x.shape[:-1], self.width)

    def warning(self):
        """One sentence about constant features, or None when every feature varied in training."""
        count = int(self.constant.sum())
        if not count:
            return None
        verb, their = ("varies", "its") if count == 1 else ("vary", "their")
        return f"{count} of {self.features} features never {verb} in the training data; {their} bits are always 0."

    def as_dict(self):
        """Everything that `from_dict` needs, as JSON values, exact to the bit."""
        rows = None
        if self.expansion is not None:
            rows = [row.tobytes().hex() for row in np.packbits(self.expansion, axis=1)]
        varying = self.thresholds[~self.constant].tolist()
        return {"levels": self.levels, "constant": self.constant.tolist(), "thresholds": varying, "expansion": rows}

    @classmethod
    def from_dict(cls, record, columns=None):
        """The binariser that gave `record`; its expansion has `columns` columns, one a bit if not given."""
        try:
            constant = np.array(record["constant"], dtype=bool)
            thresholds = np.full((len(constant), record["levels"]), np.inf)
            thresholds[~constant] = np.array(record["thresholds"]).reshape(-1, record["levels"])
            expansion = None
            if record["expansion"] is not None:
                packed = np.array([list(bytes.fromhex(row)) for row in record["expansion"]], dtype=np.uint8)
                expansion = np.unpackbits(packed, axis=1, count=columns or thresholds.size).astype(bool)
        except (KeyError, ValueError, TypeError):
            raise BepError("The stored binariser is incomplete or damaged; train again to get a good one.") from None
        return cls(thresholds, expansion, constant)


def fit(x, *, levels=1, expand=0, seed=0):
    """Fit a `Binariser` on training features.

    Parameters
    ----------
    x : array (…, features)
        Training data only; all leading axes count as samples (time steps of a series share the thresholds).
    levels : int
        1 for the median, n > 1 for a thermometer of n bits a feature.
    expand : int
        Rows of the random expansion, 0 for none.
    seed : int
        Seed of the expansion.

    Raises
    ------
    BepError
        On NaN, on no samples, on levels or expand that make no sense.
    """
    _whole("The number of thermometer bits", levels, 1, 64)
    x = np.asarray(x)
    if x.ndim < 2 or x.size == 0:
        raise BepError("There is no training data to fit the binarisation on.")
    rows = x.reshape(-1, x.shape[-1])
    features = rows.shape[1]
    thresholds = np.empty((features, levels))
    constant = np.empty(features, dtype=bool)
    step = max(1, _CHUNK // len(rows))
    for start in range(0, features, step):
        part = slice(start, start + step)
        thresholds[part], constant[part] = _cut(rows[:, part], levels)
    return Binariser(thresholds, random_expansion(expand, features * levels, seed), constant)


def random_expansion(width, columns, seed):
    """E, bool (width, columns), True for +1; None for a width of 0."""
    _whole("The width of the random expansion", width, 0, 1 << 16)
    if not width:
        return None
    return np.random.default_rng(seed).integers(0, 2, (width, columns), dtype=np.uint8) > 0


def _cut(x, levels):
    """Thresholds (features, levels) and constancy (features,) of a few columns."""
    _refuse_nan(x)
    columns = np.ascontiguousarray(x.T, dtype=np.float64)
    low, high = columns.min(axis=1), columns.max(axis=1)
    thresholds = np.quantile(columns, np.arange(1, levels + 1) / (levels + 1), axis=1).T
    binary = ((columns == low[:, None]) | (columns == high[:, None])).all(axis=1)
    thresholds[binary] = ((low + high) / 2)[binary, None]
    constant = low == high
    thresholds[constant] = np.inf
    return thresholds, constant


def expanded(bits, matrix):
    """sign(E·x) on ±1, bool (n, width), of bits (n, columns) and E as `random_expansion` gives it.

    The float32 products are exact, their sums stay far below 2^24.
    """
    plus_minus = bits.astype(np.float32) * 2 - 1
    return plus_minus @ (matrix.astype(np.float32) * 2 - 1).T >= 0


def _refuse_nan(x):
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        raise BepError("The data holds NaN or infinite values; remove or fill them in first.")


def _whole(name, value, low, high):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise BepError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
