"""A UCR or UEA data set: a .ts file, with its other half when it has one, as a `Dataset` of rows of one length."""

from pathlib import Path

import numpy as np

from ..errors import BepError
from .dataset import Dataset, holdout
from .series import rectangle
from .ts import read_ts

__all__ = ["load_ts"]


def load_ts(path, points=None):
    """`Dataset` of a .ts file; x_TRAIN.ts takes x_TEST.ts along and the other way round, any other file is split.

    Missing values are filled and series of unequal length stretched by the rules of `bepsw.data.series`. The common
    length is that of the longest training series. Where all training series have one length, all others must have it.

    Parameters
    ----------
    path : str or Path
    points : int, optional
        Common length to stretch every series to, whatever is in the file: that of the data a network was trained on.

    Raises
    ------
    BepError
        As `read_ts`; also when a half is missing, or the two differ in classes, channels or length.
    """
    train, test, name = _halves(Path(path))
    series, labels = read_ts(train)
    known = sorted(set(labels), key=_order)
    if test is None:
        y = np.array([known.index(label) for label in labels])
        kept, held = holdout(y)
        train_series, test_series = ([series[i] for i in chosen] for chosen in (kept, held))
        y_train, y_test = y[kept], y[held]
    else:
        train_series, y_train = series, np.array([known.index(label) for label in labels])
        test_series, labels = read_ts(test)
        _compare(train, test, train_series, test_series, sorted(set(labels) - set(known)))
        y_test = np.array([known.index(label) for label in labels])
    stretched = points is not None or len(_lengths(series)) > 1
    points = points or max(_lengths(train_series))
    return Dataset(
        name=name,
        x_train=rectangle(train_series, points),
        y_train=y_train,
        x_test=rectangle(test_series, points),
        y_test=y_test,
        classes=len(known),
        shape=(points, len(series[0])),
        source=str(train),
        labels=tuple(known),
        own_test=test is not None,
        stretched=stretched,
    )


def _halves(path):
    """(training file, test file or None, name of the set)."""
    stem = path.stem
    for ending in ("_TRAIN", "_TEST"):
        if stem.upper().endswith(ending):
            stem = stem[: -len(ending)]
            train, test = (path.with_name(f"{stem}{part}{path.suffix}") for part in ("_TRAIN", "_TEST"))
            if not (train.is_file() and test.is_file()):
                missing = test if train.is_file() else train
                raise BepError(f"{missing} is missing; the training and the test file are both needed.")
            return train, test, stem
    return path, None, stem


def _compare(train, test, train_series, test_series, unknown):
    """Refuse a test file that does not belong to the training file."""
    if unknown:
        raise BepError(f"{test} holds the class {unknown[0]!r}, which {train} does not have.")
    channels, others = len(train_series[0]), len(test_series[0])
    if channels != others:
        raise BepError(f"The series of {train} have {channels} channels but those of {test} have {others}.")
    lengths, others = _lengths(train_series), _lengths(test_series)
    if len(lengths) == 1 and others != lengths:
        other = min(others - lengths)
        raise BepError(
            f"The series of {train} have {min(lengths)} points each but {test} has one of {other}; "
            "only where the training series differ in length is every series stretched."
        )


def _lengths(series):
    return {len(channels[0]) for channels in series}


def _order(label):
    """Sort labels that are numbers by value and the rest by spelling."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)
