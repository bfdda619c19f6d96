"""The link's own registers: who it is, how fast it talks, how long a sample is.

A faster rate is on trial for ever: when no whole frame has come for `fallback` clocks, the base rate is back. So a host
that was killed, or asked for a rate that the wires do not carry, finds the board where it began.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw.link.protocol import IDENTITY, LINK_REGISTERS, RESULTS_DEPTH, VERSION, link_address

from ..types import BusSignature
from .uart import DIVISOR_BITS
from .unpacker import SEGMENT_BITS

__all__ = ["LinkRegisters"]


class LinkRegisters(wiring.Component):
    """Registers of `bepsw.link.protocol.LINK_REGISTERS`, whose lowest address bits it decodes. Two cycles an access.

    Parameters
    ----------
    build_id, clock_hz : 32-bit constants for the host
    divisor : clocks a bit at the base rate
    fallback : clocks without a whole frame until the base rate is back

    Members
    -------
    bus : In
    good : In, one-cycle pulse, a whole frame came
    sent : In, one-cycle pulse, a reply has left the line: a divisor written counts from now on
    results : In, results that wait
    divisor : Out
    segments : Out; restart : Out, one-cycle pulse, SEGMENTS is written
    """

    def __init__(self, *, build_id, clock_hz, divisor, fallback):
        self.constants = {
            "IDENTITY": IDENTITY, "VERSION": VERSION, "BUILD": build_id, "CLOCK_HZ": clock_hz, "BASE_DIVISOR": divisor,
        }  # fmt: skip
        self.base = divisor
        self.fallback = fallback
        super().__init__(
            {
                "bus": In(BusSignature()),
                "good": In(1),
                "sent": In(1),
                "results": In(range(RESULTS_DEPTH + 1)),
                "divisor": Out(DIVISOR_BITS, init=divisor),
                "segments": Out(SEGMENT_BITS, init=1),
                "restart": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        wanted = Signal(DIVISOR_BITS)
        changed = Signal()
        silence = Signal(range(self.fallback + 1))
        with m.If(self.good | (self.divisor == self.base)):
            m.d.sync += silence.eq(0)
        with m.Else():
            m.d.sync += silence.eq(silence + 1)
        tired = Signal()
        m.d.sync += tired.eq(silence == self.fallback)
        with m.If(tired):
            m.d.sync += [self.divisor.eq(self.base), silence.eq(0), tired.eq(0)]
        with m.Elif(self.sent & changed):
            m.d.sync += [self.divisor.eq(wanted), changed.eq(0)]
        self._access(m, wanted, changed)
        return m

    def _access(self, m, wanted, changed):
        bus = self.bus
        answers = {**self.constants, "DIVISOR": self.divisor, "SEGMENTS": self.segments, "RESULTS": self.results}
        m.d.comb += self.restart.eq(0)
        m.d.sync += bus.ready.eq(bus.valid & ~bus.ready)
        number = Signal(range(len(LINK_REGISTERS)))
        m.d.comb += number.eq(bus.addr)
        with m.Switch(number):
            for register in LINK_REGISTERS:
                with m.Case(register.address % len(LINK_REGISTERS)):
                    m.d.sync += bus.rdata.eq(answers[register.name])
        with m.If(bus.valid & bus.ready & bus.write):
            with m.If(number == link_address("DIVISOR") % len(LINK_REGISTERS)):
                m.d.sync += [wanted.eq(bus.wdata), changed.eq(1)]
            with m.If(number == link_address("SEGMENTS") % len(LINK_REGISTERS)):
                m.d.sync += self.segments.eq(bus.wdata)
                m.d.comb += self.restart.eq(1)
