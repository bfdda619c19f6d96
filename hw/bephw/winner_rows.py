"""The rows that a sample updates: its winner entries, as a stream of row jobs.

winner bank ─► entries, fetched ahead ─► one valid slot after the other ─► base + beat·R·s + slot·s ─► row jobs
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .delay import delay
from .multiply import Multiply
from .types import job_layout, step_layout, winners_layout

__all__ = ["WinnerRows"]


class WinnerRows(wiring.Component):
    """Winner entries of one sample to row jobs, one job a cycle without a gap between entries.

    Members
    -------
    start, bank, count : In, begin with `count` ≥ 1 entries of `bank`
    index : Out, entry wanted; entry : In, two cycles later
    layer : Out, row : In, hidden table, combinational
    o : Out, row jobs; busy : Out, jobs are still to come
    """

    _AHEAD = 8  # entries fetched ahead: covers the read latency
    _JOBS = 32  # jobs ahead: covers the address pipeline twice, so that rows of one segment see no gap

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
        """Cycles from picking a winner until its job is in the queue: register, products, two additions."""
        return 1 + Multiply.latency_of(ceil_log2(core.beats)) + 2

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.entries = entries = fifo.SyncFIFOBuffered(width=len(self.entry.as_value()), depth=self._AHEAD)
        m.submodules.jobs = jobs = fifo.SyncFIFOBuffered(width=job_layout(core).size, depth=self._JOBS)

        # Fetch ahead: as many reads under way as the queue has room for.
        wanted, credit = Signal(range(core.beats + 1)), Signal(range(self._AHEAD + 1), init=self._AHEAD)
        fetch, taken = Signal(), Signal()
        m.d.comb += fetch.eq((wanted != 0) & (credit != 0))
        m.d.sync += credit.eq(credit - fetch + taken)
        with m.If(self.start):
            m.d.sync += [wanted.eq(self.count), self.index.eq(0)]
        with m.Elif(fetch):
            m.d.sync += [wanted.eq(wanted - 1), self.index.eq(self.index + 1)]
        m.d.comb += [
            entries.w_en.eq(delay(m, fetch, 2, name="fetch")),
            entries.w_data.eq(self.entry),
            entries.r_en.eq(taken),
        ]
        entry = Signal(winners_layout(core), reset_less=True)
        waiting = Signal(core.slots)  # slots of `entry` still to be taken
        pick, chosen, fresh = self._pick(m, entry, waiting, entries, jobs, taken)
        moving = Signal(self.pipeline_of(core) + 1)  # picks in the address pipeline, by age
        m.d.comb += moving[0].eq(pick)
        m.d.sync += moving[1:].eq(moving[:-1])
        self._address(m, entry, moving, chosen, fresh, jobs)

        under_way = Signal()
        m.d.comb += under_way.eq((credit != self._AHEAD) | (wanted != 0) | waiting.any())
        m.d.comb += [
            self.o.valid.eq(jobs.r_rdy),
            self.o.payload.eq(jobs.r_data),
            jobs.r_en.eq(self.o.ready),
            self.busy.eq(under_way | moving.any() | (jobs.level != 0)),
        ]
        return m

    def _pick(self, m, entry, waiting, entries, jobs, taken):
        """Take the valid slots of an entry one by one; the next entry comes in with the last one."""
        slots = self.core.slots
        first, others = Signal(slots), Signal(slots)
        chosen = Signal(self.entry.slots[0].shape())
        pick, room, fresh = Signal(), Signal(), Signal()
        arriving = Signal(winners_layout(self.core))
        m.d.sync += room.eq(jobs.level < self._JOBS - self.pipeline_of(self.core) - 1)
        m.d.comb += [
            first.eq(waiting & -waiting),
            others.eq(waiting & (waiting - 1)),
            pick.eq(room & waiting.any()),
            taken.eq(entries.r_rdy & ((room & ~others.any()) | ~waiting.any())),
            arriving.eq(entries.r_data),
        ]
        for i in range(slots):
            with m.If(first[i]):
                m.d.comb += chosen.eq(entry.slots[i])
        with m.If(taken):
            m.d.sync += [entry.eq(arriving), waiting.eq(Cat(slot.valid for slot in arriving.slots)), fresh.eq(1)]
        with m.Elif(pick):
            m.d.sync += [waiting.eq(others), fresh.eq(0)]
        return pick, chosen, fresh

    def _address(self, m, entry, moving, chosen, fresh, jobs):
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
        m.d.comb += [jobs.w_en.eq(moving[-1]), jobs.w_data.eq(done)]
