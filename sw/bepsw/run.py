"""A training run as one value: settings, where it stands, what came out; `fit` moves it on, `checkpoint` keeps it."""

from dataclasses import dataclass, field

import numpy as np

from .errors import BepError
from .frame import equiangular_frame
from .golden.start import initial_state
from .permutation import ORDERS
from .ranges import one_of
from .spec import Network, Training, divisors
from .target import State

__all__ = ["EpochMetrics", "Progress", "Run", "make_classifiers", "new_run", "next_groups"]


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """What one epoch did.

    epoch : counted from 0.
    train_accuracy : of the predictions made while training.
    validation_accuracy : of the whole validation set after the epoch; None when there is none.
    trigger_rate : triggered share of the samples.
    updates, saturations : winner rows updated and counter steps not taken.
    gamma : γ in force.
    """

    epoch: int
    train_accuracy: float
    validation_accuracy: float | None
    trigger_rate: float
    updates: int
    saturations: int
    gamma: tuple[int, ...]


@dataclass(kw_only=True)
class Progress:
    """Where a run stands.

    epoch, sample : the epoch in progress, from 0, and how many of its samples have been trained on.
    wrong, triggered, updates, saturations : totals of the epoch in progress.
    error : E_e in force, the training error of the last whole epoch.
    groups : γ in force.
    stale : whole epochs since the validation accuracy, or γ, last changed for the better.
    best_epoch, best_accuracy : of the selected epoch, by validation; None before the first.
    metrics : one `EpochMetrics` per whole epoch.
    """

    epoch: int = 0
    sample: int = 0
    wrong: int = 0
    triggered: int = 0
    updates: int = 0
    saturations: int = 0
    error: float = 1.0
    groups: tuple[int, ...]
    stale: int = 0
    best_epoch: int | None = None
    best_accuracy: float | None = None
    metrics: list[EpochMetrics] = field(default_factory=list)


@dataclass(kw_only=True)
class Run:
    """Everything that training goes on from.

    network, training, lanes, prototypes : as in `golden.Model`; the classifiers of a local rule are a tuple.
    patience : epochs without a better validation accuracy before γ moves on; 0 keeps γ.
    state : `State` where `progress` stands.
    best_state : `State` after the best epoch, None before the first.
    order : "host", `fit.epoch_order`; "hardware", the order in which a board replays its own memory.
    data_digest : of the training and validation data, None before `fit` has seen them.
    notes : whatever the caller wants kept beside (JSON values).
    """

    network: Network
    training: Training
    lanes: int
    prototypes: np.ndarray | tuple[np.ndarray, ...]
    patience: int
    state: State
    progress: Progress
    best_state: State | None = None
    order: str = "host"
    data_digest: int | None = None
    notes: dict = field(default_factory=dict)


def new_run(
    network, training, *, lanes, patience=0, spread=None, symmetric=False, prototypes=None, order="host", notes=None
):
    """A run before its first sample.

    Parameters
    ----------
    spread : int, optional; symmetric : bool
        Of the initial counters, see `golden.init_hidden`.
    prototypes : bool (C, K_L), optional
        Classifier, with a local rule a tuple of one (C, K_l) per layer; `make_classifiers` if not given.

    order : str
        One of `permutation.ORDERS`.

    Raises
    ------
    BepError
        When the settings do not fit each other.
    """
    training.check(network)
    one_of("The order of the samples", order, ORDERS)
    if isinstance(patience, bool) or not isinstance(patience, int) or patience < 0:
        raise BepError(f"The patience must be a number of epochs, 0 to keep gamma, not {patience!r}.")
    if prototypes is None:
        prototypes = make_classifiers(network, training)
    return Run(
        network=network,
        training=training,
        lanes=lanes,
        prototypes=prototypes,
        patience=patience,
        state=initial_state(network, training, lanes=lanes, spread=spread, symmetric=symmetric),
        progress=Progress(groups=training.gamma),
        order=order,
        notes=dict(notes or {}),
    )


def make_classifiers(network, training):
    """The equiangular frame of `training.seed` for the last layer, bool (C, K_L); with a local rule for every layer.

    Each layer's frame is drawn by itself, that of the last layer being the same with any rule.
    """
    frames = [
        equiangular_frame(network.classes, width, training.seed, index=index)
        for index, width in enumerate(network.widths[:0:-1] if training.local else network.widths[-1:])
    ]
    return tuple(reversed(frames)) if training.local else frames[0]


def next_groups(network, groups):
    """The next step of the γ schedule: the next larger divisor of every K_l, which stays once it is K_l."""
    return tuple(
        next((d for d in divisors(width) if d > group), width)
        for group, width in zip(groups, network.widths[1:], strict=True)
    )
