"""Random geometries, settings and stalls: the core equals the golden model bit for bit, and the cycle model exactly."""

import numpy as np
import pytest

from bepsim.stalls import Stalls
from bepsim.target import open_core
from bepsw.core import Core, preset
from bepsw.golden import StepModel

from .networks import random_case, saturated

CORES = {
    "tiny": preset("tiny"),
    # One row a word, two samples in flight, no interleaving: the other end of every parameter.
    "narrow": preset("tiny", segments=2, slots=1, contexts=2, threads=1, operand_words=8, bits=4),
    # Nothing is a power of two.
    "odd": Core(
        lanes=11, segments=7, slots=5, bits=5, weight_words=200, hidden_words=900, max_width=50, max_fan_in=150,
        classes=37, contexts=8, fronts=4, threads=3, operand_words=3, beats=150, store_segments=20,
        prototype_segments=8,
    ),
}  # fmt: skip
on_every_core = pytest.mark.parametrize("core", ["tiny", pytest.param("narrow", marks=pytest.mark.slow), "odd"])


@pytest.mark.thin(5)
@on_every_core
@pytest.mark.parametrize("seed", range(8))
def test_random_network(core, seed, waves):
    """No stalls: also the cycle of every result is as predicted."""
    core = CORES[core]
    case = random_case(seed, core, samples=30)
    with open_core(core, waves=waves, timeout=20_000) as transport:
        board = case.board(transport, case.model(core))
        board.train(case.bits, case.labels, close=bool(seed % 2))
        board.infer(case.bits[:5])
    assert board.report.timed == len(case.bits)


@pytest.mark.thin(5)
@on_every_core
@pytest.mark.parametrize("seed", range(100, 106))
def test_random_network_with_stalls(core, seed, waves):
    """Pauses on both streams lose and change nothing."""
    core = CORES[core]
    rng = np.random.default_rng(seed)
    stalls = Stalls(seed=seed, p_sample=float(rng.uniform(0, 0.9)), p_result=float(rng.uniform(0, 0.97)))
    case = random_case(seed, core, samples=30)
    with open_core(core, stalls=stalls, waves=waves, timeout=20_000) as transport:
        board = case.board(transport, case.model(core), timed=False)
        board.train(case.bits, case.labels)
        board.infer(case.bits[:5])
    assert board.report.results == len(case.bits) + 5


@pytest.mark.thin(4)
@pytest.mark.parametrize("seed", range(300, 304))
def test_random_network_on_icarus(seed, waves):
    """Another simulator, other semantics of undefined bits: the same core."""
    case = random_case(seed, CORES["tiny"], samples=16)
    with open_core(CORES["tiny"], simulator="icarus", waves=waves, timeout=20_000) as transport:
        board = case.board(transport, case.model(CORES["tiny"]), state_every=100)
        board.train(case.bits, case.labels)
    assert board.report.timed == len(case.bits)


@pytest.mark.thin(2)
@pytest.mark.parametrize("seed", range(200, 204))
def test_every_sample_against_the_stepping_model(seed):
    """The whole state after every single sample, from counters at their limits, against the plain model."""
    core = CORES["tiny"]
    case = random_case(seed, core, samples=12)
    model = case.model(core, kind=StepModel)
    model.load(saturated(case, core, seed))
    with open_core(core, timeout=20_000) as transport:
        board = case.board(transport, model, timed=False)
        board.train_stepwise(case.bits, case.labels)
    assert board.report.states == len(case.bits) + 1
