"""The backward stage: desired activations from the last layer to the first, and the winners of every layer.

z memory ───────► z ─┐ a ≠ a*, |z| ─► WinnerScan ─► winners
DesiredStore ─► a* ──┴ |z| ≤ G, a* ─► ColumnCount ◄─ W plane
     ▲                                    │
     └──────── a* of the layer below ─────┘
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from .backward_issue import BackwardIssue
from .column_count import ColumnCount
from .delay import delay
from .desired_store import DesiredStore
from .negate import absolute
from .stability import Stability
from .step_table import StepTable
from .types import judged_layout, step_layout, update_layout, winners_layout
from .winner_scan import WinnerScan

__all__ = ["Backward"]

_SLOTS_A_COPY = 6  # slots on one copy of the gate threshold
_Z_DEEPEST = 2048  # words of one memory: nine bits of a word fill a block RAM


class Backward(wiring.Component):
    """Backward stage, bepsw.golden's desired activations, gates and winners.

    Members
    -------
    judged : In, samples with their verdict; updates : Out, the same samples with their winners, in order
    table_* : In, host writes of the backward table; prototype_* : In, host writes of prototypes
    z_* : In, writes of the pre-activation memory
    forward_streaming : In, hold, walking : Out, W port arbitration; walk_address : Out, while `walking`
    weights : In, of `walk_address`, WeightPlane.latency_of(core) cycles later
    winners : Out, entry of a winner bank; winners_bank, winners_index : In, read address, data 2 cycles later
    history_index : In, with `rules`, word of a time step in the bank `winners_bank`; history : Out, its desired
        activations, 2 cycles later
    bank_done : In, pulse
    peek, peek_address, peek_position : In, peek_done, peek_data : Out, W read-back while idle
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "judged": In(stream.Signature(judged_layout(core))),
                "updates": Out(stream.Signature(update_layout(core), always_ready=True)),
                "table_enable": In(1),
                "table_address": In(range(core.steps)),
                "table_row": In(step_layout(core, "backward")),
                "prototype_enable": In(1),
                "prototype_address": In(range(core.classes * core.prototype_segments)),
                "prototype_data": In(core.lanes),
                "z_enable": In(1),
                "z_context": In(range(core.contexts)),
                "z_beat": In(range(core.beats)),
                "z_data": In(data.ArrayLayout(signed(core.z_bits), core.slots)),
                "forward_streaming": In(1),
                "hold": Out(1),
                "walking": Out(1),
                "walk_address": Out(range(core.weight_words)),
                "weights": In(data.ArrayLayout(core.lanes, core.segments)),
                "winners": Out(winners_layout(core)),
                "winners_bank": In(range(core.winner_banks)),
                "winners_index": In(range(core.beats)),
                "bank_done": In(1),
                **({"history_index": In(range(core.beats)), "history": Out(core.slots)} if core.rules else {}),
                "peek": In(1),
                "peek_address": In(range(core.weight_words)),
                "peek_position": In(range(core.segments)),
                "peek_done": Out(1),
                "peek_data": Out(core.lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.table = table = StepTable(core, "backward", readers=1)
        m.submodules.issue = issue = BackwardIssue(core)
        m.submodules.desired = desired = DesiredStore(core)
        m.submodules.scan = scan = WinnerScan(core)
        m.submodules.columns = columns = ColumnCount(core)
        connect(m, flipped(self.judged), issue.judged)
        connect(m, flipped(self.updates), issue.updates)
        job, tag = issue.job, issue.tag
        for name in ("forward_streaming", "bank_done", "peek", "peek_address", "peek_position"):
            m.d.comb += getattr(issue, name).eq(getattr(self, name))
        for name in ("prototype_enable", "prototype_address", "prototype_data"):
            m.d.comb += getattr(desired, name).eq(getattr(self, name))
        m.d.comb += [
            table.write_enable.eq(self.table_enable),
            table.write_address.eq(self.table_address),
            table.write_row.eq(self.table_row),
            table.steps[0].eq(issue.step),
            issue.row.eq(table.rows[0]),
            self.hold.eq(issue.hold),
            self.peek_done.eq(issue.peek_done),
            self.peek_data.eq(columns.raw),
            desired.start.eq(issue.start),
            desired.from_prototype.eq(job.from_prototype),
            desired.label.eq(issue.sample.label),
            desired.half.eq(job.desired_row if core.rules else job.layer[0]),
            desired.advance.eq(tag.valid),
            desired.rows.eq(tag.rows),
        ]
        if core.rules:
            m.d.comb += [desired.base.eq(job.prototype_base), desired.offset.eq(job.offset)]
        self._rows(m, issue, desired, scan, columns)
        self._columns(m, issue, desired, columns)
        self._winners(m, issue, scan)
        return m

    def _rows(self, m, issue, desired, scan, columns):
        """z and a* of a beat to what the scan and the walk want: wrong, |z|, gate."""
        core = self.core
        job = issue.job
        beat, front = Signal(range(core.beats)), ceil_log2(core.fronts)
        m.d.comb += beat.eq(job.beat_base + issue.tag.beat)
        z = self._pre_activations(m, Cat(beat, issue.sample.context[:front]))
        tag = delay(m, issue.tag, DesiredStore.latency, name="row_tag")
        inside = Signal(core.slots)
        m.d.sync += inside.eq(Cat(slot < tag.rows for slot in range(core.slots)))

        sized = delay(m, tag, 1, name="sized_tag")
        late = delay(m, sized, 1, name="judged_tag")
        bits = delay(m, desired.bits, 1, name="desired_bits")
        wrong, gate, aim = Signal(core.slots), Signal(core.slots), Signal(core.slots)
        magnitude = Signal(data.ArrayLayout(core.z_bits - 1, core.slots), reset_less=True)
        for slot in range(core.slots):
            if slot % _SLOTS_A_COPY == 0:
                limit = Signal.like(job.gate, name=f"gate_limit_{slot}", attrs={"keep": 1}, reset_less=True)
                m.d.sync += limit.eq(job.gate)
            size = Signal(core.z_bits - 1, name=f"size_{slot}", reset_less=True)
            active = Signal(name=f"active_{slot}", reset_less=True)
            m.d.sync += [
                active.eq(z[slot] >= 0),
                size.eq(absolute(z[slot])),
                magnitude[slot].eq(size),
                wrong[slot].eq(active != bits[slot]),
                gate[slot].eq((inside[slot] & (size <= limit)) | sized.peek),
                aim[slot].eq(bits[slot] | sized.peek),
            ]
        started = delay(m, issue.start, 1, name="started")
        towards, chosen = aim, late
        if core.rules:
            late_rows = wrong, magnitude, aim, late
            wrong, magnitude, towards, chosen = self._select(m, issue, scan, z, tag, desired, *late_rows)
        scanned = chosen.valid & chosen.scan & ~chosen.peek
        m.d.comb += [
            scan.start.eq(started & ~issue.tag.peek),
            scan.group.eq(job.group),
            scan.group_step.eq(job.group_step),
            scan.valid.eq(scanned & job.scan if core.rules else scanned),
            scan.rows.eq(chosen.rows),
            scan.beat.eq(chosen.beat),
            scan.layer.eq(job.layer),
            scan.wrong.eq(wrong),
            scan.magnitude.eq(magnitude),
            scan.desired.eq(towards),
            columns.valid.eq(late.valid & late.walk),
            columns.clear.eq(started),
            columns.gate.eq(gate),
            columns.desired.eq(aim),
            columns.row_segments.eq(job.full_segments),
        ]

    def _pre_activations(self, m, address):
        """The z memory: what lies at `address` as long after it as the desired activations of the same beat are."""
        core = self.core
        depth = core.fronts << (core.beats - 1).bit_length()
        inside = min(depth, _Z_DEEPEST).bit_length() - 1
        layout = data.ArrayLayout(signed(core.z_bits), core.slots)
        address = delay(m, address, DesiredStore.latency - 3, name="z_address")
        target = delay(m, Cat(self.z_beat, self.z_context[: ceil_log2(core.fronts)]), 1, name="z_target")
        enable, z_new = (delay(m, getattr(self, name), 1, name=name) for name in ("z_enable", "z_data"))
        outputs = []
        for bank in range(depth >> inside):
            memory = Memory(shape=layout, depth=1 << inside, init=[], attrs={"ram_style": "block"})
            m.submodules[f"z_memory_{bank}"] = memory
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.en.eq(enable & (target >> inside == bank)),
                write.addr.eq(target),
                write.data.eq(z_new),
                read.addr.eq(address),
                read.en.eq(1),
            ]
            # Registered first and chosen then: the register belongs to the block RAM.
            outputs.append(delay(m, read.data.as_value(), 1, name=f"z_output_{bank}"))
        z, chosen = Signal(layout, reset_less=True), delay(m, address >> inside, 2, name="z_bank")
        with m.Switch(chosen):
            for bank, output in enumerate(outputs):
                with m.Case(bank) if bank < len(outputs) - 1 else m.Default():
                    m.d.sync += z.eq(output)
        return z

    def _select(self, m, issue, scan, z, tag, desired, wrong, magnitude, aim, late):
        """Two cycles more: u in the place of z in a recurrent layer, and who is weak enough to win."""
        core, job = self.core, issue.job
        m.submodules.stability = stability = Stability(core)
        adds = tag.valid & tag.scan & job.recurrent & ~tag.peek
        m.d.comb += [
            stability.early.eq(delay(m, issue.tag.beat, DesiredStore.latency - 1, name="early_beat")),
            stability.valid.eq(adds),
            stability.fresh.eq(job.fresh),
            stability.beat.eq(tag.beat),
            stability.z.eq(z),
            stability.desired.eq(desired.bits),
        ]
        self._history(m, issue, tag, adds, desired)
        wrong, magnitude = delay(m, wrong, 1, name="wrong"), delay(m, magnitude, 1, name="magnitude")
        joined = Signal(data.ArrayLayout(core.stability_bits, core.slots), reset_less=True)
        guilty = Signal(core.slots, reset_less=True)
        m.d.sync += guilty.eq(Mux(job.recurrent, stability.negative, wrong))
        for slot in range(core.slots):
            size = Mux(job.recurrent, stability.magnitude[slot], magnitude[slot])
            m.d.sync += [
                joined[slot].eq(size),
                scan.weak[slot].eq(size < job.select),
                scan.near[slot].eq(size < job.push),
            ]
        return guilty, joined, delay(m, aim, 2, name="aim"), delay(m, late, 2, name="selected_tag")

    def _history(self, m, issue, tag, adds, desired):
        """Desired activations of every step, beside the winners that may be found of them."""
        core = self.core
        m.submodules.history = memory = Memory(
            shape=core.slots,
            depth=core.winner_banks << (core.beats - 1).bit_length(),
            init=[],
            attrs={"ram_style": "block"},
        )
        write, read = memory.write_port(), memory.read_port()
        beat = Signal(range(core.beats))
        m.d.comb += [
            beat.eq(issue.job.beat_base + tag.beat),
            # A cycle late: from the sum to the block RAM is a long way, and the update reads long after.
            write.en.eq(delay(m, adds, 1, name="history_enable")),
            write.addr.eq(delay(m, Cat(beat, issue.bank), 1, name="history_address")),
            write.data.eq(delay(m, desired.bits, 1, name="history_data")),
            read.addr.eq(Cat(self.history_index, self.winners_bank)),
            read.en.eq(1),
            self.history.eq(delay(m, read.data, 1, name="history_output")),
        ]

    def _columns(self, m, issue, desired, columns):
        """The W words of the walk, the column read-out, and its way back into the desired activations."""
        core = self.core
        job = issue.job
        walk = delay(m, Cat(issue.tag.valid & job.walk, issue.walk_address), issue.walk_delay_of(core), name="walk")
        count = Signal(range(core.prototype_segments + 1))
        with m.If(columns.segment_valid):
            m.d.sync += count.eq(count + 1)
        with m.If(issue.start & issue.tag.scan):
            m.d.sync += count.eq(0)
        m.d.comb += [
            self.walking.eq(walk[0]),
            self.walk_address.eq(walk[1:]),
            columns.weights.eq(self.weights),
            columns.read.eq(issue.read),
            columns.position.eq(issue.position),
            columns.first_slot.eq(issue.first_slot),
            columns.last_slot.eq(issue.last_slot),
            desired.desired_enable.eq(columns.segment_valid & ~issue.tag.peek),
            desired.desired_half.eq(job.sent_row if core.rules else ~job.layer[0]),
            desired.desired_segment.eq(count),
            desired.desired_data.eq(columns.segment),
        ]

    def _winners(self, m, issue, scan):
        """Banks of winner entries: one is filled while the update stage empties earlier ones."""
        core = self.core
        m.submodules.winners = memory = Memory(
            shape=winners_layout(core),
            depth=core.winner_banks << (core.beats - 1).bit_length(),
            init=[],
            attrs={"ram_style": "block"},
        )
        write, read = memory.write_port(), memory.read_port()
        index = Signal(range(core.beats))
        with m.If(scan.write):
            m.d.sync += index.eq(index + 1)
        with m.If(issue.updates.valid):
            m.d.sync += index.eq(0)
        m.d.comb += [
            write.en.eq(scan.write),
            write.addr.eq(Cat(index, issue.bank)),
            write.data.eq(scan.winners),
            issue.winner_write.eq(scan.write),
            read.addr.eq(Cat(self.winners_index, self.winners_bank)),
            read.en.eq(1),
        ]
        m.d.comb += self.winners.eq(delay(m, read.data, 1, name="winners_output"))
