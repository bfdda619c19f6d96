"""A board's design: clock, reset and pins around a core behind its serial line.

oscillator ─► Pll ─► clock, clocks of the memory
               └─ locked ─► resets
rx pin ─► SoC ─► tx pin
           └─► lights
"""

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import FFSynchronizer

from .board import LIGHTS

__all__ = ["BoardTop"]


class BoardTop(Elaboratable):
    """`soc` on a board; elaborate with the board's platform.

    Parameters
    ----------
    board : Board
    soc : component with `rx`, which it synchronises, `tx` and `LIGHTS`, from flip-flops
    pll : Pll
        From the board's oscillator to the clock of `soc` and, where it has a memory, to those of `BoardSdram`.
    """

    def __init__(self, board, soc, pll):
        self.board, self.soc, self.pll = board, soc, pll

    def elaborate(self, platform):
        m = Module()
        m.submodules.pll, m.submodules.soc = pll, soc = self.pll, self.soc
        m.submodules.clock_pin = clock = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.domains.sync = sync = ClockDomain()
        unlocked = Signal(init=1)
        m.d.comb += [pll.i.eq(clock.i), sync.clk.eq(pll.o), unlocked.eq(~pll.locked)]
        m.submodules.reset = FFSynchronizer(unlocked, sync.rst, init=1)
        if pll.memory_hz:
            m.domains.sdram = sdram = ClockDomain("sdram")
            m.domains.sdram_late = late = ClockDomain("sdram_late", reset_less=True)
            m.d.comb += [sdram.clk.eq(pll.memory), late.clk.eq(pll.late)]
            m.submodules.sdram_reset = FFSynchronizer(unlocked, sdram.rst, o_domain="sdram", init=1)

        uart = platform.request("uart", dir="-")
        m.submodules.rx_pin = rx = io.Buffer("i", uart.rx)
        m.submodules.tx_pin = tx = io.Buffer("o", uart.tx)
        m.d.comb += [soc.rx.eq(rx.i), tx.o.eq(soc.tx)]
        self._lights(m, platform)
        for resource, number, part in self.board.high:
            m.submodules[f"{resource}_{part}_pin"] = pin = io.Buffer(
                "o", getattr(platform.request(resource, number, dir="-"), part)
            )
            m.d.comb += pin.o.eq(1)
        return m

    def _lights(self, m, platform):
        requested = {}
        for light in LIGHTS:
            if light in self.board.lights:
                resource, number, part = self.board.lights[light]
                if (resource, number) not in requested:
                    requested[resource, number] = platform.request(resource, number, dir="-")
                port = requested[resource, number]
                m.submodules[f"{light}_pin"] = pin = io.Buffer("o", getattr(port, part) if part else port)
                m.d.comb += pin.o.eq(getattr(self.soc, light))
