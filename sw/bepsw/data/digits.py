"""The bundled 8×8 digits: data that is there without a download (1797 images, see digits.rst, CC BY 4.0)."""

import gzip
from importlib.resources import files

import numpy as np

from .dataset import Dataset

__all__ = ["load_digits"]

_EVERY = 5


def load_digits():
    """`Dataset` of the UCI digits: 64 pixels 0 … 16, of every digit each fifth image in file order is test data.

    The split (1442 + 355) is fixed and stratified, and depends on no random generator.
    """
    packed = files(__package__).joinpath("digits.csv.gz").read_bytes()
    table = np.loadtxt(gzip.decompress(packed).decode().splitlines(), delimiter=",", dtype=np.uint8)
    x, y = table[:, :-1], table[:, -1].astype(np.int64)
    test = np.zeros(len(y), dtype=bool)
    for digit in range(10):
        test[np.flatnonzero(y == digit)[_EVERY - 1 :: _EVERY]] = True
    return Dataset(
        name="digits",
        x_train=x[~test],
        y_train=y[~test],
        x_test=x[test],
        y_test=y[test],
        classes=10,
        shape=(8, 8),
        source="bundled with bepcore",
    )
