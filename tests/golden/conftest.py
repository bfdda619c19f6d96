"""Random networks and settings, the same for every test that draws the same seed."""

from types import SimpleNamespace

import numpy as np
import pytest

from bepsw.run import make_classifiers
from bepsw.spec import Network, Training, divisors
from bepsw.target import State


def _setup(seed, *, widest=90, depth=None, classes=None, bits=None, online=None, gamma=None, steps=0, **options):
    """A network with settings, classifier, lanes and its random source; what is not given is drawn.

    Options go into `Training` and take the place of what was drawn.
    """
    rng = np.random.default_rng([seed, 7])
    depth = depth or int(rng.integers(1, 7))
    widths = tuple(int(width) for width in rng.integers(2, widest, depth + 1))
    network = Network(
        widths=widths,
        classes=classes or int(rng.choice([2, 3, 10, 26, 64])),
        bits=bits or int(rng.choice([2, 3, 4, 8, 16])),
        steps=steps,
    )
    choices = {"one": lambda k: 1, "width": lambda k: k, None: lambda k: int(rng.choice(divisors(k)))}
    drawn = dict(
        gamma=[choices[gamma](k) for k in widths[1:]],
        r=float(rng.choice([0, 0.3, 0.5, 2])),
        nu=float(rng.choice([0, 0.05, 0.1, 1])),
        p_r=float(rng.choice([0, 0.5, 1])),
        batch=int(rng.integers(1, 30)),
        online=bool(rng.integers(2)) if online is None else online,
        seed=seed,
    )
    training = Training(**{**drawn, **options})
    return SimpleNamespace(
        rng=rng,
        network=network,
        training=training,
        prototypes=make_classifiers(network, training),
        lanes=int(rng.choice([8, 13, 36, 72, 130])),
    )


def _samples(setup, count):
    bits = setup.rng.integers(0, 2, (count, setup.network.inputs)).astype(np.uint8)
    return bits, setup.rng.integers(0, setup.network.classes, count)


def _at_the_ends(setup, generator):
    """A state inside a batch whose counters all stand at an end of their range and whose W is unrelated to them."""
    high = (1 << (setup.network.bits - 1)) - 1
    shapes = setup.network.shapes
    signs = [setup.rng.integers(0, 2, shape).astype(bool) for shape in shapes]
    return State(
        hidden=tuple(np.where(up, high, -high - 1).astype(np.int16) for up in signs),
        weights=tuple(setup.rng.integers(0, 2, shape).astype(bool) for shape in shapes),
        generator=generator,
        pending=int(setup.rng.integers(setup.training.batch)),
    )


@pytest.fixture(scope="session")
def setup():
    return _setup


@pytest.fixture(scope="session")
def samples():
    return _samples


@pytest.fixture(scope="session")
def at_the_ends():
    return _at_the_ends
