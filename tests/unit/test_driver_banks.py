"""Driver: what it writes into the two banks of W, on a core that is nothing but its window."""

import numpy as np
import pytest

from bepsw import registers
from bepsw.driver import Driver
from bepsw.golden.step import StepModel
from bepsw.registers import WINDOWS, address

from .bench import core_of, network_of, segments_of

CORES = [core_of(), core_of(lanes=40, weight_words=100), core_of(lanes=8, segments=1, slots=1, weight_words=1024)]


class Memories:
    """Registers that keep what is written, and memories {window: {row: pieces}}."""

    def __init__(self, core):
        values = {name.upper(): value for name, value in core.as_dict().items()}
        values |= {"IDENTITY": registers.IDENTITY, "VERSION": registers.VERSION}
        self.registers = {address(name): value for name, value in values.items()}
        self.rows = {name: {} for name in WINDOWS}
        self.pieces, self.limits = registers.window_pieces(core), registers.window_rows(core)

    def read(self, at):
        return self.registers.get(at, 0)

    def write(self, at, value):
        self.registers[at] = value

    def write_block(self, at, values):
        assert at == address("WINDOW_DATA")
        name, row = WINDOWS[self.read(address("WINDOW_SELECT"))], self.read(address("WINDOW_ADDRESS"))
        for pieces in np.asarray(values).reshape(-1, self.pieces[name]):
            assert row < self.limits[name]
            self.rows[name][row] = sum(int(piece) << 32 * i for i, piece in enumerate(pieces))
            row += 1

    def wait_idle(self):
        pass


def bank(core, matrix, bits, number):
    """{row of the window: segment} of a 0/1 matrix in one bank."""
    half = registers.window_rows(core)["weights"] // 2
    rows = {}
    for row, values in enumerate(np.asarray(bits)):
        for at, value in enumerate(segments_of(values, core.lanes)):
            word, position = matrix.place_of(row, at)
            rows[number * half + (word << 6 | position)] = value
    return rows


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}")
@pytest.mark.parametrize("seed", [1, 2])
def test_a_state_goes_into_both_banks(core, seed):
    """W in use where passes read, the signs of k where the next batch's W grows; prototypes in both."""
    rng = np.random.default_rng([seed, core.lanes])
    network, training, _ = network_of(rng, core)
    prototypes = rng.integers(0, 2, (network.classes, network.widths[-1])).astype(bool)
    transport = Memories(core)
    driver = Driver(transport, network, training, prototypes)
    layout, written = driver.layout, transport.rows["weights"]
    assert driver.core == core
    assert written == bank(core, layout.classifier, prototypes, 0) | bank(core, layout.classifier, prototypes, 1)
    state = StepModel(network, training, prototypes, lanes=core.lanes).state()
    for weights, hidden in zip(state.weights, state.hidden, strict=True):
        hidden[...] = rng.integers(-2, 2, hidden.shape)
        weights[...] = rng.integers(0, 2, weights.shape)  # as in mid-batch
    written.clear()
    driver.load(state)
    expected = {}
    for matrix, weights, hidden in zip(layout.layers, state.weights, state.hidden, strict=True):
        expected |= bank(core, matrix, weights, 0) | bank(core, matrix, hidden >= 0, 1)
    assert written == expected
