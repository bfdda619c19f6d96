"""What the stepping and the fast golden model share: checks at the edge and the bookkeeping of a `Target`."""

import numpy as np

from ..errors import BepError
from ..generator import bank_size
from ..ranges import whole
from ..spec import MAX_RARITY, counter_range, thresholds
from ..target import Counters
from .start import initial_state

__all__ = ["Model", "check_classifiers", "check_state"]


class Model:
    """A network with its settings, classifier and counters; subclasses hold the state and do the work.

    Parameters
    ----------
    network : Network
    training : Training
        `batch`, `online` and `seed` stay; the other settings are where `configure` starts from.
    prototypes : bool or 0/1 array (C, K_L)
        The fixed classifier, 1 ↔ +1. With a local rule one array (C, K_l) for every layer.
    lanes : int
        g, lanes of a hidden-weight word of the core; decides which random bit falls to which weight.

    Members
    -------
    classifiers : tuple of bool arrays
        One per layer with a local rule, otherwise that of the last layer alone.
    counters : Counters
        Exact totals; replace or zero it at will.
    thresholds : Thresholds
        In force.

    Raises
    ------
    BepError
        When the parts do not fit each other.
    """

    def __init__(self, network, training, prototypes, *, lanes):
        training.check(network)
        if isinstance(lanes, bool) or not isinstance(lanes, int) or not 1 <= lanes <= 1 << 12:
            raise BepError(f"The number of lanes must be a whole number from 1 to {1 << 12}, not {lanes!r}.")
        self.network, self.training, self.lanes = network, training, lanes
        self.classifiers = check_classifiers(prototypes, network, training)
        self.low, self.high = counter_range(network.bits)
        self.counters = Counters()
        self.configure(thresholds(network, training))
        self.load(initial_state(network, training, lanes=lanes))

    def configure(self, thresholds):
        """Use these `Thresholds` from the next sample on."""
        layers, widths = self.network.layers, self.network.widths
        optional = [limits for limits in (thresholds.margins, thresholds.select, thresholds.push) if limits]
        always = [thresholds.gates, thresholds.groups, thresholds.reinforce]
        if {len(limits) for limits in always + optional} != {layers}:
            raise BepError(f"The thresholds must name one value for each of the {layers} layers.")
        if bool(thresholds.margins) != self.training.local:
            raise BepError(f"The thresholds are not those of the rule {self.training.rule}.")
        if thresholds.push and not thresholds.select:
            raise BepError("The thresholds name a push but no threshold selection.")
        whole("The rarity of counter steps", thresholds.rarity, 0, MAX_RARITY)
        for layer, (group, width) in enumerate(zip(thresholds.groups, widths[1:], strict=True), start=1):
            if group < 1 or width % group:
                raise BepError(f"The group size {group} does not divide the {width} units of layer {layer}.")
        self.thresholds = thresholds

    def check_bits(self, bits):
        """Samples as a C-contiguous uint8 array (n, inputs) of 0 and 1, or a `BepError`."""
        bits = np.asarray(bits)
        inputs = self.network.inputs
        if bits.ndim != 2 or bits.shape[1] != inputs:
            raise BepError(f"Samples must be an array (n, {inputs}) of bits, not one of shape {bits.shape}.")
        return np.ascontiguousarray(_zeros_and_ones("The samples", bits, bits.shape)).view(np.uint8)

    def check_labels(self, labels, count):
        """Labels as an int64 array (n,), or a `BepError`."""
        labels = np.asarray(labels)
        if labels.shape != (count,) or labels.dtype.kind not in "iu":
            raise BepError(f"The labels must be {count} whole numbers, one for each sample.")
        if count and not (labels.min() >= 0 and labels.max() < self.network.classes):
            raise BepError(f"A label is outside 0 … {self.network.classes - 1}.")
        return labels.astype(np.int64)


def check_classifiers(prototypes, network, training):
    """The classifiers as a tuple of bool arrays (C, K_l), one per layer with a local rule, else of the last layer."""
    if not training.local:
        if isinstance(prototypes, (tuple, list)):
            raise BepError("The rule bep has one classifier, an array, and not one for each layer.")
        return (_zeros_and_ones("The classifier", prototypes, (network.classes, network.widths[-1])),)
    if not isinstance(prototypes, (tuple, list)) or len(prototypes) != network.layers:
        raise BepError(f"The rule {training.rule} needs one classifier for each of the {network.layers} layers.")
    return tuple(
        _zeros_and_ones(f"The classifier of layer {layer}", p, (network.classes, width))
        for layer, (p, width) in enumerate(zip(prototypes, network.widths[1:], strict=True), start=1)
    )


def check_state(state, network, training, lanes):
    """Refuse a `State` that belongs to another network, core or batch size."""
    shapes = list(network.shapes)
    for what, planes in (("hidden weights", state.hidden), ("weights", state.weights)):
        found = [plane.shape for plane in planes]
        if found != shapes:
            raise BepError(f"The state's {what} have the shapes {found}, the network {network} needs {shapes}.")
    low, high = counter_range(network.bits)
    for layer, k in enumerate(state.hidden, start=1):
        if k.dtype.kind not in "iu" or k.min() < low or k.max() > high:
            raise BepError(f"The state's layer {layer} holds counters that {network.bits} bits cannot hold.")
    if state.generator.shape != (bank_size(lanes),):
        raise BepError(f"The state's generator is not that of a core with {lanes} lanes.")
    if not 0 <= state.pending < training.batch:
        raise BepError(f"The state is {state.pending} samples into a batch of {training.batch}.")


def _zeros_and_ones(name, array, shape):
    array = np.asarray(array)
    if array.shape != shape:
        raise BepError(f"{name} must have the shape {shape}, not {array.shape}.")
    if array.dtype == bool:
        return array
    if array.dtype.kind not in "iu" or (array.size and (array.min() < 0 or array.max() > 1)):
        raise BepError(f"{name} must hold nothing but 0 and 1.")
    return array.astype(bool)
