"""What every reader of data returns: features and labels for training and testing, checked once, here."""

from dataclasses import dataclass

import numpy as np

from ..errors import BepError

__all__ = ["Dataset", "holdout", "split"]

_MAX_CLASSES = 64


@dataclass(frozen=True)
class Dataset:
    """Features and labels, split into training and test data.

    Parameters
    ----------
    name : str
        What the user asked for: "digits", or the stem of a file.
    x_train, x_test : array (n, features)
        Real or integer features, not binarised.
    y_train, y_test : int64 (n,)
        Class numbers 0 … classes−1.
    classes : int
        C.
    shape : tuple of int
        Shape of one sample before it was flattened: (28, 28) for an image, (points, channels) for a series.
    source : str
        Where it came from, for people.
    labels : tuple of str
        What the data itself calls its classes.
    own_test : bool
        The test data came as such, and was not cut from the training data by `holdout`.
    stretched : bool
        The samples are series that were of unequal length.

    Raises
    ------
    BepError
        When parts do not match, a label is out of range, a value is not finite, or there is nothing to learn.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    shape: tuple[int, ...]
    source: str
    labels: tuple[str, ...] = ()
    own_test: bool = True
    stretched: bool = False

    def __post_init__(self):
        if not 2 <= self.classes <= _MAX_CLASSES:
            raise BepError(
                f"{self.source} holds {self.classes} {'class' if self.classes == 1 else 'classes'}; "
                f"a classifier needs 2 to {_MAX_CLASSES}."
            )
        if not self.labels:
            object.__setattr__(self, "labels", tuple(str(label) for label in range(self.classes)))
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            word = "training" if part == "train" else part
            self._check(word, x, y)
            object.__setattr__(self, f"y_{part}", np.ascontiguousarray(y, dtype=np.int64))
        if self.x_train.shape[1] != self.x_test.shape[1]:
            raise BepError(
                f"The training samples of {self.source} have {self.x_train.shape[1]} features "
                f"but the test samples have {self.x_test.shape[1]}; the two must be of one kind."
            )
        if len(np.unique(self.y_train)) < 2:
            raise BepError(f"All training samples of {self.source} belong to one class; there is nothing to learn.")

    def _check(self, word, x, y):
        if x.ndim != 2 or y.ndim != 1 or len(x) != len(y):
            raise BepError(f"{self.source} has {len(x)} {word} samples but {len(y)} {word} labels.")
        if x.size == 0:
            raise BepError(f"{self.source} has no {word} samples.")
        bad = np.flatnonzero((y < 0) | (y >= self.classes))
        if len(bad):
            raise BepError(
                f"The label {y[bad[0]]} of {word} sample {bad[0] + 1} in {self.source} is out of range; "
                f"labels must be 0 to {self.classes - 1}."
            )
        if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
            row, column = np.argwhere(~np.isfinite(x))[0]
            raise BepError(
                f"The value {x[row, column]} of {word} sample {row + 1}, feature {column + 1} in {self.source} "
                "is not a finite number; remove or fill it in first."
            )


def holdout(y, share=0.2, seed=0):
    """Stratified split of labelled data that comes without a test part.

    Parameters
    ----------
    y : int (n,)
        Class numbers.
    share : float
        Part of every class that becomes test data; at least one sample and never all of them.
    seed : int
        Seed of the choice.

    Returns
    -------
    (train, test) : sorted index arrays
    """
    random = np.random.default_rng(seed)
    test = []
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        count = min(max(1, round(share * len(members))), len(members) - 1)
        test.append(random.permutation(members)[:count])
    chosen = np.zeros(len(y), dtype=bool)
    chosen[np.concatenate(test)] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def split(samples, share, seed=0):
    """Random split of training data into what is trained on and what validates.

    Parameters
    ----------
    samples : int
        How many there are.
    share : float or int
        Below 1 a fraction, from 1 on a count; 0 for no validation data.
    seed : int
        Seed of the choice.

    Returns
    -------
    (train, validation) : sorted index arrays

    Raises
    ------
    BepError
        When nothing would be left to train on.
    """
    if not 0 <= share < samples or (share >= 1 and share != int(share)):
        raise BepError(
            f"The validation share must be a fraction below 1 or a whole number below the {samples} training samples, "
            f"not {share}."
        )
    count = int(share) if share >= 1 else round(share * samples)
    if count >= samples:
        raise BepError(f"A validation share of {share} leaves none of the {samples} samples to train on.")
    order = np.random.default_rng(seed).permutation(samples)
    return np.sort(order[count:]), np.sort(order[:count])
