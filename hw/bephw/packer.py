"""Collect the activation bits of a layer, a few a cycle, into segments of g bits.

bits (1 … slots a cycle) ─► shift to the fill level ─► or into the open segment ─► segment when full or last
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Bits in row order become segments; the last segment is filled up with zeros.

    Takes `rows` bits a cycle; bits above `rows` must be 0. A full segment leaves `latency` cycles after the bit that
    fills it, the rest one cycle after that; `done` marks the cycle in which nothing more can follow, always
    `latency` + 1 cycles after `last`. At least one cycle without `valid` must separate `last` from the next layer.
    With `offsets` a layer may begin at any lane of its first segment, the lanes below it are 0.

    Members
    -------
    valid, bits, rows, last : In
    start, offset : In, only with `offsets`: in such a cycle, the first bit of the next layer goes to lane `offset`
    segment_valid, segment, begin : Out, `begin` marks the first segment of a layer
    done : Out, one-cycle pulse
    """

    latency = 2

    def __init__(self, *, lanes, slots, offsets=False):
        self.lanes = lanes
        self.slots = slots
        self.offsets = offsets
        super().__init__(
            {
                **({"start": In(1), "offset": In(range(lanes))} if offsets else {}),
                "valid": In(1),
                "bits": In(slots),
                "rows": In(range(slots + 1)),
                "last": In(1),
                "segment_valid": Out(1),
                "segment": Out(lanes),
                "begin": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes, slots = self.lanes, self.slots
        level = Signal(range(lanes))
        filled = Signal(range(lanes + slots))
        full = Signal()
        m.d.comb += [filled.eq(level + self.rows), full.eq(filled >= lanes)]

        shifted = Signal(lanes + slots, reset_less=True)
        valid, last, emit, rest = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            shifted.eq(self.bits << level),
            valid.eq(self.valid),
            last.eq(self.valid & self.last),
            emit.eq(self.valid & (full | self.last)),
            rest.eq(self.valid & self.last & (filled > lanes)),
        ]
        with m.If(self.valid):
            m.d.sync += level.eq(Mux(self.last, 0, Mux(full, filled - lanes, filled)))
        if self.offsets:
            with m.If(self.start):
                m.d.sync += level.eq(self.offset)

        self._merge(m, shifted, valid, last, emit, rest)
        return m

    def _merge(self, m, shifted, valid, last, emit, rest):
        lanes, slots = self.lanes, self.slots
        open_bits = Signal(lanes + slots)
        segment = Signal(lanes, reset_less=True)
        total = Signal(lanes + slots)
        spill = Signal()  # bits beyond the last full segment leave one cycle later
        first = Signal(init=1)
        m.d.comb += self.segment.eq(segment)
        m.d.comb += total.eq(Mux(valid, open_bits | shifted, open_bits))
        m.d.sync += [
            spill.eq(rest),
            self.segment_valid.eq(emit | spill),
            segment.eq(total),
            self.begin.eq(emit & first),
        ]
        with m.If(emit):
            m.d.sync += [open_bits.eq(total[lanes:]), first.eq(last & ~rest)]
        with m.Elif(spill):
            m.d.sync += [open_bits.eq(0), first.eq(1)]
        with m.Elif(valid):
            m.d.sync += open_bits.eq(total)
        ended = Signal()
        m.d.sync += [ended.eq(last), self.done.eq(ended)]
