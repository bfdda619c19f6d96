"""Every rule and mix of options on one build: the core equals the golden model in every bit and every cycle."""

import itertools

import numpy as np
import pytest

from bepsim.scoreboard import Scoreboard
from bepsim.stalls import NO_STALLS, Stalls
from bepsim.target import open_core
from bepsw.driver import Driver
from bepsw.golden import FastModel, StepModel
from bepsw.run import new_run
from bepsw.spec import RULES, Network, Training

from .networks import EVERY_RULE, random_case, random_options, saturated

SEEDS = 20
STALLED = 10  # networks one after another, six times a core


@pytest.fixture(scope="module", params=EVERY_RULE)
def core(request):
    return EVERY_RULE[request.param]


@pytest.fixture(scope="module")
def transport(core):
    with open_core(core, timeout=20_000) as running:
        yield running


def case_of(seed, core, rule, **changes):
    """A random network; its options are on in three of four."""
    return random_case(seed, core, rule=rule, **(random_options(seed) if seed % 4 else {}), **changes)


@pytest.mark.thin(7)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_network(core, transport, rule, seed):
    """No stalls: also the cycle of every result is as predicted."""
    case = case_of(seed, core, rule, samples=24)
    board = case.board(transport, case.model(core))
    board.train(case.bits, case.labels, close=bool(seed % 2))
    board.infer(case.bits[:5])
    assert board.report.timed == len(case.bits)


@pytest.mark.thin(6)
@pytest.mark.parametrize("first", range(1000, 1006))
def test_random_networks_with_stalls(core, first):
    """Pauses on both streams lose and change nothing, whatever the networks before have left behind."""
    rng = np.random.default_rng(first)
    stalls = Stalls(seed=first, p_sample=float(rng.uniform(0, 0.9)), p_result=float(rng.uniform(0, 0.97)))
    with open_core(core, stalls=stalls, timeout=20_000) as transport:
        for seed, rule in zip(range(first, first + 6 * STALLED, 6), itertools.cycle(RULES), strict=False):
            case = case_of(seed, core, rule, samples=16)
            board = case.board(transport, case.model(core), timed=False, state_every=3)
            board.train(case.bits, case.labels)
            board.infer(case.bits[:3])


@pytest.mark.thin(5)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(2001, 2005))
def test_every_sample_against_the_stepping_model(core, transport, rule, seed):
    """The whole state after every single sample, from counters at their limits, against the plain model."""
    case = case_of(seed, core, rule, samples=10)
    model = case.model(core, kind=StepModel)
    model.load(saturated(case, core, seed))
    board = case.board(transport, model, timed=False)
    board.train_stepwise(case.bits, case.labels)


def test_one_build_trains_one_network_after_another():
    """No rebuild, no reset: three MLPs with BEP, a local rule, then the first again with every option."""
    core = EVERY_RULE["tiny"]
    geometries = [(90, 40, 20), (13, 9), (64, 12, 12, 12), (70, 30, 24), (90, 40, 20)]
    rules = [{}, {"online": True}, {"nu": 1}, {"rule": "local"}]
    rules.append({"gate": False, "select": "threshold", "theta": 0.5, "push": 0.1, "rarity": 1})
    with open_core(core, timeout=20_000) as transport:
        for widths, rule in zip(geometries, rules, strict=True):
            network = Network(widths=widths, classes=7)
            training = Training(gamma=widths[1:], batch=8, r=1, **rule)
            run = new_run(network, training, lanes=core.lanes)
            model = FastModel(network, training, run.prototypes, lanes=core.lanes)
            rng = np.random.default_rng(len(rule))
            board = Scoreboard(Driver(transport, network, training, run.prototypes), model)
            board.train(rng.integers(0, 2, (40, widths[0]), dtype=np.uint8), rng.integers(0, 7, 40), close=True)
            assert board.report.timed == 40 and model.counters.updates > 0


@pytest.mark.slow
def test_on_icarus():
    """Another simulator, other semantics of undefined bits: the same core."""
    core = EVERY_RULE["tiny"]
    with open_core(core, simulator="icarus", stalls=NO_STALLS, timeout=20_000) as transport:
        for seed, rule in zip(range(3001, 3007), itertools.cycle(RULES), strict=False):
            case = case_of(seed, core, rule, samples=10)
            board = case.board(transport, case.model(core), state_every=100)
            board.train(case.bits, case.labels)
