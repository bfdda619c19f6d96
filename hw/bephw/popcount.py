"""Count the ones of a vector: a pipelined tree of adders whose carry-in takes one more bit.

Why not `sum()`: it builds a chain of ever wider adders. Here n bits split into two halves and one bit over; the
halves are counted and added, and the bit over rides in on the carry, so every adder slot counts something.

    bits ─► [n/2] ─► count ─┐
    bits ─► [n/2] ─► count ─┴─► a + b + carry ─► register ─► …
    bit  ───────────────────────────┘
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["PopCount"]


def _split(width):
    half = (width - 1) // 2
    return half, width - 1 - half


class PopCount(wiring.Component):
    """Number of ones in `i`.

    Latency `PopCount.latency_of(width)` cycles, one result a cycle. Equals Python's `int.bit_count`.

    Members
    -------
    i : In(width)
    o : Out(range(width + 1))
    """

    def __init__(self, width):
        self.width = width
        super().__init__({"i": In(width), "o": Out(range(width + 1))})

    @staticmethod
    def latency_of(width):
        """Cycles from `i` to `o`: one for up to three bits, one more for every adder level above."""
        return 1 if width <= 3 else 1 + PopCount.latency_of(_split(width)[1])

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self._count(m, self.i, "count"))
        return m

    def _count(self, m, bits, name):
        """Registered count of `bits`, exactly `latency_of(len(bits))` cycles later."""
        width = len(bits)
        total = Signal(range(width + 1), name=name, reset_less=True)
        if width <= 3:
            m.d.sync += total.eq(sum(bits[1:], bits[0]))
            return total
        left, right = _split(width)
        late = self.latency_of(right)
        a = self._count(m, bits[:left], f"{name}l")
        a = delay(m, a, late - self.latency_of(left), name=f"{name}l_wait")
        b = self._count(m, bits[left : left + right], f"{name}r")
        carry = delay(m, bits[-1], late, name=f"{name}c")
        # Cat(carry, ·) puts the carry-in on the chain itself: carry + carry overflows into bit 1 iff it is set.
        m.d.sync += total.eq((Cat(carry, a) + Cat(carry, b))[1:])
        return total
