"""The pins of a single-data-rate SDRAM: a register in every pad, in both directions.

The chip's clock is the board's business. It has the frequency of `sync` and must come a quarter of a period later:
commands then stand for a quarter before the chip's edge, and data that the chip gives after its edge are there for the
next edge of `sync` but one.
"""

from amaranth.hdl import Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out

from .start import command_layout

__all__ = ["PADS", "Pins"]

PADS = ("a", "ba", "cs", "ras", "cas", "we", "clk_en", "dqm", "dq")
"""Pads by their names in amaranth-boards, without the clock."""


class Pins(wiring.Component):
    """Commands and words to the pads and back, one cycle each way.

    Parameters
    ----------
    controller : Controller
    pads : dict
        {name: io port} with the names of `PADS`; inverted ports where the pin is active low.

    Members
    -------
    command : In; written, mask, drive : In, word for the chip, its masked bytes, and whether to drive it
    read : Out, word from the chip
    """

    def __init__(self, controller, pads):
        self.pads = pads
        super().__init__(
            {
                "command": In(command_layout(controller.row_bits, controller.bank_bits)),
                "written": In(16),
                "mask": In(2),
                "drive": In(1),
                "read": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        command = self.command
        values = {
            "a": command.address, "ba": command.bank, "cs": command.select, "ras": command.ras, "cas": command.cas,
            "we": command.we, "clk_en": command.enable, "dqm": self.mask & self.drive.replicate(2),
        }  # fmt: skip
        for name, value in values.items():
            m.submodules[name] = pad = io.FFBuffer("o", self.pads[name])
            m.d.comb += pad.o.eq(value)
        m.submodules.dq = pad = io.FFBuffer("io", self.pads["dq"])
        m.d.comb += [pad.o.eq(self.written), pad.oe.eq(self.drive), self.read.eq(pad.i)]
        return m
