"""The rows that learn: one segment a cycle out of the H bank, a step of its counters, and back.

row job ─► segment after segment ─┬─► H word ───────────────► CounterLanes ─┬─► H word
                                  ├─► activations agree with a* ─► up       └─► signs ─► W plane
                                  └─► Reinforce ─► mask (sweep; with `rules` also rare updates)
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from bepsw.spec import REINFORCE_BITS

from .counter_lanes import CounterLanes
from .delay import delay
from .hidden_bank import HiddenBank
from .popcount import PopCount
from .reinforce import Reinforce
from .types import job_layout, step_layout

__all__ = ["HiddenEngine"]


class HiddenEngine(wiring.Component):
    """Update and reinforcement of rows (BEP Eq. 8 and 9, CP+R), bepsw.golden's update and sweep; with `rules` also of
    updates whose steps are taken with some probability.

    A row of s segments takes s cycles, rows follow each other without a gap; a word is written back `latency` cycles
    after it was issued. Rows that are under way together must differ (the winners of one sample do), because a
    word is not forwarded. A row of a recurrent layer is stepped T times (`repeat`), with a pause of `pad` cycles where
    s is less than `latency`: T·s + (T − 1)·pad cycles.

    Members
    -------
    jobs : In, rows; busy : Out, a row is under way
    layer : Out, row : In, hidden table, combinational
    online : In, W is written where it is in use (else in the other bank); context : In, whose activations
    store_segment, from_input : Out, segment of the activation store; activations : In, 2 cycles later
    history_index : Out, with `rules`, word of a step's desired activations; history : In, 2 cycles later
    read_address, read_data, write_* : H bank port; weight_* : Out, W plane write port
    random_* : host access to the generator
    updated : Out, pulse per updated row; saturated : Out, steps not taken, some cycles later
    """

    latency = HiddenBank.latency + 3

    def __init__(self, core):
        self.core = core
        word = data.ArrayLayout(core.bits, core.lanes)
        super().__init__(
            {
                "jobs": In(stream.Signature(job_layout(core))),
                "busy": Out(1),
                "layer": Out(range(core.steps)),
                "row": In(step_layout(core, "hidden")),
                "online": In(1),
                "store_segment": Out(range(core.store_segments)),
                "from_input": Out(1),
                "activations": In(core.lanes),
                "read_address": Out(range(core.hidden_words)),
                "read_data": In(word),
                "write_enable": Out(1),
                "write_address": Out(range(core.hidden_words)),
                "write_data": Out(word),
                "weight_enable": Out(1),
                "weight_address": Out(range(core.weight_words)),
                "weight_position": Out(range(core.segments)),
                "weight_data": Out(core.lanes),
                "weight_other": Out(1),
                **({"history_index": Out(range(core.beats)), "history": In(core.slots)} if core.rules else {}),
                "random_turn": In(1),
                "random_replace": In(1),
                "random_new": In(64),
                "random_state": Out(64),
                "updated": Out(1),
                "saturated": Out(range(core.lanes + 1)),
            }
        )

        self._timed = Signal(name="timed")  # the row at hand has several time steps

    def elaborate(self, platform):
        m = Module()
        op, mask, active, drawn = self._issue(m)
        self._step(m, op, mask, active, drawn)
        return m

    def _issue(self, m):
        """Segment after segment of a row: an operation a cycle, registered; `drawn`, in its cycle: a mask decides."""
        core = self.core
        active = Signal()
        job = Signal(job_layout(core))
        row = Signal(step_layout(core, "hidden"), reset_less=True)
        left = Signal(range(core.operand_words * core.segments + 1))
        last = Signal()
        segment = Signal(range(core.store_segments), reset_less=True)
        spans = Signal()
        wrap = spans & (job.position == core.segments - 1)
        draws = Signal() if core.rules else job.sweep
        # more : steps of this row are to come; occupied, also in the pause before one; final : segment of the last one
        more, occupied, final = None, active, last
        if core.rules:
            more, occupied, final = Signal(name="more"), Signal(name="occupied"), Signal(name="final")
        m.d.comb += [self.layer.eq(self.jobs.payload.layer), self.jobs.ready.eq(~occupied | final)]
        with m.If(self.jobs.ready):
            m.d.sync += [
                active.eq(self.jobs.valid),
                job.eq(self.jobs.payload),
                row.eq(self.row),
                segment.eq(self.row.store_base),
                left.eq(self.row.segments),
                last.eq(self.row.single),
                spans.eq(self.row.spans),
            ]
            m.d.comb += self.updated.eq(self.jobs.valid & ~self.jobs.payload.sweep)
            if core.rules:
                m.d.sync += [occupied.eq(self.jobs.valid), draws.eq(self.jobs.payload.sweep | self.row.rare)]
                with m.If(~self.jobs.payload.sweep):
                    m.d.sync += row.threshold.eq(self.row.rate << (REINFORCE_BITS - len(self.row.rate)))
        if core.rules:
            self._steps(m, active, last, more, final, job, row, left, segment)
        with m.Else():
            if core.rules:
                m.d.sync += final.eq((left == 2) & ~more)
            m.d.sync += [
                left.eq(left - 1),
                last.eq(left == 2),
                segment.eq(segment + 1),
                job.hidden_address.eq(job.hidden_address + 1),
                job.position.eq(Mux(wrap, 0, job.position + 1)),
                job.weight_address.eq(job.weight_address + wrap),
            ]
        m.submodules.reinforce = reinforce = Reinforce(core)
        m.d.comb += [
            reinforce.step.eq(active & draws),
            reinforce.threshold.eq(row.threshold),
            reinforce.turn.eq(self.random_turn),
            reinforce.replace.eq(self.random_replace),
            reinforce.new_state.eq(self.random_new),
            self.random_state.eq(reinforce.state),
        ]

        op = Signal(data.StructLayout({"valid": 1, "last": 1, "tail": range(core.lanes + 1), "job": job_layout(core)}))
        m.d.sync += [
            op.valid.eq(active),
            op.last.eq(last),
            op.tail.eq(row.tail),
            op.job.eq(job),
            self.from_input.eq(row.from_input),
            self.store_segment.eq(segment),
        ]
        return op, reinforce.mask, active, delay(m, draws, 1, name="drawn") if core.rules else op.job.sweep

    def _steps(self, m, active, last, more, final, job, row, left, segment):
        """Back to the first segment of a row for its next time step, whose operand lies behind that of this one."""
        core = self.core
        start = Signal(job_layout(core), reset_less=True)
        turns = Signal.like(row.repeat, name="turns")
        pause = Signal.like(row.pad, name="pause")
        index = Signal(range(core.beats), reset_less=True)
        m.d.sync += self.history_index.eq(index)
        with m.If(self.jobs.ready):
            timed = ~self.jobs.payload.sweep & self.row.timed
            m.d.sync += [
                start.eq(self.jobs.payload),
                turns.eq(self.row.repeat),
                more.eq(timed),
                final.eq(self.row.single & ~timed),
                self._timed.eq(timed),
                index.eq(self.jobs.payload.beat),
            ]
        with m.Elif(active & last):
            m.d.sync += [
                turns.eq(turns - 1),
                more.eq(turns != 2),
                job.eq(start),
                left.eq(row.segments),
                last.eq(row.single),
                # Step 1 is out of the input store, where it lies first; the others lie first in the hidden store.
                segment.eq(Mux(row.from_input, 0, segment + 1)),
                row.from_input.eq(0),
                index.eq(index + row.beats),
                active.eq(row.pad == 0),
                pause.eq(row.pad),
                final.eq(row.single & (turns == 2) & (row.pad == 0)),
            ]
        with m.Elif(~active):
            m.d.sync += [pause.eq(pause - 1), active.eq(pause == 1), final.eq(row.single & ~more & (pause == 1))]

    def _wanted(self, m, op, before):
        """a* of an operation, with its H word: that of the job, or of this time step."""
        early = HiddenBank.latency - 2  # than the H word
        slot = delay(m, op.job.slot, early, name="history_slot")
        history = delay(m, self.history, early - 2, name="history")
        timed = delay(m, self._timed, HiddenBank.latency, name="timed")
        wanted = Signal(reset_less=True)
        mine = Signal(reset_less=True)
        m.d.sync += [mine.eq(history.bit_select(slot, 1)), wanted.eq(Mux(timed, mine, before.job.desired))]
        return wanted

    def _step(self, m, op, mask, active, drawn):
        """Step the counters of an operation and write them back."""
        core = self.core
        m.d.comb += self.read_address.eq(op.job.hidden_address)
        before = delay(m, op, HiddenBank.latency - 1, name="before")
        waiting = Signal(HiddenBank.latency - 1)  # operations whose word has been asked for
        m.d.sync += waiting.eq(Cat(op.valid, waiting))
        read = delay(m, before, 1, name="read")
        wanted = self._wanted(m, op, before) if core.rules else read.job.desired
        drawn = delay(m, drawn, HiddenBank.latency, name="drawn_read") if core.rules else read.job.sweep
        step = delay(m, read, 1, name="step")
        write = delay(m, step, 1, name="write")
        # The mask and the activations come at their own time; the H word is what they wait for.
        mask = delay(m, mask, HiddenBank.latency + 1 - Reinforce.latency, name="mask")
        activations = delay(m, self.activations, HiddenBank.latency - 2, name="activations")
        m.submodules.lanes = lanes = CounterLanes(lanes=core.lanes, bits=core.bits)
        inside = Signal(core.lanes, reset_less=True)
        used = Signal(core.lanes, reset_less=True)
        tail = delay(m, op.tail, HiddenBank.latency - 2, name="tail")
        m.d.sync += used.eq(Cat(lane < tail for lane in range(core.lanes)))
        m.d.sync += inside.eq(used | (~before.last).replicate(core.lanes))
        m.d.comb += [
            lanes.i.eq(self.read_data),
            lanes.enable.eq((mask | ~drawn.replicate(core.lanes)) & inside & read.valid.replicate(core.lanes)),
        ]
        for lane in range(core.lanes):
            agrees = activations[lane] == wanted
            m.d.comb += lanes.up[lane].eq(Mux(read.job.sweep, ~self.read_data[lane][-1], agrees))
        valid = delay(m, inside, 2, name="write_inside")
        m.submodules.saturations = saturations = PopCount(core.lanes)
        m.d.comb += [
            self.write_enable.eq(write.valid),
            self.write_address.eq(write.job.hidden_address),
            self.write_data.eq(lanes.o),
            self.weight_enable.eq(write.valid),
            self.weight_other.eq(~self.online),
            self.weight_address.eq(write.job.weight_address),
            self.weight_position.eq(write.job.position),
            self.weight_data.eq(lanes.positive & valid),
            saturations.i.eq(lanes.saturated),
            self.saturated.eq(saturations.o),
            self.busy.eq(active | op.valid | waiting.any() | read.valid | step.valid | write.valid),
        ]
