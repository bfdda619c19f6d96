"""Datasets: one `load` for everything that has a name or a path."""

import re
from pathlib import Path

from ..errors import BepError
from .arrays import load_npz
from .dataset import Dataset, holdout, split
from .digits import load_digits
from .folds import fold_indices, folded, pool
from .images import NAMED, load_folder, load_named, search_folders
from .pooling import pooled
from .synthetic import random_prototypes
from .table import load_csv
from .ucr import load_ts

__all__ = ["NAMES", "Dataset", "fold_indices", "folded", "holdout", "load", "pool", "series_files", "split"]

NAMES = {
    "digits": "8×8 digits, 10 classes, bundled",
    "mnist": "28×28 handwritten digits, 10 classes; mnist-14x14 and the like for means of blocks",
    "fashion-mnist": "28×28 pieces of clothing, 10 classes",
    "random-prototypes": "1000 noisy bits, 10 classes, made on the spot",
}
"""Names that `load` knows, with a description."""


def load(name_or_path, folder=None, *, label=None, points=None):
    """Load a data set.

    Parameters
    ----------
    name_or_path : str or Path
        A name of `NAMES`; an image set cut down to means of blocks, as "mnist-14x14"; a UCR set by name, when its
        files are in a searched folder; a .csv, .csv.gz, .npz or .ts
        file; or a folder of four idx files. A name wins over a file of the same name.
    folder : str or Path, optional
        Searched first for the files of a named set.
    label : str, optional
        Label column of a .csv: name, or number from 1; the last by default.
    points : int, optional
        Length that the series of a .ts file are stretched to; see `load_ts`.

    Returns
    -------
    Dataset

    Raises
    ------
    BepError
        When there is no such set or file, or it is damaged.
    """
    name = str(name_or_path)
    if name == "digits":
        return load_digits()
    if name == "random-prototypes":
        return random_prototypes()
    if name in NAMED:
        return load_named(name, folder)
    base, _, size = name.rpartition("-")
    if base in NAMED and (sides := re.fullmatch(r"(\d+)x(\d+)", size)):
        return pooled(load_named(base, folder), *map(int, sides.groups()))
    path = Path(name_or_path)
    if path.is_dir():
        return load_folder(path)
    if path.name.endswith((".csv", ".csv.gz")):
        return load_csv(path, label)
    if path.suffix == ".npz":
        return load_npz(path)
    if path.suffix == ".ts":
        return load_ts(path, points)
    if path.name == name and name in (series := series_files(folder)):
        return load_ts(series[name], points)
    if path.is_file():
        raise BepError(f"{path} is not of a known kind; use a .csv, .npz or .ts file, or a folder of idx files.")
    raise BepError(f"There is no data set {name!r}; known are {', '.join(NAMES)}, or name a .csv, .npz or .ts file.")


def series_files(folder=None):
    """UCR sets in the searched folders and their subfolders `ucr`: name → path of the training file."""
    found = {}
    for place in search_folders(folder):
        for path in sorted([*place.glob("*_TRAIN.ts"), *place.glob("ucr/*_TRAIN.ts")]):
            found.setdefault(path.name.removesuffix("_TRAIN.ts"), path)
    return found
