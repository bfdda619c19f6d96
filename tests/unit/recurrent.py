"""Random networks with a recurrent first layer that fit a core."""

import numpy as np

from bepsw.errors import BepError
from bepsw.program import compile_program
from bepsw.spec import Network, Training, divisors, thresholds

from .bench import core_of

__all__ = ["CORES", "name_of", "recurrent_of"]

CORES = [
    core_of(rules=1, store_segments=60, steps=12, prototype_segments=16),
    core_of(rules=1, lanes=8, segments=1, slots=1, threads=1, contexts=2, operand_words=6, max_fan_in=48, max_width=20,
            store_segments=40, steps=12),
    core_of(rules=1, lanes=8, segments=8, slots=8, operand_words=1, max_fan_in=64, contexts=8, threads=3,
            store_segments=90, steps=12),
    core_of(rules=1, segments=2, slots=2, lanes=13, operand_words=6, weight_words=256, threads=3, steps=12,
            store_segments=50),
]  # fmt: skip
"""Words that hold rows, rows that span words, both."""


def name_of(core):
    return f"g{core.lanes}S{core.segments}R{core.slots}t{core.threads}"


def recurrent_of(rng, core, *, depth=None, steps=None, online=False, **options):
    """A random recurrent network that fits `core`, with its settings and thresholds; 1 to 12 steps, else `steps`."""
    while True:
        layers = depth or int(rng.integers(1, 4))
        most = rng.choice([core.max_width, min(core.max_width, 2 * core.lanes)], layers + 1)
        widths = [int(k) for k in rng.integers(1, most + 1)]
        if rng.random() < 0.2:
            widths[0] = core.lanes * int(rng.integers(1, 3))  # the state begins with a segment
        times = steps or int(rng.integers(1, 13))
        network = Network(widths=widths, classes=int(rng.integers(2, core.classes + 1)), bits=core.bits, steps=times)
        training = Training(
            gamma=[int(rng.choice(divisors(k))) for k in widths[1:]],
            r=float(rng.choice([0, 0.4, 2])), nu=float(rng.choice([0, 0.1, 0.3, 1])),
            p_r=float(rng.choice([0, 0.5, 1])), seed=int(rng.integers(1 << 16)), online=online, **options,
        )  # fmt: skip
        limits = thresholds(network, training)
        try:
            compile_program(network, core, limits)
        except BepError:
            continue
        return network, training, limits


def operands_of(network, bits, states):
    """[x_t ; s_{t−1}] of every step, given s_1 … s_T; s_0 is all +1."""
    before = np.concatenate([np.ones((1, network.widths[1]), bool), np.asarray(states)[:-1]])
    return np.concatenate([np.asarray(bits).reshape(network.steps, -1).astype(bool), before], axis=1)
