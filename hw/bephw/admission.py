"""When the next sample may enter the forward stage: batches, online order, and room for its result.

Inside a mini-batch samples enter freely, because W stands still. The sample that ends the batch raises a barrier:
nothing enters until every sample has retired, that is, until the last update is written and the banks of W are
swapped. Online training raises the barrier after every sample, and a sample that ends a batch retires after its sweep.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .types import token_layout

__all__ = ["Admission"]

BATCH_BITS = 16


class Admission(wiring.Component):
    """Admit tokens, one every two cycles at most, and count the batch.

    What an admission changes (the batch, the barrier, threads, room) is looked at two cycles later, so that the
    decision is a register.

    Members
    -------
    i : In, tokens
    free : In, the forward stage can take a sample
    train, online, batch : In, settings
    accept : Out, a sample enters in this cycle, its token is `i.payload`; batch_end : Out, it ends the batch
    retired : In, one-cycle pulse for every sample that left the core
    result_taken : In, one-cycle pulse for every result that left the core
    pending : Out, samples since the last sweep; set_pending, new_pending : In, host access
    empty : Out, no sample is between admission and retirement
    starved : Out, the stage waits for a sample; blocked : Out, a sample waits for room in the result queue
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "i": In(stream.Signature(token_layout(core))),
                "free": In(1),
                "train": In(1),
                "online": In(1),
                "batch": In(BATCH_BITS),
                "accept": Out(1),
                "batch_end": Out(1),
                "retired": In(1),
                "result_taken": In(1),
                "pending": Out(BATCH_BITS),
                "set_pending": In(1),
                "new_pending": In(BATCH_BITS),
                "empty": Out(1),
                "starved": Out(1),
                "blocked": Out(1),
            }
        )

    @staticmethod
    def results_of(core):
        """Results that can be on their way or queued: one queue entry for each."""
        return 2 * core.fronts

    def elaborate(self, platform):
        m = Module()
        inside = Signal(range(self.core.contexts + 1))
        results = Signal(range(self.results_of(self.core) + 1))
        barrier, full, able = Signal(), Signal(), Signal()
        count, final = Signal(BATCH_BITS + 1), Signal()
        m.d.comb += [
            full.eq(results == self.results_of(self.core)),
            self.accept.eq(self.i.valid & able),
            self.i.ready.eq(able),
            count.eq(self.pending + 1),
            self.batch_end.eq(self.train & (self.i.payload.close | final)),
            self.empty.eq(inside == 0),
            self.starved.eq(able & ~self.i.valid),
            self.blocked.eq(self.free & ~barrier & full & self.i.valid),
        ]
        ends = count >= self.batch
        if self.core.rules:
            # The same in one carry chain instead of two.
            limit = Signal(BATCH_BITS)
            m.d.sync += limit.eq(self.batch - (self.batch != 0))
            ends = self.pending >= limit
        m.d.sync += [able.eq(self.free & ~barrier & ~full & ~self.accept), final.eq(ends)]
        m.d.sync += [
            inside.eq(inside + self.accept - self.retired),
            results.eq(results + self.accept - self.result_taken),
        ]
        with m.If(self.accept & self.train):
            m.d.sync += [
                self.pending.eq(Mux(self.batch_end, 0, count)),
                barrier.eq(self.online | self.batch_end),
            ]
        with m.Elif(self.empty):
            m.d.sync += barrier.eq(0)
        with m.If(self.set_pending):
            m.d.sync += self.pending.eq(self.new_pending)
        return m
