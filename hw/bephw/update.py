"""The update stage: winners into the H bank, then the sample retires; at the end of a batch the sweep.

sample with winners ─► WinnerRows ─┐
end of a batch ─► SweepRows ───────┴─► HiddenEngine ─► H bank, W plane
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from .hidden_engine import HiddenEngine
from .step_table import StepTable
from .sweep_rows import SweepRows
from .types import step_layout, update_layout, winners_layout
from .winner_rows import WinnerRows

__all__ = ["Update"]


class Update(wiring.Component):
    """Update stage, one sample at a time, in order.

    The last sample of a batch retires before the sweep, which runs beside the next batch: `swap` hands the new signs
    over, and later updates wait. Online the sweep comes first, since it writes the weights in use.

    A sample without winners retires two cycles after it arrived. Else it takes the sum of s over its winner
    rows, the sweep the number of H words of all layers, and a constant each.

    Members
    -------
    updates : In, samples; retired : Out, pulse per sample; context : Out, of the sample being updated
    table_* : In, host writes of the hidden table
    winners_bank, winners_index : Out; winners : In, two cycles later; bank_done : Out, pulse
    online : In; swap : Out, pulse, with `retired` of the last sample of a batch; sweeping : Out
    swept : Out, pulse per sweep; the engine's other ports pass through `engine`
    """

    def __init__(self, core):
        self.core = core
        self.engine = HiddenEngine(core)
        super().__init__(
            {
                "updates": In(stream.Signature(update_layout(core))),
                "retired": Out(1),
                "context": Out(range(core.contexts)),
                "table_enable": In(1),
                "table_address": In(range(core.steps)),
                "table_row": In(step_layout(core, "hidden")),
                "winners_bank": Out(range(core.winner_banks)),
                "winners_index": Out(range(core.beats)),
                "winners": In(winners_layout(core)),
                "bank_done": Out(1),
                "online": In(1),
                "swap": Out(1),
                "sweeping": Out(1),
                "swept": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.table = table = StepTable(core, "hidden", readers=3)
        m.submodules.winner_rows = winner_rows = WinnerRows(core)
        m.submodules.sweep_rows = sweep_rows = SweepRows(core)
        m.submodules.engine = engine = self.engine
        token = Signal(update_layout(core))  # the sample at hand
        retire = Signal()
        m.d.sync += [self.retired.eq(retire), self.swap.eq(0)]
        m.d.comb += [
            table.write_enable.eq(self.table_enable),
            table.write_address.eq(self.table_address),
            table.write_row.eq(self.table_row),
            self.context.eq(token.context),
            self.winners_bank.eq(token.bank),
            self.winners_index.eq(winner_rows.index),
            winner_rows.entry.eq(self.winners),
            winner_rows.count.eq(token.count),
        ]
        for reader, user in enumerate((engine, winner_rows, sweep_rows)):
            m.d.comb += [table.steps[reader].eq(user.layer), user.row.eq(table.rows[reader])]
        sweeping, busy = self.sweeping, Signal()
        with m.If(sweeping):
            connect(m, sweep_rows.o, engine.jobs)
        with m.Else():
            connect(m, winner_rows.o, engine.jobs)
        started = winner_rows.start | sweep_rows.start
        m.d.sync += busy.eq(started | winner_rows.busy | sweep_rows.busy | engine.busy)

        with m.FSM(init="IDLE"):
            with m.State("IDLE"):
                m.d.comb += self.updates.ready.eq(1)
                m.d.sync += [token.eq(self.updates.payload), sweeping.eq(0)]
                with m.If(self.updates.valid):
                    m.next = "DECIDE"
            with m.State("DECIDE"):
                with m.If(token.updates):
                    m.d.comb += winner_rows.start.eq(1)
                    m.next = "ROWS"
                with m.Elif(token.batch_end):
                    m.next = "BATCH"
                with m.Else():
                    m.d.comb += retire.eq(1)
                    m.next = "IDLE"
            with m.State("ROWS"), m.If(~busy):
                m.d.comb += self.bank_done.eq(1)
                m.next = "RETIRE"
                with m.If(token.batch_end):
                    m.next = "BATCH"
            with m.State("BATCH"):
                m.d.comb += retire.eq(~self.online)
                m.d.sync += [sweeping.eq(1), self.swap.eq(~self.online)]
                m.next = "SWEEP"
            with m.State("SWEEP"):
                m.d.comb += sweep_rows.start.eq(1)
                m.next = "SWEEPING"
            with m.State("SWEEPING"), m.If(~busy):
                m.d.comb += self.swept.eq(1)
                m.next = "RETIRE"
                with m.If(~self.online):
                    m.next = "IDLE"
            with m.State("RETIRE"):
                m.d.comb += retire.eq(1)
                m.next = "IDLE"
        return m
