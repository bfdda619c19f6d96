"""A whole board in the simulator, reached through its UART pins by the host that a user has, whatever happens.

One simulated board lives through everything here, as one on a desk would.
"""

import itertools
import shutil

import numpy as np
import pytest

from bepsim.soc import BASE_BAUD, RATES, connect, open_board
from bepsw.core import preset
from bepsw.driver import Driver
from bepsw.errors import LinkLost
from bepsw.golden import FastModel
from bepsw.link.model_pipe import Faults
from bepsw.run import new_run
from bepsw.spec import Network, Training

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make and a C++ compiler for Verilator")

CORE = preset("tiny")


@pytest.fixture(scope="module")
def board():
    with open_board(CORE) as pipe:
        yield pipe


@pytest.fixture
def line(board):
    """The board as a host finds it: a good line, at the base rate."""
    board.faults = bytes
    board.set_baud(BASE_BAUD)
    return board


def run_of(seed):
    network = Network(widths=(14, 9, 6), classes=4, bits=CORE.bits)
    return new_run(network, Training(gamma=(3, 3), batch=5, seed=seed), lanes=CORE.lanes)


def samples(run, seed, count):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (count, run.network.inputs), dtype=np.uint8), rng.integers(0, 4, count)


def driver_of(pipe, run, session):
    driver = Driver(connect(pipe, CORE, session=session), run.network, run.training, run.prototypes)
    driver.load(run.state)
    return driver


def assert_trains_as_the_model(driver, run, seed, count):
    model = FastModel(run.network, run.training, run.prototypes, lanes=CORE.lanes)
    model.load(run.state)
    bits, labels = samples(run, seed, count)
    found, expected = driver.train(bits, labels), model.train(bits, labels)
    for name in ("prediction", "margin", "triggered"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    one, other = driver.state(), model.state()
    for a, b in zip(one.hidden + one.weights, other.hidden + other.weights, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(one.generator, other.generator) and one.pending == other.pending
    assert np.array_equal(driver.infer(bits), model.infer(bits))


def test_trains_through_the_pins(line):
    run = run_of(1)
    driver = driver_of(line, run, 1)
    assert line.baud == RATES[0]
    driver.counters = type(driver.counters)()
    assert_trains_as_the_model(driver, run, 1, 33)
    assert driver.counter("samples") == 33 and driver.transport.client.repeats == 0


@pytest.mark.parametrize("seed", [2, 3])
def test_one_percent_of_bytes_lost_flipped_or_doubled_both_ways(line, seed):
    run = run_of(seed)
    line.faults = Faults(0.01, seed)
    driver = driver_of(line, run, seed)
    assert_trains_as_the_model(driver, run, seed, 12)
    assert driver.transport.client.repeats > 10


def test_a_reset_of_the_board_in_mid_epoch(line):
    run = run_of(4)
    driver = driver_of(line, run, 4)
    driver.train(*samples(run, 4, 8))
    line.press_reset()
    with pytest.raises(LinkLost, match="was reset; what it learned since the last checkpoint is gone"):
        driver.train(*samples(run, 5, 8))
    line.set_baud(BASE_BAUD)
    assert_trains_as_the_model(driver_of(line, run, 5), run, 6, 8)


@pytest.mark.parametrize("cut", [2, 9])
def test_a_host_killed_in_mid_sample(line, cut, monkeypatch):
    """Half a frame of samples is the last that it said; the core has half a sample, and results wait."""
    run = run_of(6)
    driver = driver_of(line, run, 6)
    left, write = itertools.count(cut, -1), line.write

    def die(data):
        if next(left) == 0:
            write(data[: len(data) // 2])
            raise KeyboardInterrupt
        write(data)

    monkeypatch.setattr(line, "write", die)
    with pytest.raises(KeyboardInterrupt):
        while True:
            driver.train(*samples(run, 6, 40))
    monkeypatch.undo()
    line.set_baud(BASE_BAUD)
    assert_trains_as_the_model(driver_of(line, run, 7), run, 7, 8)


def test_frames_of_random_bytes(line):
    run = run_of(8)
    driver = driver_of(line, run, 8)
    noise = Faults(seed=8)
    for length in (1, 3, 20, 254, 255, 256, 300):
        line.write(noise.noise(length).replace(b"\0", b"\1") + b"\0")
    line.set_baud(line.baud)
    assert_trains_as_the_model(driver, run, 8, 8)
