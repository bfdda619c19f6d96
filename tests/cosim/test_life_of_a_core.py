"""What happens to a core between runs: other networks, resets, stops, bad samples, wrong accesses."""

import numpy as np
import pytest

from bepsim.scoreboard import Mismatch
from bepsim.target import open_core
from bepsw.core import preset
from bepsw.driver import Driver
from bepsw.driver_words import sample_beats
from bepsw.errors import BepError
from bepsw.registers import address

from .networks import random_case

CORE = preset("tiny")


@pytest.fixture
def transport():
    with open_core(CORE, timeout=20_000) as running:
        yield running


def start(transport, case, **options):
    """A scoreboard for a case on a running core."""
    return case.board(transport, case.model(CORE), **options)


def test_many_networks_one_after_another(transport):
    """No rebuild, no reset: what one network leaves behind does not reach the next."""
    for seed in range(400, 408):
        case = random_case(seed, CORE, samples=12)
        start(transport, case).train(case.bits, case.labels)


def test_reset_in_mid_sample(transport):
    """Half a sample and samples in flight are dropped; after loading its state the core trains as if new."""
    case = random_case(410, CORE, samples=24)
    board = start(transport, case)
    beats, last = sample_beats(case.bits[:4], case.labels[:4], False, CORE.lanes)
    transport.write(address("CONTROL"), 3)
    # All but the last beat, which nobody waits for: samples in flight, and one half read.
    transport.stream(beats[:-1], last[:-1], 0)
    transport.write(address("COMMAND"), 1)
    transport.write(address("CONTROL"), 0)
    transport.wait_idle()
    start(transport, case).train(case.bits, case.labels)
    assert board.report.samples == 0


def test_stop_keeps_samples_out(transport):
    """A core that does not run takes no sample."""
    case = random_case(411, CORE, samples=2)
    start(transport, case)
    beats, last = sample_beats(case.bits, case.labels, False, CORE.lanes)
    with pytest.raises(BepError, match="Nothing moved"):
        transport.stream(beats, last, len(case.bits))


def test_inference_changes_nothing(transport):
    case = random_case(412, CORE, samples=20)
    board = start(transport, case)
    before = board.driver.state()
    board.infer(case.bits)
    after = board.driver.state()
    for a, b in zip(before.hidden + before.weights, after.hidden + after.weights, strict=True):
        assert np.array_equal(a, b)
    assert board.driver.counter("samples") == 0


@pytest.mark.parametrize("fault", ["short", "long", "label"])
def test_a_bad_sample_is_dropped_and_reported(transport, fault):
    """The samples around it train as if it had never been there, and the flag sticks until it is cleared."""
    case = random_case(413, CORE, samples=10)
    board = start(transport, case)
    beats, last = sample_beats(case.bits[:1], case.labels[:1], False, CORE.lanes)
    if fault == "short":
        beats, last = beats[:-1], np.append(last[:-2], True)
    elif fault == "long":
        beats, last = np.concatenate([beats, beats[-1:]]), np.append(np.zeros(len(beats), bool), True)
    else:
        beats[0, 0] = case.network.classes
    transport.write(address("CONTROL"), 3)
    transport.stream(beats, last, 0)
    transport.wait_idle()
    flag = {"short": 1, "long": 1, "label": 2}[fault]
    assert transport.read(address("ERRORS")) == flag
    with pytest.raises(BepError, match=r"dropped\.$"):
        board.driver.state()
    transport.write(address("ERRORS"), flag)
    assert transport.read(address("ERRORS")) == 0
    board.train(case.bits, case.labels)


def test_a_window_is_refused_while_busy(transport):
    """Memories are the training's while it runs: a host write then changes nothing and is reported."""
    case = random_case(414, CORE, samples=4)
    board = start(transport, case)
    beats, last = sample_beats(case.bits[:1], case.labels[:1], False, CORE.lanes)
    transport.write(address("CONTROL"), 1)
    transport.stream(beats[:-1], last[:-1], 0)
    transport.write(address("WINDOW_SELECT"), 0)
    transport.write(address("WINDOW_ADDRESS"), 0)
    transport.write_block(address("WINDOW_DATA"), np.full(2, 0xFFFFFFFF))
    assert transport.read(address("ERRORS")) == 4
    transport.write(address("ERRORS"), 4)
    transport.stream(beats[-1:], last[-1:], 1)
    transport.wait_idle()
    board.train(case.bits, case.labels)


def test_the_scoreboard_names_the_first_difference(transport):
    """A scoreboard that cannot fail would be worth nothing: a flipped counter is found and named."""
    case = random_case(415, CORE, samples=8)
    board = start(transport, case)
    state = case.model(CORE).state()
    state.hidden[0][1 % len(state.hidden[0]), 0] ^= 1
    board.driver.load(state)
    unit = 1 % len(state.hidden[0])
    with pytest.raises(Mismatch, match=f"k of layer 1, unit {unit}, weight 0"):
        board.train_stepwise(case.bits[:1], case.labels[:1])


def test_another_identity_is_refused():
    class Stranger:
        def read(self, address):
            return 0xDEADBEEF

    case = random_case(416, CORE)
    with pytest.raises(BepError, match="This is no bepcore"):
        Driver(Stranger(), case.network, case.training, case.prototypes)
