"""Coefficients from recorded syntheses: least squares with no coefficient below zero, submodule by submodule."""

import numpy as np

from ..core import Core
from .terms import OTHERS, terms

__all__ = ["fit"]

_SWEEPS = 4000
_RIDGE = 1e-4  # towards 1: keeps a coefficient that the cores at hand say little about near its structure


def fit(records):
    """Coefficients for `logic`.

    Parameters
    ----------
    records : list of {"core": parameters, "modules", "memories"}, as `bepboards.synth.census` gives them

    Returns
    -------
    dict
        {submodule: {"logic": {term: coefficient}, "ff": …}}; what a synthesis has and nothing describes is `OTHERS`.
    """
    cores = [Core(**record["core"]) for record in records]
    described = [terms(core) for core in cores]
    weights = [1 / sum(cells.get("comb", 0) for cells in record["modules"].values()) for record in records]
    return {
        name: {
            kind: _nonnegative(
                [parts[name][index] for parts in described],
                [_measured(record["modules"], name, described[0], kind) for record in records],
                weights,
            )
            for index, kind in enumerate(("logic", "ff"))
        }
        for name in described[0]
    }


def _measured(modules, name, described, kind):
    """Flip-flops, or LUT sites without LUT RAM, of one submodule of a synthesis; of all that is not `described`."""
    if name == OTHERS:
        chosen = [cells for other, cells in modules.items() if other not in described]
    else:
        chosen = [modules.get(name, {})]
    if kind == "ff":
        return sum(cells.get("ff", 0) for cells in chosen)
    return sum(cells.get("comb", 0) - cells.get("ram", 0) for cells in chosen)


def _nonnegative(rows, wanted, weights):
    """min ‖W(Ax − b)‖² + ridge·‖x − 1‖² over x ≥ 0, by coordinate descent."""
    names = list(rows[0])
    a = np.array([[row[name] for name in names] for row in rows], float) * np.array(weights)[:, None]
    b = np.array(wanted, float) * np.array(weights)
    scale = np.maximum(np.sqrt((a**2).sum(axis=0)), 1e-12)
    a /= scale
    # The prior is on structure alone: a fixed part may be anything.
    ridge = np.array([0.0 if name == "fixed" else _RIDGE for name in names])
    gram = a.T @ a + np.diag(ridge)
    goal = a.T @ b + ridge * scale
    x = np.zeros(len(names))
    for _ in range(_SWEEPS):
        for i in range(len(names)):
            x[i] = max(0.0, x[i] + (goal[i] - gram[i] @ x) / gram[i, i])
    return {name: round(float(value), 4) for name, value in zip(names, x / scale, strict=True)}
