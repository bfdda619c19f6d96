"""The order of the backward stage: which layer, which beats, when the walk has the W port, when columns are read out.

IDLE ─► DECIDE ─► FETCH a step ─► WAIT for the W port ─► STREAM beats ─► DRAIN ─► READ columns ─► SETTLE ─► next chunk
or step
A step that does not walk (layer 1) goes from DRAIN to the next step.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .column_count import ColumnCount
from .desired_store import DesiredStore
from .types import judged_layout, step_layout, update_layout
from .weight_plane import WeightPlane
from .winner_scan import WinnerScan

__all__ = ["BackwardIssue"]


class BackwardIssue(wiring.Component):
    """Sequencer of the backward stage; one sample at a time.

    A sample that did not trigger takes two cycles; `updates` comes one cycle after the last. A step of b beats takes
    b + `drain_of(core)` cycles and four more, plus, for every chunk of a walk, its read-out of R·s positions and
    `settle`. With `rules` a step of a layer that did not trigger takes three cycles; a row may repeat, every turn
    being a step of its own, one time step earlier; a walk may begin at any segment of any chunk.

    Members
    -------
    judged : In, samples; updates : Out, the same samples with their winners
    step : Out, row : In, backward table, combinational
    forward_streaming : In, hold : Out, W port arbitration
    start, advance : Out, rewind and step the desired activations
    job : Out, the step in force; sample : Out, the sample at hand
    tag : Out, a beat is issued; walk_address : Out, its W word, wanted `walk_delay_of(core)` cycles later
    scan_start : Out; winner_write : In, one-cycle pulse per entry; bank : Out
    read, position, first_slot, last_slot : Out, column read-out; desired_segment : In, where the next one goes
    bank_done : In, pulse, the update stage has finished a bank
    peek, peek_address, peek_position : In, read a W segment back while idle; peek_done : Out, high until `peek` is low
    """

    settle = ColumnCount.read_latency + 2

    def __init__(self, core):
        self.core = core
        tag = data.StructLayout(
            {
                "valid": 1,
                "scan": 1,
                "walk": 1,
                "peek": 1,
                "beat": range(core.beats),
                "rows": range(core.slots + 1),
            }
        )
        super().__init__(
            {
                "judged": In(stream.Signature(judged_layout(core))),
                "updates": Out(stream.Signature(update_layout(core), always_ready=True)),
                "step": Out(range(core.steps)),
                "row": In(step_layout(core, "backward")),
                "forward_streaming": In(1),
                "hold": Out(1),
                "start": Out(1),
                "sample": Out(judged_layout(core)),
                "job": Out(step_layout(core, "backward")),
                "tag": Out(tag),
                "walk_address": Out(range(core.weight_words)),
                "winner_write": In(1),
                "bank": Out(range(core.winner_banks)),
                "read": Out(1),
                "position": Out(range(core.segments)),
                "first_slot": Out(1),
                "last_slot": Out(1),
                "bank_done": In(1),
                "peek": In(1),
                "peek_address": In(range(core.weight_words)),
                "peek_position": In(range(core.segments)),
                "peek_done": Out(1),
            }
        )

    @staticmethod
    def walk_delay_of(core):
        """Cycles from a beat to its W address: its word comes with its desired activations and its gate."""
        return DesiredStore.latency + 3 - WeightPlane.latency_of(core)

    @staticmethod
    def drain_of(core, *, walk):
        """Cycles from the last beat until its winners are written and, in a walk, its columns are counted."""
        rows = DesiredStore.latency + 2
        scanned = rows + (2 if core.rules else 0) + WinnerScan.latency_of(core) + 2
        return max(scanned, rows + ColumnCount.count_latency - 1) if walk else scanned

    def elaborate(self, platform):
        m = Module()
        core = self.core
        job = self.job
        chunk = Signal(range(core.operand_words))
        beat = Signal(range(core.beats))
        address = Signal(range(core.weight_words))
        peeking = Signal()
        left = Signal(range(self.drain_of(core, walk=True) + self.settle))
        banks = Signal(range(core.winner_banks + 1))  # banks in use
        wanting = Signal()  # the walk has or wants the W port
        count = Signal(range(core.beats + 1))
        won = Signal()  # the sample has winners
        hand_over = Signal()
        token = self.sample
        # Registered: they are compared with long before they are asked for.
        last_chunk, last_beat = Signal(), Signal()
        beats_left = Signal(range(core.beats + 1))
        rows = Signal(range(core.slots + 1))  # of this beat
        skip = Signal() if core.rules else 0  # the layer did not trigger
        first = Signal(init=1) if core.rules else 0  # the first chunk
        turns, more, turning = Signal(range(core.store_segments + 1)), Signal(), Signal()  # of a row that repeats

        m.d.comb += [
            self.tag.scan.eq(first if core.rules else chunk == 0),
            self.tag.walk.eq(job.walk),
            self.tag.peek.eq(peeking),
            self.tag.beat.eq(beat),
            self.tag.rows.eq(rows),
            self.walk_address.eq(address),
        ]
        m.d.sync += [
            self.updates.valid.eq(hand_over),
            self.updates.payload.context.eq(token.context),
            self.updates.payload.batch_end.eq(token.batch_end),
            self.updates.payload.bank.eq(self.bank),
            self.updates.payload.updates.eq(token.triggered & won),
            self.updates.payload.count.eq(count),
        ]
        walked = Signal(self.walk_delay_of(core) - 1)  # words of the walk that are issued and not yet at the W plane
        m.d.sync += walked.eq(Cat(self.tag.valid & job.walk, walked))
        if core.rules:
            # Found a cycle ahead, for it is a long way to the threads of the forward stage.
            m.d.sync += self.hold.eq(wanting | (self.tag.valid & job.walk) | walked[:-1].any())
        handed = Signal()  # a bank with winners goes to the update stage
        m.d.sync += banks.eq(banks + handed - self.bank_done)
        m.d.sync += [count.eq(count + self.winner_write), won.eq(won | self.winner_write)]

        with m.FSM(init="IDLE"):
            with m.State("IDLE"):
                m.d.comb += self.judged.ready.eq(1)
                m.d.sync += [self.step.eq(0), peeking.eq(0), token.eq(self.judged.payload)]
                if core.rules:
                    m.d.sync += skip.eq(0)
                with m.If(self.judged.valid):
                    m.next = "DECIDE"
                with m.Elif(self.peek):
                    begin = job.weight_base if core.rules else address
                    m.d.sync += [
                        peeking.eq(1), begin.eq(self.peek_address), chunk.eq(0),
                        job.walk.eq(1), job.beats.eq(1), job.rows.eq(1), job.last_rows.eq(1),
                        job.full_segments.eq(core.segments), job.words_per_row.eq(1),
                    ]  # fmt: skip
                    m.next = "START"
            with m.State("DECIDE"):
                m.d.sync += [count.eq(0), won.eq(0)]
                with m.If(~token.triggered):
                    m.d.comb += hand_over.eq(1)
                    m.next = "IDLE"
                with m.Elif(banks != core.winner_banks):
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.sync += [job.eq(self.row), chunk.eq(0)]
                if core.rules:
                    m.d.sync += [skip.eq(~token.layers.bit_select(self.row.layer, 1)), first.eq(1)]
                    self._fetch(m, turning, turns, chunk)
                else:
                    m.d.sync += address.eq(self.row.weight_base)
                m.next = "START"
            with m.State("START"):
                m.d.comb += self.start.eq(1)
                m.d.sync += [beat.eq(0), beats_left.eq(job.beats), last_beat.eq(job.beats == 1)]
                m.d.sync += [last_chunk.eq(chunk + 1 == job.words_per_row), wanting.eq(job.walk)]
                m.d.sync += rows.eq(Mux(job.beats == 1, job.last_rows, job.rows))
                if core.rules:
                    m.d.sync += [more.eq(turns != 1), self.hold.eq(job.walk & ~skip)]
                    m.d.sync += address.eq(job.weight_base + chunk)
                m.next = "WAIT"
                if core.rules:
                    with m.If(skip):
                        m.d.sync += wanting.eq(0)
                        m.next = "NEXT"
            with m.State("WAIT"), m.If(~(job.walk & self.forward_streaming)):
                m.next = "STREAM"
            with m.State("STREAM"):
                m.d.comb += self.tag.valid.eq(1)
                m.d.sync += [
                    beat.eq(beat + 1),
                    beats_left.eq(beats_left - 1),
                    last_beat.eq(beats_left == 2),
                    rows.eq(Mux(beats_left == 2, job.last_rows, job.rows)),
                    address.eq(address + job.words_per_row),
                    left.eq(Mux(job.walk, self.drain_of(core, walk=True), self.drain_of(core, walk=False))),
                ]
                with m.If(last_beat):
                    m.d.sync += wanting.eq(0)
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.d.sync += left.eq(self.settle)
                    m.next = "NEXT"
                    with m.If(job.walk):
                        m.next = "READ"
            self._read_out(m, first, last_chunk, peeking)
            with m.State("SETTLE"):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.d.sync += chunk.eq(chunk + 1)
                    if core.rules:
                        m.d.sync += first.eq(0)
                    else:
                        m.d.sync += address.eq(job.weight_base + chunk + 1)
                    m.next = "START"
                    with m.If(peeking):
                        m.next = "PEEKED"
                    with m.Elif(last_chunk):
                        m.next = "NEXT"
            with m.State("PEEKED"):
                m.d.comb += self.peek_done.eq(1)
                with m.If(~self.peek):
                    m.next = "IDLE"
            with m.State("NEXT"):
                m.d.sync += self.step.eq(self.step + 1)
                m.next = "FETCH"
                if core.rules:
                    m.d.sync += turning.eq(more)
                    with m.If(more):
                        m.d.sync += [self.step.eq(self.step), turns.eq(turns - 1)]
                with m.If(job.last):
                    m.d.comb += [hand_over.eq(1), handed.eq(won)]
                    m.d.sync += self.bank.eq(self.bank + handed)
                    m.next = "IDLE"
        if not core.rules:
            m.d.comb += self.hold.eq(walked.any() | wanting)
        return m

    def _fetch(self, m, turning, turns, chunk):
        """Another turn of the same row, one time step earlier, or the next row."""
        job, row = self.job, self.row
        m.d.sync += chunk.eq(row.first_chunk)
        with m.If(turning):
            m.d.sync += [
                job.eq(job),
                job.beat_base.eq(job.beat_base - job.beats),
                job.desired_row.eq(job.desired_row ^ 1),
                job.sent_row.eq(job.sent_row ^ 1),
            ]
        with m.Else():
            m.d.sync += turns.eq(row.repeat)

    def _read_out(self, m, first, last_chunk, peeking):
        """READ: positions i, i+s, i+2s, … of every column segment i of this chunk."""
        core = self.core
        job = self.job
        segment, segments_left = Signal(range(core.segments + 1)), Signal(range(core.segments + 1))
        slot = Signal(range(core.slots + 1))
        offset = Signal(range(core.segments + 1))
        next_segment, last_slot = Signal.like(segment), Signal()
        # Registered: `slot` is compared with one cycle ahead.
        next_slot, final_slot, one_row = Signal.like(slot), Signal.like(slot), Signal()
        segments = Mux(last_chunk, job.last_segments, job.full_segments)
        if core.rules:
            segments = Mux(first, job.first_segments, segments)
            begin = Mux(first, job.first_segment, 0)
            m.d.sync += [segment.eq(begin), offset.eq(begin)]
        m.d.sync += [
            segments_left.eq(Mux(peeking, 1, segments)),
            final_slot.eq(job.rows - 1),
            one_row.eq(job.rows == 1),
            last_slot.eq(one_row),
        ]
        m.d.comb += [
            next_slot.eq(slot + 1),
            next_segment.eq(segment + 1),
            self.position.eq(Mux(peeking, self.peek_position, offset)),
            self.first_slot.eq(slot == 0),
            self.last_slot.eq(last_slot),
        ]
        with m.State("READ"):
            m.d.comb += self.read.eq(1)
            if core.rules:
                m.d.sync += segment.eq(segment)
            m.d.sync += [
                segments_left.eq(segments_left - last_slot),
                slot.eq(next_slot),
                offset.eq(offset + job.full_segments),
                last_slot.eq(next_slot == final_slot),
            ]
            with m.If(last_slot):
                m.d.sync += [slot.eq(0), segment.eq(next_segment), offset.eq(next_segment), last_slot.eq(one_row)]
                with m.If(segments_left == 1):
                    m.d.sync += [segment.eq(0), offset.eq(0)]
                    m.next = "SETTLE"
