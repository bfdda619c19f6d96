"""From the papers' real numbers to the integers that golden model and hardware compare against, once and exactly."""

import math
from dataclasses import dataclass
from fractions import Fraction

from .ranges import real

__all__ = ["REINFORCE_BITS", "Thresholds", "thresholds"]

REINFORCE_BITS = 26
"""Fraction bits of a reinforcement threshold: probability = threshold / 2**REINFORCE_BITS."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The integers of the contract. Tuples are indexed by layer, [0] is layer 1; an empty one is a thing not done.

    margin : R = ceil(r·K_L); with the rule bep a sample updates iff d < R.
    gates : G_l = floor(ν·K_{l−1}), floor(ν·K_1) for a recurrent layer 1, or the fan-in without gate; a row is sent
        back iff |z| ≤ G_l (used for l ≥ 2 and for a recurrent layer 1).
    groups : γ_l.
    reinforce : floor(p_l·2^26), at most 2^26 − 1, p_l = p_r·√(2/(π·K_l))·√E_e; local rules take the fan-in K_{l−1}
        for K_l.
    margins : R_l = max(1, ceil(r·K_l)) of the local rules: layer l updates iff d_l < R_l. Empty with bep.
    select : θ_l = floor(theta·√n_l) of threshold selection, n_l the fan-in, T·fan-in of a recurrent layer 1. Empty
        with groups.
    push : φ_l = floor(push·√n_l). Empty without push.
    rarity : n; a counter step of an update is taken with probability 2^−n.
    """

    margin: int
    gates: tuple[int, ...]
    groups: tuple[int, ...]
    reinforce: tuple[int, ...]
    margins: tuple[int, ...] = ()
    select: tuple[int, ...] = ()
    push: tuple[int, ...] = ()
    rarity: int = 0


def thresholds(network, training, *, error=1.0, groups=None):
    """Integer thresholds for one epoch.

    Parameters
    ----------
    error : float
        E_e, the training error of the last epoch (1 in the first), 0 … 1.
    groups : tuple of int, optional
        γ in force, when the schedule has moved on from `training.gamma`.
    """
    training.check(network)
    real("The training error", error, 0, 1)
    margins = tuple(math.ceil(_exact(training.r) * width) for width in network.widths[1:])
    chosen = training.select == "threshold"
    return Thresholds(
        margin=margins[-1],
        gates=_gates(network, training),
        groups=tuple(groups or training.gamma),
        reinforce=_reinforce(network, training, error),
        margins=tuple(max(1, margin) for margin in margins) if training.local else (),
        select=_of_roots(network, training.theta) if chosen else (),
        push=_of_roots(network, training.push) if chosen and training.push is not None else (),
        rarity=training.rarity,
    )


def _exact(x):
    """The number that was written: 0.1·30 is 3, and 3.0000000000000004 in binary."""
    return Fraction(repr(float(x)))


def _gates(network, training):
    if not training.gate:
        return network.fan_ins
    below = (network.widths[1] if network.steps else network.widths[0], *network.widths[1:-1])
    return tuple(math.floor(_exact(training.nu) * width) for width in below)


def _reinforce(network, training, error):
    thresholds = []
    for width in network.fan_ins if training.local else network.widths[1:]:
        p = training.p_r * math.sqrt(2 / (math.pi * width)) * math.sqrt(error)
        thresholds.append(min(int(p * (1 << REINFORCE_BITS)), (1 << REINFORCE_BITS) - 1))
    return tuple(thresholds)


def _of_roots(network, factor):
    """floor(factor·√n_l), exactly: the whole root of floor(factor²·n_l)."""
    terms = (network.fan_ins[0] * max(1, network.steps), *network.fan_ins[1:])
    return tuple(math.isqrt(math.floor(_exact(factor) ** 2 * count)) for count in terms)
