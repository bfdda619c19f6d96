"""Cycles a sample: the exact cycle model on a sequence of triggers that stands for real data.

A share τ of the samples triggers, in an order drawn once, and in every triggered sample every group has a winner.
"""

import random
from dataclasses import dataclass

from ..cycles import CycleModel
from ..spec import thresholds

__all__ = ["Rate", "cycles", "inference_cycles"]

_BATCHED = 150  # samples from which on a batch is extrapolated: its middle is alike
_ONCE = 200  # samples at least that are followed where batches are short


@dataclass(frozen=True)
class Rate:
    """Cycles a training sample.

    training : of the whole core. weights, hidden : cycles a training sample in which the port of the W
    plane and of the H bank is busy; no schedule of this core takes fewer than the larger of the two.
    """

    training: float
    weights: float
    hidden: float

    @property
    def roofline(self):
        """Share of the busier port's bound that training reaches, 0 … 1."""
        return max(self.weights, self.hidden) / self.training


def cycles(network, core, training, trigger_rate):
    """`Rate` of a network on a core.

    Raises
    ------
    BepError
        The network does not fit the core, or the core cannot train it.
    """
    model = CycleModel(network, core, training, thresholds(network, training))
    if training.online or training.batch <= _BATCHED:
        batches = -(-_ONCE // training.batch)
        triggered, winners = _samples(network, training, batches * training.batch, trigger_rate)
        short, longer = (model.run(triggered * times, winners * times) for times in (1, 2))
        # What the same batches once more add: the last sweep of a run has no next batch to hide behind.
        count = longer.samples - short.samples
        spent = (longer.cycles - short.cycles) / count
        ports = (short.forward + short.walk) / count, (short.update + short.sweep) / count
    else:
        whole = _whole_batch(model, network, training, trigger_rate)
        spent, ports = whole["cycles"], (whole["forward"] + whole["walk"], whole["update"] + whole["sweep"])
    return Rate(training=spent, weights=ports[0], hidden=ports[1])


def inference_cycles(network, core, training):
    """Cycles a sample of a stream that is only classified."""
    model = CycleModel(network, core, training, thresholds(network, training))
    few, many = (model.run(*_samples(network, training, n, 0.0), train=False) for n in (40, 80))
    return (many.cycles - few.cycles) / (many.samples - few.samples)


def _whole_batch(model, network, training, trigger_rate):
    """Counts a sample of a long batch: those of a short one, and what the same samples once more add, carried on."""
    triggered, winners = _samples(network, training, _BATCHED, trigger_rate)
    short, longer = (model.run(triggered * times, winners * times, close=True) for times in (1, 2))
    rest = (training.batch - short.samples) / (longer.samples - short.samples)
    found = {}
    for name in ("cycles", "forward", "walk", "update", "sweep"):
        first, second = getattr(short, name), getattr(longer, name)
        found[name] = (first + (second - first) * rest) / training.batch
    return found


def _samples(network, training, count, trigger_rate):
    """(triggered, winners) of `count` samples, `trigger_rate` of them triggered."""
    wanted = round(trigger_rate * count)
    triggered = [index < wanted for index in range(count)]
    random.Random(count).shuffle(triggered)
    winners = [rows // group for rows, group in zip(network.widths[1:], training.gamma, strict=True)]
    return triggered, [winners] * count
