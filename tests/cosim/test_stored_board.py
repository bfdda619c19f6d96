"""A simulated board with a data set, through its UART pins: hosts that die, resets, a memory that forgets.

One simulated board lives through everything here, as one on a desk would.
"""

import shutil

import numpy as np
import pytest

from bepsim.soc import BASE_BAUD, block_memory, connect, open_board, open_linked
from bepsw.checkpoint import load_checkpoint
from bepsw.core import preset
from bepsw.driver import Driver
from bepsw.errors import BepError, LinkLost
from bepsw.fit import FitData, fit
from bepsw.golden import FastModel
from bepsw.registers import address as core_address
from bepsw.run import new_run
from bepsw.spec import Network, Training
from bepsw.stored import StoredDriver

from .sdram import HalfSpeedSdram

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make and a C++ compiler for Verilator")

CORE = preset("tiny")
EPOCHS, CHUNK = 2, 20


@pytest.fixture(scope="module")
def board():
    with open_board(CORE, memory=block_memory) as pipe:
        yield pipe


@pytest.fixture
def line(board):
    """The board as a new host finds it."""
    board.set_baud(BASE_BAUD)
    return board


def run_of(seed, order="hardware"):
    network = Network(widths=(14, 9, 6), classes=4, bits=CORE.bits)
    training = Training(gamma=(3, 3), batch=5, seed=seed)
    return new_run(network, training, lanes=CORE.lanes, order=order)


def data_of(run, count=40, held=8):
    rng = np.random.default_rng(run.training.seed)
    bits = rng.integers(0, 2, (count + held, run.network.inputs), dtype=np.uint8)
    labels = rng.integers(0, 4, count + held)
    return FitData(bits[:count], labels[:count], bits[count:], labels[count:])


def driver_of(pipe, run, session, kind=StoredDriver):
    transport = connect(pipe, CORE, session=session)
    assert transport.memory == 24
    return kind(transport, run.network, run.training, run.prototypes)


def stored(pipe, run, session):
    """A host that has written the data of `run` into the memory."""
    driver = driver_of(pipe, run, session)
    driver.put(data_of(run))
    return driver


def train(driver, run, **options):
    fit(driver, run, data_of(run), epochs=EPOCHS, chunk=CHUNK, **options)


def golden(seed, order="hardware"):
    run = run_of(seed, order)
    model = FastModel(run.network, run.training, run.prototypes, lanes=CORE.lanes)
    return fit(model, run, data_of(run), epochs=EPOCHS)


def assert_same(run, other):
    for x, y in ((run.state, other.state), (run.best_state, other.best_state)):
        for a, b in zip((*x.hidden, *x.weights, x.generator), (*y.hidden, *y.weights, y.generator), strict=True):
            assert np.array_equal(a, b)
    assert run.progress == other.progress


def leave_replaying(driver):
    """What a host that was killed leaves: the core trains on thousands of samples that nobody asks for any more."""
    driver.transport.write(core_address("CONTROL"), 3)
    driver.store.replay(0, 1 << 20, base=0, count=1 << 20, order=(1, 0), tally=True)
    assert driver.store.active()


def test_epochs_from_the_memory_of_a_board(line):
    run = run_of(1)
    driver = stored(line, run, 1)
    driver.train = driver.infer = None  # nothing is sent
    train(driver, run)
    assert_same(run, golden(1))
    assert driver.store.judged() == 8 and driver.transport.client.repeats == 0


@pytest.mark.parametrize("kind", [StoredDriver, Driver])
def test_a_host_killed_in_mid_replay(line, kind):
    """The next one, with the data set or without it, finds a core that waits for it."""
    run = run_of(2, "hardware" if kind is StoredDriver else "host")
    first = stored(line, run, 2)
    leave_replaying(first)
    line.set_baud(BASE_BAUD)
    second = driver_of(line, run, 3, kind)
    if kind is StoredDriver:
        assert second.stored is None and not second.store.active()
        second.put(data_of(run))
    train(second, run)
    assert_same(run, golden(2, run.order))


def test_a_host_killed_while_it_loads(line, monkeypatch):
    run = run_of(4)
    driver, left = driver_of(line, run, 4), [6]
    write = line.write

    def die(data):
        left[0] -= 1
        if not left[0]:
            write(data[: len(data) // 2])
            raise KeyboardInterrupt
        write(data)

    monkeypatch.setattr(line, "write", die)
    with pytest.raises(KeyboardInterrupt):
        driver.put(data_of(run))
    monkeypatch.undo()
    assert driver.stored is None
    line.set_baud(BASE_BAUD)
    driver = stored(line, run, 5)
    train(driver, run)
    assert_same(run, golden(4))


def test_a_reset_in_mid_epoch_and_a_memory_that_forgot(line, tmp_path):
    """One sentence; gone on with from the checkpoint, it ends with the bits of a run that nothing happened to."""
    run, path = run_of(6), tmp_path / "checkpoint.npz"
    driver = stored(line, run, 6)

    def press(run, metrics):
        if run.progress.epoch == 1 and run.progress.sample == CHUNK:
            line.press_reset()

    with pytest.raises(LinkLost, match="was reset; what it learned since the last checkpoint is gone"):
        train(driver, run, path=path, callback=press)
    line.set_baud(BASE_BAUD)
    run = load_checkpoint(path)
    assert run.order == "hardware" and (run.progress.epoch, run.progress.sample) == (1, 0)
    driver = driver_of(line, run, 7)
    other = data_of(run_of(99))
    driver.store.load(1 - other.train_bits, other.train_labels)  # what was there is gone
    driver.put(data_of(run))
    train(driver, run, path=path)
    assert_same(run, golden(6))


def test_a_run_stopped_in_mid_epoch_goes_on_there(line, tmp_path):
    run, path = run_of(8), tmp_path / "checkpoint.npz"
    driver = stored(line, run, 8)

    def stop(run, metrics):
        if run.progress.sample == CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(driver, run, path=path, callback=stop)
    line.set_baud(BASE_BAUD)
    run = load_checkpoint(path)
    assert (run.progress.epoch, run.progress.sample) == (0, CHUNK)
    driver = stored(line, run, 9)
    train(driver, run)
    assert_same(run, golden(8))


def test_without_its_samples_in_the_memory_the_host_sends_them(line):
    """Other data, or none, are stored: never trained on instead."""
    run = run_of(10)
    driver = driver_of(line, run, 10)
    driver.put(data_of(run_of(11)))
    train(driver, run)
    assert_same(run, golden(10))


def test_a_memory_that_does_not_keep_a_bit(line, monkeypatch):
    run = run_of(12)
    driver = driver_of(line, run, 12)
    write, data = driver.transport.write_block, data_of(run, count=16)

    def damage(addr, words):
        words = np.array(words)
        if words.size > 15:
            words[15] ^= 1 << 17  # one word of the bus is a header and 14 bits: sample 15
        write(addr, words)

    monkeypatch.setattr(driver.transport, "write_block", damage)
    with pytest.raises(BepError, match="Sample 15 came back from the board's memory with other bits than were written"):
        driver.put(data)
    assert driver.stored is None


@pytest.mark.slow
def test_all_of_it_with_litedram_and_a_chip():
    """UART, link, data set, crossing into half the clock, LiteDRAM, and a chip that judges it."""
    run = run_of(13)
    with open_linked(run, CORE, memory=HalfSpeedSdram) as driver:
        driver.put(data_of(run))
        driver.train = driver.infer = None  # nothing is sent
        train(driver, run)
    assert_same(run, golden(13))
