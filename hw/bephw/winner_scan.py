"""The mask of BEP: in every group of γ units, the wrong unit with the smallest |z|.

A beat brings the rows of one word. Groups of any size may end anywhere in it, so the minimum is a segmented prefix
scan over the slots, joined with the minimum that the open group brought along from earlier beats.

    wrong, |z| [slots] ─► segmented prefix minimum ─► join with the carried minimum ─► winners of groups that end here
    group ends ─────────────────── delayed beside it ──┘
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .delay import delay
from .types import winners_layout

__all__ = ["WinnerScan"]


class WinnerScan(wiring.Component):
    """Winners of a layer, bepsw.golden's group mask.

    One beat a cycle; `write` comes `WinnerScan.latency_of(core)` cycles after the beat. Ties go to the lowest row.

    Members
    -------
    start : In, a layer begins with the next beat
    group, group_step : In, γ and R mod γ, constant during a layer; rows_per_word : In, R
    valid, rows, beat, layer : In, a beat of `rows` rows
    wrong, magnitude, desired : In, per slot: a ≠ a*, |z|, a*
    write : Out, there is a winner; winners : Out
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "start": In(1),
                "group": In(core.max_width.bit_length()),
                "group_step": In(core.max_width.bit_length()),
                "valid": In(1),
                "rows": In(range(core.slots + 1)),
                "beat": In(range(core.beats)),
                "layer": In(range(core.steps)),
                "wrong": In(core.slots),
                "magnitude": In(data.ArrayLayout(core.z_bits - 1, core.slots)),
                "desired": In(core.slots),
                "write": Out(1),
                "winners": Out(winners_layout(core)),
            }
        )

    @staticmethod
    def latency_of(core):
        """Group ends, the scan's levels, the join."""
        return 2 + ceil_log2(core.slots)

    def elaborate(self, platform):
        m = Module()
        levels = ceil_log2(self.core.slots)
        ends = self._ends(m)
        best, opened = self._scan(m, ends)
        late = 1 + levels
        self._join(
            m,
            best,
            opened,
            ends=delay(m, ends, levels, name="ends"),
            valid=delay(m, self.valid, late, name="valid"),
            beat=delay(m, self.beat, late, name="beat"),
            layer=delay(m, self.layer, late, name="layer"),
        )
        return m

    def _candidate(self, **extra):
        core = self.core
        return data.StructLayout(
            {"valid": 1, "magnitude": core.z_bits - 1, "slot": range(core.slots), "desired": 1, **extra}
        )

    def _ends(self, m):
        """Which slots hold the last row of a group; registered. `left` rows of the open group are still to come."""
        core = self.core
        left = Signal(core.max_width.bit_length())
        back = Signal(core.max_width.bit_length())  # γ − (R mod γ): from here the next group's end is nearer
        m.d.sync += back.eq(self.group - self.group_step)
        with m.If(self.start):
            m.d.sync += left.eq(self.group)
        with m.Elif(self.valid):
            m.d.sync += left.eq(Mux(left > self.group_step, left - self.group_step, left + back))
        ends = Signal(core.slots)
        for slot in range(core.slots):
            # A group shorter than a beat can end several times in it: slot ≡ left − 1 (mod γ).
            repeats = [
                (self.group == group) & (left == rest)
                for group in range(1, core.slots)
                for rest in range(1, group + 1)
                if slot % group == rest - 1 and slot != rest - 1
            ]
            here = left == slot + 1
            for again in repeats:
                here |= again
            m.d.sync += ends[slot].eq(here & (slot < self.rows) & self.valid)
        return ends

    def _better(self, later, earlier):
        """Whether a later row beats an earlier one: strictly smaller, so that ties stay low."""
        return later.valid & (~earlier.valid | (later.magnitude < earlier.magnitude))

    def _scan(self, m, ends):
        """Best row of the group so far at every slot, within the beat; and whether the group began in the beat."""
        core = self.core
        best, opened = [], []
        for slot in range(core.slots):
            row = Signal(self._candidate(), name=f"row_{slot}", reset_less=True)
            m.d.sync += [
                row.valid.eq(self.wrong[slot] & self.valid & (slot < self.rows)),
                row.magnitude.eq(self.magnitude[slot]),
                row.slot.eq(slot),
                row.desired.eq(self.desired[slot]),
            ]
            best.append(row)
            opened.append(ends[slot - 1] if slot else Const(0, 1))
        for level in range(ceil_log2(core.slots)):
            distance, stage, flags = 1 << level, [], []
            for slot in range(core.slots):
                out = Signal(self._candidate(), name=f"scan_{level}_{slot}", reset_less=True)
                flag = Signal(name=f"opened_{level}_{slot}", reset_less=True)
                if slot < distance:
                    m.d.sync += [out.eq(best[slot]), flag.eq(opened[slot])]
                else:
                    far, near = best[slot - distance], best[slot]
                    keep = opened[slot] | self._better(near, far)
                    m.d.sync += [out.eq(Mux(keep, near, far)), flag.eq(opened[slot] | opened[slot - distance])]
                stage.append(out)
                flags.append(flag)
            best, opened = stage, flags
        return best, opened

    def _join(self, m, best, opened, *, ends, valid, beat, layer):
        """Join with what earlier beats brought, and write the winners of the groups that end."""
        core = self.core
        carry = Signal(self._candidate(beat=range(core.beats)))
        found, uses_carry = [], []
        winners = Signal(winners_layout(core))
        for slot in range(core.slots):
            from_carry = Signal(name=f"from_carry_{slot}")
            winner = Signal(self._candidate(), name=f"winner_{slot}")
            written = winners.slots[slot]
            m.d.comb += [
                from_carry.eq(~opened[slot] & carry.valid & ~self._better(best[slot], carry)),
                winner.valid.eq(from_carry | best[slot].valid),
                winner.magnitude.eq(Mux(from_carry, carry.magnitude, best[slot].magnitude)),
                winner.slot.eq(Mux(from_carry, carry.slot, best[slot].slot)),
                winner.desired.eq(Mux(from_carry, carry.desired, best[slot].desired)),
                written.valid.eq(winner.valid & ends[slot] & valid),
                written.slot.eq(winner.slot),
                written.desired.eq(winner.desired),
            ]
            found.append(written.valid)
            uses_carry.append(written.valid & from_carry)
        m.d.comb += [
            winners.layer.eq(layer),
            winners.beat.eq(beat),
            # The group that came with the carry ends before any other: its winner is the first valid slot.
            winners.carried.eq(Cat(uses_carry).any()),
            winners.carried_beat.eq(carry.beat),
        ]
        m.d.sync += [self.write.eq(Cat(found).any()), self.winners.eq(winners)]
        with m.If(self.start):
            m.d.sync += carry.valid.eq(0)
        with m.Elif(valid):
            m.d.sync += [
                carry.valid.eq(winner.valid & ~ends[-1]),
                carry.magnitude.eq(winner.magnitude),
                carry.slot.eq(winner.slot),
                carry.desired.eq(winner.desired),
                carry.beat.eq(Mux(from_carry, carry.beat, beat)),
            ]
