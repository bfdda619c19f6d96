"""Folds of a cross-validation: each sample tested once, classes in even shares, seeded."""

import numpy as np
import pytest

from bepsw import data
from bepsw.errors import BepError


@pytest.mark.parametrize("counts, folds", [((30, 30), 3), ((50, 7, 4, 3), 3), ((10, 11, 12), 10), ((5, 5, 5), 4)])
def test_folds_share_every_class_evenly_and_test_each_sample_once(counts, folds):
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = data.fold_indices(y, folds, seed=1)
    assert len(parts) == folds and sorted(np.concatenate(parts)) == list(range(len(y)))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    for label, count in enumerate(counts):
        members = [int((y[part] == label).sum()) for part in parts]
        assert sum(members) == count and max(members) - min(members) <= 1


def test_folds_follow_the_seed_and_nothing_else():
    y = np.arange(60) % 3
    one, same, other = (data.fold_indices(y, 3, seed=seed) for seed in (4, 4, 5))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize("join", [False, True])
def test_a_fold_is_a_data_set_of_its_own(join):
    digits = data.load("digits")
    x, y = data.pool(digits, join)
    assert len(y) == (1797 if join else 1442)
    parts = data.fold_indices(y, 3)
    folded = data.folded(digits, parts[1], join)
    assert np.array_equal(folded.x_test, x[parts[1]]) and np.array_equal(folded.y_test, y[parts[1]])
    rest = np.setdiff1d(np.arange(len(y)), parts[1])
    assert np.array_equal(folded.x_train, x[rest]) and np.array_equal(folded.y_train, y[rest])
    assert folded.labels == digits.labels and folded.own_test


@pytest.mark.parametrize(
    "folds, words",
    [
        (1, "whole number of folds from 2 on, not 1"),
        (2.0, "whole number of folds"),
        (True, "whole number of folds"),
        (6, "smallest class has 5 of the samples, too few for 6 folds"),
    ],
)
def test_folds_that_cannot_be(folds, words):
    with pytest.raises(BepError, match=words):
        data.fold_indices(np.array([0] * 20 + [1] * 5), folds)
