"""XNOR and popcount: one word of weights and one operand in, the pre-activations of a beat out.

z = K − 2·mismatches; a mismatch is w XOR x. Lanes beyond a row's fan-in hold 0 in both and never mismatch.

    weights ─┐
    operand ─┴─ XOR ─► PopCount a segment ─► RowSum ─► add the words of a row ─► K − 2·n ─► z[slots]
    tag ─────────────────── delayed beside it ───────────────────────────────────────────► tag
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .delay import delay
from .popcount import PopCount
from .row_sum import RowSum
from .types import tag_layout

__all__ = ["PreActivation"]


class PreActivation(wiring.Component):
    """Pre-activations, bepsw.golden's z = W·a.

    One word a cycle; latency `PreActivation.latency_of(core)`. Output is valid (`tag.valid`) only for the last word
    of a row.

    Members
    -------
    tag, weights, operand : In, of the same word
    sum_step : Out, step whose `row_segments` is wanted in this cycle, and `sum_last_word` whether for a last word
    row_segments : In, segments of a row in that word, combinational from `sum_step`
    z_step : Out, step whose `fan_in` is wanted in this cycle, and `z_last` whether for the last beat of a pass
    fan_in : In, combinational from `z_step`
    tag_out, z : Out
    """

    def __init__(self, core):
        self.core = core
        wide = data.ArrayLayout(core.lanes, core.segments)
        super().__init__(
            {
                "tag": In(tag_layout(core)),
                "weights": In(wide),
                "operand": In(wide),
                "sum_step": Out(range(core.steps)),
                "sum_last_word": Out(1),
                "row_segments": In(range(core.segments + 1)),
                "z_step": Out(range(core.steps)),
                "z_last": Out(1),
                "fan_in": In(range(core.max_fan_in + 1)),
                "tag_out": Out(tag_layout(core)),
                "z": Out(data.ArrayLayout(signed(core.z_bits), core.slots)),
            }
        )

    @staticmethod
    def latency_of(core):
        """Popcount, row sum, then one cycle to add the words of a row and one to subtract."""
        return PopCount.latency_of(core.lanes) + RowSum.latency_of(core.segments) + 2

    def elaborate(self, platform):
        m = Module()
        core = self.core
        m.submodules.row_sum = row_sum = RowSum(
            segments=core.segments,
            slots=core.slots,
            count_bits=range(core.lanes + 1),
            out_bits=core.max_fan_in.bit_length(),
        )
        for i in range(core.segments):
            m.submodules[f"popcount_{i}"] = popcount = PopCount(core.lanes)
            m.d.comb += [
                popcount.i.eq(self.weights[i] ^ self.operand[i]),
                row_sum.counts[i].eq(popcount.o),
            ]
        counted = delay(m, self.tag, PopCount.latency_of(core.lanes), name="counted")
        m.d.comb += [
            self.sum_step.eq(counted.step),
            self.sum_last_word.eq(counted.last_word),
            row_sum.row_segments.eq(self.row_segments),
        ]
        summed = delay(m, counted, RowSum.latency_of(core.segments), name="summed")
        self._finish(m, row_sum.o, summed)
        return m

    def _finish(self, m, counts, tag):
        """Add up the words of a row (only slot 0 has rows of several words), then z = K − 2n."""
        core = self.core
        mismatches = Signal(data.ArrayLayout(core.max_fan_in.bit_length(), core.slots), reset_less=True)
        for slot in range(core.slots):
            earlier = Mux(tag.first_word, 0, mismatches[slot]) if slot == 0 else 0
            if slot == 0:
                with m.If(tag.valid):
                    m.d.sync += mismatches[slot].eq(counts[slot] + earlier)
            else:
                m.d.sync += mismatches[slot].eq(counts[slot])
        added = delay(m, tag, 1, name="added")
        m.d.comb += [self.z_step.eq(added.step), self.z_last.eq(added.last)]
        z = Signal(data.ArrayLayout(signed(core.z_bits), core.slots), reset_less=True)
        m.d.comb += self.z.eq(z)
        for slot in range(core.slots):
            m.d.sync += z[slot].eq(self.fan_in - (mismatches[slot] << 1))
        m.d.sync += [self.tag_out.eq(added), self.tag_out.valid.eq(added.valid & added.last_word)]
