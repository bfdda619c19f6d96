"""Random Prototypes, the synthetic benchmark of the BEP paper: noisy copies of random ±1 vectors."""

import numpy as np

from .dataset import Dataset

__all__ = ["random_prototypes"]


def random_prototypes(*, features=1000, classes=10, flip=0.46, train=20_000, test=3_000, seed=0):
    """One random prototype a class; a sample is the prototype of its class with every bit flipped at rate `flip`.

    Parameters
    ----------
    features, classes, train, test : int
        K_0, C and the number of samples of each part.
    flip : float
        Probability of a flip; at 0.5 nothing would be left to learn.
    seed : int
        Seed of prototypes, classes and flips.

    Returns
    -------
    Dataset
        Features are 0 and 1.
    """
    random = np.random.default_rng(seed)
    prototypes = random.integers(0, 2, (classes, features), dtype=np.uint8)
    y = random.integers(0, classes, train + test)
    x = prototypes[y]
    for rows in np.array_split(np.arange(len(y)), max(1, len(y) // 1000)):
        x[rows] ^= random.random((len(rows), features), dtype=np.float32) < flip
    return Dataset(
        name="random-prototypes",
        x_train=x[:train],
        y_train=y[:train],
        x_test=x[train:],
        y_test=y[train:],
        classes=classes,
        shape=(features,),
        source=f"{classes} random prototypes of {features} bits, flipped at {flip}, seed {seed}",
    )
