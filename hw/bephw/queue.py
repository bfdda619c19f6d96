"""A queue whose writer knows that there is room: what bounds it is counted elsewhere (contexts, results)."""

from amaranth.hdl import Module, Shape
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
        self.shape = shape
        self.depth = depth
        super().__init__({"i": In(stream.Signature(shape, always_ready=True)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        # A word waits one cycle inside before it shows; with two places in all, the next word would find none.
        m.submodules.words = words = fifo.SyncFIFOBuffered(width=Shape.cast(self.shape).width, depth=max(self.depth, 3))
        m.d.comb += [
            words.w_en.eq(self.i.valid),
            words.w_data.eq(self.i.payload),
            self.o.valid.eq(words.r_rdy),
            self.o.payload.eq(words.r_data),
            words.r_en.eq(self.o.ready),
        ]
        return m
