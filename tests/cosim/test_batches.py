"""Batches in one stream: the sweep runs beside the next batch, and nobody sees a weight too early or too late."""

import dataclasses

import numpy as np
import pytest

from bepsim.stalls import Stalls
from bepsim.target import open_core
from bepsw.core import preset
from bepsw.cycles import CycleModel
from bepsw.driver_words import sample_beats
from bepsw.registers import address
from bepsw.spec import Network, Training
from bepsw.target import Counters

from .networks import Case

# Half as many fronts as contexts, so that samples wait for both; four banks of winners.
CORE = preset("tiny", beats=256, contexts=8, fronts=4)
RUN, TRAIN = 1, 2
BUSY = 1 << 2  # of ERRORS


def long_sweeps(seed, *, batch, samples=24, online=False):
    """A network whose sweep takes longer than several samples of a batch, and in which most samples learn."""
    rng = np.random.default_rng([seed, batch])
    widths = (int(rng.integers(60, 120)), int(rng.integers(40, 60)), int(rng.integers(8, 24)))
    network = Network(widths=widths, classes=int(rng.integers(2, 12)), bits=CORE.bits)
    training = Training(
        gamma=widths[1:], r=2.0, nu=0.3, p_r=0.5, batch=batch, online=online, seed=int(rng.integers(1 << 32))
    )
    return Case(
        network=network,
        training=training,
        prototypes=rng.integers(0, 2, (network.classes, widths[-1])).astype(bool),
        bits=rng.integers(0, 2, (samples, widths[0]), dtype=np.uint8),
        labels=rng.integers(0, network.classes, samples),
    )


@pytest.fixture(scope="module")
def transport():
    with open_core(CORE, timeout=50_000) as running:
        yield running


def start(transport, case):
    """Driver and golden model in the same state, counters at 0."""
    driver, model = case.driver(transport), case.model(CORE)
    driver.load(model.state())
    driver.counters = model.counters = Counters()
    return driver, model


def assert_same_state(driver, model):
    got, expected = driver.state(), model.state()
    for name in ("hidden", "weights"):
        for layer, pair in enumerate(zip(getattr(got, name), getattr(expected, name), strict=True), start=1):
            assert np.array_equal(*pair), f"{name} of layer {layer}"
    assert np.array_equal(got.generator, expected.generator) and got.pending == expected.pending


def assert_same_results(got, expected):
    for name in ("prediction", "margin", "triggered"):
        assert np.array_equal(getattr(got, name), getattr(expected, name)), name


def send(transport, case, part, close=False):
    """Train on samples and come back with their results: the update stage is still at work."""
    beats, last = sample_beats(case.bits[part], case.labels[part], close, CORE.lanes)
    transport.write(address("CONTROL"), RUN | TRAIN)
    transport.stream(beats, last, len(case.bits[part]))


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("seed, close", [(1, False), (2, True)])
def test_many_batches_in_one_stream(transport, batch, seed, close):
    """Results, state and every cycle, with sweeps that are longer than a batch."""
    case = long_sweeps(seed, batch=batch)
    driver, model = start(transport, case)
    cycles = CycleModel(case.network, driver.core, case.training, model.thresholds)
    got = driver.train(case.bits, case.labels, close=close)
    assert_same_results(got, model.train(case.bits, case.labels, close=close))
    use = cycles.run(got.triggered, model.winner_counts, close=close)
    log = driver.log
    assert np.array_equal(log.result_cycle - log.beat_cycle[0], use.results)
    assert driver.counter("cycles") == use.cycles
    assert_same_state(driver, model)
    assert driver.counters == model.counters and model.counters.sweeps >= 24 // batch
    if batch == 1:
        assert use.sweep > use.forward + use.walk, "the sweeps are not what the samples wait for"


@pytest.mark.parametrize("batch", [1, 3])
def test_online_sweeps_stay_in_order(transport, batch):
    case = long_sweeps(3, batch=batch, online=True, samples=12)
    driver, model = start(transport, case)
    cycles = CycleModel(case.network, driver.core, case.training, model.thresholds)
    got = driver.train(case.bits, case.labels)
    assert_same_results(got, model.train(case.bits, case.labels))
    assert driver.counter("cycles") == cycles.run(got.triggered, model.winner_counts).cycles
    assert_same_state(driver, model)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_stalls_between_overlapping_batches(batch):
    case = long_sweeps(4, batch=batch)
    with open_core(CORE, stalls=Stalls(seed=batch, p_sample=0.4, p_result=0.6), timeout=50_000) as running:
        driver, model = start(running, case)
        for part in (slice(0, 17), slice(17, None)):
            got = driver.train(case.bits[part], case.labels[part])
            assert_same_results(got, model.train(case.bits[part], case.labels[part]))
            assert_same_state(driver, model)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_may_be_all_that_the_contexts_hold_and_nothing_triggers(transport, batch):
    """Samples without winners retire at once; with margin 0 few trigger, and every batch still swaps and sweeps."""
    case = long_sweeps(5, batch=batch)
    case = dataclasses.replace(case, training=dataclasses.replace(case.training, r=0.0))
    driver, model = start(transport, case)
    got = driver.train(case.bits, case.labels, close=True)
    assert_same_results(got, model.train(case.bits, case.labels, close=True))
    assert_same_state(driver, model)


@pytest.mark.parametrize("done", [1, 5, 6, 7, 10])
def test_a_state_loaded_in_mid_batch_goes_on_where_it_was(transport, done):
    """W in use is the last batch's, the other bank must get the signs of k: rows that nobody updates show it."""
    case = long_sweeps(6, batch=8)
    _, model = start(transport, long_sweeps(7, batch=2))  # another network leaves its weights behind, in both banks
    model = case.model(CORE)
    model.train(case.bits[:done], case.labels[:done])
    state = model.state()
    assert state.pending == done % 8
    assert any((w != (k >= 0)).any() for w, k in zip(state.weights, state.hidden, strict=True))
    driver = case.driver(transport)
    driver.load(state)
    assert_same_state(driver, model)
    for part, close in ((slice(done, done + 1), True), (slice(done + 1, None), True)):
        got = driver.train(case.bits[part], case.labels[part], close=close)
        assert_same_results(got, model.train(case.bits[part], case.labels[part], close=close))
        assert_same_state(driver, model)


def test_both_banks_hold_the_same_after_a_sweep(transport):
    """Two batches without a winner swap twice: W must be the same each time, and inference sees it."""
    case = long_sweeps(8, batch=4)
    driver, model = start(transport, case)
    driver.train(case.bits, case.labels)
    model.train(case.bits, case.labels)
    for _ in range(3):
        assert np.array_equal(driver.infer(case.bits), model.infer(case.bits))
        for target in (driver, model):
            target.train(case.bits[:1], case.labels[:1], close=True)
        assert_same_state(driver, model)


@pytest.mark.parametrize("seed", [1, 2])
def test_inference_beside_a_sweep_uses_the_new_weights(transport, seed):
    case = long_sweeps(9 + seed, batch=6, samples=18)
    driver, model = start(transport, case)
    batch = slice(0, 6)
    before = model.infer(case.bits)
    model.train(case.bits[batch], case.labels[batch])
    send(transport, case, batch)
    transport.write(address("CONTROL"), RUN)
    beats, last = sample_beats(case.bits, case.labels * 0, False, CORE.lanes)
    log = transport.stream(beats, last, len(case.bits))
    assert transport.read(address("STATUS")) == 0, "the sweep is over: this test shows nothing"
    prediction = (log.results & np.uint64(63)).astype(np.uint8)
    assert np.array_equal(prediction, model.infer(case.bits)) and not np.array_equal(prediction, before)
    transport.wait_idle()
    assert_same_state(driver, model)


def test_reading_back_waits_for_the_sweep(transport):
    """Until it is over the core is not idle, a window is refused, and the cycles count."""
    case = long_sweeps(12, batch=4, samples=4)
    driver, model = start(transport, case)
    model.train(case.bits, case.labels)
    send(transport, case, slice(None))
    for _ in range(3):
        assert transport.read(address("STATUS")) == 0
        transport.write(address("WINDOW_SELECT"), 0)
        transport.write(address("WINDOW_ADDRESS"), 0)
        transport.read(address("WINDOW_DATA"))
        assert transport.read(address("ERRORS")) == BUSY
        transport.write(address("ERRORS"), BUSY)
    assert_same_state(driver, model)
    assert driver.counters == model.counters


@pytest.mark.parametrize("pause", [0, 5, 20, 60])
def test_a_reset_in_mid_sweep_and_a_load(transport, pause):
    """What the sweep left half written is written over in both banks."""
    case = long_sweeps(14, batch=4)
    driver, model = start(transport, case)
    send(transport, case, slice(0, 4))
    for _ in range(pause):
        assert transport.read(address("STATUS")) == 0
    transport.write(address("COMMAND"), 1)
    transport.wait_idle()
    driver, model = start(transport, case)
    assert_same_state(driver, model)
    got = driver.train(case.bits, case.labels, close=True)
    assert_same_results(got, model.train(case.bits, case.labels, close=True))
    assert_same_state(driver, model)
    assert np.array_equal(driver.infer(case.bits), model.infer(case.bits))
