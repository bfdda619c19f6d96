"""Scores to a verdict: prediction, margin, and whether the sample updates (BEP Eq. 1).

scores[slots] ─► best of the other classes (tree, then over beats) ─┐
         └─────► score of the true class (over beats) ──────────────┴─► d = true − other, prediction, d < R
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .delay import delay
from .merge import merge
from .types import LABEL_BITS

__all__ = ["Judge"]


class Judge(wiring.Component):
    """Verdict over the scores of one sample, bepsw.golden's prediction, margin and trigger.

    One beat of scores a cycle, samples one after another; the verdict comes `Judge.latency_of(core)` cycles after
    `last`. Ties go to the lowest class.

    Members
    -------
    valid, last, scores, rows : In, a beat of `rows` scores, classes in order
    label : In, true class, valid with `valid`
    threshold : In, the integer margin R
    done : Out, one-cycle pulse with the verdict
    prediction, margin, triggered : Out
    """

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "valid": In(1),
                "last": In(1),
                "scores": In(data.ArrayLayout(signed(core.z_bits), core.slots)),
                "rows": In(range(core.slots + 1)),
                "label": In(LABEL_BITS),
                "threshold": In(core.max_width.bit_length() + 1),
                "done": Out(1),
                "prediction": Out(LABEL_BITS),
                "margin": Out(signed(core.z_bits + 1)),
                "triggered": Out(1),
            }
        )

    @staticmethod
    def latency_of(core):
        """Number the classes, part them, tree over the slots, best of the beats in two, difference, comparison."""
        return 3 + 2 * ceil_log2(core.slots) + 4

    def elaborate(self, platform):
        m = Module()
        others, true = self._select(m)
        late = 2 * ceil_log2(self.core.slots) + 1  # what the tree finds is compared a cycle before it is used
        ahead = self._tree(m, others)
        true = delay(m, true, late, name="true")
        valid = delay(m, self.valid, 3 + late, name="valid")
        last = delay(m, self.valid & self.last, 3 + late, name="last")
        label = delay(m, self.label, 3 + late, name="label")
        self._verdict(m, valid, last, label, ahead, true)
        return m

    def _candidate(self):
        return data.StructLayout({"valid": 1, "score": signed(self.core.z_bits), "index": LABEL_BITS})

    def _select(self, m):
        """Give every score its class and part the true class from the others."""
        base = Signal(LABEL_BITS + 1)
        with m.If(self.valid):
            m.d.sync += base.eq(Mux(self.last, 0, base + self.rows))
        others, matches = [], []
        label = delay(m, self.label, 1, name="label_numbered")
        scores = delay(m, self.scores, 1, name="scores_numbered")
        parted = delay(m, scores, 1, name="scores_parted")
        for slot in range(self.core.slots):
            index = Signal(LABEL_BITS + 1, name=f"class_{slot}", reset_less=True)
            here = Signal(name=f"here_{slot}", reset_less=True)
            match = Signal(name=f"match_{slot}", reset_less=True)
            part = Signal(self._candidate(), name=f"part_{slot}")
            m.d.sync += [
                index.eq(base + slot),
                here.eq(self.valid & (slot < self.rows)),
                match.eq(here & (index == label)),
            ]
            was_here = delay(m, here, 1, name=f"was_here_{slot}")
            m.d.comb += [
                part.valid.eq(was_here & ~match),
                part.score.eq(parted[slot]),
                part.index.eq(delay(m, index, 1, name=f"class_parted_{slot}")),
            ]
            others.append(delay(m, part, 1, name=f"other_{slot}"))
            matches.append(match)
        true = Signal(self._candidate(), reset_less=True)
        score = merge(parted[slot] & match.replicate(self.core.z_bits) for slot, match in enumerate(matches))
        m.d.sync += [true.valid.eq(Cat(matches).any()), true.score.eq(score)]
        return others, true

    def _better(self, later, earlier):
        """Whether a later class beats an earlier one: strictly greater, so that ties stay low."""
        return later.valid & (~earlier.valid | (later.score > earlier.score))

    def _tree(self, m, candidates):
        """Best of all, two cycles a level: compare, then choose."""
        level = 0
        while len(candidates) > 1:
            winners = []
            for i in range(0, len(candidates) - 1, 2):
                best = Signal(self._candidate(), name=f"best_{level}_{i // 2}", reset_less=True)
                better = Signal(name=f"better_{level}_{i // 2}", reset_less=True)
                earlier, later = candidates[i], candidates[i + 1]
                m.d.sync += better.eq(self._better(later, earlier))
                earlier, later = (delay(m, c, 1, name=f"pair_{level}_{i + j}") for j, c in enumerate((earlier, later)))
                m.d.sync += best.eq(Mux(better, later, earlier))
                winners.append(best)
            if len(candidates) % 2:
                winners.append(delay(m, candidates[-1], 2, name=f"odd_{level}"))
            candidates, level = winners, level + 1
        return candidates[0]

    def _verdict(self, m, valid, last, label, ahead, true):
        """Running best over the beats of one sample, then the comparison with the true class."""
        running = Signal(self._candidate(), reset_less=True)
        best, replaced = delay(m, ahead, 1, name="best"), Signal(reset_less=True)
        above = Signal(2, reset_less=True)  # the best so far will be that of now, or this beat's
        m.d.sync += above.eq(Cat(ahead.score > one.score for one in (running, best)))
        score = Signal(signed(self.core.z_bits), reset_less=True)
        fresh = Signal(init=1)
        better = best.valid & (~running.valid | Mux(replaced, above[1], above[0]))
        m.d.sync += replaced.eq(fresh | better)
        with m.If(valid):
            m.d.sync += fresh.eq(last)
            with m.If(fresh | better):
                m.d.sync += running.eq(best)
            with m.If(true.valid):
                m.d.sync += score.eq(true.score)
        ended = delay(m, last, 1, name="ended")
        label = delay(m, label, 1, name="ended_label")

        margin = Signal(signed(self.core.z_bits + 1), reset_less=True)
        prediction = Signal(LABEL_BITS, reset_less=True)
        true_wins = (score > running.score) | ((score == running.score) & (label < running.index))
        m.d.sync += [
            margin.eq(score - running.score),
            prediction.eq(Mux(true_wins, label, running.index)),
        ]
        decided = delay(m, ended, 1, name="decided")
        m.d.sync += [
            self.done.eq(decided),
            self.prediction.eq(prediction),
            self.margin.eq(margin),
            self.triggered.eq(margin < self.threshold),
        ]
