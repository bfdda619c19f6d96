"""How it is trained: the rule and its settings, as the papers write them."""

from dataclasses import dataclass

from .errors import BepError
from .network import divisors
from .ranges import one_of, real, whole

__all__ = ["MAX_RARITY", "RULES", "SELECTIONS", "Training"]

RULES = ("bep", "local", "cpr")
SELECTIONS = ("group", "threshold")
MAX_RARITY = 8


@dataclass(frozen=True, kw_only=True)
class Training:
    """Settings of the learning rule.

    Parameters
    ----------
    gamma : tuple of int
        Group size γ_l of every trained layer; γ_l divides K_l. Without effect when `select` is "threshold".
    r : float
        Margin, 0 … 2 (in units of K_L; two prototypes differ in at most 2·K_L).
    nu : float
        Gate threshold ν, 0 … 1 (in units of the width below; 1 lets everything of a feed-forward layer through).
    p_r : float
        Reinforcement strength, 0 … 1 (0: off).
    batch : int
        Samples per mini-batch. In online mode: samples between two reinforcement sweeps.
    online : bool
        Batch size 1: W follows H at once.
    seed : int
        Seed of the reinforcement generator, of the initial weights, of the classifier and of every shuffle.
    rule : str
        "bep"; "local", a fixed classifier and a trigger per layer and no walk back; or "cpr", the local rule of
        exactly one layer whose group is the whole layer.
    gate : bool
        False lets every row of every layer through the walk back, whatever `nu` says.
    select : str
        "group": per group the wrong unit with the smallest |z|. "threshold": every wrong unit with |z| ≤ θ.
    theta : float
        θ of threshold selection, 0 … 256, in units of the square root of the terms that z sums.
    push : float or None
        With threshold selection: φ, in the same units, up to which correct units are updated as well; None: off.
    rarity : int
        n, 0 … 8: every counter step of an update is taken with probability 2^−n.

    Raises
    ------
    BepError
        When a value makes no sense, or a push comes without threshold selection.
    """

    gamma: tuple[int, ...]
    r: float = 0.5
    nu: float = 0.05
    p_r: float = 0.5
    batch: int = 100
    online: bool = False
    seed: int = 0
    rule: str = "bep"
    gate: bool = True
    select: str = "group"
    theta: float = 0.25
    push: float | None = None
    rarity: int = 0

    def __post_init__(self):
        object.__setattr__(self, "gamma", tuple(self.gamma))
        for index, group in enumerate(self.gamma):
            whole(f"Group size gamma of layer {index + 1}", group, 1, 1 << 16)
        real("The margin r", self.r, 0, 2)
        real("The gate threshold nu", self.nu, 0, 1)
        real("The reinforcement strength p_r", self.p_r, 0, 1)
        whole("The batch size", self.batch, 1, (1 << 16) - 1)
        whole("The seed", self.seed, 0, (1 << 32) - 1)
        one_of("The rule", self.rule, RULES)
        one_of("The selection", self.select, SELECTIONS)
        real("The selection threshold theta", self.theta, 0, 256)
        whole("The rarity of counter steps", self.rarity, 0, MAX_RARITY)
        if self.push is not None:
            real("The push threshold", self.push, 0, 256)
            if self.select != "threshold":
                raise BepError("A push needs threshold selection; choose that or leave the push out.")

    @property
    def local(self):
        """Whether every layer has a classifier and a trigger of its own."""
        return self.rule != "bep"

    def check(self, network):
        """Refuse settings that do not go with `network`: one γ per layer, γ_l divides K_l, a rule for its shape."""
        if len(self.gamma) != network.layers:
            raise BepError(f"The network has {network.layers} layers but gamma lists {len(self.gamma)} group sizes.")
        for index, (group, width) in enumerate(zip(self.gamma, network.widths[1:], strict=True), start=1):
            if width % group:
                near = min(divisors(width), key=lambda d: (abs(d - group), d))
                raise BepError(
                    f"The group size {group} does not divide the {width} units of layer {index}; {near} would do."
                )
        if self.local and network.steps:
            raise BepError(f"The rule {self.rule} trains feed-forward layers only; train a recurrent network with bep.")
        if self.rule == "cpr" and (network.layers != 1 or self.gamma != network.widths[1:]):
            raise BepError(
                "The rule cpr trains exactly one layer whose group size is its width; "
                f"take the rule local for {network} with gamma {','.join(map(str, self.gamma))}."
            )
