"""Sum the segment counts of a W word into one count per row, for any number of segments a row.

A word holds rows of s segments one after another, s chosen at run time. Every row sum is a difference of two
prefix sums, and row slot r ends at segment (r+1)·s − 1, so it chooses among ⌊S/(r+1)⌋ prefixes only.

    count[0 … S−1] ─► prefix tree ─► P[0 … S−1] ─► select by s, in two stages ─► E_r ─► E_r − E_{r−1} ─► o[r]
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .delay import delay
from .merge import merge

__all__ = ["RowSum"]

_AT_ONCE = 8  # prefixes that one stage of the selection joins: two levels of 4-input LUTs


class RowSum(wiring.Component):
    """Row counts of a word.

    Latency `RowSum.latency_of(segments)` cycles, one word a cycle. Sums are modulo 2**out_bits: a row never
    exceeds the fan-in that `out_bits` holds, a prefix may.

    Members
    -------
    counts : In, one count per segment
    row_segments : In, s of this word, 1 … S; other values give 0 counts
    o : Out, one count per slot; slots beyond ⌊S/s⌋ are 0 or meaningless
    """

    def __init__(self, *, segments, slots, count_bits, out_bits):
        self.segments = segments
        self.slots = slots
        self.out_bits = out_bits
        super().__init__(
            {
                "counts": In(data.ArrayLayout(count_bits, segments)),
                "row_segments": In(range(segments + 1)),
                "o": Out(data.ArrayLayout(out_bits, slots)),
            }
        )

    @staticmethod
    def latency_of(segments):
        """Prefix levels, then the selection in two stages, then the difference."""
        return ceil_log2(segments) + 3

    def elaborate(self, platform):
        m = Module()
        ends = self._ends(m, self._prefixes(m))
        for slot in range(self.slots):
            before = ends[slot - 1] if slot else 0
            row = Signal(self.out_bits, name=f"row_{slot}", reset_less=True)
            m.d.sync += row.eq(ends[slot] - before)
            m.d.comb += self.o[slot].eq(row)
        return m

    def _prefixes(self, m):
        """Sklansky prefix sums, one register a level."""
        sums = [self.counts[i] for i in range(self.segments)]
        for level in range(ceil_log2(self.segments)):
            block, stage = 1 << level, []
            for i in range(self.segments):
                total = Signal(self.out_bits, name=f"prefix_{level}_{i}", reset_less=True)
                added = sums[(i & ~(block - 1)) - 1] if i & block else 0
                m.d.sync += total.eq(sums[i] + added)
                stage.append(total)
            sums = stage
        return sums

    def _ends(self, m, prefixes):
        """Prefix sum at the end of every row slot: AND with a one-hot s, OR in two registered stages."""
        levels = ceil_log2(self.segments)
        early = delay(m, self.row_segments, max(levels - 1, 0), name="row_segments")
        ends = []
        for slot in range(self.slots):
            chosen = []
            for s in range(1, self.segments // (slot + 1) + 1):
                pick = early == s
                if levels:  # decoded one cycle ahead, once a slot: few loads on every net
                    pick = Signal(name=f"pick_{slot}_{s}", attrs={"keep": 1}, reset_less=True)
                    m.d.sync += pick.eq(early == s)
                chosen.append(prefixes[(slot + 1) * s - 1] & pick.replicate(self.out_bits))
            parts = []
            for first in range(0, len(chosen), _AT_ONCE):
                part = Signal(self.out_bits, name=f"part_{slot}_{first}", reset_less=True)
                m.d.sync += part.eq(merge(chosen[first : first + _AT_ONCE]))
                parts.append(part)
            end = Signal(self.out_bits, name=f"end_{slot}", reset_less=True)
            m.d.sync += end.eq(merge(parts))
            ends.append(end)
        return ends
