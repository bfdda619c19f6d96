"""How stable a recurrent unit is over time: u = Σ_t s*_t·z_t, a sum per row that the walk through time adds to.

A memory holds u of every row while the backward stage goes from step T to step 1, a beat a word.

    z, s* ─► ±z ─────────────────┐
    memory[beat] ─► 0 if fresh ─►+─► u ─┬─► u < 0, |u|
         ▲──────────────────────────────┘
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .delay import delay
from .negate import absolute, negate_if

__all__ = ["Stability"]


class Stability(wiring.Component):
    """Sums of s*·z over time, bepsw.golden's u of a recurrent layer.

    One beat a cycle; `negative` and `magnitude` come `latency` cycles after `valid`. The sum is in the memory
    `latency` cycles after it; a beat must not come again before that. One read and one write port.

    Members
    -------
    early : In, the beat that may come with `valid` in the next cycle
    valid, fresh, beat, z, desired : In, add this beat, to 0 if `fresh`
    negative, magnitude : Out, per slot, u < 0 and |u|
    """

    latency = 3

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "early": In(range(core.beats)),
                "valid": In(1),
                "fresh": In(1),
                "beat": In(range(core.beats)),
                "z": In(data.ArrayLayout(signed(core.z_bits), core.slots)),
                "desired": In(core.slots),
                "negative": Out(core.slots),
                "magnitude": Out(data.ArrayLayout(core.stability_bits, core.slots)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        core = self.core
        u = Signal(data.ArrayLayout(signed(core.stability_bits + 1), core.slots), reset_less=True)
        # A layer of one step needs no memory, and one of two has half the beats of the z memory.
        depth = 1 << max(1, (core.beats - 1).bit_length() - 1)
        m.submodules.sums = memory = Memory(shape=u.shape(), depth=depth, init=[], attrs={"ram_style": "block"})
        write, read = memory.write_port(), memory.read_port()
        before = delay(m, read.data, 1, name="before")
        fresh = delay(m, self.fresh, 1, name="fresh")
        m.d.comb += [
            read.addr.eq(self.early),
            read.en.eq(1),
            write.addr.eq(delay(m, self.beat, 2, name="beat")),
            write.data.eq(u),
            write.en.eq(delay(m, self.valid, 2, name="valid")),
        ]
        for slot in range(core.slots):
            z = self.z[slot]
            signed_z = Signal(signed(core.z_bits), name=f"signed_z_{slot}", reset_less=True)
            negative = Signal(name=f"negative_{slot}", reset_less=True)
            m.d.sync += [
                signed_z.eq(negate_if(~self.desired[slot], z)),
                u[slot].eq(Mux(fresh, 0, before[slot]) + signed_z),
                negative.eq(u[slot] < 0),
                self.magnitude[slot].eq(absolute(u[slot])),
            ]
            m.d.comb += self.negative[slot].eq(negative)
        return m
