"""Bytes of the link become beats of the sample stream.

A sample is a header byte and then its segments, bit after bit, lowest first, filled up to a whole byte. Samples follow
each other without regard to frames: half a sample waits for the rest of it.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..types import sample_layout

__all__ = ["SEGMENT_BITS", "SampleUnpacker"]

SEGMENT_BITS = 16


class SampleUnpacker(wiring.Component):
    """One bit a cycle; 10 cycles a byte, and one more for every beat, when nothing waits.

    Members
    -------
    i : In, bytes
    o : Out, beats of the core
    segments : In, segments of a sample, at least 1
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(sample_layout(core))),
                "segments": In(SEGMENT_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = self.core.lanes
        byte, bits = Signal(8), Signal(range(9))
        filled = Signal(range(lanes + 1))
        left = Signal(SEGMENT_BITS)
        word, last = self.o.payload.data, self.o.payload.last
        with m.FSM(init="HEADER"):
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [word.eq(self.i.payload), last.eq(0), bits.eq(0), filled.eq(0), left.eq(self.segments)]
                with m.If(self.i.valid):
                    m.next = "BEAT"
            with m.State("BYTE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [byte.eq(self.i.payload), bits.eq(8)]
                with m.If(self.i.valid):
                    m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.sync += [
                    word.eq(Cat(word[1:], byte[0])), byte.eq(byte >> 1), bits.eq(bits - 1), filled.eq(filled + 1),
                    last.eq(left == 1),
                ]  # fmt: skip
                with m.If(filled == lanes - 1):
                    m.d.sync += [filled.eq(0), left.eq(left - 1)]
                    m.next = "BEAT"
                with m.Elif(bits == 1):
                    m.next = "BYTE"
            with m.State("BEAT"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "SHIFT"
                    with m.If(last):
                        m.next = "HEADER"
                    with m.Elif(bits == 0):
                        m.next = "BYTE"
        return m
