"""The backward pass through a layer: add gated rows into one counter per column (BEP Eq. 7).

Every lane of the W plane has an up-counter that counts the gated rows whose weight agrees with a*. With n gated rows
the column sum is 2·count − n, so only ups are needed. A column lies in every row slot: the read-out adds the slots'
counters, one segment position a cycle, and compares with n.

    weights ─► agrees with a* of its slot, and gated ─► +1 ─► counters ─► select a position ─► add slots ─► 2·sum ≥ n
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["ColumnCount"]

_FAN = 8  # inputs of one stage of the read-out multiplexer


class ColumnCount(wiring.Component):
    """Column sums and their signs.

    A word a cycle; counters are right 2 cycles after `valid`. Read-out: one position a cycle, `segment` comes
    `read_latency` cycles after the last slot of a column segment.

    Members
    -------
    valid, first : In, a word of gated rows, the first one clears; weights : In, one cycle after them
    gate, desired : In, per slot; row_segments : In, s, segments that a slot spans (counts from 1)
    read, position, first_slot, last_slot : In, read-out of one position
    segment_valid, segment : Out, signs of g column sums (1 where the sum is ≥ 0)
    raw : Out, bit 0 of those sums: after one word with every row gated and desired, the word itself
    """

    read_latency = 4

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "valid": In(1),
                "first": In(1),
                "weights": In(data.ArrayLayout(core.lanes, core.segments)),
                "gate": In(core.slots),
                "desired": In(core.slots),
                "row_segments": In(range(core.segments + 1)),
                "read": In(1),
                "position": In(range(core.segments)),
                "first_slot": In(1),
                "last_slot": In(1),
                "segment_valid": Out(1),
                "segment": Out(core.lanes),
                "raw": Out(core.lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        counters = [self._segment(m, i) for i in range(self.core.segments)]
        gated = self._gated(m)
        self._read_out(m, counters, gated)
        return m

    def _slot_of(self, m, i, per_slot, name):
        """What the slot says that segment i belongs to: slot ⌊i/s⌋."""
        value = Signal(name=f"{name}_{i}", attrs={"keep": 1})
        with m.Switch(self.row_segments):
            for row_segments in range(1, self.core.segments + 1):
                slot = i // row_segments
                if slot < self.core.slots:
                    with m.Case(row_segments):
                        m.d.sync += value.eq(per_slot[slot])
            with m.Default():
                m.d.sync += value.eq(0)
        return value

    def _segment(self, m, i):
        core = self.core
        count_bits = core.max_width.bit_length()
        gate = self._slot_of(m, i, self.gate & self.valid.replicate(core.slots), "gate")
        desired = self._slot_of(m, i, self.desired, "desired")
        first = Signal(name=f"first_{i}", attrs={"keep": 1})
        m.d.sync += first.eq(self.valid & self.first)
        counters = []
        for lane in range(core.lanes):
            counter = Signal(count_bits, name=f"counter_{i}_{lane}")
            up = gate & (self.weights[i][lane] == desired)
            m.d.sync += counter.eq(Mux(first, 0, counter) + up)
            counters.append(counter)
        return counters

    def _gated(self, m):
        """n, the number of gated rows so far."""
        core = self.core
        now, total = Signal(range(core.slots + 1)), Signal(core.max_width.bit_length())
        first = Signal()
        m.d.sync += [
            first.eq(self.valid & self.first),
            now.eq(Mux(self.valid, sum(self.gate[1:], self.gate[0]), 0)),
            total.eq(Mux(first, 0, total) + now),
        ]
        return total

    def _read_out(self, m, counters, gated):
        core = self.core
        selected = self._select(m, counters)
        read = delay(m, self.read, 2, name="read")
        first = delay(m, self.first_slot, 2, name="first_slot")
        last = delay(m, self.last_slot, 2, name="last_slot")
        sums = []
        for lane in range(core.lanes):
            total = Signal(core.max_width.bit_length() + 1, name=f"sum_{lane}")
            with m.If(read):
                m.d.sync += total.eq(Mux(first, 0, total) + selected[lane])
            m.d.sync += self.segment[lane].eq((total << 1) >= gated)
            m.d.sync += self.raw[lane].eq(total[0])
            sums.append(total)
        complete = Signal()
        m.d.sync += [complete.eq(read & last), self.segment_valid.eq(complete)]

    def _select(self, m, counters):
        """Counters at `position`, two cycles later: groups of segments first, then the group."""
        core = self.core
        groups = []
        for low in range(0, core.segments, _FAN):
            members = range(low, min(low + _FAN, core.segments))
            group = [Signal.like(counters[0][0], name=f"group_{low}_{lane}") for lane in range(core.lanes)]
            index = Signal(range(_FAN), name=f"index_{low}", attrs={"keep": 1})
            m.d.comb += index.eq(self.position)
            with m.Switch(index):
                for i in members:
                    with m.Case(i - low):
                        m.d.sync += [group[lane].eq(counters[i][lane]) for lane in range(core.lanes)]
            groups.append(group)
        chosen = Signal(range(len(groups)))
        m.d.sync += chosen.eq(self.position >> (_FAN - 1).bit_length())
        selected = [Signal.like(counters[0][0], name=f"selected_{lane}") for lane in range(core.lanes)]
        with m.Switch(chosen):
            for number, group in enumerate(groups):
                with m.Case(number):
                    m.d.sync += [selected[lane].eq(group[lane]) for lane in range(core.lanes)]
        return selected
