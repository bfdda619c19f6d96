"""Random networks, settings and samples for co-simulations, all from one seed."""

from dataclasses import dataclass

import numpy as np

from bepsim.scoreboard import Scoreboard
from bepsw.core import Core, preset
from bepsw.driver import Driver
from bepsw.errors import BepError
from bepsw.golden import FastModel, initial_state
from bepsw.layout import place
from bepsw.program import compile_program
from bepsw.spec import Network, Training, divisors, thresholds

__all__ = ["EVERY_RULE", "Case", "random_case", "random_options"]

# Cores of every rule: one for many tests, for each is compiled once. Prototypes of several layers want more room than
# those of one, sequences more steps and segments.
EVERY_RULE = {
    "tiny": preset("tiny", rules=1, steps=14, store_segments=64, prototype_segments=16),
    # One row a word and no interleaving; rows, and with them the columns of the state, span words.
    "narrow": preset(
        "tiny", segments=2, slots=1, contexts=2, threads=1, operand_words=8, bits=4, rules=1, steps=14,
        store_segments=100, prototype_segments=32,
    ),
    # Nothing is a power of two.
    "odd": Core(
        lanes=11, segments=7, slots=5, bits=5, weight_words=200, hidden_words=900, max_width=50, max_fan_in=150,
        classes=37, contexts=8, fronts=4, threads=3, operand_words=3, beats=150, store_segments=55,
        prototype_segments=16, rules=1, steps=13,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A network with its settings, classifier, and random samples that it has to learn."""

    network: Network
    training: Training
    prototypes: np.ndarray | tuple
    bits: np.ndarray
    labels: np.ndarray

    def model(self, core, *, kind=FastModel):
        """A golden model; the stepping one if asked for."""
        return kind(self.network, self.training, self.prototypes, lanes=core.lanes)

    def driver(self, transport):
        """The host driver of the core behind `transport`."""
        return Driver(transport, self.network, self.training, self.prototypes)

    def board(self, transport, model, **options):
        """That core and a golden model side by side."""
        return Scoreboard(self.driver(transport), model, **options)


def random_options(seed):
    """Options of the learning rule, as many on as off."""
    rng = np.random.default_rng([seed, 0x0B])
    options = {"gate": bool(rng.integers(2)), "rarity": int(rng.choice([0, 0, 1, 3, 8]))}
    if rng.random() < 0.6:
        options |= {"select": "threshold", "theta": float(rng.choice([0, 0.25, 0.7, 256]))}
        options["push"] = [None, 0.0, 0.2, 256.0][rng.integers(4)]
    return options


def random_case(seed, core, *, samples=40, online=None, rule="bep", recurrent=False, **options):
    """A random network that fits `core`: depth 1 to 6, odd and even widths, any γ, 2 to 64 classes.

    If `recurrent`, of 1 to 12 time steps.
    """
    rng = np.random.default_rng(seed)
    while True:
        depth = 1 if rule == "cpr" else int(rng.integers(1, 7))
        top = int(rng.choice([6, 20, core.max_width]))
        inputs = int(rng.integers(1, core.max_fan_in + 1)) if rng.random() < 0.5 else int(rng.integers(1, top + 1))
        widths = (inputs, *(int(rng.integers(1, top + 1)) for _ in range(depth)))
        classes = int(rng.integers(2, 1 + int(rng.choice([4, 10, core.classes]))))
        steps = int(rng.integers(1, 13)) if recurrent else 0
        network = Network(widths=widths, classes=classes, bits=core.bits, steps=steps)
        try:
            place(network, core, local=rule != "bep")
        except BepError:
            continue
        training = Training(
            gamma=widths[1:] if rule == "cpr" else tuple(int(rng.choice(divisors(width))) for width in widths[1:]),
            r=float(rng.choice([0, 0.1, 0.5, 1, 2])),
            nu=float(rng.choice([0, 0.05, 0.2, 1])),
            p_r=float(rng.choice([0, 0.3, 1])),
            batch=int(rng.integers(1, 16)),
            online=bool(rng.integers(2)) if online is None else online,
            seed=int(rng.integers(1 << 32)),
            rule=rule,
            **options,
        )
        try:
            compile_program(network, core, thresholds(network, training))
        except BepError:
            continue
        break
    judged = widths[1:] if training.local else widths[-1:]
    prototypes = tuple(rng.integers(0, 2, (classes, width)).astype(bool) for width in judged)
    return Case(
        network=network,
        training=training,
        prototypes=prototypes if training.local else prototypes[0],
        bits=rng.integers(0, 2, (samples, network.inputs), dtype=np.uint8),
        labels=rng.integers(0, classes, samples),
    )


def saturated(case, core, seed):
    """A state whose counters sit at or beside their limits."""
    state = initial_state(case.network, case.training, lanes=core.lanes)
    rng = np.random.default_rng(seed)
    top = (1 << (core.bits - 1)) - 1
    for k, w in zip(state.hidden, state.weights, strict=True):
        k[...] = rng.choice([top, top - 1, -top - 1, -top], k.shape)
        w[...] = k >= 0
    return state
