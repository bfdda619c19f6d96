"""A small pipelined multiplier for addresses: partial products and a tree of adders, no DSP block on the path.

a, b ─► b << i where a[i] is set ─► adders, one register a level ─► o
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .delay import delay

__all__ = ["Multiply"]


class Multiply(wiring.Component):
    """Product of two unsigned numbers, modulo 2**out_bits.

    Latency `Multiply.latency_of(a_bits)` cycles, one product a cycle. `a` should be the narrower factor.

    Members
    -------
    a, b : In
    o : Out
    """

    def __init__(self, a_bits, b_bits, out_bits):
        self.a_bits = a_bits
        self.out_bits = out_bits
        super().__init__({"a": In(a_bits), "b": In(b_bits), "o": Out(out_bits)})

    @staticmethod
    def latency_of(a_bits):
        """One cycle for each level of the adder tree, one if there is none."""
        return max(1, ceil_log2(a_bits))

    def elaborate(self, platform):
        m = Module()
        terms = [Mux(bit, self.b << i, 0)[: self.out_bits] for i, bit in enumerate(self.a)]
        for level in range(self.latency_of(self.a_bits)):
            pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
            terms = []
            for i, pair in enumerate(pairs):
                if len(pair) == 1:
                    terms.append(delay(m, pair[0], 1, name=f"odd_{level}"))
                    continue
                total = Signal(self.out_bits, name=f"sum_{level}_{i}", reset_less=True)
                m.d.sync += total.eq(pair[0] + pair[1])
                terms.append(total)
        m.d.comb += self.o.eq(terms[0] if terms else 0)
        return m
