"""The backward pass through a layer: add gated rows into one counter per column (BEP Eq. 7).

Every lane of the W plane counts the gated rows whose weight agrees with a*. With n gated rows the column sum is
2·count − n, so only ups are needed. A lane holds just the lowest three bits; eight segments take turns to pour theirs
into a LUT RAM of wide counters, each every eighth cycle, before three bits can overflow. Each pair of them pours into
a stage of a shift register, so that counts go from neighbour to neighbour and no wires of every lane cross the chip.
The same RAM makes the read-out cheap: a column lies in every row slot, the read-out adds the slots, one position a
cycle, and compares.

    weights ─► agrees with a* of its slot, gated ─► +1 ─► 3-bit counters ─► shift register ─► + ─► LUT RAM
                                                                                              └──◄──┘
    position ─► LUT RAM of its group ─► select the group ─► add the slots ─► 2·sum ≥ n ─► a*
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["ColumnCount"]

_TURN_BITS = 3
_TURNS = 1 << _TURN_BITS  # segments that share a LUT RAM; a lane counts up to _TURNS between two turns
_STAGES = _TURNS // 2  # of the shift register: even segments are poured at turn 0, odd ones at turn _STAGES
_LANES_A_COPY = 9  # lanes on one copy of a turn: few loads on every net


class ColumnCount(wiring.Component):
    """Column sums and their signs.

    A word a cycle. Counters are right `count_latency` cycles after the last `valid`. Read-out: one position a cycle,
    `segment` comes `read_latency` cycles after the last slot of a column segment.

    Members
    -------
    clear : In, pulse before the first word and `count_latency` after the last one
    valid : In, a word of gated rows; weights : In, one cycle after it
    gate, desired : In, per slot; row_segments : In, s, segments that a slot spans, constant from `clear` on
    read, position, first_slot, last_slot : In, read-out of one position
    segment_valid, segment : Out, signs of g column sums (1 where the sum is ≥ 0)
    raw : Out, bit 0 of those sums: after one word with every row gated and desired, the word itself
    """

    count_latency = _TURNS + _STAGES + 3
    read_latency = 5

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
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
        segments = range(self.core.segments)
        groups = []
        for low in segments[::_TURNS]:
            # A counter of its own for every group: they agree for ever, and no wire leads from one to the other.
            turn = Signal(_TURN_BITS, name=f"turn_{low // _TURNS}", attrs={"keep": 1})
            m.d.sync += turn.eq(turn + 1)
            members = [self._segment(m, i, turn) for i in segments[low : low + _TURNS]]
            groups.append(self._group(m, low // _TURNS, members, turn))
        self._read_out(m, groups, self._gated(m))
        return m

    def _slot_of(self, m, i):
        """Index of the slot that segment i belongs to, ⌊i/s⌋, and whether there is one; registered once a layer."""
        slots = self.core.slots
        index = Signal(range(slots), name=f"slot_{i}", reset_less=True)
        inside = Signal(name=f"in_slot_{i}", reset_less=True)
        with m.Switch(self.row_segments):
            for row_segments in range(1, self.core.segments + 1):
                with m.Case(row_segments):
                    slot = i // row_segments
                    m.d.sync += [index.eq(min(slot, slots - 1)), inside.eq(slot < slots)]
            with m.Default():
                m.d.sync += [index.eq(0), inside.eq(0)]
        return index, inside

    def _segment(self, m, i, turn):
        """The lanes of segment i: per lane its low counter and the count of this cycle, as one number to pour."""
        core = self.core
        slot, inside = self._slot_of(m, i)
        gate, desired = (Signal(name=f"{n}_{i}", attrs={"keep": 1}, reset_less=True) for n in ("gate", "desired"))
        m.d.sync += [
            gate.eq(self.gate.bit_select(slot, 1) & inside & self.valid),
            desired.eq(self.desired.bit_select(slot, 1)),
        ]
        empty = Signal(name=f"empty_{i}", attrs={"keep": 1}, reset_less=True)
        m.d.sync += empty.eq((turn == self._turn_of(i)) | self.clear)
        lanes = []
        for lane in range(core.lanes):
            low = Signal(_TURN_BITS, name=f"low_{i}_{lane}", reset_less=True)
            up = Signal(name=f"up_{i}_{lane}")
            m.d.comb += up.eq(gate & (self.weights[i][lane] == desired))
            m.d.sync += low.eq(low + up)
            with m.If(empty):
                m.d.sync += low.eq(0)
            lanes.append(Cat(up, low))
        return lanes

    def _group(self, m, number, members, turn):
        """Wide counters of up to eight segments: add what the segment whose turn it is pours; read when asked."""
        core = self.core
        bits = core.max_width.bit_length()
        memory = Memory(shape=bits * core.lanes, depth=_TURNS, init=[], attrs={"ram_style": "distributed"})
        m.submodules[f"counters_{number}"] = memory
        read, write = memory.read_port(domain="comb"), memory.write_port()

        select = Signal(_TURN_BITS, name=f"select_{number}", attrs={"keep": 1}, reset_less=True)
        shown = turn + 1  # segments come out evens first
        m.d.sync += select.eq(Cat(shown[_TURN_BITS - 1], shown[: _TURN_BITS - 1]))
        poured = self._pour(m, number, members, turn)
        at = delay(m, select, 1, name=f"at_{number}")
        fresh = Signal(_TURNS, name=f"fresh_{number}")
        keep = Signal(name=f"keep_{number}")
        reading = Signal(name=f"reading_{number}", attrs={"keep": 1}, reset_less=True)
        address = Signal(_TURN_BITS, name=f"address_{number}", attrs={"keep": 1}, reset_less=True)
        m.d.sync += [reading.eq(self.read), address.eq(Mux(self.read, self.position[:_TURN_BITS], select))]
        m.d.comb += read.addr.eq(address)
        with m.If(self.clear):
            m.d.sync += fresh.eq(~0)
        with m.Elif(~reading):
            m.d.sync += fresh.eq(fresh & ~(1 << at))
        m.d.sync += keep.eq(~fresh.bit_select(at, 1))

        wide = Signal(bits * core.lanes, name=f"wide_{number}", reset_less=True)
        m.d.sync += wide.eq(read.data)
        added = delay(m, Cat(*poured), 1, name=f"added_{number}")
        total = Signal(bits * core.lanes, name=f"total_{number}", reset_less=True)
        for lane in range(core.lanes):
            before = Mux(keep, wide[lane * bits :][:bits], 0)
            up, low = added[lane * (_TURN_BITS + 1)], added[lane * (_TURN_BITS + 1) + 1 :][:_TURN_BITS]
            # The count of the pouring cycle rides in on the carry.
            m.d.sync += total[lane * bits :][:bits].eq((Cat(up, before) + Cat(up, low))[1:])
        m.d.comb += [
            write.addr.eq(delay(m, at, 2, name=f"back_{number}")),
            write.data.eq(total),
            write.en.eq(delay(m, ~reading, 2, name=f"pour_{number}")),
        ]
        return wide

    @staticmethod
    def _turn_of(segment):
        """The turn before the one in which a segment pours."""
        return (segment % 2 * _STAGES - 1) % _TURNS

    def _pour(self, m, number, members, turn):
        """What the shift register shows: counts of one segment after the other, a lane each."""
        shape, stages = _TURN_BITS + 1, range(-(-len(members) // 2))
        lanes = range(self.core.lanes)
        words = [
            [Signal(shape, name=f"poured_{number}_{stage}_{lane}", reset_less=True) for lane in lanes]
            for stage in stages
        ]
        for stage in stages:
            pair = members[2 * stage :][:2]
            for lane in lanes:
                if lane % _LANES_A_COPY == 0:
                    picks = []
                    for odd in range(len(pair)):
                        pick = Signal(
                            name=f"pick_{number}_{2 * stage + odd}_{lane}", attrs={"keep": 1}, reset_less=True
                        )
                        m.d.sync += pick.eq(turn == self._turn_of(odd))
                        picks.append(pick)
                # Beyond the last stage comes nothing that is ever read.
                source = words[stage + 1][lane] if stage + 1 in stages else pair[0][lane]
                for pick, segment in zip(picks, pair, strict=True):
                    source = Mux(pick, segment[lane], source)
                m.d.sync += words[stage][lane].eq(source)
        return words[0]

    def _gated(self, m):
        """n, the number of gated rows since the last clear."""
        core = self.core
        now, total = Signal(range(core.slots + 1)), Signal(core.max_width.bit_length())
        m.d.sync += [
            now.eq(Mux(self.valid, sum(self.gate[1:], self.gate[0]), 0)),
            total.eq(total + now),
        ]
        with m.If(self.clear):
            m.d.sync += total.eq(0)
        return total

    def _read_out(self, m, groups, gated):
        """Add the slots of a position and compare with n."""
        core = self.core
        bits = core.max_width.bit_length()
        chosen = delay(m, self.position >> _TURN_BITS, 2, name="chosen")
        selected = Signal(bits * core.lanes, reset_less=True)
        with m.Switch(chosen):
            for number, group in enumerate(groups):
                with m.Case(number) if number < len(groups) - 1 else m.Default():
                    m.d.sync += selected.eq(group)
        read = delay(m, self.read, 3, name="read")
        first = delay(m, self.first_slot, 3, name="first_slot")
        last = delay(m, self.last_slot, 3, name="last_slot")
        segment, raw = Signal(core.lanes, reset_less=True), Signal(core.lanes, reset_less=True)
        m.d.comb += [self.segment.eq(segment), self.raw.eq(raw)]
        for lane in range(core.lanes):
            total = Signal(bits, name=f"sum_{lane}", reset_less=True)
            with m.If(read):
                m.d.sync += total.eq(Mux(first, 0, total) + selected[lane * bits :][:bits])
            m.d.sync += [segment[lane].eq((total << 1) >= gated), raw[lane].eq(total[0])]
        complete = Signal()
        m.d.sync += [complete.eq(read & last), self.segment_valid.eq(complete)]
