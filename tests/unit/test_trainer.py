"""Trainer: corner cores that co-simulation does not build, from the driver down, against the golden model."""

import dataclasses

import numpy as np
import pytest

from bepsw.driver import Driver
from bepsw.driver_words import sample_beats
from bepsw.errors import BepError
from bepsw.golden.step import StepModel
from bepsw.registers import WINDOWS, address

from .bench import core_of, network_of
from .sim_transport import UnitTransport

SMALL = {
    "lanes": 8, "weight_words": 64, "hidden_words": 128, "max_width": 18, "beats": 40, "store_segments": 8,
    "prototype_segments": 4, "classes": 6, "max_fan_in": 60,
}  # fmt: skip
CORES = {
    "narrow": SMALL | {"segments": 1, "slots": 1, "threads": 1, "contexts": 2, "operand_words": 8, "bits": 2},
    "one operand word": SMALL | {"segments": 6, "slots": 6, "operand_words": 1, "threads": 3},
    "odd": SMALL | {"lanes": 11, "segments": 3, "slots": 2, "threads": 4, "contexts": 8, "bits": 3},
}


class Pair:
    """A simulated core behind its driver, and the golden model."""

    def __init__(self, core, rng, *, online, stalls, depth=None):
        network, training, _ = network_of(rng, core, online=online, depth=depth)
        training = dataclasses.replace(training, batch=int(rng.integers(1, 8)))
        prototypes = rng.integers(0, 2, (network.classes, network.widths[-1]))
        self.rng, self.network = rng, network
        self.model = StepModel(network, training, prototypes, lanes=core.lanes)
        self.transport = UnitTransport(core, rng, stalls=stalls)
        self.driver = Driver(self.transport, network, training, prototypes)
        self.driver.load(self.model.state())

    def samples(self, count):
        bits = self.rng.integers(0, 2, (count, self.network.widths[0])).astype(np.uint8)
        return bits, self.rng.integers(0, self.network.classes, count)

    def train(self, count, close):
        samples = self.samples(count)
        got, expected = (target.train(*samples, close=close) for target in (self.driver, self.model))
        for name in ("prediction", "margin", "triggered"):
            assert np.array_equal(getattr(got, name), getattr(expected, name)), name
        got, expected = self.driver.state(), self.model.state()
        for name in ("hidden", "weights"):
            for layer, pair in enumerate(zip(getattr(got, name), getattr(expected, name), strict=True), start=1):
                assert np.array_equal(*pair), f"{name} of layer {layer}"
        assert np.array_equal(got.generator, expected.generator) and got.pending == expected.pending


@pytest.mark.parametrize(
    "name, seed, online, stalls",
    [("narrow", 1, False, 0.0), ("one operand word", 2, True, 0.5), ("odd", 3, False, 0.3)],
)
def test_trains_like_the_golden_model(name, seed, online, stalls):
    core = core_of(**CORES[name])
    pair = Pair(core, np.random.default_rng(seed), online=online, stalls=stalls)
    assert pair.driver.core == core
    for count, close in ((9, False), (4, True)):
        pair.train(count, close)
    bits, _ = pair.samples(3)
    assert np.array_equal(pair.driver.infer(bits), pair.model.infer(bits))
    assert pair.driver.counters == pair.model.counters


def test_wrong_accesses_of_the_window_leave_the_state_alone():
    """A generator that is not there, a row read and then written: refused; single rows in any order are not."""
    pair = Pair(core_of(**CORES["odd"]), np.random.default_rng(7), online=False, stalls=0.0)
    driver, transport, state = pair.driver, pair.transport, pair.model.state()
    generators = len(state.generator)

    def choose(name, row):
        transport.write(address("WINDOW_SELECT"), WINDOWS.index(name))
        transport.write(address("WINDOW_ADDRESS"), row)

    for row in (generators - 1, 0, 1):
        state.generator[row] = 0x0123456789ABCDEF + row
        choose("generator", row)
        pieces = int(state.generator[row]) & 0xFFFF_FFFF, int(state.generator[row]) >> 32
        transport.write_block(address("WINDOW_DATA"), pieces)
        choose("generator", row)
        assert transport.read(address("WINDOW_DATA")) == pieces[0]
    pair.model.load(state)
    assert transport.read(address("ERRORS")) == 0
    choose("generator", generators)
    transport.write_block(address("WINDOW_DATA"), [1, 2, 3, 4])
    with pytest.raises(BepError, match="nothing was changed"):
        driver.state()
    for name in ("hidden", "generator"):
        transport.write(address("ERRORS"), 7)
        choose(name, 0)
        transport.read(address("WINDOW_DATA"))
        transport.write_block(address("WINDOW_DATA"), [5] * 8)
        assert transport.read(address("ERRORS")) == 4
    transport.write(address("ERRORS"), 7)
    pair.train(6, True)


@pytest.mark.parametrize("seed", [1])
def test_reset_at_any_moment_leaves_nothing_behind(seed):
    """Cut a stream off somewhere, reset, load again: the core trains as if new."""
    rng = np.random.default_rng(seed)
    core = core_of(**CORES["narrow"] | {"contexts": 4, "threads": 2, "max_width": 9, "max_fan_in": 24})
    pair = Pair(core, rng, online=False, stalls=0.0, depth=2)
    for round_ in range(5):
        beats, last = sample_beats(*pair.samples(6), False, core.lanes)
        pair.transport.write(address("CONTROL"), 3)
        pair.transport.stream(beats, last, 0)
        pair.transport.clock(int(rng.integers(1, 150)))
        pair.transport.write(address("CONTROL"), 0)
        pair.transport.write(address("COMMAND"), 3)
        pair.transport.clock(2)
        pair.transport.wait_idle()
        pair.driver.load(pair.model.state())
        pair.train(3 + round_, False)
