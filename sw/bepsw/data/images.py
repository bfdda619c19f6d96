"""MNIST, Fashion-MNIST and any folder laid out like them: four idx files, found in the usual places."""

import os
from pathlib import Path

import numpy as np

from ..errors import BepError
from .dataset import Dataset
from .idx import read_idx

__all__ = ["FILES", "NAMED", "cache_folder", "find_folder", "load_folder", "load_named", "search_folders"]

FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}

NAMED = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
}


def cache_folder():
    """Where `bepcore data fetch` puts what it downloads: $BEPCORE_CACHE/data, or ~/.cache/bepcore/data."""
    return Path(os.environ.get("BEPCORE_CACHE") or Path.home() / ".cache" / "bepcore").expanduser() / "data"


def search_folders(folder=None):
    """Folders that are searched for data, in order: the user's, $BEPCORE_DATA, the cache.

    Raises
    ------
    BepError
        When the user names a folder that is not there: falling through to another would hide a typing error.
    """
    places = []
    if folder is not None:
        if not Path(folder).is_dir():
            raise BepError(f"The data folder {folder} does not exist.")
        places.append(Path(folder))
    if os.environ.get("BEPCORE_DATA"):
        places.append(Path(os.environ["BEPCORE_DATA"]))
    return [*places, cache_folder()]


def find_folder(name, folder=None):
    """The first searched folder, or its subfolder `name`, that holds training images; None when there is none."""
    for place in search_folders(folder):
        for candidate in (place / name, place):
            # A folder of its own settles which set it is; bare files could be either, so they must be asked for.
            if candidate == place and (folder is None or place != Path(folder)):
                continue
            if _find(candidate, FILES["x_train"]):
                return candidate
    return None


def load_named(name, folder=None):
    """`Dataset` of "mnist" or "fashion-mnist".

    Raises
    ------
    BepError
        When it is nowhere to be found (saying where it was looked for), or is damaged.
    """
    place = find_folder(name, folder)
    if place is None:
        looked = ", ".join(str(p / name) for p in search_folders(folder))
        raise BepError(
            f"The data set {name} is not on this machine (looked in {looked}); run 'bepcore data fetch {name}', "
            "or name its folder with --data-dir or BEPCORE_DATA."
        )
    return _read(name, place, classes=10, labels=NAMED[name])


def load_folder(path):
    """`Dataset` of a folder of four idx files; the highest training label says how many classes there are."""
    return _read(Path(path).name, Path(path))


def _find(folder, stem):
    for spelling in (stem, stem.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            if (folder / (spelling + suffix)).is_file():
                return folder / (spelling + suffix)
    return None


def _read(name, folder, classes=None, labels=()):
    parts = {}
    for part, stem in FILES.items():
        path = _find(folder, stem)
        if path is None:
            raise BepError(f"The folder {folder} has no {stem} or {stem}.gz; all four idx files are needed.")
        parts[part] = read_idx(path, 3 if part[0] == "x" else 1)
    shape = parts["x_train"].shape[1:]
    for part in ("x_train", "x_test"):
        parts[part] = parts[part].reshape(len(parts[part]), int(np.prod(parts[part].shape[1:])))
    if classes is None:
        classes = int(parts["y_train"].max(initial=0)) + 1
    return Dataset(name, **parts, classes=classes, shape=shape, source=str(folder), labels=labels)
