"""Everything between two wires and a core: what docs/link.md describes.

rx ─► UART ─► frames ─► server ─┬─► bus ─┬─► link registers
tx ◄─ UART ◄───────────────┘    │        └─► bus of the core
                                ├─► bytes to beats ─► samples of the core
                                └─◄ result queue ◄── results of the core
"""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped

from bepsw.errors import BepError
from bepsw.link.protocol import BASE_BAUD, LEAST_DIVISOR, LINK_BASE, RESULTS_DEPTH

from ..types import BusSignature, result_layout, sample_layout
from .receiver import FrameReceiver
from .registers import LinkRegisters
from .server import Server
from .uart import DIVISOR_BITS, UartReceiver, UartTransmitter
from .unpacker import SampleUnpacker

__all__ = ["Link"]

_FALLBACK_SECONDS = 1


class Link(wiring.Component):
    """The serial link of a `Trainer(core)`. Equals `bepsw.link.device.Device`, reply for reply.

    Parameters
    ----------
    core : bepsw.core.Core
    clock_hz : int
        Of the clock that drives it; the base rate and the host's choice of a faster one follow from it.
    build_id : int
        32 bits that the host checks.
    baud : int
        Base rate.
    fallback : int, optional
        Clocks of silence until the base rate is back; those of a second if not given.

    Members
    -------
    rx, tx : serial line, high when idle; 8 data bits, no parity, one stop bit
    bus, samples, results : to the core
    good, bad : Out, one-cycle pulses: a whole frame came; a damaged one came, or a request was refused

    Raises
    ------
    BepError
        The clock has too few or too many periods in a bit of the base rate.
    """

    def __init__(self, core, *, clock_hz, build_id, baud=BASE_BAUD, fallback=None):
        self.core = core
        self.clock_hz = clock_hz
        self.build_id = build_id
        self.divisor = round(clock_hz / baud)
        if not LEAST_DIVISOR <= self.divisor < 1 << DIVISOR_BITS:
            raise BepError(
                f"{baud} baud are {self.divisor} clocks a bit at {clock_hz} Hz; the link takes {LEAST_DIVISOR} to "
                f"{(1 << DIVISOR_BITS) - 1}."
            )
        self.fallback = fallback or _FALLBACK_SECONDS * clock_hz
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "bus": Out(BusSignature()),
                "samples": Out(stream.Signature(sample_layout(core))),
                "results": In(stream.Signature(result_layout(core))),
                "good": Out(1),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.receive = receive = UartReceiver()
        m.submodules.transmit = transmit = UartTransmitter()
        m.submodules.frames = frames = FrameReceiver()
        m.submodules.server = server = Server()
        m.submodules.registers = registers = LinkRegisters(
            build_id=self.build_id, clock_hz=self.clock_hz, divisor=self.divisor, fallback=self.fallback
        )
        connect(m, receive.o, frames.i)
        connect(m, frames.o, server.events)
        connect(m, server.line, transmit.i)
        m.d.comb += [
            receive.rx.eq(self.rx),
            self.tx.eq(transmit.tx),
            receive.divisor.eq(registers.divisor),
            transmit.divisor.eq(registers.divisor),
            server.line_idle.eq(transmit.idle),
            registers.good.eq(frames.good),
            registers.sent.eq(server.sent),
            [getattr(frames, name).eq(getattr(server, name)) for name in ("slot", "at", "done", "hello_done")],
            [getattr(server, name).eq(getattr(frames, name)) for name in ("read_data", "hello", "session")],
        ]
        m.d.sync += [self.good.eq(frames.good), self.bad.eq(frames.bad | receive.broken | server.refused)]
        self._bus(m, server.bus, registers.bus)
        restart = Signal()
        m.d.sync += restart.eq(frames.hello | registers.restart)
        unpacker = SampleUnpacker(self.core)
        m.submodules.unpacker = ResetInserter(restart)(unpacker)
        connect(m, server.samples, unpacker.i)
        connect(m, unpacker.o, flipped(self.samples))
        m.d.comb += unpacker.segments.eq(registers.segments)
        self._results(m, server, registers, restart)
        return m

    def _bus(self, m, bus, link):
        own = Signal()
        m.d.comb += own.eq(bus.addr >= LINK_BASE)
        for part, chosen in ((self.bus, ~own), (link, own)):
            m.d.comb += [
                part.valid.eq(bus.valid & chosen),
                part.write.eq(bus.write),
                part.addr.eq(bus.addr),
                part.wdata.eq(bus.wdata),
            ]
        m.d.comb += [
            bus.ready.eq(Mux(own, link.ready, self.bus.ready)),
            bus.rdata.eq(Mux(own, link.rdata, self.bus.rdata)),
        ]

    def _results(self, m, server, registers, restart):
        queue = SyncFIFOBuffered(width=result_layout(self.core).size, depth=RESULTS_DEPTH)
        m.submodules.results = ResetInserter(restart)(queue)
        first = server.results  # a register behind the block RAM holds the next result
        m.d.comb += [
            queue.w_data.eq(self.results.payload),
            queue.w_en.eq(self.results.valid),
            self.results.ready.eq(queue.w_rdy),
            queue.r_en.eq(~first.valid | first.ready),
        ]
        with m.If(queue.r_en):
            m.d.sync += [first.payload.eq(queue.r_data), first.valid.eq(queue.r_rdy)]
        with m.If(restart):
            m.d.sync += first.valid.eq(0)
        m.d.sync += registers.results.eq(queue.level + first.valid)
