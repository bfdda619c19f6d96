"""The bytes of an accepted frame, one after the other."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FrameReader"]


class FrameReader(wiring.Component):
    """Walks through a slot of the frame memory; a byte every 4 cycles at most.

    Members
    -------
    begin : In, one-cycle pulse: start over at byte `first`, with `count` bytes to come
    at : Out, address of a byte; read_data : In, that byte two cycles later
    o : Out, bytes
    empty : Out, all have been taken
    """

    def __init__(self):
        super().__init__(
            {
                "begin": In(1),
                "first": In(8),
                "count": In(8),
                "at": Out(8),
                "read_data": In(8),
                "o": Out(stream.Signature(8)),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal(8)
        settle = Signal(2)  # cycles until the byte has come
        m.d.comb += [
            self.empty.eq(left == 0),
            self.o.valid.eq((left != 0) & (settle == 0)),
            self.o.payload.eq(self.read_data),
        ]
        with m.If(settle != 0):
            m.d.sync += settle.eq(settle - 1)
        with m.If(self.begin):
            m.d.sync += [self.at.eq(self.first), left.eq(self.count), settle.eq(2)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [self.at.eq(self.at + 1), left.eq(left - 1), settle.eq(2)]
        return m
