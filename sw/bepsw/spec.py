"""What is trained and how, in exact integers: network, training settings, thresholds.

The real-valued hyperparameters of the papers (r, nu, p_r) are turned here, once, into the integers that the
golden model and the hardware compare against, so that no floating point is left where the two could differ.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from .errors import BepError

__all__ = ["REINFORCE_BITS", "Network", "Thresholds", "Training", "counter_range", "divisors", "thresholds"]

REINFORCE_BITS = 26
"""Fraction bits of a reinforcement threshold: probability = threshold / 2**REINFORCE_BITS."""

_MAX_LAYERS = 6
_MAX_CLASSES = 64


def _whole(name, value, low, high):
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BepError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")


def _real(name, value, low, high):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise BepError(f"{name} must be a number from {low} to {high}, not {value!r}.")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A binary multi-layer perceptron: K_0 inputs, hidden widths K_1 … K_L, C classes.

    Parameters
    ----------
    widths : tuple of int
        (K_0, …, K_L); 1 ≤ L ≤ 6, every width at least 1.
    classes : int
        C, 2 … 64; the fixed classifier is C×K_L.
    bits : int
        B, bits of a hidden-weight counter, 2 … 16.

    Raises
    ------
    BepError
        When a value makes no sense.
    """

    widths: tuple[int, ...]
    classes: int
    bits: int = 8

    def __post_init__(self):
        object.__setattr__(self, "widths", tuple(self.widths))
        if not 2 <= len(self.widths) <= _MAX_LAYERS + 1:
            raise BepError(f"A network has 1 to {_MAX_LAYERS} hidden layers, not {len(self.widths) - 1}.")
        for index, width in enumerate(self.widths):
            _whole(f"Width K_{index}", width, 1, 1 << 16)
        _whole("The number of classes", self.classes, 2, _MAX_CLASSES)
        _whole("Bits per hidden weight", self.bits, 2, 16)

    @property
    def layers(self):
        """L, the number of trained layers."""
        return len(self.widths) - 1

    @property
    def hidden_weights(self):
        """Number of trained weights, the sum of K_l·K_{l−1}."""
        return sum(a * b for a, b in zip(self.widths, self.widths[1:], strict=False))

    def __str__(self):
        return "-".join(map(str, self.widths))


@dataclass(frozen=True, kw_only=True)
class Training:
    """Settings of the learning rule, as the papers write them.

    Parameters
    ----------
    r : float
        Margin, 0 … 2 (in units of K_L; two prototypes differ in at most 2·K_L).
    nu : float
        Gate threshold ν, 0 … 1 (in units of the fan-in; 1 lets everything through).
    gamma : tuple of int
        Group size γ_l of every trained layer; γ_l divides K_l.
    p_r : float
        Reinforcement strength, 0 … 1 (0: off).
    batch : int
        Samples per mini-batch. In online mode: samples between two reinforcement sweeps.
    online : bool
        Batch size 1: W follows H at once.
    seed : int
        Seed of the reinforcement generator, of the initial weights, of the classifier and of every shuffle.
    """

    gamma: tuple[int, ...]
    r: float = 0.5
    nu: float = 0.05
    p_r: float = 0.5
    batch: int = 100
    online: bool = False
    seed: int = 0

    def __post_init__(self):
        object.__setattr__(self, "gamma", tuple(self.gamma))
        for index, group in enumerate(self.gamma):
            _whole(f"Group size gamma of layer {index + 1}", group, 1, 1 << 16)
        _real("The margin r", self.r, 0, 2)
        _real("The gate threshold nu", self.nu, 0, 1)
        _real("The reinforcement strength p_r", self.p_r, 0, 1)
        _whole("The batch size", self.batch, 1, (1 << 16) - 1)
        _whole("The seed", self.seed, 0, (1 << 32) - 1)

    def check(self, network):
        """Refuse settings that do not go with `network`: one γ per layer, and γ_l divides K_l."""
        if len(self.gamma) != network.layers:
            raise BepError(f"The network has {network.layers} layers but gamma lists {len(self.gamma)} group sizes.")
        for index, (group, width) in enumerate(zip(self.gamma, network.widths[1:], strict=True), start=1):
            if width % group:
                near = min(divisors(width), key=lambda d: (abs(d - group), d))
                raise BepError(
                    f"The group size {group} does not divide the {width} units of layer {index}; {near} would do."
                )


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The integers of the contract. Tuples are indexed by layer, [0] is layer 1.

    margin : R = ceil(r·K_L); a sample updates iff d < R.
    gates : G_l = floor(ν·K_{l−1}); a row of layer l is sent back iff |z| ≤ G_l (used for l ≥ 2).
    groups : γ_l.
    reinforce : floor(p_l·2^26), at most 2^26 − 1, p_l = p_r·√(2/(π·K_l))·√E_e.
    """

    margin: int
    gates: tuple[int, ...]
    groups: tuple[int, ...]
    reinforce: tuple[int, ...]


def counter_range(bits):
    """Lowest and highest value of a counter k of `bits` bits."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def divisors(n):
    """All divisors of n, ascending: the group sizes a layer of n units can have."""
    return [d for d in range(1, n + 1) if n % d == 0]


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
    _real("The training error", error, 0, 1)
    exact = lambda x: Decimal(repr(x))  # noqa: E731  (0.1·30 is 3 here, and 3.0000000000000004 in binary)
    reinforce = []
    for width in network.widths[1:]:
        p = training.p_r * math.sqrt(2 / (math.pi * width)) * math.sqrt(error)
        reinforce.append(min(int(p * (1 << REINFORCE_BITS)), (1 << REINFORCE_BITS) - 1))
    return Thresholds(
        margin=math.ceil(exact(training.r) * network.widths[-1]),
        gates=tuple(math.floor(exact(training.nu) * fan_in) for fan_in in network.widths[:-1]),
        groups=tuple(groups or training.gamma),
        reinforce=tuple(reinforce),
    )
