"""The sample stream into the core: check the frame, store the segments, pass a token on.

A sample is a header beat (label, close flag) and ⌈K_0/g⌉ segments, `last` on the last one. A frame that is too
short or too long, or whose label is no class, is dropped whole and leaves a sticky error: the core never trains on it.
The sample of a recurrent network is its first operand, [x_1 ; s_0], and then x_2 … x_T, which go to the input store
only.

    beats ─► frame check ─┬─► operand store (copied to the row slots)
                          ├─► input store (one segment a word, for the update)
                          └─► token {context, label, close}
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .operand_store import OperandFill
from .types import HEADER_CLOSE, LABEL_BITS, sample_layout, step_layout, token_layout

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Sample loader; one beat a cycle and one cycle between samples, a token one cycle after the last beat, writes one
    cycle after their beat.

    Takes a header only while `run` is set and a context and a front are free; segments are then never held up.

    Members
    -------
    i : In, the sample stream
    o : Out, tokens in order; never blocked, its queue holds one per front
    run : In
    classes : In, number of classes
    row : In, the `input` step
    retired : In, one-cycle pulse, a context is free again; handed : In, one-cycle pulse, a sample has gone to the
        update stage
    fill_enable, fill_mask, fill_context, fill_word, fill_data : Out, writes of the operand store
    store_enable, store_address, store_data : Out, writes of the input store, {context, segment}
    bad_frame, bad_label : Out, one-cycle pulses
    idle : Out, no sample is being read and no context is in use
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "i": In(stream.Signature(sample_layout(core))),
                "o": Out(stream.Signature(token_layout(core), always_ready=True)),
                "run": In(1),
                "classes": In(LABEL_BITS + 1),
                "row": In(step_layout(core, "input")),
                "retired": In(1),
                "handed": In(1),
                "fill_enable": Out(1),
                "fill_mask": Out(core.segments),
                "fill_context": Out(range(core.contexts)),
                "fill_word": Out(range(core.operand_words)),
                "fill_data": Out(core.lanes),
                "store_enable": Out(1),
                "store_segment": Out(range(core.store_segments)),
                "bad_frame": Out(1),
                "bad_label": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.fill = fill = OperandFill(core)
        context = Signal(range(core.contexts))
        used = Signal(range(core.contexts + 1))
        ahead = Signal(range(core.fronts + 1))  # samples that the update stage has not got yet
        most = core.operand_words * core.segments
        index = Signal(range((max(most, core.store_segments) if core.rules else most) + 1))
        token = Signal(token_layout(core))
        label = self.i.payload.data[:LABEL_BITS]
        room = Signal()  # for another sample; looked at one cycle ahead
        final = Signal()  # the next segment is the last
        done = Signal()  # a whole good sample ends in this cycle
        taken = Signal() if core.rules else fill.segment_valid  # a segment comes in this cycle
        inside = Signal()  # it is one of the first operand's

        m.d.comb += [
            fill.starts.eq(self.row.starts),
            fill.begin.eq(index == 0),
            self.o.payload.eq(token),
        ]
        m.d.sync += [
            self.fill_enable.eq(fill.segment_valid),
            self.fill_mask.eq(fill.mask),
            self.fill_word.eq(fill.word),
            self.fill_context.eq(context),
            self.fill_data.eq(self.i.payload.data),
            self.store_enable.eq(taken),
            self.store_segment.eq(index),
            self.o.valid.eq(done),
            used.eq(used + done - self.retired),
            ahead.eq(ahead + done - self.handed),
            context.eq(context + done),
            room.eq(self.run & (used != core.contexts) & (ahead != core.fronts) & ~done),
        ]
        with m.FSM(init="HEADER") as fsm:
            with m.State("HEADER"):
                m.d.comb += self.i.ready.eq(room)
                m.d.sync += [index.eq(0), final.eq(self.row.segments == 1)]
                if core.rules:
                    m.d.sync += inside.eq(1)
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += Cat(token.context, token.label, token.close).eq(
                        Cat(context, label, self.i.payload.data[HEADER_CLOSE])
                    )
                    with m.If(self.i.payload.last):
                        m.d.comb += self.bad_frame.eq(1)
                    with m.Elif(label >= self.classes):
                        m.d.comb += self.bad_label.eq(1)
                        m.next = "SKIP"
                    with m.Else():
                        m.next = "SEGMENTS"
            with m.State("SEGMENTS"):
                m.d.comb += [self.i.ready.eq(1), taken.eq(self.i.valid)]
                if core.rules:
                    m.d.comb += fill.segment_valid.eq(taken & inside)
                    with m.If(taken & (index + 1 == self.row.operand)):
                        m.d.sync += inside.eq(0)
                with m.If(self.i.valid):
                    m.d.sync += [index.eq(index + 1), final.eq(index + 2 == self.row.segments)]
                    with m.If(final):
                        m.d.comb += [done.eq(self.i.payload.last), self.bad_frame.eq(~self.i.payload.last)]
                        m.next = "HEADER"
                        with m.If(~self.i.payload.last):
                            m.next = "SKIP"
                    with m.Elif(self.i.payload.last):
                        m.d.comb += self.bad_frame.eq(1)
                        m.next = "HEADER"
            with m.State("SKIP"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & self.i.payload.last):
                    m.next = "HEADER"
            m.d.comb += self.idle.eq(fsm.ongoing("HEADER") & (used == 0))
        return m
