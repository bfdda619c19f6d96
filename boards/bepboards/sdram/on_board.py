"""The SDRAM of a board as the memory of a data set, in a clock domain of its own.

port ─► crossing ─► LiteDRAM and pins ─► chip
 sync                sdram                ▲ sdram_late
"""

from amaranth.hdl import Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, connect, flipped

from bephw.dataset.memory import MemorySignature

from .crossing import Crossed
from .generate import generate
from .pins import PADS
from .sdram import Sdram

__all__ = ["BoardSdram"]


class BoardSdram(wiring.Component):
    """Resource `sdram` of the platform; the top has the domains `sdram`, and `sdram_late` a quarter of a period later.

    The chip's clock leaves through a register of the pad as its commands do, so both are late by the same.

    Parameters
    ----------
    part : str
        As in `Sdram`.
    clock : float
        Hertz of `sdram`; `sync` must not be slower.

    Members
    -------
    port : In, in `sync`, see `MemorySignature`

    Raises
    ------
    BepError
        See `generate`.
    """

    def __init__(self, part, clock):
        self.part, self.clock = part, clock
        self.address_bits = generate(part, clock).address_bits
        super().__init__({"port": In(MemorySignature(self.address_bits))})

    def elaborate(self, platform):
        m = Module()
        pads = platform.request("sdram", 0, dir="-")
        memory = Sdram(self.part, self.clock, {name: getattr(pads, name) for name in PADS})
        m.submodules.crossed = crossed = Crossed(memory, "sdram")
        connect(m, flipped(self.port), crossed.port)
        m.submodules.clock_pin = clock = io.DDRBuffer("o", pads.clk, o_domain="sdram_late")
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        return m
