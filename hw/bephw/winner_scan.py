"""The mask of BEP: in every group of γ units, the wrong unit with the smallest |z|.

Threshold selection is this with groups of one unit, and with another idea of who may win.

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
    wrong, magnitude, desired : In, per slot: a ≠ a*, |z|, a*; of a recurrent layer u < 0, |u|, s*_1
    weak, near : In, with `rules`, per slot: |z| is so small that a wrong, that a correct unit may win
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
                **({"weak": In(core.slots), "near": In(core.slots)} if core.rules else {}),
                "magnitude": In(data.ArrayLayout(core.stability_bits, core.slots)),
                "desired": In(core.slots),
                "write": Out(1),
                "winners": Out(winners_layout(core)),
            }
        )

    @staticmethod
    def latency_of(core):
        """Where groups end, in two cycles, the scan's levels, the join in three."""
        return 5 + ceil_log2(core.slots)

    def elaborate(self, platform):
        m = Module()
        levels = ceil_log2(self.core.slots)
        ends, inside = self._ends(m)
        best, opened = self._scan(m, ends, inside)
        late = 3 + levels
        self._join(
            m,
            best,
            opened,
            ends=delay(m, ends, levels + 1, name="ends"),
            valid=delay(m, self.valid, late, name="valid"),
            beat=delay(m, self.beat, late, name="beat"),
            layer=delay(m, self.layer, late, name="layer"),
        )
        return m

    def _candidate(self, **extra):
        core = self.core
        return data.StructLayout(
            {"valid": 1, "magnitude": core.stability_bits, "slot": range(core.slots), "desired": 1, **extra}
        )

    def _ends(self, m):
        """Which slots hold the last row of a group, two cycles later.

        The open group ends with row number `rest` from here. A group shorter than a beat can end several times in it:
        then slot ≡ rest (mod γ).
        """
        core = self.core
        rest = Signal(core.max_width.bit_length())
        back = Signal(core.max_width.bit_length(), reset_less=True)  # γ − (R mod γ)
        ahead = Signal(len(rest) + 1)
        m.d.comb += ahead.eq(rest - self.group_step)
        m.d.sync += back.eq(self.group - self.group_step)
        with m.If(self.start):
            m.d.sync += rest.eq(self.group - 1)
        with m.Elif(self.valid):
            m.d.sync += rest.eq(Mux(ahead[-1], rest + back, ahead))
        at, inside, short = Signal(core.slots), Signal(core.slots), Signal(core.slots)
        for slot in range(core.slots):
            m.d.sync += [
                at[slot].eq(rest == slot),
                inside[slot].eq(self.valid & (slot < self.rows)),
                short[slot].eq(self.group == slot),
            ]
        ends = Signal(core.slots)
        for slot in range(core.slots):
            again = Cat(short[group] & at[slot % group] for group in range(1, slot + 1))
            m.d.sync += ends[slot].eq(inside[slot] & (at[slot] | again.any()))
        return ends, inside

    def _better(self, later, earlier):
        """Whether a later row beats an earlier one: strictly smaller, so that ties stay low."""
        return later.valid & (~earlier.valid | (later.magnitude < earlier.magnitude))

    def _scan(self, m, ends, inside):
        """Best row of the group so far at every slot, within the beat; and whether the group began in the beat."""
        core = self.core
        best, opened = [], []
        wrong, desired = (delay(m, getattr(self, name), 1, name=name) for name in ("wrong", "desired"))
        magnitude = delay(m, self.magnitude, 1, name="magnitude")
        eligible = wrong
        if core.rules:
            weak, near = (delay(m, getattr(self, name), 1, name=name) for name in ("weak", "near"))
            eligible = (wrong & weak) | (~wrong & near)
        for slot in range(core.slots):
            row = Signal(self._candidate(), name=f"row_{slot}", reset_less=True)
            m.d.sync += [
                row.valid.eq(eligible[slot] & inside[slot]),
                row.magnitude.eq(magnitude[slot]),
                row.slot.eq(slot),
                row.desired.eq(desired[slot]),
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
        # The last slot's row against what the carry will be, a cycle ahead: the carry of now, or the row of now.
        ahead, replaced = best[-1], Signal(reset_less=True)
        below = Signal(2, reset_less=True)
        best = [delay(m, row, 1, name=f"found_{slot}") for slot, row in enumerate(best)]
        opened = [delay(m, flag, 1, name=f"opened_{slot}") for slot, flag in enumerate(opened)]
        m.d.sync += below.eq(Cat(ahead.magnitude < one.magnitude for one in (carry, best[-1])))
        uses = Signal(core.slots)  # the winner so far, at a slot, is the carried one
        for slot in range(core.slots - 1):
            m.d.comb += uses[slot].eq(~opened[slot] & carry.valid & ~self._better(best[slot], carry))
        less = best[-1].valid & Mux(replaced, below[1], below[0])
        m.d.comb += uses[-1].eq(~opened[-1] & carry.valid & ~less)
        with m.If(self.start):
            m.d.sync += carry.valid.eq(0)
        with m.Elif(valid):
            m.d.sync += carry.valid.eq((uses[-1] | best[-1].valid) & ~ends[-1])
        # Without regard to `start` and `valid`, for time: a carry that is not valid may hold anything.
        m.d.sync += replaced.eq(best[-1].valid & ~uses[-1])
        with m.If(best[-1].valid & ~uses[-1]):
            m.d.sync += [
                carry.magnitude.eq(best[-1].magnitude),
                carry.slot.eq(best[-1].slot),
                carry.desired.eq(best[-1].desired),
                carry.beat.eq(beat),
            ]
        self._write(
            m,
            delay(m, carry, 1, name="carried"),
            delay(m, uses, 1, name="uses"),
            [delay(m, row, 1, name=f"joined_{slot}") for slot, row in enumerate(best)],
            ended=delay(m, ends & valid.replicate(core.slots), 1, name="ended"),
            beat=delay(m, beat, 1, name="beat_joined"),
            layer=delay(m, layer, 1, name="layer_joined"),
        )

    def _write(self, m, carry, uses, best, *, ended, beat, layer):
        """The entry of the groups that end in this beat."""
        winners = Signal(winners_layout(self.core))
        found = Signal(self.core.slots)
        for slot, (row, written) in enumerate(zip(best, winners.slots, strict=True)):
            m.d.comb += [
                found[slot].eq((uses[slot] | row.valid) & ended[slot]),
                written.valid.eq(found[slot]),
                written.slot.eq(Mux(uses[slot], carry.slot, row.slot)),
                written.desired.eq(Mux(uses[slot], carry.desired, row.desired)),
            ]
        m.d.comb += [
            winners.layer.eq(layer),
            winners.beat.eq(beat),
            # The group that came with the carry ends before any other: its winner is the first valid slot.
            winners.carried.eq((found & uses).any()),
            winners.carried_beat.eq(carry.beat),
        ]
        m.d.sync += [self.write.eq(found.any()), self.winners.eq(winners)]
