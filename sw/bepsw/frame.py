"""The fixed classifier: prototypes that are as far from each other as bits allow (BEP paper, Appendix C).

From random ±1 rows, single bits are flipped as long as a flip lowers

    J = Σ_{i<j} q_ij + α·Var_{i<j} q_ij,    q_ij = ⟨ρ_i, ρ_j⟩.

Flipping bit k of row i turns q_ij into q_ij + δ_j with δ_j = −2·ρ_ik·ρ_jk for every j ≠ i, so that with M pairs,
S1 = Σ q_ij and S2 = Σ q_ij²

    ΔS1 = Σ_j δ_j,   ΔS2 = Σ_j 2·q_ij·δ_j + 4·(C−1),   M²·ΔJ = M²·ΔS1 + α·(M·ΔS2 − 2·S1·ΔS1 − ΔS1²),

which costs O(C) a flip. Everything is an integer, so the frame is the same on every machine. The random order skips
bits that cannot lower J: one matrix product lists the bits that can, they are tried in random order, each with its
exact ΔJ at that moment, and the list is made anew until it is empty.
"""

import numpy as np

from .errors import BepError

__all__ = ["Descent", "default_alpha", "equiangular_frame", "frame_energy"]

_PURPOSE = 0x50  # keeps the stream apart from that of other users of the same seed


def default_alpha(classes):
    """α = C/2: large enough that the angles become equal, small enough that they stay as wide as C rows allow.

    The pull of the variance on a single flip falls with the number of pairs, hence the factor C. From 10×255 to
    64×1035 the mean angle then reaches its bound, −K/(C−1), and the q_ij spread by a few units.
    """
    return max(1, classes // 2)


def frame_energy(prototypes, alpha):
    """M²·J of a frame, bool (C, K), as an exact integer; M = C·(C−1)/2 pairs."""
    signs = np.where(prototypes, 1, -1)
    products = (signs @ signs.T)[np.triu_indices(len(signs), 1)].tolist()
    pairs, total, squares = len(products), sum(products), sum(q * q for q in products)
    return pairs * pairs * total + alpha * (pairs * squares - total * total)


def equiangular_frame(classes, width, seed, *, alpha=None, index=0):
    """Binary equiangular frame: `classes` prototypes of `width` bits.

    Parameters
    ----------
    classes : int
        C, 2 … 64.
    width : int
        K, at least 1.
    seed : int
    alpha : int
        α ≥ 0, weight of the variance; `default_alpha` if not given.
    index : int
        Which of the frames of this seed; frames of different index have nothing in common.

    Returns
    -------
    bool array (C, K), 1 ↔ +1. No single flip lowers J any further.

    Raises
    ------
    BepError
        When a parameter makes no sense.
    """
    alpha = default_alpha(classes) if alpha is None else alpha
    for name, value, low, high in (
        ("classes", classes, 2, 64),
        ("width", width, 1, 1 << 16),
        ("alpha", alpha, 0, 4096),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BepError(f"The frame's {name} must be a whole number from {low} to {high}, not {value!r}.")
    random = np.random.PCG64([seed, _PURPOSE, index])
    descent = Descent((random.random_raw(classes * width) >> np.uint64(63)).astype(bool).reshape(classes, width), alpha)
    while True:
        candidates = np.flatnonzero(descent.changes() < 0)
        if not candidates.size:
            return descent.signs > 0
        order = np.argsort(random.random_raw(candidates.size), kind="stable")
        for flat in candidates[order].tolist():
            descent.flip_if_lower(*divmod(flat, width))


class Descent:
    """A frame under descent, with its Gram matrix and S1 kept up to date.

    Members
    -------
    signs : int64 (C, K) of ±1.
    gram : int64 (C, C), q_ij with zeros on the diagonal.
    total : int, S1.
    """

    def __init__(self, prototypes, alpha):
        self.signs = np.where(prototypes, 1, -1).astype(np.int64)
        self.columns = np.ascontiguousarray(self.signs.T)
        self.gram = self.signs @ self.columns
        np.fill_diagonal(self.gram, 0)
        self.classes = len(self.signs)
        self.pairs = self.classes * (self.classes - 1) // 2
        self.total = int(self.gram.sum()) // 2
        self.alpha = alpha

    def changes(self):
        """M²·ΔJ of flipping each bit alone, int64 (C, K)."""
        first = -2 * (self.signs * self.signs.sum(axis=0) - 1)
        # float64 matrix products are exact here (below 2^53) and many times faster than integer ones
        second = self.signs * -4 * (self.gram.astype(float) @ self.signs).astype(np.int64) + 4 * (self.classes - 1)
        return self._change(first, second)

    def flip_if_lower(self, row, column):
        """Flip one bit iff that lowers J; returns whether it did."""
        step = self.columns[column] * (-2 * int(self.columns[column, row]))
        step[row] = 0
        first = int(step.sum())
        second = 2 * int(self.gram[row] @ step) + 4 * (self.classes - 1)
        if self._change(first, second) >= 0:
            return False
        self.gram[row] += step
        self.gram[:, row] += step
        self.total += first
        self.signs[row, column] *= -1
        self.columns[column, row] *= -1
        return True

    def _change(self, first, second):
        spread = self.pairs * second - 2 * self.total * first - first * first
        return self.pairs * self.pairs * first + self.alpha * spread
