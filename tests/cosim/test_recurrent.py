"""Recurrent networks (BEP-TT) of every geometry on one build: every bit and every cycle as in the golden model."""

import dataclasses

import numpy as np
import pytest

from bepsim.stalls import Stalls
from bepsim.target import open_core
from bepsw.golden import StepModel

from .networks import EVERY_RULE, random_case, random_options, saturated

SEEDS = 24
STALLED = 12  # networks one after another, four times a core


@pytest.fixture(scope="module", params=EVERY_RULE)
def core(request):
    return EVERY_RULE[request.param]


@pytest.fixture(scope="module")
def transport(core):
    with open_core(core, timeout=40_000) as running:
        yield running


def case_of(seed, core, **changes):
    """A random recurrent network; its options are on in every second one."""
    return random_case(seed, core, recurrent=True, **(random_options(seed) if seed % 2 else {}), **changes)


@pytest.mark.thin(3)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_sequences(core, transport, seed):
    """No stalls: also the cycle of every result is as predicted."""
    case = case_of(seed, core, samples=20)
    board = case.board(transport, case.model(core))
    board.train(case.bits, case.labels, close=bool(seed % 3))
    board.infer(case.bits[:5])
    assert board.report.timed == len(case.bits)


def test_the_random_sequences_meet_every_corner(core):
    """Among them: one step, two, many; layers above and none; the state at the start of a segment and inside one; rows
    shorter than the pause between two steps; online and batches."""
    cases = [case_of(seed, core, samples=1) for seed in range(SEEDS)]
    networks = [case.network for case in cases]
    assert {min(network.steps, 3) for network in networks} == {1, 2, 3} and max(n.steps for n in networks) > 8
    assert {min(network.layers, 2) for network in networks} == {1, 2}
    assert {network.widths[0] % core.lanes == 0 for network in networks} == {True, False}
    assert {case.training.online for case in cases} == {True, False}
    segments = [-(-network.fan_ins[0] // core.lanes) for network in networks]
    assert min(segments) < 7 and max(segments) > core.segments


@pytest.mark.thin(4)
@pytest.mark.parametrize("first", range(1000, 1004))
def test_random_sequences_with_stalls(core, first):
    """Pauses on both streams lose and change nothing, whatever the networks before have left behind."""
    rng = np.random.default_rng(first)
    stalls = Stalls(seed=first, p_sample=float(rng.uniform(0, 0.9)), p_result=float(rng.uniform(0, 0.97)))
    with open_core(core, stalls=stalls, timeout=40_000) as transport:
        for seed in range(first, first + 4 * STALLED, 4):
            case = case_of(seed, core, samples=12)
            board = case.board(transport, case.model(core), timed=False, state_every=3)
            board.train(case.bits, case.labels)
            board.infer(case.bits[:3])


@pytest.mark.thin(5)
@pytest.mark.parametrize("seed", range(2001, 2005))
def test_every_sample_against_the_stepping_model(core, transport, seed):
    """The whole state after every single sample, from counters at their limits, against the plain model."""
    case = case_of(seed, core, samples=8)
    model = case.model(core, kind=StepModel)
    model.load(saturated(case, core, seed))
    board = case.board(transport, model, timed=False)
    board.train_stepwise(case.bits, case.labels)


@pytest.mark.thin(2)
@pytest.mark.parametrize("seed", range(3001, 3005))
def test_on_icarus(seed):
    """Another simulator, other semantics of undefined bits: the same core."""
    core = EVERY_RULE["tiny"]
    with open_core(core, simulator="icarus", timeout=40_000) as transport:
        case = case_of(seed, core, samples=8)
        board = case.board(transport, case.model(core), state_every=100)
        board.train(case.bits, case.labels)


def test_one_build_trains_network_after_network(core, transport):
    """Perceptrons, a recurrent network and one with a local rule take turns on one core that is not built again."""
    kinds = [{}, {"recurrent": True}, {"rule": "local"}, {}, {"recurrent": True, "rarity": 1}, {"rule": "cpr"}, {}]
    for seed, kind in enumerate(kinds, start=4000):
        case = random_case(seed, core, samples=20, **kind)
        case = dataclasses.replace(case, labels=np.arange(len(case.bits)) % case.network.classes)
        board = case.board(transport, case.model(core))
        board.train(case.bits, case.labels)
        assert board.report.timed == len(case.bits)
