"""The rows that a sample updates: its winner entries, as a stream of row jobs.

winner bank ─► entries, fetched ahead ─► one valid slot after the other ─► base + beat·R·s + slot·s ─► row jobs
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from .delay import delay
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
    _JOBS = 8  # jobs ahead: covers the address pipeline

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

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.entries = entries = fifo.SyncFIFO(width=len(self.entry.as_value()), depth=self._AHEAD)
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
        entry = Signal(winners_layout(core))
        m.d.comb += entry.eq(entries.r_data)
        pick, chosen, fresh = self._pick(m, entry, entries.r_rdy, jobs, taken)
        self._address(m, entry, pick, chosen, fresh, jobs)

        under_way = Signal()
        moving = pick | delay(m, pick, 1, name="moving_a") | delay(m, pick, 2, name="moving_b")
        m.d.comb += under_way.eq((credit != self._AHEAD) | (wanted != 0))
        m.d.comb += [
            self.o.valid.eq(jobs.r_rdy),
            self.o.payload.eq(jobs.r_data),
            jobs.r_en.eq(self.o.ready),
            self.busy.eq(under_way | moving | (jobs.level != 0)),
        ]
        return m

    def _pick(self, m, entry, available, jobs, taken):
        """Take the valid slots of an entry one by one; the entry goes with its last one."""
        slots = self.core.slots
        done = Signal(slots)  # slots already taken
        open_slots = Signal(slots)
        first = Signal(slots)
        chosen = Signal(self.entry.slots[0].shape())
        pick = Signal()
        m.d.comb += [
            open_slots.eq(Cat(entry.slots[i].valid for i in range(slots)) & ~done),
            first.eq(open_slots & -open_slots),
            pick.eq(available & (jobs.level <= self._JOBS - 4)),
            taken.eq(pick & (open_slots == first)),
        ]
        for i in range(slots):
            with m.If(first[i]):
                m.d.comb += chosen.eq(entry.slots[i])
        with m.If(taken):
            m.d.sync += done.eq(0)
        with m.Elif(pick):
            m.d.sync += done.eq(done | first)
        return pick, chosen, done == 0

    def _address(self, m, entry, pick, chosen, fresh, jobs):
        """Base + beat·R·s + slot·s, in two cycles."""
        core = self.core
        beat = Mux(entry.carried & fresh, entry.carried_beat, entry.beat)
        row = self.row
        m.d.comb += self.layer.eq(entry.layer)
        job, late = Signal(job_layout(core)), Signal(job_layout(core))
        by_beat, by_slot = Signal(range(core.hidden_words)), Signal(range(core.hidden_words))
        by_word = Signal(range(core.weight_words))
        m.d.sync += [
            job.layer.eq(entry.layer),
            job.desired.eq(chosen.desired),
            job.hidden_address.eq(row.hidden_base),
            job.weight_address.eq(row.weight_base),
            job.position.eq(Mux(row.words_per_row == 1, chosen.slot * row.segments, 0)),
            by_beat.eq(beat * row.beat_stride),
            by_slot.eq(chosen.slot * row.segments),
            by_word.eq(beat * row.words_per_row),
            late.eq(job),
            late.hidden_address.eq(job.hidden_address + by_beat + by_slot),
            late.weight_address.eq(job.weight_address + by_word),
        ]
        m.d.comb += [jobs.w_en.eq(delay(m, pick, 2, name="pick")), jobs.w_data.eq(late)]
