"""The rows of a sweep: every row of every layer, in order, as a stream of row jobs."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .types import job_layout, step_layout

__all__ = ["SweepRows"]


class SweepRows(wiring.Component):
    """Every row of every layer, in order, one job a cycle at most.

    Members
    -------
    start : In; busy : Out, jobs are still to come
    layer : Out, row : In, hidden table, combinational
    o : Out, row jobs
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "start": In(1),
                "busy": Out(1),
                "layer": Out(range(core.steps)),
                "row": In(step_layout(core, "hidden")),
                "o": Out(stream.Signature(job_layout(core))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        row = Signal(step_layout(core, "hidden"), reset_less=True)
        hidden, weight = Signal(range(core.hidden_words)), Signal(range(core.weight_words))
        position = Signal(range(core.segments))
        left = Signal(range(core.hidden_words + 1))
        slots_left = Signal(range(core.slots + 1))
        last_slot = slots_left == 1
        m.d.comb += [self.busy.eq(self.o.valid)]
        m.d.comb += [
            self.o.payload.layer.eq(self.layer),
            self.o.payload.sweep.eq(1),
            self.o.payload.hidden_address.eq(hidden),
            self.o.payload.weight_address.eq(weight),
            self.o.payload.position.eq(position),
        ]
        with m.FSM(init="IDLE"):
            with m.State("IDLE"):
                m.d.sync += self.layer.eq(0)
                with m.If(self.start):
                    m.next = "LAYER"
            with m.State("LAYER"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += [
                    row.eq(self.row),
                    left.eq(self.row.words),
                    slots_left.eq(self.row.rows),
                    hidden.eq(self.row.hidden_base),
                    weight.eq(self.row.weight_base),
                    position.eq(0),
                ]
                m.next = "ROWS"
            with m.State("ROWS"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += [
                        left.eq(left - row.segments),
                        slots_left.eq(Mux(last_slot, row.rows, slots_left - 1)),
                        hidden.eq(hidden + row.segments),
                        weight.eq(weight + Mux(last_slot, row.words_per_row, 0)),
                        position.eq(Mux(last_slot, 0, position + row.segments)),
                    ]
                    with m.If(left == row.segments):
                        m.d.sync += self.layer.eq(self.layer + 1)
                        m.next = "LAYER"
                        with m.If(row.last):
                            m.next = "IDLE"
        return m
