"""The user's own .npz: x_train, y_train, x_test, y_test; or x and y, of which a fifth becomes test data."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from ..errors import BepError
from .dataset import Dataset, holdout

__all__ = ["load_npz", "read_npz"]


def read_npz(path):
    """All arrays of an .npz file as a dict; pickled objects are refused, they could run code.

    Raises
    ------
    BepError
        When the file cannot be read or is damaged.
    """
    try:
        # Opened here, because np.load leaves a file that turns out not to be a zip open.
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise BepError(f"Cannot read {path}: no such file.") from None
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error):
        raise BepError(f"{path} is not an .npz file of plain arrays, or it is damaged.") from None


def load_npz(path):
    """`Dataset` of an .npz file. Labels are whole numbers from 0; the highest training label sets the classes.

    Raises
    ------
    BepError
        When arrays are missing, do not match, are not numbers, or labels are not whole numbers 0 … 63.
    """
    found = read_npz(path)
    if {"x_train", "y_train", "x_test", "y_test"} <= found.keys():
        parts = {key: found[key] for key in ("x_train", "y_train", "x_test", "y_test")}
    elif {"x", "y"} <= found.keys():
        parts = {"x_train": found["x"], "y_train": found["y"]}
    else:
        names = ", ".join(sorted(found)) or "nothing"
        raise BepError(f"{path} must hold x_train, y_train, x_test, y_test, or x and y; it holds {names}.")
    for key, value in parts.items():
        parts[key] = _features(path, key, value) if key[0] == "x" else _labels(path, key, value)
    shape = (found["x_train"] if "x_train" in found else found["x"]).shape[1:]
    own_test = "x_test" in parts
    if not own_test:
        x, y = parts["x_train"], parts["y_train"]
        if len(x) != len(y):
            raise BepError(f"{path} has {len(x)} samples but {len(y)} labels.")
        train, test = holdout(y)
        parts = {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}
    classes = int(parts["y_train"].max(initial=0)) + 1
    return Dataset(Path(path).stem, **parts, classes=classes, shape=shape, source=str(path), own_test=own_test)


def _features(path, key, value):
    if value.ndim < 2 or value.dtype.kind not in "buif":
        raise BepError(
            f"{key} in {path} must be numbers, one sample a row; it is {value.dtype} of shape {value.shape}."
        )
    if value.dtype.kind == "b":
        value = value.astype(np.uint8)
    return value.reshape(len(value), int(np.prod(value.shape[1:])))


def _labels(path, key, value):
    whole = value.dtype.kind in "biu" or (value.dtype.kind == "f" and (value == np.floor(value)).all())
    if value.ndim != 1 or not whole:
        raise BepError(
            f"{key} in {path} must be one whole number a sample; it is {value.dtype} of shape {value.shape}."
        )
    bad = np.flatnonzero((value < 0) | (value > 63))
    if len(bad):
        raise BepError(
            f"The label {value[bad[0]]} of sample {bad[0] + 1} in {key} of {path} is out of range; "
            "labels count from 0 and there are at most 64 classes."
        )
    return value.astype(np.int64)
