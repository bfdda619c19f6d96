"""k-fold cross-validation: k ways to cut a data set into training and test data, each sample tested once.

The folds are stratified: the members of every class are shuffled and dealt out one by one, the next class going on
where the last one stopped, so that folds differ by at most one sample, in all and in each class.
"""

import dataclasses

import numpy as np

from ..errors import BepError

__all__ = ["fold_indices", "folded", "pool"]


def fold_indices(y, folds, seed=0):
    """The test samples of each fold.

    Parameters
    ----------
    y : int (n,)
        Class numbers.
    folds : int
        k, from 2 to the number of samples of the smallest class, so that each fold tests and trains every class.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    list of k sorted index arrays, which together hold every sample once.

    Raises
    ------
    BepError
        When there are too few folds, or a class has fewer samples than there are folds.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise BepError(f"Cross-validation needs a whole number of folds from 2 on, not {folds!r}.")
    smallest = int(np.unique(y, return_counts=True)[1].min())
    if smallest < folds:
        raise BepError(
            f"The smallest class has {smallest} of the samples, too few for {folds} folds; "
            "ask for fewer folds or leave the class out."
        )
    random = np.random.default_rng(seed)
    order = np.concatenate([random.permutation(np.flatnonzero(y == label)) for label in np.unique(y)])
    return [np.sort(order[fold::folds]) for fold in range(folds)]


def pool(dataset, join=False):
    """Features and labels that the folds are cut from: the training samples, then the test samples when joined."""
    if not join:
        return dataset.x_train, dataset.y_train
    x = np.concatenate([dataset.x_train, dataset.x_test])
    return x, np.concatenate([dataset.y_train, dataset.y_test])


def folded(dataset, test, join=False):
    """The `Dataset` of one fold.

    Parameters
    ----------
    dataset : Dataset
    test : int (m,)
        Samples of the `pool` that become test data; the others train.
    join : bool
        Whether the test samples of `dataset` belong to the pool.
    """
    x, y = pool(dataset, join)
    trains = np.ones(len(y), dtype=bool)
    trains[test] = False
    parts = {"x_train": x[trains], "y_train": y[trains], "x_test": x[test], "y_test": y[test]}
    return dataclasses.replace(dataset, **parts, own_test=True)
