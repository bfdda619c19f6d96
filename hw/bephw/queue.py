"""A queue whose writer knows that there is room: what bounds it is counted elsewhere (contexts, results, jobs).

amaranth.lib.fifo would do, but its level counters sit between `ready` and the output register; here two pointers
are compared, and nothing else.
"""

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["Queue"]


class Queue(wiring.Component):
    """First in, first out; `i` is never blocked, so the writer must not exceed `depth`.

    Latency 2 cycles, one word a cycle. Words wait in LUT RAM, the next one in a register.

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
        # With `depth` words inside one shows, the others wait; one place stays free so that full differs from empty.
        places = 1 << max(1, ceil_log2(self.depth))
        width = Shape.cast(self.shape).width
        m.submodules.words = memory = Memory(shape=width, depth=places, init=[], attrs={"ram_style": "distributed"})
        write, read = memory.write_port(), memory.read_port(domain="comb")
        first, end = Signal(range(places)), Signal(range(places))
        word = Signal(width, reset_less=True)
        fetch = Signal()
        m.d.comb += [
            write.en.eq(self.i.valid),
            write.addr.eq(end),
            write.data.eq(self.i.payload),
            read.addr.eq(first),
            fetch.eq((first != end) & (~self.o.valid | self.o.ready)),
            self.o.payload.eq(word),
        ]
        with m.If(self.i.valid):
            m.d.sync += end.eq(end + 1)
        with m.If(fetch):
            m.d.sync += [first.eq(first + 1), word.eq(read.data), self.o.valid.eq(1)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
