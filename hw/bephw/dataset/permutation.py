"""Which sample stands at a position of the epoch: a Feistel network, one round after the other, with cycle walking.

position ─► even, odd bits ─► KEY h ⊕ B ─► MULTIPLY · A ─► MIX other half ─┬─► CHECK below count? ─► index
                    ▲                          8 rounds                    │          │ no
                    └──────────────────────────────────────────────────────┴──────────┘
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bepsw.permutation import HALF_BITS, INDEX_BITS, ROUNDS, SHIFTS

from .round_keys import RoundKeys

__all__ = ["Permutation"]


class Permutation(wiring.Component):
    """`bepsw.permutation.hardware_order`, a position in, the index at it out.

    An index takes `cycles_of(attempts)` cycles if it is taken at once; fewer than two attempts on average. Without
    `shuffle` it is the position itself.

    Members
    -------
    start : In, one-cycle pulse before the first position; the settings stand still from then on
    seed, epoch, count, shuffle : In
    i : In, positions below count
    o : Out, indices in order
    """

    @staticmethod
    def cycles_of(attempts):
        """Cycles from one position to the next."""
        return 2 + attempts * (3 * ROUNDS + 1)

    def __init__(self):
        super().__init__(
            {
                "start": In(1),
                "seed": In(32),
                "epoch": In(31),
                "count": In(INDEX_BITS + 1),
                "shuffle": In(1),
                "i": In(stream.Signature(INDEX_BITS)),
                "o": Out(stream.Signature(INDEX_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.keys = keys = RoundKeys()
        number = Signal(INDEX_BITS, reset_less=True)
        halves = number[::2], number[1::2]
        mask = self._mask(m)
        index = Signal(range(ROUNDS))
        odd = index[0]  # the half that an odd round changes
        masked = Signal(16, reset_less=True)
        factor = Signal(16, reset_less=True)
        product = Signal(32, reset_less=True)
        mixed = Signal(HALF_BITS)
        m.d.comb += [
            keys.start.eq(self.start),
            keys.seed.eq(self.seed),
            keys.epoch.eq(self.epoch),
            keys.round.eq(index),
            mixed.eq(product >> SHIFTS[0] ^ product >> SHIFTS[1]),
            self.o.payload.eq(number),
        ]
        with m.FSM(init="TAKE"):
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(keys.ready)
                m.d.sync += [number.eq(self.i.payload), index.eq(0)]
                with m.If(self.i.valid & self.i.ready):
                    m.next = "GIVE"
                    with m.If(self.shuffle):
                        m.next = "KEY"
            with m.State("KEY"):
                m.d.sync += [masked.eq(Mux(odd, *halves) ^ keys.offset), factor.eq(keys.factor)]
                m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.sync += product.eq(masked * factor)
                m.next = "MIX"
            with m.State("MIX"):
                for half, own_mask, turn in zip(halves, (mask[::2], mask[1::2]), (~odd, odd), strict=True):
                    with m.If(turn):
                        m.d.sync += half.eq(half ^ (mixed & own_mask))
                m.d.sync += index.eq(index + 1)
                m.next = "KEY"
                with m.If(index == ROUNDS - 1):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "GIVE"
                with m.If(number >= self.count):
                    m.next = "KEY"
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "TAKE"
        return m

    def _mask(self, m):
        """Ones at all the bits of the numbers that are permuted; settles while the round keys are made."""
        highest = Signal(INDEX_BITS, reset_less=True)
        mask = Signal(INDEX_BITS, reset_less=True)
        m.d.sync += [highest.eq(self.count - 1), mask.eq(Cat(highest[bit:].any() for bit in range(INDEX_BITS)))]
        return mask
