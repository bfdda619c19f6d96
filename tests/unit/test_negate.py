"""negate_if and absolute: every number of a few bits."""

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bephw.negate import absolute, negate_if

from .bench import trace


class Both(wiring.Component):
    z: In(signed(5))
    negative: In(1)
    turned: Out(signed(5))
    size: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.turned.eq(negate_if(self.negative, self.z)), self.size.eq(absolute(self.z))]
        return m


def test_every_number_with_either_sign():
    numbers = [(z, negative) for z in range(-15, 16) for negative in (0, 1)]
    seen = trace(Both(), [{"z": z, "negative": negative} for z, negative in numbers], ["turned", "size"], after=0)
    assert seen["turned"] == [-z if negative else z for z, negative in numbers]
    assert seen["size"] == [abs(z) for z, _ in numbers]
