"""Replay samples of the memory in the order of an epoch.

first … first + length − 1 ─► Permutation ─► Locate ─► Burst ─► Unpack ─► Outlet ─► samples
     positions                   indices     addresses  │ ▲      words
                                               commands ▼ │ read
"""

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from bephw.types import sample_layout
from bepsw.permutation import INDEX_BITS

from .burst import STRIDE_BITS, Burst, Locate
from .memory import WordsSignature
from .outlet import Outlet
from .permutation import Permutation
from .unpack import INPUT_BITS, Unpack

__all__ = ["AHEAD", "Replay"]

AHEAD = 128
"""Words read before the core takes them: two and a half images of 98 bytes."""


class Replay(wiring.Component):
    """Samples at positions first … first + length − 1 of `bepsw.permutation.hardware_order`, of a range of the memory.

    In steady state the slowest stage counts: `Permutation.cycles_of`, the memory's burst of 1 + ⌈K/16⌉ words, and
    `Unpack.cycles_of`, all three at the same time on different samples.

    Members
    -------
    start : In, one-cycle pulse while not active; stop : In, one-cycle pulse
    seed, epoch, base, count, first, length, inputs, stride, shuffle, close : In, stand still while active
    commands : Out, addresses to read; read : In, their words
    samples : Out
    active : Out; header, sent : Out, one-cycle pulses: the core takes the header, the last beat of a sample
    starved : Out, the core waits in this cycle for the memory
    """

    def __init__(self, core, address_bits):
        self.core = core
        self.address_bits = address_bits
        super().__init__(
            {
                "start": In(1),
                "stop": In(1),
                "seed": In(32),
                "epoch": In(31),
                "base": In(INDEX_BITS),
                "count": In(INDEX_BITS + 1),
                "first": In(INDEX_BITS + 1),
                "length": In(INDEX_BITS + 1),
                "inputs": In(INPUT_BITS),
                "stride": In(STRIDE_BITS),
                "shuffle": In(1),
                "close": In(1),
                "commands": Out(stream.Signature(address_bits)),
                "read": In(WordsSignature()),
                "samples": Out(stream.Signature(sample_layout(core))),
                "active": Out(1),
                "header": Out(1),
                "sent": Out(1),
                "starved": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        clear = Signal()
        begin, stopping = Signal(), Signal()
        permutation, locate, burst = Permutation(), Locate(self.address_bits), Burst(self.address_bits, ahead=AHEAD)
        unpack, outlet = Unpack(self.core), Outlet(self.core)
        stages = {"permutation": permutation, "locate": locate, "burst": burst, "unpack": unpack, "outlet": outlet}
        for name, stage in stages.items():
            m.submodules[name] = ResetInserter(clear)(stage)
        connect(m, permutation.o, locate.i)
        connect(m, locate.o, burst.i)
        connect(m, burst.commands, flipped(self.commands))
        connect(m, flipped(self.read), burst.read)
        connect(m, burst.o, unpack.i)
        connect(m, unpack.o, outlet.i)
        connect(m, outlet.o, flipped(self.samples))
        m.d.comb += [
            [getattr(permutation, name).eq(getattr(self, name)) for name in ("seed", "epoch", "count", "shuffle")],
            [getattr(locate, name).eq(getattr(self, name)) for name in ("base", "stride")],
            [getattr(unpack, name).eq(getattr(self, name)) for name in ("length", "inputs", "close")],
            burst.words.eq(unpack.words),
            permutation.start.eq(begin),
            unpack.start.eq(begin),
            burst.stop.eq(stopping),
            unpack.stop.eq(stopping),
            outlet.stop.eq(stopping),
            self.header.eq(outlet.header),
            self.sent.eq(outlet.sent),
            self.starved.eq(unpack.starved & outlet.empty & self.samples.ready),
        ]
        self._positions(m, permutation.i, begin, stopping)
        with m.FSM(init="IDLE") as fsm:
            m.d.comb += self.active.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += begin.eq(self.start)
                m.d.sync += stopping.eq(0)
                with m.If(self.start):
                    m.next = "REPLAY"
            with m.State("REPLAY"):
                with m.If(self.stop):
                    m.d.sync += stopping.eq(1)
                with m.If((unpack.done & outlet.empty) | (stopping & outlet.between & ~burst.pending)):
                    m.next = "CLEAR"
            with m.State("CLEAR"):
                m.d.comb += clear.eq(1)
                m.next = "IDLE"
        return m

    def _positions(self, m, positions, begin, stopping):
        """Offer every position of the run once."""
        position = Signal(INDEX_BITS, reset_less=True)
        left = Signal(INDEX_BITS + 1)
        m.d.comb += [positions.payload.eq(position), positions.valid.eq(left != 0)]
        with m.If(begin):
            m.d.sync += [position.eq(self.first), left.eq(self.length)]
        with m.Elif(stopping):
            m.d.sync += left.eq(0)
        with m.Elif(positions.valid & positions.ready):
            m.d.sync += [position.eq(position + 1), left.eq(left - 1)]
