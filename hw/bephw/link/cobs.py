"""COBS taken off: blocks between zero bytes become the bytes that they stand for.

In a frame of at most 253 bytes every code byte is below 0xff and stands for a zero, except the first.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["CobsDecoder"]


class CobsDecoder(wiring.Component):
    """Decode as bytes arrive; one a cycle, latency 1. Equals `cobs.decode` up to 253 decoded bytes.

    Members
    -------
    i : In, bytes from the line; never held up
    o : Out, decoded bytes; never held up
    end : Out, one-cycle pulse, a delimiter came; good : Out, with it, what came before was whole and not empty
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "o": Out(stream.Signature(8, always_ready=True)),
                "end": Out(1),
                "good": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal(8)  # bytes until the next code byte
        first = Signal(init=1)
        value = self.i.payload
        m.d.sync += [self.end.eq(0), self.o.valid.eq(0), self.o.payload.eq(value)]
        with m.If(self.i.valid):
            with m.If(value == 0):
                m.d.sync += [self.end.eq(1), self.good.eq((left == 0) & ~first), left.eq(0), first.eq(1)]
            with m.Elif(left == 0):
                m.d.sync += [left.eq(value - 1), first.eq(0), self.o.valid.eq(~first), self.o.payload.eq(0)]
            with m.Else():
                m.d.sync += [left.eq(left - 1), self.o.valid.eq(1)]
        return m
