"""Count the results of a replay where they come out of the core, for a host whose line is too slow to take them all.

headers of samples ─► labels in flight ─► prediction = label? ─► WRONG
results of the core ──────────────────────────┴─► on to the host, or dropped here
"""

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from bephw.types import LABEL_BITS, result_layout

__all__ = ["Tally"]


class Tally(wiring.Component):
    """Results against the labels of their samples, which come in the same order.

    Members
    -------
    start : In, one-cycle pulse, count anew; clear : In, nothing is in the core
    keep : In, drop the results of these samples here after counting
    header, label : In, a sample with this label has entered the core
    i : In, o : Out, results; while no such sample is in the core they pass uncounted
    judged, wrong : Out, results since the start, and those whose prediction was not the label, a cycle late
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "start": In(1),
                "clear": In(1),
                "keep": In(1),
                "header": In(1),
                "label": In(LABEL_BITS),
                "i": In(stream.Signature(result_layout(core))),
                "o": Out(stream.Signature(result_layout(core))),
                "judged": Out(32),
                "wrong": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # As many as can be in the core, and one more that is at its door.
        fifo = SyncFIFOBuffered(width=LABEL_BITS, depth=2 * self.core.contexts)
        m.submodules.labels = ResetInserter(self.start | self.clear)(fifo)
        taken, dropped = Signal(), Signal()
        counted, missed = Signal(), Signal()  # a cycle later: the counters are long
        m.d.comb += [
            fifo.w_en.eq(self.header),
            fifo.w_data.eq(self.label),
            fifo.r_en.eq(taken),
            dropped.eq(self.keep & fifo.r_rdy),
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid & ~dropped),
            self.i.ready.eq(self.o.ready | dropped),
            taken.eq(self.i.valid & self.i.ready & fifo.r_rdy),
        ]
        m.d.sync += [counted.eq(taken), missed.eq(taken & (self.i.payload.prediction != fifo.r_data))]
        with m.If(self.start):
            m.d.sync += [self.judged.eq(0), self.wrong.eq(0)]
        with m.Else():
            m.d.sync += [self.judged.eq(self.judged + counted), self.wrong.eq(self.wrong + missed)]
        return m
