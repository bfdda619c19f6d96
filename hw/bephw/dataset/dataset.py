"""The data set in a board's memory: loaded once by the host, replayed to the core epoch after epoch.

bus ─► Settings ─ words of the host ──┐
           │ start, settings          ├─► memory (SDRAM, block RAM)
           ▼                          │
         Replay ─ reads ahead ────────┘
           └─► samples ─► core
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from bephw.types import LABEL_BITS, BusSignature, result_layout, sample_layout

from .memory import MemorySignature
from .replay import Replay
from .settings import Settings
from .tally import Tally

__all__ = ["Dataset"]


class Dataset(wiring.Component):
    """A data set behind `memory`, for a core. The host's software is `bepsw.stored`.

    Parameters
    ----------
    core : bepsw.core.Core
        Whose sample stream it feeds.
    address_bits : int
        The memory has 2^address_bits words of 16 bits.

    Members
    -------
    bus : In, registers of bepsw.dataset_registers; the caller leads addresses from their BASE on here
    memory : Out, see `MemorySignature`
    samples : Out, for the core; idle : In, nothing is in the core
    judged : In, results of the core; results : Out, those that the host is to have
    active : Out, a replay is running
    """

    def __init__(self, core, address_bits):
        self.core = core
        self.address_bits = address_bits
        super().__init__(
            {
                "bus": In(BusSignature()),
                "memory": Out(MemorySignature(address_bits)),
                "samples": Out(stream.Signature(sample_layout(core))),
                "idle": In(1),
                "judged": In(stream.Signature(result_layout(core))),
                "results": Out(stream.Signature(result_layout(core))),
                "active": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.settings = settings = Settings(self.address_bits)
        m.submodules.replay = replay = Replay(self.core, self.address_bits)
        memory = self.memory
        connect(m, flipped(self.bus), settings.bus)
        connect(m, replay.samples, flipped(self.samples))
        names = ("seed", "epoch", "base", "count", "first", "length", "inputs", "stride", "start", "stop")
        m.d.comb += [
            [getattr(replay, name).eq(getattr(settings, name)) for name in names],
            replay.shuffle.eq(settings.mode[0]),
            replay.close.eq(settings.mode[1]),
            self.active.eq(replay.active | settings.start),
            settings.busy.eq(self.active),
            settings.ready.eq(memory.ready),
            settings.sent.eq(replay.sent),
            # One of the two is silent.
            memory.commands.valid.eq(replay.commands.valid | settings.commands.valid),
            memory.commands.payload.write.eq(settings.commands.payload.write & ~replay.active),
            memory.commands.payload.address.eq(
                Mux(replay.active, replay.commands.payload, settings.commands.payload.address)
            ),
            replay.commands.ready.eq(memory.commands.ready),
            settings.commands.ready.eq(memory.commands.ready),
            replay.read.valid.eq(memory.read.valid & replay.active),
            settings.read.valid.eq(memory.read.valid & ~replay.active),
            replay.read.payload.eq(memory.read.payload),
            settings.read.payload.eq(memory.read.payload),
        ]
        connect(m, settings.written, flipped(memory.written))
        self._tally(m, settings, replay)
        begun = Signal()  # the first sample has gone: the line is full
        m.d.sync += [begun.eq(replay.active & (begun | replay.sent)), settings.starved.eq(begun & replay.starved)]
        return m

    def _tally(self, m, settings, replay):
        m.submodules.tally = tally = Tally(self.core)
        connect(m, flipped(self.judged), tally.i)
        connect(m, tally.o, flipped(self.results))
        # A cycle late: the core's `ready` has come a long way.
        m.d.sync += [tally.header.eq(replay.header), tally.label.eq(self.samples.payload.data[:LABEL_BITS])]
        m.d.comb += [
            tally.start.eq(settings.start),
            tally.clear.eq(self.idle & ~self.active),
            tally.keep.eq(settings.mode[2]),
            settings.judged.eq(tally.judged),
            settings.wrong.eq(tally.wrong),
        ]
