"""Training from the memory: shuffled by the hardware, epoch by epoch the golden model's run, bit for bit."""

import numpy as np
import pytest

from bepsim.stored import open_stored
from bepsw.core import preset
from bepsw.errors import BepError
from bepsw.fit import FitData, fit
from bepsw.permutation import hardware_order
from bepsw.registers import address as core_address
from bepsw.run import new_run
from bepsw.stored import Store, StoredDriver

from .networks import random_case

CORE = preset("tiny")
BITS = 12


@pytest.fixture(scope="module")
def transport():
    with open_stored(CORE, BITS, timeout=50_000) as running:
        yield running


def split(case):
    return FitData(case.bits[:60], case.labels[:60], case.bits[60:], case.labels[60:])


def assert_same(run, other):
    for x, y in ((run.state, other.state), (run.best_state, other.best_state)):
        for a, b in zip((*x.hidden, *x.weights, x.generator), (*y.hidden, *y.weights, y.generator), strict=True):
            assert np.array_equal(a, b)
        assert x.pending == y.pending
    assert run.progress == other.progress


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_epochs_from_the_memory_are_those_of_the_golden_model(transport, seed):
    case = random_case(seed, CORE, samples=80, online=seed == 2)
    data = split(case)

    def start():
        return new_run(case.network, case.training, lanes=CORE.lanes, prototypes=case.prototypes, order="hardware")

    driver = StoredDriver(transport, case.network, case.training, case.prototypes)
    driver.put(data)
    assert all(np.array_equal(*pair) for pair in zip(driver.store.read(50, 20), joined(data, 50, 20), strict=True))
    run, golden = start(), start()
    fit(driver, run, data, epochs=2, chunk=30)
    fit(case.model(CORE), golden, data, epochs=2)
    assert_same(run, golden)
    assert driver.store.sent() == 20 and not driver.store.active()


def test_single_results_come_to_the_host_if_it_asks_for_them(transport):
    case = random_case(5, CORE, samples=40, online=False)
    driver, model = StoredDriver(transport, case.network, case.training, case.prototypes), case.model(CORE)
    driver.load(model.state())
    driver.store.load(case.bits, case.labels)
    order = hardware_order(9, 1, 40)[5:30]
    transport.write(core_address("CONTROL"), 3 | case.training.online << 2)
    driver.store.replay(5, 25, base=0, count=40, order=(9, 1), close=True)
    nothing = np.zeros((0, -(-CORE.lanes // 8)), np.uint8), np.zeros(0, bool)
    payloads = transport.stream(*nothing, 25).results
    expected = model.train(case.bits[order], case.labels[order], close=True)
    assert ((payloads & 63) == expected.prediction).all()
    assert ((payloads >> np.uint64(6) & np.uint64(1)) == expected.triggered).all()
    transport.wait_idle()
    assert driver.store.judged() == 25
    assert driver.store.wrong() == np.count_nonzero(expected.prediction != case.labels[order])


def joined(data, first, count):
    bits = np.concatenate([data.train_bits, data.validation_bits])
    labels = np.concatenate([data.train_labels, data.validation_labels])
    return bits[first : first + count], labels[first : first + count]


def test_samples_of_the_host_still_pass(transport):
    case = random_case(4, CORE, samples=30)
    driver, model = StoredDriver(transport, case.network, case.training, case.prototypes), case.model(CORE)
    driver.load(model.state())
    got, expected = (target.train(case.bits, case.labels, close=True) for target in (driver, model))
    assert np.array_equal(got.margin, expected.margin)
    assert all(np.array_equal(*pair) for pair in zip(driver.state().hidden, model.state().hidden, strict=True))


def test_what_does_not_fit_is_refused_in_a_sentence(transport):
    store = Store(transport)
    with pytest.raises(BepError, match=r"513 samples of 100 bits do not fit the board's memory, which holds 512"):
        store.load(np.zeros((513, 100), np.uint8), np.zeros(513, int))
    with pytest.raises(BepError, match="of samples that are not there"):
        store.replay(5, 6, base=0, count=10)
    assert not store.active()
