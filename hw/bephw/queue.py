"""A queue whose writer knows that there is room: what bounds it is counted elsewhere (contexts, results)."""

from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]


class Queue(wiring.Component):
    """First in, first out; `i` is never blocked, so the writer must not exceed `depth`.

    Latency 2 cycles, one word a cycle.

    Members
    -------
    i, o : streams of `shape`
    """

    def __init__(self, shape, *, depth):
        self.depth = depth
        super().__init__({"i": In(stream.Signature(shape, always_ready=True)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = fifo.SyncFIFOBuffered(width=len(self.o.payload.as_value()), depth=self.depth)
        m.d.comb += [
            words.w_en.eq(self.i.valid),
            words.w_data.eq(self.i.payload),
            self.o.valid.eq(words.r_rdy),
            self.o.payload.eq(words.r_data),
            words.r_en.eq(self.o.ready),
        ]
        return m
