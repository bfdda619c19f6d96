"""The binariser against the definition in its docstring, written out the slow way."""

import json

import numpy as np
import pytest

from bepsw.binarise import Binariser, fit
from bepsw.errors import BepError


def by_definition(train, x, levels):
    bits = np.zeros((len(x), train.shape[1], levels), dtype=np.uint8)
    for feature in range(train.shape[1]):
        for b in range(1, levels + 1):
            cut = np.quantile(train[:, feature].astype(float), b / (levels + 1))
            bits[:, feature, b - 1] = x[:, feature] > cut
    return bits.reshape(len(x), -1)


@pytest.mark.parametrize("levels", [1, 2, 5, 10])
@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_bits_follow_the_training_quantiles(levels, dtype):
    random = np.random.default_rng(levels)
    train = (random.normal(100, 30, (301, 7))).clip(0, 255).astype(dtype)
    new = (random.normal(120, 40, (50, 7))).clip(0, 255).astype(dtype)
    binariser = fit(train, levels=levels)
    assert np.array_equal(binariser(train), by_definition(train, train, levels))
    assert np.array_equal(binariser(new), by_definition(train, new, levels))
    assert binariser(new).dtype == np.uint8 and binariser.width == 7 * levels


def test_median_halves_the_training_data():
    x = np.random.default_rng(0).normal(size=(1000, 12))
    assert np.array_equal(fit(x)(x).mean(axis=0), np.full(12, 0.5))


def test_chunks_do_not_show(monkeypatch):
    x = np.random.default_rng(0).normal(size=(333, 17))
    whole = fit(x, levels=3, expand=29)(x)
    monkeypatch.setattr("bepsw.binarise._CHUNK", 100)
    assert np.array_equal(fit(x, levels=3, expand=29)(x), whole)


def test_new_data_does_not_move_the_thresholds():
    train = np.arange(10.0)[:, None]
    binariser = fit(train)
    assert binariser(train + 100).all() and not binariser(train - 100).any()


def test_a_constant_feature_gives_zero_bits_and_one_sentence():
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[:, 1] = 7
    binariser = fit(x, levels=4)
    new = x.copy()
    new[:, 1] = np.linspace(-100, 100, 40)
    assert not binariser(new).reshape(40, 3, 4)[:, 1].any()
    assert binariser.warning() == "1 of 3 features never varies in the training data; its bits are always 0."
    assert fit(x[:, [0, 2]]).warning() is None


def test_a_two_valued_feature_is_cut_between_its_values():
    x = np.array([[0, 5], [1, 5], [1, 6], [1, 5]])
    assert fit(x)(x).tolist() == [[0, 0], [1, 0], [1, 1], [1, 0]]


def test_expansion_is_the_sign_of_a_fixed_product():
    x = np.random.default_rng(1).normal(size=(64, 10))
    plain, expanded = fit(x, levels=2), fit(x, levels=2, expand=33, seed=5)
    matrix = np.where(expanded.expansion, 1, -1)
    wanted = ((2 * plain(x).astype(int) - 1) @ matrix.T >= 0).astype(np.uint8)
    assert np.array_equal(expanded(x), wanted)
    assert np.array_equal(expanded(x), fit(x, levels=2, expand=33, seed=5)(x))
    assert not np.array_equal(expanded(x), fit(x, levels=2, expand=33, seed=6)(x))


def test_series_share_thresholds_over_time():
    x = np.random.default_rng(2).normal(size=(30, 8, 2))
    bits = fit(x, levels=3)(x)
    assert bits.shape == (30, 8, 6)
    assert np.array_equal(bits.reshape(240, 6), fit(x.reshape(240, 2), levels=3)(x.reshape(240, 2)))


@pytest.mark.parametrize("expand", [0, 21])
def test_stored_and_restored_is_the_same(expand):
    x = np.random.default_rng(3).normal(size=(50, 9))
    x[:, 4] = 0
    binariser = fit(x, levels=3, expand=expand)
    again = Binariser.from_dict(json.loads(json.dumps(binariser.as_dict())))
    assert np.array_equal(again(x), binariser(x)) and again.warning() == binariser.warning()
    assert np.array_equal(again.thresholds, binariser.thresholds)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: fit(np.zeros((0, 3))), "no training data"),
        (lambda: fit(np.zeros((5, 3)), levels=0), "thermometer bits must be a whole number from 1"),
        (lambda: fit(np.zeros((5, 3)), expand=-1), "random expansion must be a whole number from 0"),
        (lambda: fit(np.array([[0.0], [np.nan]])), "NaN or infinite"),
        (lambda: fit(np.eye(3))(np.eye(4)), "fitted on 3 features a sample but this data has 4"),
        (lambda: fit(np.eye(3) * 1.0)(np.full((1, 3), np.inf)), "NaN or infinite"),
        (
            lambda: Binariser.from_dict({"levels": 2, "constant": [False], "thresholds": [[1]], "expansion": None}),
            "incomplete or damaged",
        ),
    ],
)
def test_nonsense_is_refused(make, words):
    with pytest.raises(BepError, match=words):
        make()
