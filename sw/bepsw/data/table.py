"""The user's own .csv: one sample a line, numbers and a class label, with or without a header line."""

import csv
import io
from pathlib import Path

import numpy as np

from ..errors import BepError
from .dataset import Dataset, holdout
from .idx import read_bytes

__all__ = ["load_csv", "read_csv", "read_samples"]


def load_csv(path, label=None):
    """`Dataset` of a .csv or .csv.gz file; a stratified fifth of it becomes the test data.

    Parameters
    ----------
    path : str or Path
    label : str, optional
        The label column: its name in the header, or its number counted from 1; the last by default.

    Raises
    ------
    BepError
        See `read_csv`; also when a class has a single sample, which cannot be both trained and tested on.
    """
    x, names = read_csv(path, label)
    classes = sorted(set(names), key=_order)
    number = {name: index for index, name in enumerate(classes)}
    y = np.array([number[name] for name in names])
    counts = np.bincount(y)
    if len(classes) > 1 and counts.min() < 2:
        lonely = classes[int(counts.argmin())]
        raise BepError(
            f"The class {lonely!r} of {path} has a single sample (sample {names.index(lonely) + 1}); "
            "check the label column, or give every class at least two samples."
        )
    train, test = holdout(y)
    return Dataset(
        name=Path(path).name.split(".")[0],
        x_train=x[train],
        y_train=y[train],
        x_test=x[test],
        y_test=y[test],
        classes=len(classes),
        shape=(x.shape[1],),
        source=str(path),
        labels=tuple(classes),
        own_test=False,
    )


def read_csv(path, label=None):
    """Features, float64 (n, features), and the label of each sample as the text in the file.

    Raises
    ------
    BepError
        On an empty file, lines of unequal length, a value that is not a finite number (naming line and column).
    """
    rows = _rows(path)
    line, first = next(rows)
    column = _label_column(path, first, label)
    if len(first) < 2:
        raise BepError(f"{path} has a single column; samples need features beside their label.")
    x, labels = [], []
    for number, row in rows:
        labels.append(_label(path, number, row.pop(column)))
        x.append(_numbers(path, number, row, column))
    name = first[column].strip()
    if not _is_header(first[:column] + first[column + 1 :], name, labels):
        del first[column]
        x.insert(0, _numbers(path, line, first, column))
        labels.insert(0, _label(path, line, name))
    if not x:
        raise BepError(f"{path} has a header but no samples.")
    return np.array(x), labels


def read_samples(path, features):
    """Features, float64 (n, features), of a .csv that has no label column, with or without a header line."""
    rows = list(_rows(path))
    if len(rows[0][1]) != features:
        raise BepError(f"{path} has {len(rows[0][1])} columns but a sample has {features} features.")
    if len(rows) > 1 and not any(map(_is_number, rows[0][1])):
        rows = rows[1:]
    return np.array([_numbers(path, number, row, features) for number, row in rows])


def _rows(path):
    """Line number and cells of every line that is not blank; all have as many cells as the first, and there is one."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BepError(f"{path} is not a text file; write it as UTF-8 comma-separated values.") from None
    reader, columns = csv.reader(io.StringIO(text, newline="")), None
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            columns = columns or len(row)
            if len(row) != columns:
                raise BepError(f"Line {reader.line_num} of {path} has {len(row)} columns but the first has {columns}.")
            yield reader.line_num, row
    except csv.Error as error:
        raise BepError(f"{path} is not a comma-separated file: {error}.") from None
    if columns is None:
        raise BepError(f"{path} holds no samples; it is empty.")


def _numbers(path, line, cells, skipped):
    """The features of one line; `skipped` is the label column, so that a complaint counts columns as the file does."""
    try:
        values = np.array(cells, dtype=np.float64)
        if np.isfinite(values).all():
            return values
    except ValueError:
        pass
    bad = next(c for c, cell in enumerate(cells) if not _is_number(cell) or not np.isfinite(float(cell)))
    raise BepError(
        f"Line {line}, column {bad + 1 + (bad >= skipped)} of {path} is {cells[bad].strip()!r}, not a finite number; "
        "correct it or remove the line."
    )


def _label(path, line, cell):
    """The text of a label, with 1.0 and 01 written as 1."""
    text = cell.strip()
    if not text or (_is_number(text) and not np.isfinite(float(text))):
        raise BepError(f"Line {line} of {path} has {text or 'nothing'} for a class label; give it one or remove it.")
    return repr(float(text)).removesuffix(".0") if _is_number(text) else text


def _label_column(path, first, label):
    if label is None:
        return len(first) - 1
    names = [cell.strip() for cell in first]
    if label in names and not _is_number(label):
        return names.index(label)
    if label.isdigit() and 1 <= int(label) <= len(first):
        return int(label) - 1
    raise BepError(f"{path} has no column {label!r}; name one of its header, or a number from 1 to {len(first)}.")


def _is_header(features, name, labels):
    """A first line without a single number among its features, or with a name above labels that are all numbers."""
    if not any(map(_is_number, features)):
        return True
    return bool(labels) and bool(name) and not _is_number(name) and all(map(_is_number, labels))


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _order(label):
    """Sort labels that are numbers by value and the rest by spelling."""
    return (0, float(label), label) if _is_number(label) else (1, 0.0, label)
