"""From settings to bits: load, split, fit the binariser on what is trained on, and turn everything into bits."""

from dataclasses import dataclass

import numpy as np

from bepsw import binarise, data
from bepsw.binarise import Binariser
from bepsw.data import Dataset
from bepsw.errors import BepError
from bepsw.fit import FitData
from bepsw.run import new_run
from bepsw.sequence import SequenceBinariser, fit_sequence, windows
from bepsw.spec import Network

__all__ = ["Part", "Prepared", "network_for", "prepare", "split"]


@dataclass(frozen=True)
class Part:
    """Bits, uint8 (n, inputs), of a sequence step after step, with their labels, int64 (n,)."""

    bits: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)


@dataclass(frozen=True)
class Prepared:
    """A data set ready for training."""

    dataset: Dataset
    binariser: Binariser | SequenceBinariser
    network: Network
    train: Part
    validation: Part
    test: Part

    @property
    def fit_data(self):
        """Training and validation part as `bepsw.fit.fit` takes them."""
        return FitData(*(array for part in (self.train, self.validation) for array in (part.bits, part.labels)))

    def new_run(self, settings):
        """A `bepsw.run.Run` before its first sample, with all that inference on other data needs."""
        notes = {
            "settings": settings.as_dict(),
            "binariser": self.binariser.as_dict(),
            "labels": list(self.dataset.labels),
            "points": self.dataset.shape[0] if self.dataset.stretched else None,
        }
        return new_run(
            self.network,
            settings.training(),
            lanes=settings.lanes,
            patience=settings.patience,
            order=settings.order,
            notes=notes,
            **settings.start,
        )


def prepare(settings, dataset=None):
    """Load, unless it is loaded already, and binarise what `settings` names.

    The validation samples are set aside first, so that the binariser never sees them; `settings.samples` then limits
    what is left.

    Raises
    ------
    BepError
        When the data is bad, there are fewer samples than asked for, or settings and data do not fit each other.
    """
    if dataset is None:
        dataset = data.load(settings.data, settings.data_dir, label=settings.label)
    network = network_for(settings, dataset)
    keep, held = split(settings, dataset)
    x = dataset.x_train[keep]
    binariser = _fit(settings, dataset, x)
    return Prepared(
        dataset=dataset,
        binariser=binariser,
        network=network,
        train=Part(binariser(x), dataset.y_train[keep]),
        validation=Part(binariser(dataset.x_train[held]), dataset.y_train[held]),
        test=Part(binariser(dataset.x_test), dataset.y_test),
    )


def network_for(settings, dataset):
    """The `Network` that `settings` ask for on `dataset`; nothing is binarised for it.

    Raises
    ------
    BepError
        When settings, network and data do not fit each other, in any way that `prepare` and training would find.
    """
    split(settings, dataset)
    features, steps = dataset.x_train.shape[1], 0
    if settings.task == "sequence":
        points = dataset.shape[0]
        steps = settings.steps(points)
        features = windows(points, steps).shape[1] * (features // points)
    network = settings.network(settings.expand or features * settings.levels, dataset.classes, steps)
    settings.training().check(network)
    return network


def split(settings, dataset):
    """Training samples that are trained on and that validate, two sorted index arrays."""
    keep, held = data.split(len(dataset.x_train), settings.validation, settings.seed)
    if settings.samples is not None:
        if settings.samples > len(keep):
            raise BepError(f"There are {len(keep)} training samples, not {settings.samples}; ask for fewer.")
        keep = np.sort(np.random.default_rng(settings.seed).permutation(keep)[: settings.samples])
    return keep, held


def _fit(settings, dataset, x):
    usual = {"levels": settings.levels, "expand": settings.expand, "seed": settings.seed}
    if settings.task != "sequence":
        return binarise.fit(x, **usual)
    points = dataset.shape[0]
    return fit_sequence(x, points=points, steps=settings.steps(points), **usual)
