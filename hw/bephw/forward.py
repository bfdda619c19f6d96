"""The forward stage: every sample through all layers and the classifier, up to four samples interleaved.

token ─► admission ─► issue ─► W plane ────────┐
                        └────► operand stores ─┴─► PreActivation ─► z ─┬─► z memory
                                    ▲                                  ├─► sign ─► Packer ─┬─► hidden store
                                    └──────── next layer's operand ◄───┼───────────────────┘
                                                                       └─► Judge ─► verdict
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from .admission import BATCH_BITS, Admission
from .delay import delay
from .forward_issue import ForwardIssue
from .judge import Judge
from .operand_store import OperandFill, OperandStore
from .packer import Packer
from .pre_activation import PreActivation
from .queue import Queue
from .step_table import StepTable
from .types import judged_layout, result_layout, step_layout, tag_layout, token_layout
from .weight_plane import WeightPlane

__all__ = ["Forward"]

_SEGMENTS_A_COPY = 6  # segments that hear from one register which operand they take


class Forward(wiring.Component):
    """Forward stage, bepsw.golden's forward pass, prediction and trigger.

    A pass of n words takes n + 1 cycles of the W port and is followed, in the same thread, `Forward.gap_of(core)`
    cycles later by the next.

    Members
    -------
    tokens : In, loaded samples
    results : Out, one per sample, in order: prediction and margin of its last classifier, whether any layer triggered
    judged : Out, tokens for the backward stage, in order; its queue holds one per front
    table_* : In, host writes of the forward table
    train, online, batch, margin : In, settings; pending and its host access. With `rules` the margin of each
        classifier stands in the table
    retired : In, pulse per retired sample
    hold, streaming : In and Out, W port arbitration; read_address : Out; weights : In, WeightPlane.latency_of(core)
        cycles later
    fill_* : In, writes of the input operand store from the loader
    z_* : Out, writes of the pre-activation memory; hidden_* : Out, writes of the hidden-activation store
    copy_context, copy_segment : Out, with `rules`, read address of the input store; copy_data : In, two cycles later
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "tokens": In(stream.Signature(token_layout(core))),
                "results": Out(stream.Signature(result_layout(core))),
                "judged": Out(stream.Signature(judged_layout(core))),
                "table_enable": In(1),
                "table_address": In(range(core.steps)),
                "table_row": In(step_layout(core, "forward")),
                "train": In(1),
                "online": In(1),
                "batch": In(BATCH_BITS),
                "margin": In(core.max_width.bit_length() + 1),
                "pending": Out(BATCH_BITS),
                "set_pending": In(1),
                "new_pending": In(BATCH_BITS),
                "retired": In(1),
                "empty": Out(1),
                "starved": Out(1),
                "blocked": Out(1),
                "hold": In(1),
                "streaming": Out(1),
                "read_address": Out(range(core.weight_words)),
                "weights": In(data.ArrayLayout(core.lanes, core.segments)),
                "fill_enable": In(1),
                "fill_mask": In(core.segments),
                "fill_context": In(range(core.contexts)),
                "fill_word": In(range(core.operand_words)),
                "fill_data": In(core.lanes),
                "z_enable": Out(1),
                "z_context": Out(range(core.contexts)),
                "z_beat": Out(range(core.beats)),
                "z_data": Out(data.ArrayLayout(signed(core.z_bits), core.slots)),
                "hidden_enable": Out(1),
                "hidden_context": Out(range(core.contexts)),
                "hidden_segment": Out(range(core.store_segments)),
                "hidden_data": Out(core.lanes),
                **(
                    {
                        "copy_context": Out(range(core.contexts)),
                        "copy_segment": Out(range(core.store_segments)),
                        "copy_data": In(core.lanes),
                    }
                    if core.rules
                    else {}
                ),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.table = table = StepTable(core, "forward", readers=4 if core.rules else 3)
        m.submodules.admission = admission = Admission(core)
        m.submodules.issue = issue = ForwardIssue(core)
        m.submodules.pre_activation = pre_activation = PreActivation(core)
        issue_row, sum_row, z_row = (table.rows[i] for i in range(3))
        out_row = delay(m, z_row, 1, name="out_row")  # of the step of `tag_out`
        out_rows = Signal(range(core.slots + 1), reset_less=True)  # of the beat of `tag_out`
        m.d.sync += out_rows.eq(Mux(pre_activation.z_last, z_row.last_rows, z_row.rows))

        connect(m, flipped(self.tokens), admission.i)
        for name in ("train", "online", "batch", "set_pending", "new_pending", "retired"):
            m.d.comb += getattr(admission, name).eq(getattr(self, name))
        for name in ("pending", "empty", "starved", "blocked"):
            m.d.comb += getattr(self, name).eq(getattr(admission, name))
        m.d.comb += [
            table.write_enable.eq(self.table_enable),
            table.write_address.eq(self.table_address),
            table.write_row.eq(self.table_row),
            admission.free.eq(issue.free),
            issue.accept.eq(admission.accept),
            issue.accept_context.eq(self.tokens.payload.context),
            issue.hold.eq(self.hold),
            self.streaming.eq(issue.streaming),
            table.steps[0].eq(issue.step),
            issue.row.eq(issue_row),
            self.read_address.eq(issue.read_address),
            table.steps[1].eq(pre_activation.sum_step),
            pre_activation.row_segments.eq(
                Mux(pre_activation.sum_last_word, sum_row.last_segments, sum_row.full_segments)
            ),
            table.steps[2].eq(pre_activation.z_step),
            pre_activation.fan_in.eq(z_row.fan_in),
            pre_activation.weights.eq(self.weights),
            pre_activation.tag.eq(delay(m, issue.tag, WeightPlane.latency_of(core), name="read")),
        ]
        write = self._activations(m, pre_activation, out_row, out_rows, issue)
        m.d.comb += pre_activation.operand.eq(self._operands(m, issue, write))
        self._verdict(m, admission, issue, pre_activation, out_row, out_rows, table)
        return m

    def _operands(self, m, issue, write):
        """The two operand stores, and which of them this word uses."""
        core = self.core
        wait = WeightPlane.latency_of(core) - OperandStore.latency
        m.submodules.input_operand = inputs = OperandStore(core, core.fronts * core.operand_words)
        m.submodules.hidden_operand = hidden = OperandStore(core, core.threads * 2 * core.operand_words)
        tag = delay(m, issue.tag, wait, name="operand_tag")
        word = delay(m, issue.operand_word, wait, name="operand_word")
        early = delay(m, issue.from_input, WeightPlane.latency_of(core) - 2, name="from_input")
        half = delay(m, issue.half, wait, name="operand_half") if core.rules else tag.step[0]
        enable, mask, address, segment = (delay(m, part, 1, name=f"fill_{i}") for i, part in enumerate(write))
        words, front = core.operand_words, ceil_log2(core.fronts)
        m.d.comb += [
            inputs.write_enable.eq(self.fill_enable),
            inputs.write_mask.eq(self.fill_mask),
            inputs.write_address.eq(self.fill_context[:front] * words + self.fill_word),
            inputs.write_data.eq(self.fill_data),
            inputs.read_address.eq(tag.context[:front] * words + word),
            hidden.write_enable.eq(enable),
            hidden.write_mask.eq(mask),
            hidden.write_address.eq(address),
            hidden.write_data.eq(segment),
            hidden.read_address.eq((tag.thread * 2 + half) * words + word),
        ]
        operand = Signal(data.ArrayLayout(core.lanes, core.segments))
        for i in range(core.segments):
            if i % _SEGMENTS_A_COPY == 0:
                from_input = Signal(name=f"early_from_input_{i}", attrs={"keep": 1}, reset_less=True)
                m.d.sync += from_input.eq(early)
            chosen = Signal(name=f"from_input_{i}", attrs={"keep": 1}, reset_less=True)
            m.d.sync += chosen.eq(from_input)
            m.d.comb += operand[i].eq(Mux(chosen, inputs.read_data[i], hidden.read_data[i]))
        return operand

    def _activations(self, m, pre_activation, out_row, rows, issue):
        """Pre-activations to the z memory; their signs, packed, to the hidden store and the next operand."""
        core = self.core
        tag, z = pre_activation.tag_out, pre_activation.z
        m.submodules.packer = packer = Packer(lanes=core.lanes, slots=core.slots, offsets=bool(core.rules))
        m.submodules.fill = fill = OperandFill(core)
        layer = Signal()
        m.d.comb += [
            layer.eq(tag.valid & ~out_row.classifier),
            self.z_enable.eq(layer),
            self.z_context.eq(tag.context),
            self.z_beat.eq(out_row.beat_base + tag.beat),
            self.z_data.eq(z),
        ]
        bits = Signal(core.slots, reset_less=True)
        m.d.sync += bits.eq(Cat((z[slot] >= 0) & (slot < rows) for slot in range(core.slots)))
        m.d.comb += [
            packer.valid.eq(delay(m, layer, 1, name="layer")),
            packer.last.eq(delay(m, tag.last, 1, name="layer_last")),
            packer.rows.eq(delay(m, rows, 1, name="layer_rows")),
            packer.bits.eq(bits),
        ]
        packed = delay(m, tag, 1 + Packer.latency, name="packed")
        ended = delay(m, packed, 1, name="ended")
        packed_row = delay(m, out_row, 1 + Packer.latency, name="packed_row")
        ended_row = delay(m, packed_row, 1, name="ended_row")
        owner, pack_row = Signal(tag_layout(core)), Signal(step_layout(core, "forward"))
        if core.rules:
            segment_valid, segment, begin = self._next_operand(m, packer, tag, out_row, owner, layer)
        else:
            segment_valid, segment, begin = packer.segment_valid, packer.segment, packer.begin
        restart = begin & owner.first_turn if core.rules else begin
        # The update reads it long after, and from many counts to one address is a long way.
        late = 1 if core.rules else 0
        storing, restarts = delay(m, segment_valid, late, name="storing"), delay(m, restart, late, name="restarts")
        if core.rules:
            # A thread's row may stop half-way, where others come between its turns; so each counts what it has stored.
            thread = delay(m, owner.thread, 1, name="stored_thread")
            counts = Array(Signal(range(core.store_segments + 1), name=f"stored_{i}") for i in range(core.threads))
            count, mine = counts[thread], [storing & (thread == number) for number in range(core.threads)]
        else:
            count = Signal(range(core.store_segments + 1))
            counts, mine = [count], [storing]
        base = delay(m, pack_row.store_base, late, name="stored_base")
        m.d.comb += [
            # The rest of the last segment leaves one cycle after its layer's tag.
            owner.eq(Mux(packer.done, ended, packed)),
            pack_row.eq(Mux(packer.done, ended_row, packed_row)),
            fill.segment_valid.eq(segment_valid),
            fill.begin.eq(begin),
            fill.starts.eq(pack_row.out_starts),
            self.hidden_enable.eq(delay(m, storing, late, name="hidden_enable")),
            self.hidden_context.eq(delay(m, owner.context, 2 * late, name="hidden_context")),
            self.hidden_segment.eq(delay(m, base + Mux(restarts, 0, count), late, name="hidden_segment")),
            self.hidden_data.eq(delay(m, segment, 2 * late, name="hidden_data")),
        ]
        for own, counting in zip(counts, mine, strict=True):
            with m.If(counting):
                m.d.sync += own.eq(Mux(restarts, 0, own) + 1)
        m.d.comb += [
            issue.layer_done.eq(delay(m, packer.done, 1, name="layer_done")),
            issue.layer_thread.eq(delay(m, ended.thread, 1, name="layer_thread")),
        ]
        half = owner.half if core.rules else owner.step[0]
        operand = (owner.thread * 2 + ~half) * core.operand_words + fill.word
        return segment_valid, fill.mask, operand, segment

    def _next_operand(self, m, packer, tag, out_row, owner, layer):
        """x_{t+1} out of the input store, and s_t behind it: they share a segment where K_x is no multiple of g.

        Returns the segments, with `valid` and `begin`.
        """
        core = self.core
        late = 1 + Packer.latency
        fresh = Signal(init=1)  # the next beat is the first of a layer
        with m.If(layer):
            m.d.sync += fresh.eq(tag.last)
        shares = out_row.offset != 0
        full = delay(m, tag.copy & ~(tag.last & shares), late, name="copy_full")
        part = delay(m, tag.copy & tag.last & shares, late, name="copy_part")
        x = delay(m, self.copy_data, late - 2, name="copy_data")
        begun, shared = Signal(), Signal(core.lanes, reset_less=True)
        valid, segment = Signal(), Signal(core.lanes)
        m.d.comb += [
            packer.start.eq(layer & fresh),
            packer.offset.eq(out_row.offset),
            self.copy_context.eq(tag.context),
            self.copy_segment.eq(tag.beat),
            valid.eq(packer.segment_valid | full),
            segment.eq(Mux(full, x, packer.segment | shared)),
        ]
        with m.If(part):
            m.d.sync += shared.eq(x)
        with m.Elif(packer.segment_valid):
            m.d.sync += shared.eq(0)
        with m.If(packer.done):
            m.d.sync += begun.eq(0)
        with m.Elif(valid):
            m.d.sync += begun.eq(1)
        return valid, segment, ~begun

    def _verdict(self, m, admission, issue, pre_activation, out_row, rows, table):
        """The classifiers' scores to a result and a token for the backward stage."""
        core = self.core
        tag = pre_activation.tag_out
        m.submodules.judge = judge = Judge(core)
        m.submodules.result_queue = results = Queue(result_layout(core), depth=Admission.results_of(core))
        m.submodules.judged_queue = judged = Queue(judged_layout(core), depth=core.fronts)
        connect(m, results.o, flipped(self.results))
        connect(m, judged.o, flipped(self.judged))
        tokens = Array(Signal(judged_layout(core), name=f"token_{i}") for i in range(core.threads))
        with m.If(admission.accept):
            token = Signal(judged_layout(core))
            m.d.comb += [
                token.context.eq(self.tokens.payload.context),
                token.label.eq(self.tokens.payload.label),
                token.batch_end.eq(admission.batch_end),
            ]
            m.d.sync += tokens[issue.accept_thread].eq(token)
        thread = delay(m, tag.thread, Judge.latency_of(core), name="judged_thread")
        result, verdict = Signal(result_layout(core)), Signal(judged_layout(core))
        m.d.comb += [
            judge.valid.eq(tag.valid & out_row.classifier),
            judge.last.eq(tag.last),
            judge.scores.eq(pre_activation.z),
            judge.rows.eq(rows),
            judge.label.eq(tokens[tag.thread].label),
        ]
        if core.rules:
            m.d.comb += table.steps[3].eq(delay(m, tag.step, Judge.latency_of(core) - 2, name="judged_step"))
            row = delay(m, table.rows[3], 1, name="judged_row")
            m.d.comb += [judge.threshold.eq(row.margin), verdict.eq(tokens[thread])]
            done = self._join(m, judge, tokens[thread], delay(m, row, 1, name="verdict_row"), verdict)
        else:
            m.d.comb += [judge.threshold.eq(self.margin), verdict.eq(tokens[thread])]
            m.d.comb += verdict.triggered.eq(judge.triggered & self.train)
            done = judge.done
        m.d.comb += [
            result.prediction.eq(judge.prediction),
            result.triggered.eq(verdict.triggered),
            result.margin.eq(judge.margin),
            results.i.valid.eq(done),
            results.i.payload.eq(result),
            judged.i.valid.eq(done),
            judged.i.payload.eq(verdict),
            admission.result_taken.eq(self.results.valid & self.results.ready),
        ]
        m.d.comb += [issue.sample_done.eq(done), issue.sample_thread.eq(thread)]

    def _join(self, m, judge, token, row, verdict):
        """What a classifier triggers joins what earlier ones did; when the sample is done, with the last of them."""
        triggered = judge.triggered & self.train
        m.d.comb += [
            verdict.triggered.eq(token.triggered | triggered),
            verdict.layers.eq(token.layers | Mux(triggered, row.learns, 0)),
        ]
        with m.If(judge.done):
            m.d.sync += [token.triggered.eq(verdict.triggered), token.layers.eq(verdict.layers)]
        return judge.done & row.last
