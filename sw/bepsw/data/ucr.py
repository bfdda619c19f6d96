"""The .ts format of the UCR and UEA time-series archives.

The parser keeps channels and lengths as they come, NaN for a missing value "?"; `load_ts` then asks for what a
multi-layer perceptron can take, series of one length without gaps.
"""

from pathlib import Path

import numpy as np

from ..errors import BepError
from .dataset import Dataset, holdout

__all__ = ["load_ts", "read_ts"]


def read_ts(path):
    """All series of a file.

    Returns
    -------
    series : list of lists of float64 arrays
        One array per channel, in file order.
    labels : list of str
        One per series.

    Raises
    ------
    BepError
        When the file cannot be read or a line of it makes no sense (saying which).
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BepError(f"Cannot read {path}: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise BepError(f"{path} is not a text file; a .ts file is.") from None
    series, labels, data = [], [], False
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("@"):
            data = _tag(path, line) or data
        elif not data:
            raise BepError(f"Line {number} of {path} comes before @data; this is not a .ts file.")
        else:
            *channels, label = line.split(":")
            if not channels or not label.strip():
                raise BepError(f"Line {number} of {path} has no class label after its values.")
            series.append([_values(path, number, channel) for channel in channels])
            labels.append(label.strip())
    if not series:
        raise BepError(f"{path} holds no series; it is empty or cut short.")
    return series, labels


def load_ts(path):
    """`Dataset` of a .ts file; x_TRAIN.ts takes x_TEST.ts along and the other way round, any other file is split."""
    path = Path(path)
    stem = path.stem
    for ending in ("_TRAIN", "_TEST"):
        if stem.upper().endswith(ending):
            stem = stem[: -len(ending)]
            train, test = (path.with_name(f"{stem}{part}{path.suffix}") for part in ("_TRAIN", "_TEST"))
            if not (train.is_file() and test.is_file()):
                missing = test if train.is_file() else train
                raise BepError(f"{missing} is missing; the training and the test file are both needed.")
            break
    else:
        train, test = path, None
    series, labels = read_ts(train)
    names = sorted(set(labels), key=_order)
    x, steps = _rectangle(train, series)
    if test is None:
        y = np.array([names.index(label) for label in labels])
        first, second = holdout(y)
        x_train, y_train, x_test, y_test = x[first], y[first], x[second], y[second]
    else:
        x_train, y_train = x, np.array([names.index(label) for label in labels])
        series, labels = read_ts(test)
        unknown = sorted(set(labels) - set(names))
        if unknown:
            raise BepError(f"{test} holds the class {unknown[0]!r}, which {train} does not have.")
        x_test, other = _rectangle(test, series)
        y_test = np.array([names.index(label) for label in labels])
        if other != steps:
            raise BepError(f"The series of {train} have {steps} steps but those of {test} have {other}.")
    return Dataset(
        name=stem,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        classes=len(names),
        shape=(steps, x_train.shape[1] // steps),
        source=str(train),
        labels=tuple(names),
        own_test=test is not None,
    )


def _tag(path, line):
    """Act on a header line; True when the data starts after it."""
    word, _, rest = line[1:].partition(" ")
    word, rest = word.lower(), rest.strip().lower()
    if word == "timestamps" and rest == "true":
        raise BepError(f"{path} has time stamps, which are not supported; write the values alone.")
    if word in ("classlabel", "targetlabel") and rest.startswith("false"):
        raise BepError(f"{path} has no class labels; there is nothing to learn from.")
    return word == "data"


def _values(path, number, text):
    try:
        return np.array([np.nan if v.strip() == "?" else float(v) for v in text.split(",")])
    except ValueError:
        raise BepError(f"Line {number} of {path} holds something that is not a number.") from None


def _rectangle(path, series):
    """Series of one length as (n, steps·channels), step by step, and the number of steps."""
    steps, channels = len(series[0][0]), len(series[0])
    for number, one in enumerate(series, start=1):
        if len(one) != channels:
            raise BepError(f"Series {number} of {path} has {len(one)} channels but the first has {channels}.")
        if any(len(channel) != steps for channel in one):
            raise BepError(f"The series of {path} differ in length (see number {number}), which is not supported.")
        if any(np.isnan(channel).any() for channel in one):
            raise BepError(f"Series {number} of {path} has missing values, which are not supported.")
    return np.array(series).transpose(0, 2, 1).reshape(len(series), steps * channels), steps


def _order(label):
    """Sort labels that are numbers by value and the rest by spelling."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)
