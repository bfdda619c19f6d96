"""Everything that decides a training run, as one frozen record: what settings.json holds and --resume reads back."""

import dataclasses
import math
from dataclasses import dataclass

from bepsw.errors import BepError
from bepsw.permutation import ORDERS
from bepsw.ranges import one_of, whole
from bepsw.spec import Network, Training, divisors

__all__ = ["TASKS", "Settings", "default_gamma"]

TASKS = ("vector", "sequence")
"""A sample is one vector, for a multi-layer perceptron; or a sequence of them, for a network with a recurrent layer."""

_WINDOWS = 8
"""Time steps of a sequence when none are named: more of them learn less, see docs/sequences.md."""

_WINNERS, _SEQUENCE_WINNERS = 5, 17
"""Winners a layer and sample when no group size is named: the best start in the mean."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a run; together with the data they give the same network to the bit, whatever trains it.

    Parameters
    ----------
    data, data_dir, label : str or None
        As `bepsw.data.load` takes them.
    task : str
        One of `TASKS`.
    window : int or None
        Time steps that a sequence is cut into, see `bepsw.sequence`; None for 8, or one a point of shorter series.
    samples : int or None
        Train on so many of the training samples, chosen at random; None for all.
    validation : float
        Below 1 a share of the training samples, from 1 on a count.
    levels : int
        Bits per feature: 1 for the median, n for a thermometer.
    expand : int
        Width of the random expansion, of every step of a sequence; 0 for none.
    hidden : tuple of int
        K_1 … K_L.
    gamma : tuple of int or None
        γ per layer; None for `default_gamma`.
    patience : int
        Epochs without a better validation accuracy after which the groups grow; 0 for never.
    spread : int or None
        Initial counters are drawn from −spread … spread−1; None for the usual.
    symmetric : bool
        The recurrent weights start as their own transpose.
    lanes : int
        g of the core whose random bits are used.
    order : str
        One of `bepsw.permutation.ORDERS`: the order of the samples in an epoch.
    bits, r, nu, p_r, batch, online, seed, epochs, rule, gate, select, theta, push, rarity
        See `bepsw.spec`.
    """

    data: str = "digits"
    data_dir: str | None = None
    label: str | None = None
    task: str = "vector"
    window: int | None = None
    samples: int | None = None
    validation: float = 0.15
    levels: int = 1
    expand: int = 0
    hidden: tuple[int, ...] = (255, 255)
    bits: int = 8
    gamma: tuple[int, ...] | None = None
    r: float = 0.5
    nu: float = 0.05
    p_r: float = 0.5
    batch: int = 100
    online: bool = False
    epochs: int = 30
    patience: int = 0
    spread: int | None = None
    symmetric: bool = False
    lanes: int = 36
    seed: int = 0
    rule: str = "bep"
    gate: bool = True
    select: str = "group"
    theta: float = 0.25
    push: float | None = None
    rarity: int = 0
    order: str = "host"

    def __post_init__(self):
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.gamma is not None:
            object.__setattr__(self, "gamma", tuple(self.gamma))
        one_of("The task", self.task, TASKS)
        one_of("The order of the samples", self.order, ORDERS)
        if self.window is not None and self.task != "sequence":
            raise BepError("--window cuts a sequence into time steps; it needs --task sequence.")
        for name, low in (("epochs", 1), ("patience", 0)):
            if getattr(self, name) < low:
                raise BepError(f"The number for --{name} must be at least {low}, not {getattr(self, name)}.")
        if self.samples is not None and self.samples < 1:
            raise BepError(f"The number of samples to train on must be at least 1, not {self.samples}.")
        if not (math.isfinite(self.validation) and self.validation >= 0):
            raise BepError(f"The validation share must be a fraction below 1 or a count, not {self.validation}.")
        whole("The number of thermometer bits", self.levels, 1, 64)
        whole("The width of the random expansion", self.expand, 0, 1 << 16)
        self.training()

    def network(self, inputs, classes, steps=0):
        """The `Network` for data of `inputs` bits, or `steps` times so many, and `classes` classes."""
        return Network(widths=(inputs, *self.hidden), classes=classes, bits=self.bits, steps=steps)

    def steps(self, points):
        """T for series of so many points, 0 for a multi-layer perceptron."""
        if self.task != "sequence":
            return 0
        return min(_WINDOWS, points) if self.window is None else self.window

    def training(self):
        """The `Training` settings."""
        winners = {"cpr": 1}.get(self.rule, _SEQUENCE_WINNERS if self.task == "sequence" else _WINNERS)
        gamma = self.gamma if self.gamma is not None else tuple(default_gamma(width, winners) for width in self.hidden)
        if len(gamma) == 1:
            gamma *= len(self.hidden)
        same = {field.name: getattr(self, field.name) for field in dataclasses.fields(Training)}
        return Training(**same | {"gamma": gamma})

    @property
    def start(self):
        """Arguments that say how the initial weights are drawn, for `bepsw.run.new_run` and `initial_state`."""
        return {"spread": self.spread, "symmetric": self.symmetric}

    def as_dict(self):
        """A plain dict for settings.json."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, record):
        """The settings that gave `record`; unknown or unfit entries mean another version or a damaged file."""
        try:
            return cls(**record)
        except TypeError:
            raise BepError("The settings of this run are not those of this version of bepcore; train again.") from None


def default_gamma(width, winners=_WINNERS):
    """The divisor of `width` nearest to width/winners: the group size that gives about so many winners a sample."""
    if width < 1:
        return 1
    return min(divisors(width), key=lambda d: (abs(d - width / winners), d))
