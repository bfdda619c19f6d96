"""Series as bits of time steps, against the rule of `bepsw.sequence` written out the slow way."""

import json

import numpy as np
import pytest

from bepsw import binarise
from bepsw.errors import BepError
from bepsw.sequence import fit_sequence, restore, windows


def by_definition(train, x, points, channels, steps, levels):
    """Bits (n, steps, …), sample by sample and point by point."""
    rows = train.reshape(-1, channels)
    cuts = [[np.quantile(rows[:, c], b / (levels + 1)) for b in range(1, levels + 1)] for c in range(channels)]
    width = -(-points // steps)
    made = []
    for series in x.reshape(len(x), points, channels):
        for i in range(steps):
            start = 0 if steps == 1 else i * (points - width) // (steps - 1)
            made += [
                series[p, c] > cut for p in range(start, start + width) for c in range(channels) for cut in cuts[c]
            ]
    return np.array(made, dtype=np.uint8).reshape(len(x), -1)


@pytest.mark.parametrize("points", range(1, 31))
def test_windows_see_every_point_in_order_and_make_none_up(points):
    for steps in range(1, points + 1):
        cut = windows(points, steps)
        assert cut.shape == (steps, -(-points // steps)) and set(cut.ravel()) == set(range(points))
        assert (np.diff(cut, axis=1) == 1).all() and cut[0, 0] == 0 and cut[-1, -1] == points - 1
        if points % steps == 0:
            assert cut.ravel().tolist() == list(range(points))
        assert ((np.diff(cut[:, 0]) > 0) & (np.diff(cut[:, 0]) <= cut.shape[1])).all()


def test_the_windows_of_the_two_sets_of_the_results_page():
    assert windows(24, 8)[1].tolist() == [3, 4, 5]
    assert windows(150, 8)[:, 0].tolist() == [0, 18, 37, 56, 74, 93, 112, 131] and windows(150, 8).shape == (8, 19)


@pytest.mark.parametrize(
    "points, channels, steps, levels", [(24, 1, 8, 10), (10, 3, 4, 2), (7, 2, 7, 1), (5, 2, 1, 3), (28, 28, 28, 1)]
)
def test_bits_follow_the_definition(points, channels, steps, levels):
    random = np.random.default_rng(points)
    train, new = (random.normal(size=(count, points * channels)) for count in (40, 9))
    encoder = fit_sequence(train, points=points, steps=steps, levels=levels)
    for x in (train, new):
        assert np.array_equal(encoder(x), by_definition(train, x, points, channels, steps, levels))
    assert encoder(new).dtype == np.uint8 and encoder.width == encoder(new).shape[1] == steps * encoder.step_width
    assert encoder.features == points * channels and encoder.warning() is None


def test_every_step_is_expanded_by_the_same_matrix():
    x = np.random.default_rng(1).normal(size=(30, 12))
    plain = fit_sequence(x, points=12, steps=4, levels=3)
    made = fit_sequence(x, points=12, steps=4, levels=3, expand=17, seed=5)
    assert made.step_width == 17 and made.width == 68
    matrix = np.where(binarise.random_expansion(17, 9, 5), 1, -1)
    for step in range(4):
        signs = 2 * plain(x).reshape(30, 4, 9)[:, step].astype(int) - 1
        assert np.array_equal(made(x).reshape(30, 4, 17)[:, step], signs @ matrix.T >= 0)
    assert not np.array_equal(made(x), fit_sequence(x, points=12, steps=4, levels=3, expand=17, seed=6)(x))


def test_new_data_does_not_move_the_thresholds_and_chunks_do_not_show(monkeypatch):
    x = np.random.default_rng(2).normal(size=(50, 20))
    encoder = fit_sequence(x, points=10, steps=3, levels=4, expand=11)
    whole = encoder(x)
    assert np.array_equal(encoder(x[7:9]), whole[7:9]) and fit_sequence(x, points=10, steps=5)(x + 100).all()
    monkeypatch.setattr("bepsw.sequence._CHUNK", 300)
    assert np.array_equal(encoder(x), whole)


@pytest.mark.parametrize("expand", [0, 21])
def test_stored_and_restored_is_the_same(expand):
    x = np.random.default_rng(3).normal(size=(50, 18))
    x[:, 1::2] = 4
    encoder = fit_sequence(x, points=9, steps=4, levels=3, expand=expand)
    again = restore(json.loads(json.dumps(encoder.as_dict())))
    assert np.array_equal(again(x), encoder(x)) and again.width == encoder.width
    assert again.warning() == "1 of 2 channels never varies in the training data; its bits are 0."


def test_a_binariser_without_steps_is_restored_as_such():
    x = np.random.default_rng(3).normal(size=(50, 9))
    plain = binarise.fit(x, levels=2, expand=12)
    assert np.array_equal(restore(json.loads(json.dumps(plain.as_dict())))(x), plain(x))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda x: fit_sequence(x, points=6, steps=7), "6 points can be cut into 1 to 6 windows, not 7"),
        (lambda x: fit_sequence(x, points=6, steps=0), "1 to 6 windows, not 0"),
        (lambda x: fit_sequence(x, points=6, steps=3, levels=0), "thermometer bits must be"),
        (lambda x: fit_sequence(x, points=6, steps=3, expand=-1), "random expansion must be"),
        (lambda x: fit_sequence(x[:0], points=6, steps=3), "no training data"),
        (lambda x: fit_sequence(x * np.nan, points=6, steps=3), "NaN or infinite"),
        (
            lambda x: fit_sequence(x, points=6, steps=3)(x[:, :10]),
            "series of 6 points of 2 channels, 12 values in all, but a sample of this data has 10",
        ),
        (lambda x: restore({"steps": 3, "points": 2, "levels": 1, "constant": [False]}), "incomplete or damaged"),
        (lambda x: restore({"steps": 3}), "incomplete or damaged"),
    ],
)
def test_nonsense_is_refused(make, words):
    with pytest.raises(BepError, match=words):
        make(np.random.default_rng(0).normal(size=(10, 12)))
