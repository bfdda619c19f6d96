"""The synthesised core, cell by cell, trained on real samples and compared with the golden model bit by bit.

What is simulated is the netlist that goes to place and route: block RAMs with their output registers, carry cells with
folded logic. A block RAM answers garbage where a word is read and written at once, so the core must not use that.
"""

import copy

import pytest

from bepboards.synth.gate_level import gate_level_verilog
from bepboards.synth.resources import count
from bepboards.synth.synthesis import TOP, synthesise
from bepboards.synth.technology import NEUTRAL
from bepsim.scoreboard import Mismatch, Scoreboard
from bepsim.simulator import build
from bepsim.transport import SimTransport
from bepsw import binarise, data
from bepsw.core import preset
from bepsw.driver import Driver
from bepsw.golden import FastModel
from bepsw.run import new_run
from bepsw.spec import Network, Training

from .equal import CELL_MODELS

pytestmark = pytest.mark.synth

CORE = preset("tiny", segments=2, slots=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return synthesise(CORE, tmp_path_factory.mktemp("synth"))


@pytest.fixture(scope="module")
def samples():
    """Digits, a bit a pixel: rows of several words, words of several rows, and rows shorter than a word."""
    digits = data.load("digits")
    return binarise.fit(digits.x_train)(digits.x_train), digits.y_train


def train(netlist, bits, labels, hidden, *, simulator, batch):
    """Train a netlist and the golden model on the same samples; returns the report of what was equal."""
    network = Network(widths=(bits.shape[1], *hidden), classes=10, bits=CORE.bits)
    training = Training(gamma=(4, 4), r=0.5, nu=0.1, p_r=0.3, seed=3, batch=batch)
    run = new_run(network, training, lanes=CORE.lanes)
    built = build(gate_level_verilog(netlist, TOP) + CELL_MODELS, TOP, simulator)
    with SimTransport(built) as transport:
        driver = Driver(transport, network, training, run.prototypes)
        board = Scoreboard(driver, FastModel(network, training, run.prototypes, lanes=CORE.lanes))
        board.train(bits, labels)
        board.infer(bits)
    return board.report


def test_the_netlist_keeps_nothing_slow(made):
    """Every block RAM output has its register inside."""
    assert made.unregistered == {}


def test_digits_on_the_netlist(made, samples):
    bits, labels = samples
    report = train(made.netlist, bits[:300], labels[:300], (24, 16), simulator="verilator", batch=20)
    assert report.samples == 300 and report.states == 16
    assert report.weights == 16 * (64 * 24 + 24 * 16)


@pytest.mark.slow
def test_the_neutral_netlist_is_the_same_machine(made, samples, tmp_path):
    """Yosys alone: more logic, slower block RAMs, and not a bit or a cycle of difference."""
    plain = synthesise(CORE, tmp_path, NEUTRAL).netlist
    assert all("OUTREG" not in plain.cells[ram]["parameters"]["REGMODE_B"] for ram in plain.of_type("DP16KD"))
    assert count(plain)["comb"] > count(made.netlist)["comb"]
    bits, labels = samples
    report = train(plain, bits[:200], labels[:200], (24, 16), simulator="verilator", batch=20)
    assert report.samples == report.timed == 200


@pytest.mark.slow
def test_a_wrong_netlist_is_seen(made, samples):
    """A counter word that comes a cycle early spoils the learning, and the comparison says so."""
    broken = copy.deepcopy(made.netlist)
    rams = [name for name in broken.of_type("DP16KD") if name.startswith("hidden_bank")]
    for ram in rams:
        broken.cells[ram]["parameters"]["REGMODE_B"] = "NOREG"
    bits, labels = samples
    with pytest.raises(Mismatch):
        train(broken, bits[:20, 16:24], labels[:20], (4, 4), simulator="icarus", batch=5)
