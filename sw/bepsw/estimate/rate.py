"""Cycles a sample: the exact cycle model on a sequence of triggers that stands for real data.

A share τ of the samples triggers, in an order drawn once, and in every triggered sample every group has a winner.
"""

import dataclasses
import random
from dataclasses import dataclass

from ..cycles import CycleModel
from ..spec import thresholds

__all__ = ["Rate", "cycles", "inference_cycles"]

_FOLLOWED = 200  # samples whose order is drawn
_LONG = 100  # samples from which on a batch is put together of parts: its middle is alike
_PART = 50


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
    follow = _long if training.batch > _LONG else _whole
    return Rate(*follow(network, core, training, trigger_rate))


def _whole(network, core, training, trigger_rate):
    """(cycles, words of the W port, of the H port) a sample: what whole batches once more add to the same ones."""
    count = -(-_FOLLOWED // training.batch) * training.batch
    triggered, winners = _samples(network, training, count, trigger_rate)
    use = _model(network, core, training).run(triggered * 2, winners * 2)
    ends = use.results[[count - 1, -1]].tolist()
    return (
        (ends[1] - ends[0]) / count,
        (use.forward + use.walk) / use.samples,
        (use.update + use.sweep) / use.samples,
    )


def _long(network, core, training, trigger_rate):
    """The same of a long batch: a batch of one part, and for every part more what a batch of two is longer.

    Both end alike, so that only the first of these has in it how its last samples happen to trigger; hence several.
    """
    model = _model(network, core, dataclasses.replace(training, batch=2 * _PART))
    triggered, winners = _samples(network, training, _FOLLOWED, trigger_rate)
    one = more = weights = update = 0
    for first in range(0, _FOLLOWED, _PART):
        part = slice(first, first + _PART)
        use = model.run(triggered[part] * 4, winners[part] * 4, pending=_PART, close=True)
        # Ends of batches of one part, of two and of one.
        before, two, last = use.results[[_PART - 1, 3 * _PART - 1, -1]].tolist()
        one, more = one + last - two, more + (two - before) - (last - two)
        weights, update = weights + use.forward + use.walk, update + use.update
    spent = (one + more * (training.batch / _PART - 1)) / (_FOLLOWED // _PART) / training.batch
    sweep = sum(model.hidden_words) / training.batch
    return spent, weights / (4 * _FOLLOWED), update / (4 * _FOLLOWED) + sweep


def inference_cycles(network, core, training):
    """Cycles a sample of a stream that is only classified."""
    model = _model(network, core, training)
    few, many = (model.run(*_samples(network, training, n, 0.0), train=False) for n in (40, 80))
    return (many.cycles - few.cycles) / (many.samples - few.samples)


def _model(network, core, training):
    return CycleModel(network, core, training, thresholds(network, training))


def _samples(network, training, count, trigger_rate):
    """(triggered, winners) of `count` samples, `trigger_rate` of them triggered."""
    wanted = round(trigger_rate * count)
    triggered = [index < wanted for index in range(count)]
    random.Random(count).shuffle(triggered)
    winners = [rows // group for rows, group in zip(network.widths[1:], training.gamma, strict=True)]
    return triggered, [winners] * count
