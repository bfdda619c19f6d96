"""The reinforcement generator: a mask of lanes, each set with probability threshold / 2^26, one mask a cycle.

bank of xorshift64 generators ─┬─► LEVELS random bits a lane ─► bit-serial comparison with t ─► mask
                               └─► dither of the word < f ───────────┘
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw.generator import DITHER_BITS, LEVELS, bank_size
from bepsw.spec import REINFORCE_BITS

from .delay import delay

__all__ = ["Reinforce"]


def _xorshift(x):
    """One step of Marsaglia's xorshift64 (13, 7, 17)."""
    x = x ^ (x << 13)[:64]
    x = x ^ (x >> 7)
    return x ^ (x << 17)[:64]


class Reinforce(wiring.Component):
    """Masks of the reinforcement sweep and of rare updates, bepsw.generator.Generator.masks.

    `mask` belongs to the `step` given `latency` cycles before; one mask a cycle.

    Members
    -------
    step : In, draw a word and step the bank
    threshold : In, probability · 2^26, with `step`
    mask : Out
    turn : In, not with `step`: host access, every generator takes the state of the next one, the last that of the
        first or, with `replace`, `new_state`; as many turns as generators leave all as it was
    state : Out, of the first generator
    """

    latency = 3

    def __init__(self, core):
        self.core = core
        self.generators = bank_size(core.lanes)
        super().__init__(
            {
                "step": In(1),
                "threshold": In(REINFORCE_BITS),
                "mask": Out(core.lanes),
                "turn": In(1),
                "replace": In(1),
                "new_state": In(64),
                "state": Out(64),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bank = [Signal(64, name=f"generator_{i}", init=1) for i in range(self.generators)]
        turned = [*bank[1:], Mux(self.replace, self.new_state, bank[0])]
        for state, after in zip(bank, turned, strict=True):
            with m.If(self.step | self.turn):
                m.d.sync += state.eq(Mux(self.turn, after, _xorshift(state)))
        m.d.comb += self.state.eq(bank[0])
        self._compare(m, Cat(*bank))
        return m

    def _compare(self, m, draws):
        """Lane number < t, or = t and dither < f: from the lowest level up, in three stages."""
        lanes = self.core.lanes
        lanes8 = -(-lanes // 8) * 8
        dither = draws[LEVELS * lanes8 :][:DITHER_BITS]
        tie = Signal(reset_less=True)
        m.d.sync += tie.eq(dither < self.threshold[:DITHER_BITS])
        draws = delay(m, draws[: LEVELS * lanes8], 1, name="draws")
        levels = delay(m, self.threshold[DITHER_BITS:], 1, name="levels")

        half = LEVELS // 2
        below = self._levels(draws, levels, tie.replicate(lanes), range(half))
        part = Signal(lanes, reset_less=True)
        m.d.sync += part.eq(below)
        draws = delay(m, draws, 1, name="draws_high")
        levels = delay(m, levels, 1, name="levels_high")
        m.d.sync += self.mask.eq(self._levels(draws, levels, part, range(half, LEVELS)))

    def _levels(self, draws, levels, below, steps):
        lanes = self.core.lanes
        lanes8 = -(-lanes // 8) * 8
        for level in steps:
            bits = draws[level * lanes8 : level * lanes8 + lanes]
            below = Mux(levels[level], ~bits | below, ~bits & below)
        return below
