"""From settings to bits: load, split, fit the binariser on what is trained on, and turn everything into bits."""

from dataclasses import dataclass

import numpy as np

from bepsw import binarise, data
from bepsw.binarise import Binariser
from bepsw.data import Dataset
from bepsw.errors import BepError

__all__ = ["Part", "Prepared", "prepare"]


@dataclass(frozen=True)
class Part:
    """Bits, uint8 (n, K_0), with their labels, int64 (n,)."""

    bits: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)


@dataclass(frozen=True)
class Prepared:
    """A data set ready for training."""

    dataset: Dataset
    binariser: Binariser
    train: Part
    validation: Part
    test: Part


def prepare(settings, dataset=None):
    """Load, unless it is loaded already, and binarise what `settings` names.

    The validation samples are set aside first, so that the binariser never sees them; `settings.samples` then limits
    what is left.

    Raises
    ------
    BepError
        When the data is bad, or there are fewer samples than asked for.
    """
    if dataset is None:
        dataset = data.load(settings.data, settings.data_dir, label=settings.label)
    keep, held = data.split(len(dataset.x_train), settings.validation, settings.seed)
    if settings.samples is not None:
        if settings.samples > len(keep):
            raise BepError(f"There are {len(keep)} training samples, not {settings.samples}; ask for fewer.")
        keep = np.sort(np.random.default_rng(settings.seed).permutation(keep)[: settings.samples])
    x = dataset.x_train[keep]
    binariser = binarise.fit(x, levels=settings.levels, expand=settings.expand, seed=settings.seed)
    return Prepared(
        dataset=dataset,
        binariser=binariser,
        train=Part(binariser(x), dataset.y_train[keep]),
        validation=Part(binariser(dataset.x_train[held]), dataset.y_train[held]),
        test=Part(binariser(dataset.x_test), dataset.y_test),
    )
