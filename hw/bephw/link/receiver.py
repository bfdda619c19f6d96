"""Frames in: check them, keep those that are next in order, and say what to do about the others.

    bytes ─► COBS ─┬─► frame memory, a slot for each sequence number mod 8
                   └─► CRC, length, head ─► EXECUTE, RESEND, REFUSE ─► queue ─► events
                                       └──► HELLO: a session begins, all else is forgotten

A frame is executed once: only the one with the expected number is accepted, and the number then moves on. One that was
accepted before is answered by its old reply, whatever it holds now; one too early waits for nobody and is dropped.
"""

import enum

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from bepsw.link.protocol import HELLO, MOST_FRAME, SLOTS, WINDOW

from .cobs import CobsDecoder
from .crc import CRC_BYTES, new_crc

__all__ = ["EVENT", "HEAD", "FrameReceiver", "Kind"]

HEAD = 3  # session, sequence number, operation
SLOT_BYTES = 256
_QUEUE = 16


class Kind(enum.IntEnum):
    """What the server does about a frame."""

    EXECUTE = 0
    RESEND = 1
    REFUSE = 2


EVENT = data.StructLayout({"kind": 2, "opened": 1, "session": 8, "sequence": 8, "length": 8})
"""`opened`: a session is open, though not this one. `length`: bytes of a frame without its CRC."""


class FrameReceiver(wiring.Component):
    """Good frames as events, in order; at most `WINDOW` accepted frames wait or are executed.

    Needs 4 cycles from byte to byte. An event is out 4 cycles after the delimiter came in.

    Members
    -------
    i : In, bytes from the line
    o : Out, events of layout `EVENT`
    slot, at : In, a byte of a frame in slot sequence mod 8; read_data : Out, that byte two cycles later
    done : In, one-cycle pulse, a frame has been executed: its slot is free
    hello : Out, a session was opened, and until that is taken up nothing else counts; session : Out, which
    hello_done : In, one-cycle pulse, it is being done: frames count again
    good, bad : Out, one-cycle pulses, a frame was whole, or damaged
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "o": Out(stream.Signature(EVENT)),
                "slot": In(range(SLOTS)),
                "at": In(range(SLOT_BYTES)),
                "read_data": Out(8),
                "done": In(1),
                "hello": Out(1),
                "session": Out(8),
                "hello_done": In(1),
                "good": Out(1),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        connect(m, flipped(self.i), decoder.i)
        expected = Signal(8)
        waiting = Signal(range(SLOTS))
        length = Signal(8)
        head = Signal(data.StructLayout({"session": 8, "sequence": 8, "operation": 8}))
        whole = self._check(m, decoder, length, head)
        self._keep(m, decoder, length, slot=expected[:3], room=waiting != WINDOW)
        accept, event = self._judge(m, whole, length, head, expected, waiting)

        m.submodules.queue = queue = ResetInserter(self.hello)(SyncFIFO(width=EVENT.size, depth=_QUEUE))
        m.d.comb += [
            queue.w_en.eq(event.valid),
            queue.w_data.eq(event.payload),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy & ~self.hello),
            queue.r_en.eq(self.o.ready & ~self.hello),
            event.room.eq(queue.w_rdy),
        ]
        m.d.sync += waiting.eq(waiting + accept - self.done)
        with m.If(self.hello):
            m.d.sync += [waiting.eq(0), expected.eq(0)]
        with m.Elif(accept):
            m.d.sync += expected.eq(expected + 1)
        return m

    def _check(self, m, decoder, length, head):
        """Follow a frame; `whole` (returned) a cycle after its delimiter if it is one, with its head and length."""
        m.submodules.crc = crc = new_crc()
        whole, long = Signal(), Signal()
        m.d.comb += [crc.data.eq(decoder.o.payload), crc.valid.eq(decoder.o.valid), crc.start.eq(decoder.end)]
        count = Signal(8)
        with m.If(decoder.o.valid):
            m.d.sync += [count.eq(count + 1), long.eq(long | (count == MOST_FRAME))]
            with m.Switch(count):
                for index, name in enumerate(("session", "sequence", "operation")):
                    with m.Case(index):
                        m.d.sync += head[name].eq(decoder.o.payload)
        fine = Signal()
        m.d.comb += fine.eq(decoder.good & crc.match_detected & ~long & (count >= HEAD + CRC_BYTES))
        m.d.sync += [whole.eq(decoder.end & fine), self.bad.eq(decoder.end & ~fine & (count != 0))]
        with m.If(decoder.end):
            m.d.sync += [count.eq(0), long.eq(0), length.eq(count - CRC_BYTES)]
        m.d.comb += self.good.eq(whole)
        return whole

    def _keep(self, m, decoder, length, *, slot, room):
        """Write the frame into the slot that is next, if that is free; read for the server."""
        m.submodules.frames = memory = Memory(shape=8, depth=SLOTS * SLOT_BYTES, init=[], attrs={"ram_style": "block"})
        write, read = memory.write_port(), memory.read_port()
        at = Signal(8)
        m.d.comb += [
            write.en.eq(decoder.o.valid & room),
            write.addr.eq(Cat(at, slot)),
            write.data.eq(decoder.o.payload),
            read.addr.eq(Cat(self.at, self.slot)),
            read.en.eq(1),
        ]
        m.d.sync += self.read_data.eq(read.data)
        with m.If(decoder.end):
            m.d.sync += at.eq(0)
        with m.Elif(decoder.o.valid):
            m.d.sync += at.eq(at + 1)

    def _judge(self, m, whole, length, head, expected, waiting):
        """What to do about a whole frame; a cycle to look, a cycle to say."""
        opened = Signal()
        kept = Signal(range(SLOTS))  # replies of this session that are there
        looked, mine, next_one, again, free = (
            Signal(name=name) for name in ("looked", "mine", "next_one", "again", "free")
        )
        behind = Signal(8)
        m.d.comb += behind.eq(expected - head.sequence)
        m.d.sync += [
            looked.eq(whole),
            mine.eq(opened & (head.session == self.session)),
            next_one.eq(behind == 0),
            again.eq((behind != 0) & (behind <= kept)),
            free.eq(waiting != WINDOW),
        ]
        greeting = Signal()
        m.d.sync += greeting.eq(head.operation == HELLO)
        event = data.StructLayout({"valid": 1, "room": 1, "payload": EVENT})
        event = Signal(event, name="event")
        accept = Signal()
        m.d.comb += [
            accept.eq(looked & ~greeting & ~self.hello & mine & next_one & free & event.room),
            event.payload.kind.eq(Mux(~mine, Kind.REFUSE, Mux(next_one, Kind.EXECUTE, Kind.RESEND))),
            event.payload.opened.eq(opened),
            event.payload.session.eq(head.session),
            event.payload.sequence.eq(head.sequence),
            event.payload.length.eq(length),
            event.valid.eq(accept | (looked & ~greeting & ~self.hello & (~mine | again) & event.room)),
        ]
        with m.If(self.hello):
            m.d.sync += kept.eq(0)
        with m.Elif(accept & (kept != WINDOW)):
            m.d.sync += kept.eq(kept + 1)
        with m.If(looked & greeting):
            m.d.sync += [self.hello.eq(1), self.session.eq(head.session), opened.eq(1)]
        with m.Elif(self.hello_done):
            m.d.sync += self.hello.eq(0)
        return accept, event
