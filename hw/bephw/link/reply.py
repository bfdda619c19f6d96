"""Replies out: CRC and COBS are put on while a reply is written, and it is kept, so that it can be sent again.

    bytes ─► CRC ─► reply memory, a slot for each sequence number mod 8 ─► bytes to the line

COBS needs no look ahead: a zero leaves its place open, and the next zero, or the end, fills in how far it is away.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bepsw.link.protocol import SLOTS

from .crc import CRC_BYTES, new_crc

__all__ = ["ReplyStore"]

_SLOT_BYTES = 256


class ReplyStore(wiring.Component):
    """Frames a reply into its slot and sends what is in a slot, one after the other.

    Takes a byte a cycle, and 8 cycles for the end; sends a byte every 3 cycles at most. Equals
    `bepsw.link.frames.pack`.

    Members
    -------
    slot : In, which one; holds from `begin` to the end of sending
    begin : In, one-cycle pulse: forget what is in the slot
    i : In, bytes of the reply's body, at most 249
    finish : In, one-cycle pulse after the last byte: close the frame
    send : In, one-cycle pulse: send the slot; may come with nothing written before
    busy : Out, it finishes or sends; from the cycle after the pulse
    o : Out, bytes to the line
    """

    def __init__(self):
        super().__init__(
            {
                "slot": In(range(SLOTS)),
                "begin": In(1),
                "i": In(stream.Signature(8)),
                "finish": In(1),
                "send": In(1),
                "busy": Out(1),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.replies = memory = Memory(
            shape=8, depth=SLOTS * _SLOT_BYTES, init=[], attrs={"ram_style": "block"}
        )
        write, read = memory.write_port(), memory.read_port()
        m.submodules.crc = crc = new_crc()
        at, open_at = Signal(8), Signal(8)  # the next byte's place; the place that waits for the next zero
        value, valid = Signal(8), Signal()  # of the byte that goes through COBS, a cycle after it came
        own = Signal(range(CRC_BYTES + 1))  # bytes of the CRC so far
        place, what = Signal(8), Signal(8)
        enable = Signal()
        check = Signal(32)
        m.d.comb += [
            crc.start.eq(self.begin),
            crc.data.eq(self.i.payload),
            crc.valid.eq(self.i.valid & self.i.ready),
            place.eq(Mux(value == 0, open_at, at)),
            what.eq(Mux(value == 0, at - open_at, value)),
            enable.eq(valid),
            read.addr.eq(Cat(at, self.slot)),
            read.en.eq(1),
        ]
        m.d.sync += self.o.payload.eq(read.data)  # a register between the block RAM and what looks at its word
        m.d.sync += [value.eq(self.i.payload), valid.eq(self.i.valid & self.i.ready)]
        m.d.sync += [write.en.eq(enable), write.addr.eq(Cat(place, self.slot)), write.data.eq(what)]
        with m.If(valid):
            m.d.sync += at.eq(at + 1)
            with m.If(value == 0):
                m.d.sync += open_at.eq(at)
        with m.If(self.begin):
            m.d.sync += [open_at.eq(0), at.eq(1)]

        with m.FSM(init="OPEN") as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("OPEN"))
            with m.State("OPEN"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += own.eq(0)
                with m.If(self.finish):
                    m.d.sync += check.eq(crc.crc)
                    m.next = "CHECK"
                with m.Elif(self.send):
                    m.d.sync += at.eq(0)
                    m.next = "FETCH"
            with m.State("CHECK"):
                m.d.sync += [value.eq(check), valid.eq(1), check.eq(check >> 8), own.eq(own + 1)]
                with m.If(own == CRC_BYTES - 1):
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [enable.eq(1), place.eq(open_at), what.eq(at - open_at)]
                m.next = "END"
            with m.State("END"):
                m.d.comb += [enable.eq(1), place.eq(at), what.eq(0)]
                m.next = "OPEN"
            with m.State("FETCH"):
                m.next = "SETTLE"
            with m.State("SETTLE"):
                m.next = "OFFER"
            with m.State("OFFER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += at.eq(at + 1)
                    m.next = "FETCH"
                    with m.If(self.o.payload == 0):
                        m.next = "OPEN"
        return m
