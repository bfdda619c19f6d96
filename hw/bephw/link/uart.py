"""Bytes over two wires: 8 data bits, no parity, one stop bit.

A bit lasts `divisor` clocks. Timers count down and act on the borrow, so that no comparison of 16 bits is in a path.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["DIVISOR_BITS", "UartReceiver", "UartTransmitter"]

DIVISOR_BITS = 16


class _Timer:
    """A countdown: `expired` in the cycle that is `clocks` after the one in which it was set to `clocks − 2`."""

    def __init__(self, name):
        self.left = Signal(DIVISOR_BITS + 1, name=f"{name}_left")
        self.expired = self.left[-1]

    def count(self, m):
        m.d.sync += self.left.eq(self.left - 1)


class UartReceiver(wiring.Component):
    """Bytes from the line. A bit is the majority of three looks around its middle, an eighth of a bit apart.

    Two flip-flops keep the asynchronous line out of the logic. A start bit that is none by the majority is ignored; a
    byte without a stop bit is dropped, and the line must be high before the next one. At 16 clocks a bit and more,
    senders without gaps may be 2.5 % fast or 4 % slow; at 4 clocks they must not be fast. Latency: the byte leaves a
    cycle after the last look at its stop bit, about 5/8 · divisor + 3 cycles after that bit began.

    Members
    -------
    rx : In, the line, high when idle
    divisor : In, clocks a bit, at least 4
    o : Out, bytes; never held up
    broken : Out, one-cycle pulse, a byte without a stop bit
    """

    def __init__(self):
        super().__init__(
            {
                "rx": In(1, init=1),
                "divisor": In(DIVISOR_BITS),
                "o": Out(stream.Signature(8, always_ready=True)),
                "broken": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        timer = _Timer("receive")
        gap = Signal(DIVISOR_BITS + 1)  # between two looks; all three as the timer wants them, 2 less
        half = Signal(DIVISOR_BITS + 1)  # from the edge to the first look
        rest = Signal(DIVISOR_BITS + 1)  # from the last look at a bit to the first look at the next
        eighth = Signal(DIVISOR_BITS)
        m.d.sync += [
            eighth.eq(Mux(self.divisor[3:] == 0, 1, self.divisor >> 3)),
            gap.eq(eighth - 2),
            half.eq((self.divisor >> 1) - eighth - 2),
            rest.eq(self.divisor - (eighth << 1) - 2),
        ]
        seen = Signal(2)
        look = Signal(range(3))
        bit = Signal(range(10))
        value = Signal()
        word = self.o.payload
        m.d.comb += value.eq((seen[0] & seen[1]) | (line & (seen[0] | seen[1])))
        m.d.sync += [self.o.valid.eq(0), self.broken.eq(0)]
        timer.count(m)
        with m.FSM(init="IDLE"):
            with m.State("IDLE"):
                m.d.sync += [timer.left.eq(half), look.eq(0), bit.eq(0)]
                with m.If(~line):
                    m.next = "LOOK"
            with m.State("LOOK"), m.If(timer.expired):
                m.d.sync += [seen.eq(Cat(line, seen)), timer.left.eq(gap), look.eq(look + 1)]
                with m.If(look == 2):
                    m.d.sync += [look.eq(0), timer.left.eq(rest), bit.eq(bit + 1)]
                    with m.If((bit != 0) & (bit != 9)):
                        m.d.sync += word.eq(Cat(word[1:], value))
                    with m.If((bit == 0) & value):
                        m.next = "IDLE"
                    with m.If(bit == 9):
                        m.d.sync += [self.o.valid.eq(value), self.broken.eq(~value)]
                        m.next = "IDLE"  # at once: the next start bit of a fast sender may have begun
                        with m.If(~value):
                            m.next = "RELEASE"
            with m.State("RELEASE"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes onto the line, 10 · divisor clocks each, without a gap as long as the next one is there.

    Members
    -------
    i : In, bytes
    divisor : In, clocks a bit, at least 4
    tx : Out, the line, high when idle
    idle : Out, nothing is being sent, the last stop bit included
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(8)),
                "divisor": In(DIVISOR_BITS),
                "tx": Out(1, init=1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        timer = _Timer("send")
        period = Signal(DIVISOR_BITS + 1)
        bits = Signal(9)
        left = Signal(range(11))
        m.d.sync += period.eq(self.divisor - 2)
        m.d.comb += [self.i.ready.eq((left == 0) | ((left == 1) & timer.expired)), self.idle.eq(left == 0)]
        timer.count(m)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                self.tx.eq(0), bits.eq(Cat(self.i.payload, 1)), left.eq(10), timer.left.eq(period),
            ]  # fmt: skip
        with m.Elif(timer.expired & (left != 0)):
            m.d.sync += [self.tx.eq(bits[0]), bits.eq(Cat(bits[1:], 1)), left.eq(left - 1), timer.left.eq(period)]
        return m
