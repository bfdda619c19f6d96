"""Smaller images: the mean over blocks of pixels."""

import dataclasses

import numpy as np

from ..errors import BepError

__all__ = ["pooled"]


def pooled(dataset, rows, columns):
    """`dataset` with its images cut down to rows × columns, every value the mean of a block, float32.

    Raises
    ------
    BepError
        The samples are no images, or their sides are no multiples of the new ones.
    """
    if (
        len(dataset.shape) != 2
        or not rows
        or not columns
        or any(s % n for s, n in zip(dataset.shape, (rows, columns), strict=True))
    ):
        size = "×".join(map(str, dataset.shape))
        raise BepError(
            f"Samples of {dataset.source} are {size}; they cannot be cut into {rows}×{columns} equal blocks."
        )
    high, wide = dataset.shape[0] // rows, dataset.shape[1] // columns

    def mean(x):
        blocks = x.reshape(len(x), rows, high, columns, wide)
        return blocks.mean(axis=(2, 4), dtype=np.float32).reshape(len(x), rows * columns)

    return dataclasses.replace(
        dataset,
        name=f"{dataset.name}-{rows}x{columns}",
        x_train=mean(dataset.x_train),
        x_test=mean(dataset.x_test),
        shape=(rows, columns),
    )
