"""The rows that a sample updates: its winner entries, as a stream of row jobs.

winner bank ─► entries, fetched ahead ─► one valid slot after the other ─► base + beat·R·s + slot·s ─► row jobs
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from .delay import delay
from .multiply import Multiply
from .queue import Queue
from .types import job_layout, step_layout, winners_layout

__all__ = ["WinnerRows"]


class WinnerRows(wiring.Component):
    """Winner entries of one sample to row jobs, one job a cycle without a gap between entries.

    Members
    -------
    start, count : In, begin with `count` ≥ 1 entries
    index : Out, entry wanted; entry : In, two cycles later
    layer : Out, row : In, hidden table, combinational
    o : Out, row jobs; busy : Out, jobs are still to come
    """

    _AHEAD = 8  # entries fetched ahead: covers the read latency
    _JOBS = 15  # jobs ahead: covers the address pipeline, so that rows of one segment see no gap

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "start": In(1),
                "count": In(range(core.beats + 1)),
                "index": Out(range(core.beats)),
                "entry": In(winners_layout(core)),
                "layer": Out(range(core.steps)),
                "row": In(step_layout(core, "hidden")),
                "o": Out(stream.Signature(job_layout(core))),
                "busy": Out(1),
            }
        )

    @staticmethod
    def pipeline_of(core):
        """Cycles from picking a winner until its job is in the queue: two registers, products, two additions."""
        return 2 + Multiply.latency_of(ceil_log2(core.beats)) + 2

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.entries = entries = Queue(winners_layout(core), depth=self._AHEAD)
        m.submodules.jobs = jobs = Queue(job_layout(core), depth=self._JOBS)
        connect(m, jobs.o, flipped(self.o))

        # Fetch ahead: as many reads under way as the queue has room for.
        wanted, credit = Signal(range(core.beats + 1)), Signal(range(self._AHEAD + 1), init=self._AHEAD)
        fetch, taken = Signal(), Signal()
        index = Signal.like(self.index, reset_less=True)  # beside the memory, far from the reset
        m.d.comb += [fetch.eq((wanted != 0) & (credit != 0)), self.index.eq(index)]
        m.d.sync += credit.eq(credit - fetch + taken)
        with m.If(self.start):
            m.d.sync += [wanted.eq(self.count), index.eq(0)]
        with m.Elif(fetch):
            m.d.sync += [wanted.eq(wanted - 1), index.eq(index + 1)]
        m.d.comb += [
            entries.i.valid.eq(delay(m, fetch, 2, name="fetch")),
            entries.i.payload.eq(self.entry),
        ]
        left = Signal(range(core.slots + 1))  # slots of the entry at hand still to be taken
        # Jobs on their way or queued; one that leaves is counted a cycle late.
        ahead, room = Signal(range(self._JOBS + 1)), Signal()
        leaves = delay(m, self.o.valid & self.o.ready, 1, name="leaves")
        pick, entry, chosen, fresh = self._pick(m, left, room, entries, taken)
        m.d.sync += [ahead.eq(ahead + pick - leaves), room.eq(ahead < self._JOBS - 1)]
        m.d.comb += self.busy.eq((credit != self._AHEAD) | (wanted != 0) | (left != 0) | (ahead != 0))
        arrives = delay(m, pick, self.pipeline_of(core), name="moving")
        self._address(m, entry, chosen, fresh, arrives, jobs)
        return m

    def _pick(self, m, left, room, entries, taken):
        """Take the valid slots of an entry one by one; the next entry comes in with the last one."""
        slots = self.core.slots
        entry, arriving = Signal(winners_layout(self.core), reset_less=True), entries.o.payload
        waiting, first = Signal(slots), Signal(slots, reset_less=True)
        pick, fresh = Signal(), Signal()
        valid = Cat(slot.valid for slot in arriving.slots)
        m.d.comb += [
            pick.eq(room & (left != 0)),
            taken.eq(entries.o.valid & entries.o.ready),
            entries.o.ready.eq((left == 0) | (room & (left == 1))),
        ]
        m.d.sync += first.eq(waiting & -waiting)
        with m.If(taken):
            m.d.sync += [entry.eq(arriving), waiting.eq(valid), left.eq(sum(valid[1:], valid[0])), fresh.eq(1)]
        with m.Elif(pick):
            m.d.sync += [waiting.eq(waiting & (waiting - 1)), left.eq(left - 1), fresh.eq(0)]
        # One cycle later: the slot that was picked.
        late = delay(m, entry, 1, name="picked")
        chosen = Signal(arriving.slots[0].shape())
        for i in range(slots):
            with m.If(first[i]):
                m.d.comb += chosen.eq(late.slots[i])
        return pick, late, chosen, delay(m, fresh, 1, name="fresh")

    def _address(self, m, entry, chosen, fresh, arrives, jobs):
        """Base + beat·R·s + slot·s for the H bank, base + beat·(words a row) and slot·s for the W plane."""
        core = self.core
        row = self.row
        now = Signal(job_layout(core), reset_less=True)
        beat = Signal(range(core.beats), reset_less=True)
        slot = Signal(range(core.slots), reset_less=True)
        m.d.sync += [
            now.layer.eq(entry.layer),
            now.desired.eq(chosen.desired),
            beat.eq(Mux(entry.carried & fresh, entry.carried_beat, entry.beat)),
            slot.eq(chosen.slot),
        ]
        if core.rules:
            m.d.sync += [
                now.beat.eq(Mux(entry.carried & fresh, entry.carried_beat, entry.beat)),
                now.slot.eq(chosen.slot),
            ]
        hidden, weight, position = len(now.hidden_address), len(now.weight_address), len(now.position)
        m.d.comb += self.layer.eq(now.layer)
        deepest = Multiply.latency_of(len(beat))

        def product(name, a, b, bits):
            m.submodules[name] = unit = Multiply(len(a), len(b), bits)
            m.d.comb += [unit.a.eq(a), unit.b.eq(b)]
            return delay(m, unit.o, deepest - Multiply.latency_of(len(a)), name=name)

        by_beat = product("by_beat", beat, row.beat_stride, hidden)
        by_slot = product("by_slot", slot, row.segments, hidden)
        by_word = product("by_word", row.words_per_row, beat, weight)
        base = delay(m, row.hidden_base, deepest, name="hidden_base")
        start = delay(m, row.weight_base, deepest, name="weight_base")
        spans = delay(m, row.spans, deepest, name="spans")
        job = delay(m, now, deepest, name="job")
        beat_address, slot_offset = Signal(hidden, reset_less=True), Signal(hidden, reset_less=True)
        late = Signal(job_layout(core), reset_less=True)
        done = Signal(job_layout(core), name="job_done", reset_less=True)
        m.d.sync += [
            beat_address.eq(base + by_beat),
            slot_offset.eq(by_slot),
            late.eq(job),
            late.weight_address.eq(start + by_word),
            late.position.eq(Mux(spans, 0, by_slot[:position])),
            done.eq(late),
            done.hidden_address.eq(beat_address + slot_offset),
        ]
        m.d.comb += [jobs.i.valid.eq(arrives), jobs.i.payload.eq(done)]
