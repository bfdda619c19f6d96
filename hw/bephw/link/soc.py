"""A trainer core behind two wires: what a board's bitstream holds.

rx ─► Link ─ bus, samples ─► Trainer            without a data set
tx ◄─      ◄──── results ─── StoredTrainer ─► memory   with one
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from bepsw.link.protocol import BASE_BAUD

from ..dataset.stored_trainer import StoredTrainer
from ..trainer import Trainer
from .link import Link

__all__ = ["LinkedTrainer"]

_GLOW = 10  # a light stays on for 1/_GLOW of a second after an event
_LIGHTS = ("alive", "training", "error")


class LinkedTrainer(wiring.Component):
    """`Trainer` for every network that fits `core`, reached over a serial line; see docs/link.md.

    Parameters
    ----------
    core : bepsw.core.Core
    clock_hz, build_id, baud, fallback
        As in `Link`; the build id that the host expects is `bepsw.link.protocol.build_id(core, memory)`.
    memory : component, optional
        The memory of a data set, with a member `port` of `MemorySignature` in the clock domain `sync`. Without it the
        samples come from the host only.

    Members
    -------
    rx, tx : serial line, high when idle; 8 data bits, no parity, one stop bit
    alive : Out, whole frames come in
    training : Out, samples are in flight
    error : Out, a frame was damaged or a request refused

    Raises
    ------
    BepError
        The clock has too few or too many periods in a bit of the base rate.
    """

    def __init__(self, core, *, clock_hz, build_id, baud=BASE_BAUD, fallback=None, memory=None):
        self.core = core
        self.memory = memory
        self.clock_hz = clock_hz
        self._link = Link(core, clock_hz=clock_hz, build_id=build_id, baud=baud, fallback=fallback)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), **dict.fromkeys(_LIGHTS, Out(1))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self._link
        if self.memory is None:
            trainer = Trainer(self.core)
        else:
            trainer = StoredTrainer(self.core, self.memory.port.signature.address_bits)
            m.submodules.memory = self.memory
            connect(m, trainer.memory, self.memory.port)
        m.submodules.trainer = trainer
        connect(m, link.bus, trainer.bus)
        connect(m, link.samples, trainer.samples)
        connect(m, trainer.results, link.results)
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        for name, event in zip(_LIGHTS, (link.good, ~trainer.idle, link.bad), strict=True):
            self._light(m, name, event)
        return m

    def _light(self, m, name, event):
        period = max(1, self.clock_hz // _GLOW)
        left = Signal(range(period + 1), name=f"{name}_left")
        m.d.sync += getattr(self, name).eq(left != 0)
        with m.If(event):
            m.d.sync += left.eq(period)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
