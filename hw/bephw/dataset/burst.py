"""From the index of a sample to its words: where it lies, and reads ahead of what the core takes.

index ─► Locate ─ address ─► Burst ─► commands … read ─► FIFO ─► words
           (base + index) << stride    one a cycle while the FIFO has room for their answers
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from bepsw.permutation import INDEX_BITS

from .memory import WORD_BITS, WordsSignature

__all__ = ["COUNT_BITS", "STRIDE_BITS", "Burst", "Locate"]

COUNT_BITS = 13  # words of a sample: 1 + 2^16 / 16
STRIDE_BITS = 5


class Locate(wiring.Component):
    """Address of a sample: (base + index) << stride, a bit a cycle; 2 + stride cycles a sample.

    Members
    -------
    base, stride : In, stand still
    i : In, indices
    o : Out, addresses of first words
    """

    def __init__(self, address_bits):
        self.address_bits = address_bits
        super().__init__(
            {
                "base": In(INDEX_BITS),
                "stride": In(STRIDE_BITS),
                "i": In(stream.Signature(INDEX_BITS)),
                "o": Out(stream.Signature(address_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal(STRIDE_BITS)
        address = Signal(max(self.address_bits, INDEX_BITS), reset_less=True)
        m.d.comb += self.o.payload.eq(address)
        with m.FSM(init="TAKE"):
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [address.eq(self.base + self.i.payload), left.eq(self.stride)]
                with m.If(self.i.valid):
                    m.next = "SHIFT"
            with m.State("SHIFT"):
                m.d.comb += self.o.valid.eq(left == 0)
                with m.If(left != 0):
                    m.d.sync += [address.eq(address << 1), left.eq(left - 1)]
                with m.Elif(self.o.ready):
                    m.next = "TAKE"
        return m


class Burst(wiring.Component):
    """Reads `words` words from every address, at most `ahead` words before they are taken.

    One word a cycle and one cycle between samples, as far as memory and taker allow.

    Members
    -------
    words : In, stands still
    stop : In, begin no further sample; this component can be reset when `pending` has fallen
    i : In, addresses
    commands : Out, addresses to read; read : In, their words
    o : Out, words
    pending : Out, a read is asked for or on its way
    """

    def __init__(self, address_bits, *, ahead):
        self.address_bits = address_bits
        self.ahead = ahead
        super().__init__(
            {
                "words": In(COUNT_BITS),
                "stop": In(1),
                "i": In(stream.Signature(address_bits)),
                "commands": Out(stream.Signature(address_bits)),
                "read": In(WordsSignature()),
                "o": Out(stream.Signature(WORD_BITS)),
                "pending": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=WORD_BITS, depth=self.ahead)
        room = Signal(range(self.ahead + 1), init=self.ahead)  # words that may still be asked for
        asked = Signal(range(self.ahead + 1))
        left = Signal(COUNT_BITS)
        address = Signal(self.address_bits, reset_less=True)
        word = Signal(WORD_BITS, reset_less=True)
        issued = Signal()
        taken = Signal()
        m.d.comb += [
            issued.eq(self.commands.valid & self.commands.ready),
            taken.eq(self.o.valid & self.o.ready),
            self.commands.payload.eq(address),
            fifo.w_data.eq(self.read.payload),
            fifo.w_en.eq(self.read.valid),
            fifo.r_en.eq(~self.o.valid | self.o.ready),
            self.o.payload.eq(word),
        ]
        with m.If(fifo.r_en):  # a register behind the block RAM, whose output is slow
            m.d.sync += [word.eq(fifo.r_data), self.o.valid.eq(fifo.r_rdy)]
        m.d.sync += [room.eq(room - issued + taken), asked.eq(asked + issued - self.read.valid)]
        with m.FSM(init="TAKE") as fsm:
            m.d.comb += self.pending.eq((asked != 0) | fsm.ongoing("READ"))
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(~self.stop)
                m.d.sync += [address.eq(self.i.payload), left.eq(self.words)]
                with m.If(self.i.valid & ~self.stop):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += self.commands.valid.eq(room != 0)
                with m.If(issued):
                    m.d.sync += [address.eq(address + 1), left.eq(left - 1)]
                with m.If(issued & (left == 1)):
                    m.next = "TAKE"
        return m
