"""Boards and their clocks: every board's pins are those of its platform, every clock is one that the PLL can make."""

import re
from collections import Counter
from fractions import Fraction

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepboards.bitstream import board_design
from bepboards.board import BOARDS, LIGHTS, find_board
from bepboards.pll import dividers, memory_clock, memory_divider, phase
from bepboards.sdram.generate import generate
from bepboards.sdram.on_board import BoardSdram
from bepsw.core import preset
from bepsw.errors import BepError

NAME = "litedram_controller.v"


class Stand(wiring.Component):
    """A SoC's outside; the line goes straight through."""

    def __init__(self, memory=None):
        self.memory = memory
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), **dict.fromkeys(LIGHTS, Out(1))})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.tx.eq(self.rx), self.alive.eq(~self.alive), self.training.eq(self.rx)]
        if self.memory is not None:
            m.submodules.memory = self.memory
            m.d.comb += self.memory.port.commands.valid.eq(self.rx)
        return m


@pytest.mark.parametrize("name", BOARDS)
def test_every_board(name):
    """Its clock is exact, within the limits of the PLL; its preset exists; its pins are where its platform says."""
    board = find_board(name)
    clock = round(board.mhz * 1e6)
    found = dividers(board.oscillator_hz, clock)
    assert Fraction(board.oscillator_hz, found.reference) * found.feedback == clock
    assert board.oscillator_hz / found.reference >= 10e6 and 400e6 <= clock * found.output <= 800e6
    assert preset(board.core)
    assert board.device.flag in ("--25k", "--85k", "--um5g-85k")
    made = board_design(board, Stand(), clock)
    design, pins = made.rtlil, made.pins
    assert not made.verilog
    located = dict(re.findall(r'LOCATE COMP "(\w+)" SITE "(\w+)";', pins))
    resources = board.new_platform().resources
    uart = {io.name: io.ios[0] for io in resources["uart", 0].ios}
    assert len(located) == 3 + len(board.lights) + len(board.high) and len(set(located.values())) == len(located)
    for wire in ("rx", "tx"):
        pin = uart[wire].names[0]
        if ":" in pin:
            pin = {
                f"{connector.name}_{connector.number}:{place}": site
                for connector in board.new_platform().connectors.values()
                for place, site in connector.mapping.items()
            }[pin]
        assert located[f"uart_0__{wire}__io"] == pin
    assert f"{board.oscillator_hz}.0 HZ" in pins
    assert design.count("cell \\EHXPLLL") == 1 and "attribute \\src" not in design
    assert f"parameter \\CLKOP_DIV {found.output}" in design and f"parameter \\CLKFB_DIV {found.feedback}" in design


def test_the_pins_of_a_board_without_a_usb_uart():
    """Not from the platform but from the board's own markings: pin 0 is RX, pin 1 is TX."""
    pins = board_design(find_board("orangecrab-85f"), Stand(), 96_000_000).pins
    assert '"uart_0__rx__io" SITE "N17"' in pins and '"uart_0__tx__io" SITE "M18"' in pins


@pytest.mark.parametrize(
    "divider, quarters, found",
    [(6, 0, (5, 0)), (12, 0, (11, 0)), (12, 1, (14, 0)), (13, 1, (15, 2)), (14, 1, (16, 4)), (10, 2, (14, 0))],
)
def test_phases(divider, quarters, found):
    """Of an output: whole periods of the VCO, and eighths of one."""
    assert phase(divider, quarters) == found
    coarse, fine = found
    assert Fraction(8 * coarse + fine, 8) == divider - 1 + Fraction(divider * quarters, 4)


@pytest.mark.parametrize("oscillator, clock", [(25, 100), (25, 87.5), (25, 75), (48, 96), (25, 62.5), (25, 25)])
def test_the_clock_of_the_memory(oscillator, clock):
    """From the VCO of the core's clock: exact, no faster than the core, and what LiteDRAM can run."""
    oscillator, clock = round(oscillator * 1e6), round(clock * 1e6)
    made, divider = memory_clock(oscillator, clock), memory_divider(oscillator, clock)
    vco = clock * dividers(oscillator, clock).output
    assert made == vco / divider <= clock and 1 <= divider <= 128 and 400e6 <= vco <= 800e6
    assert made == clock or 45e6 < made < 55e6
    assert phase(divider, 1)[0] < 128 and generate("MT48LC16M16", made).cas_latency == 2


@pytest.mark.parametrize("name, vco", [("ulx3s-25f", 612.5e6), ("ulx3s-85f", 612.5e6), ("icesugar-pro", 600e6)])
def test_a_board_with_a_data_set(name, vco):
    """The clocks of its memory, its pads, LiteDRAM; and as many images as 32 MB hold."""
    board = find_board(name)
    clock = round(board.mhz * 1e6)
    memory = BoardSdram(board.data_set, memory_clock(board.oscillator_hz, clock))
    assert memory.clock == pytest.approx(vco / 12)
    assert memory.address_bits == board.memory_bits and board.samples() == 262_144 and board.samples(100) == 1 << 21
    made = board_design(board, Stand(memory), clock)
    for setting in ("CLKOS_DIV 12", "CLKOS_CPHASE 11", "CLKOS2_DIV 12", "CLKOS2_CPHASE 14", "CLKOS2_FPHASE 0"):
        assert f"parameter \\{setting}\n" in made.rtlil, setting
    assert list(made.verilog) == [NAME] and "module litedram_controller(" in made.verilog[NAME]
    pads = re.findall(r'LOCATE COMP "sdram_0__(\w+?)__io(?:\[\d+\])?" SITE', made.pins)
    assert Counter(pads) == {
        "clk": 1, "clk_en": 1, "cs": 1, "ras": 1, "cas": 1, "we": 1, "ba": 2, "a": 13, "dqm": 2, "dq": 16,
    }  # fmt: skip
    assert made == board_design(board, Stand(BoardSdram(memory.part, memory.clock)), clock), "differs every time"


def test_boards_without_a_data_set():
    assert [name for name, board in BOARDS.items() if board.samples()] == ["ulx3s-25f", "ulx3s-85f", "icesugar-pro"]
    assert find_board("orangecrab-85f").as_dict()["data_set_samples"] is None


@pytest.mark.parametrize(
    "oscillator, clock, sentence",
    [
        (25e6, 80e6, "cannot make 80 MHz from 25 MHz; near are 75 and 87.5 MHz"),
        (25e6, 900e6, "cannot make 900 MHz from 25 MHz; near are 400 MHz"),
        (25e6, 1e6, "cannot make 1 MHz from 25 MHz; near are"),
    ],
)
def test_a_clock_that_cannot_be_made(oscillator, clock, sentence):
    with pytest.raises(BepError, match=sentence):
        dividers(int(oscillator), int(clock))


def test_an_unknown_board():
    with pytest.raises(BepError, match="no board 'arty'; the boards are ulx3s-25f, ulx3s-85f, orangecrab-85f"):
        find_board("arty")
