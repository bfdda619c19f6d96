"""Boards and their clocks: every board's pins are those of its platform, every clock is one that the PLL can make."""

import re
from fractions import Fraction

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepboards.bitstream import board_design
from bepboards.board import BOARDS, LIGHTS, find_board
from bepboards.pll import dividers
from bepsw.core import preset
from bepsw.errors import BepError


class Stand(wiring.Component):
    """A SoC's outside; the line goes straight through."""

    def __init__(self):
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), **dict.fromkeys(LIGHTS, Out(1))})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.tx.eq(self.rx), self.alive.eq(~self.alive), self.training.eq(self.rx)]
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
    design, pins = board_design(board, Stand(), clock)
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
    _, pins = board_design(find_board("orangecrab-85f"), Stand(), 96_000_000)
    assert '"uart_0__rx__io" SITE "N17"' in pins and '"uart_0__tx__io" SITE "M18"' in pins


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
