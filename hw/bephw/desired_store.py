"""Desired activations: the prototypes and the a* of lower layers, written by segments, read row by row.

Rows are visited R at a time, and R does not divide g. Two banks, even and odd segments, give the two segments in
which the next R bits can lie; a shift picks them out. So any R streams at one beat a cycle without buffering.

    even bank ─┐ swap ─► 2g bits ─► shift by the position, by eights, then by ones ─► bits[slots]
    odd bank  ─┘
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bepsw.program import DESIRED_ROWS

from .delay import delay
from .types import LABEL_BITS

__all__ = ["DesiredStore"]

_FINE = 3  # bits of the second shift


class DesiredStore(wiring.Component):
    """Prototypes of all classes, and two rows of desired activations: a layer reads one, its walk writes the other.

    With `rules` there are `DESIRED_ROWS` rows, one a layer and two for time steps; a row is never written while it is
    the source. `bits` come `latency` cycles after `advance`, one beat a cycle.

    Members
    -------
    start : In, rewind to the first bit of a source, before the first `advance`
    from_prototype, label, half : In, valid with `start`: the prototype of `label`, or row `half` of the desired rows;
        with `rules` also base, offset : In, first segment, which is even, and the lane of the first bit in it
    advance, rows : In, take the next `rows` bits
    bits : Out, bit 0 is the first row of the beat
    prototype_enable, prototype_address, prototype_data : In, {class, segment}
    desired_enable, desired_half, desired_segment, desired_data : In
    """

    latency = 6

    def __init__(self, core):
        self.core = core
        super().__init__(
            {
                "start": In(1),
                "from_prototype": In(1),
                "label": In(LABEL_BITS),
                "half": In(range(self.rows_of(core))),
                **({"base": In(range(core.prototype_segments)), "offset": In(range(core.lanes))} if core.rules else {}),
                "advance": In(1),
                "rows": In(range(core.slots + 1)),
                "bits": Out(core.slots),
                "prototype_enable": In(1),
                "prototype_address": In(range(core.classes * core.prototype_segments)),
                "prototype_data": In(core.lanes),
                "desired_enable": In(1),
                "desired_half": In(range(self.rows_of(core))),
                "desired_segment": In(range(core.prototype_segments)),
                "desired_data": In(core.lanes),
            }
        )

    @staticmethod
    def rows_of(core):
        """Rows of desired activations."""
        return DESIRED_ROWS if core.rules else 2

    def elaborate(self, platform):
        m = Module()
        core = self.core
        pairs = core.prototype_segments // 2
        segment = Signal(range(core.prototype_segments + 1))
        position = Signal(range(core.lanes))
        source, label, half = Signal(), Signal(LABEL_BITS), Signal.like(self.half, name="half")
        moved, wrapped = Signal.like(position), Signal(signed(len(position) + 1))
        m.d.comb += [moved.eq(position + self.rows), wrapped.eq(position - (core.lanes - self.rows))]
        with m.If(self.start):
            m.d.sync += [segment.eq(self.base if core.rules else 0), position.eq(self.offset if core.rules else 0)]
            m.d.sync += [source.eq(self.from_prototype), label.eq(self.label), half.eq(self.half)]
        with m.Elif(self.advance):
            m.d.sync += position.eq(Mux(wrapped >= 0, wrapped, moved))
            m.d.sync += segment.eq(segment + (wrapped >= 0))

        read = []
        for odd in range(2):
            pair = Signal(range(pairs), name=f"pair_{odd}")
            m.d.comb += pair.eq((segment + 1 - odd) >> 1)
            prototype = self._bank(m, "prototype", odd, core.classes * pairs, label * pairs + pair, "block")
            rows, style = self.rows_of(core), "block" if core.rules else "distributed"
            desired = self._bank(m, "desired", odd, rows * pairs, half * pairs + pair, style)
            # Registered first and chosen then: the register belongs to the block RAM.
            prototype = delay(m, prototype, 1, name=f"prototype_output_{odd}")
            desired = delay(m, desired, 1, name=f"desired_output_{odd}")
            bank = Signal(core.lanes, name=f"bank_{odd}", reset_less=True)
            m.d.sync += bank.eq(Mux(delay(m, source, 2, name=f"source_{odd}"), prototype, desired))
            read.append(bank)
        even, odd = read
        swapped = delay(m, segment[0], 3, name="swapped")
        window = Signal(2 * core.lanes, reset_less=True)
        m.d.sync += window.eq(Mux(swapped, Cat(odd, even), Cat(even, odd)))
        at = delay(m, position, 4, name="position")
        nearly = Signal(core.slots + (1 << _FINE) - 1, reset_less=True)
        m.d.sync += nearly.eq(window >> Cat(Const(0, _FINE), at[_FINE:]))
        m.d.sync += self.bits.eq(nearly >> delay(m, at[:_FINE], 1, name="fine"))
        return m

    def _bank(self, m, name, odd, depth, address, style):
        """One bank: its read data, one cycle after `address`."""
        memory = Memory(shape=self.core.lanes, depth=depth, init=[], attrs={"ram_style": style})
        m.submodules[f"{name}_{odd}"] = memory
        write, read = memory.write_port(), memory.read_port()
        enable = getattr(self, f"{name}_enable")
        desired_address = Cat(self.desired_segment, self.desired_half)
        target = self.prototype_address if name == "prototype" else desired_address
        m.d.comb += [
            write.en.eq(enable & (target[0] == odd)),
            write.addr.eq(target >> 1),
            write.data.eq(getattr(self, f"{name}_data")),
            read.addr.eq(address),
            read.en.eq(1),
        ]
        return read.data
