"""The equiangular frame: incremental ΔJ against the whole sum, a true local minimum, determinism."""

import time

import numpy as np
import pytest

from bepsw.errors import BepError
from bepsw.frame import Descent, default_alpha, equiangular_frame, frame_energy


def energy(prototypes, alpha):
    """M²·J from the definition, pair by pair."""
    rows = [[1 if bit else -1 for bit in row] for row in prototypes]
    q = [sum(a * b for a, b in zip(x, y, strict=True)) for i, x in enumerate(rows) for y in rows[i + 1 :]]
    m = len(q)
    return m * m * sum(q) + alpha * (m * sum(v * v for v in q) - sum(q) ** 2)


def test_energy_is_the_definition():
    prototypes = np.random.default_rng(0).integers(0, 2, (7, 20)).astype(bool)
    assert [frame_energy(prototypes, a) for a in (0, 1, 9)] == [energy(prototypes, a) for a in (0, 1, 9)]


@pytest.mark.parametrize(("classes", "width", "alpha"), [(2, 9, 1), (3, 10, 0), (10, 33, 5), (17, 40, 300)])
def test_every_flip_changes_the_energy_by_what_was_said(classes, width, alpha):
    rng = np.random.default_rng(classes)
    descent = Descent(rng.integers(0, 2, (classes, width)).astype(bool), alpha)
    taken = 0
    for _ in range(60):
        before = energy(descent.signs > 0, alpha)
        changes = descent.changes()
        row, column = int(rng.integers(classes)), int(rng.integers(width))
        flipped = descent.signs > 0
        flipped[row, column] ^= True
        assert changes[row, column] == energy(flipped, alpha) - before
        took = descent.flip_if_lower(row, column)
        assert took == (changes[row, column] < 0)
        assert energy(descent.signs > 0, alpha) == before + took * changes[row, column]
        taken += took
    assert 0 < taken < 60


@pytest.mark.parametrize(("classes", "width"), [(2, 7), (10, 64), (10, 255)])
def test_no_single_flip_lowers_the_result(classes, width):
    frame = equiangular_frame(classes, width, 4)
    alpha = default_alpha(classes)
    assert frame.shape == (classes, width) and frame.dtype == bool
    assert Descent(frame, alpha).changes().min() >= 0
    start = np.random.default_rng(4).integers(0, 2, frame.shape)
    assert frame_energy(frame, alpha) < frame_energy(start, alpha)


@pytest.mark.parametrize(("classes", "width"), [(10, 255), (26, 525), (64, 1035)])
def test_angles_are_wide_and_equal(classes, width):
    started = time.perf_counter()
    frame = equiangular_frame(classes, width, 0)
    assert time.perf_counter() - started < 10
    signs = np.where(frame, 1, -1)
    products = (signs @ signs.T)[np.triu_indices(classes, 1)]
    assert products.mean() == pytest.approx(-width / (classes - 1), abs=0.2)  # the bound for even C
    assert products.std() < 0.15 * np.sqrt(width)  # random rows: √K


def test_same_seed_same_frame():
    assert np.array_equal(equiangular_frame(10, 64, 1), equiangular_frame(10, 64, 1))
    assert not np.array_equal(equiangular_frame(10, 64, 1), equiangular_frame(10, 64, 2))
    # kept literally: another numpy or machine must give the same bits
    assert np.packbits(equiangular_frame(3, 16, 5)).tobytes().hex() == "f6c22df99b1f"


@pytest.mark.parametrize("bad", [dict(classes=1), dict(classes=65), dict(width=0), dict(alpha=-1), dict(width=2.0)])
def test_nonsense_refused(bad):
    with pytest.raises(BepError, match=f"frame's {next(iter(bad))}"):
        equiangular_frame(**{"classes": 3, "width": 8, "seed": 0, **bad})
