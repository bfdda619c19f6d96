"""One step of g saturating up/down counters: the only arithmetic that learning needs.

k, enable, up ─► k + 1, k − 1 or k, held at −2^(B−1) and 2^(B−1) − 1 ─► k', sign, saturated
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .delay import delay

__all__ = ["CounterLanes"]


class CounterLanes(wiring.Component):
    """Step of a word of counters, bepsw.golden's "k ± 1, saturating".

    Latency `latency` cycles, one word a cycle.

    Members
    -------
    i : In, the counters; enable, up : In, per lane
    o : Out, the counters after the step
    positive : Out, per lane, k' ≥ 0, the weight
    saturated : Out, per lane, an enabled step was not taken
    """

    latency = 2

    def __init__(self, *, lanes, bits):
        self.lanes = lanes
        self.bits = bits
        word = data.ArrayLayout(bits, lanes)
        super().__init__(
            {
                "i": In(word),
                "enable": In(lanes),
                "up": In(lanes),
                "o": Out(word),
                "positive": Out(lanes),
                "saturated": Out(lanes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        top = Const((1 << (self.bits - 1)) - 1, self.bits)
        bottom = Const(1 << (self.bits - 1), self.bits)
        for lane in range(self.lanes):
            k = delay(m, self.i[lane], 1, name=f"k_{lane}")
            enable, up = (Signal(name=f"{name}_{lane}", reset_less=True) for name in ("enable", "up"))
            at_top, at_bottom = (Signal(name=f"{name}_{lane}", reset_less=True) for name in ("top", "bottom"))
            m.d.sync += [
                enable.eq(self.enable[lane]),
                up.eq(self.up[lane]),
                at_top.eq(self.i[lane] == top),
                at_bottom.eq(self.i[lane] == bottom),
            ]
            limit = Mux(up, at_top, at_bottom)
            # +1 is 0…01, −1 is all ones, no step is 0.
            step = Mux(enable & ~limit, Cat(1, (~up).replicate(self.bits - 1)), 0)
            after = Signal(self.bits, name=f"after_{lane}", reset_less=True)
            m.d.sync += [after.eq(k + step), self.saturated[lane].eq(enable & limit)]
            m.d.comb += [self.o[lane].eq(after), self.positive[lane].eq(~after[-1])]
        return m
