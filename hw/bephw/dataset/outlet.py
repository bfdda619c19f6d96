"""Where a replay meets the core: registers both ways, and no sample half way in the core when a replay is stopped.

The core's `ready` comes from far away and fans out here over a whole beat; behind it only two registers listen to it.

i ─┬────────► out ─► o
   └► spare ──┘        `spare` takes the beat that was on its way when the core said no
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bephw.types import sample_layout

__all__ = ["Outlet"]


class Outlet(wiring.Component):
    """Beats from `i` to `o`, a cycle later, one a cycle.

    Members
    -------
    i : In, beats of whole samples, whose `ready` is a register; o : Out, for the core
    stop : In, offer no further header: from the end of the sample that the core is taking on, beats are thrown away
    between : Out, the core has taken whole samples only
    empty : Out, no beat is here
    header, sent : Out, one-cycle pulses: the core takes a header, which `o` shows; it takes the last beat of a sample
    """

    def __init__(self, core):
        self.core = core
        beats = stream.Signature(sample_layout(core))
        flags = {name: Out(1) for name in ("between", "empty", "header", "sent")}
        super().__init__({"i": In(beats), "o": Out(beats), "stop": In(1), **flags})

    def elaborate(self, platform):
        m = Module()
        shape = sample_layout(self.core)
        out, spare = (Signal(shape, name=name, reset_less=True) for name in ("out", "spare"))
        held, spared = Signal(), Signal()  # whether there is a beat in them
        between = Signal(init=1)
        thrown, passes = Signal(), Signal()
        m.d.comb += [
            thrown.eq(self.stop & between),
            self.i.ready.eq(~spared),
            self.o.valid.eq(held & ~thrown),
            self.o.payload.eq(out),
            passes.eq(self.o.valid & self.o.ready),
            self.between.eq(between),
            self.empty.eq(~held & ~spared),
            self.header.eq(passes & between),
            self.sent.eq(passes & out.last),
        ]
        with m.If(passes):
            m.d.sync += between.eq(out.last)
        with m.If(thrown):
            m.d.sync += [held.eq(0), spared.eq(0)]
        with m.Elif(passes | ~held):
            m.d.sync += [held.eq(spared | self.i.valid), out.eq(self.i.payload), spared.eq(0)]
            with m.If(spared):
                m.d.sync += out.eq(spare)
        with m.Elif(~spared):
            m.d.sync += [spare.eq(self.i.payload), spared.eq(self.i.valid)]
        return m
