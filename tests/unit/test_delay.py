"""Delay lines of plain values and of views."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from bephw.delay import delay

from .bench import trace

LAYOUT = data.StructLayout({"valid": 1, "beat": 5})


class Line(wiring.Component):
    def __init__(self, shape, cycles):
        self.cycles = cycles
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        late = delay(m, self.i, self.cycles, name="line")
        m.d.comb += self.o.eq(late)
        assert isinstance(late, data.View) == isinstance(self.i, data.View)
        return m


@pytest.mark.parametrize("cycles", [0, 1, 2, 7])
def test_comes_out_as_many_cycles_later(cycles):
    values = [*range(1, 40)]
    seen = trace(Line(6, cycles), [{"i": value} for value in values], ["o"], after=cycles)["o"]
    assert seen == [0] * cycles + values


@pytest.mark.parametrize("cycles", [0, 3])
def test_a_view_stays_a_view(cycles):
    values = [{"valid": v % 2, "beat": v} for v in range(1, 20)]
    seen = trace(Line(LAYOUT, cycles), [{"i": value} for value in values], ["o"], after=cycles)["o"]
    assert seen == [{"valid": 0, "beat": 0}] * cycles + values
