"""A core with its data set in a simulated memory, behind the same outside as a bare core."""

from contextlib import contextmanager
from functools import lru_cache

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from bephw.dataset.stored_trainer import StoredTrainer
from bephw.export import to_verilog
from bephw.types import trainer_ports

from .memory import BlockMemory
from .simulator import build
from .stalls import NO_STALLS
from .target import TOP
from .transport import SimTransport

__all__ = ["StoredCore", "open_stored"]


class StoredCore(wiring.Component):
    """`StoredTrainer` with the component `memory` at its port `port`; the other members are those of a `Trainer`."""

    def __init__(self, core, memory):
        self.core = core
        self.memory = memory
        super().__init__(trainer_ports(core))

    def elaborate(self, platform):
        m = Module()
        m.submodules.trainer = trainer = StoredTrainer(self.core, self.memory.port.signature.address_bits)
        m.submodules.memory = self.memory
        connect(m, trainer.memory, self.memory.port)
        connect(m, flipped(self.samples), trainer.samples)
        connect(m, trainer.results, flipped(self.results))
        connect(m, flipped(self.bus), trainer.bus)
        m.d.comb += self.idle.eq(trainer.idle)
        return m


@lru_cache(maxsize=4)
def _verilog(core, address_bits):
    memory = BlockMemory(address_bits)
    return to_verilog(StoredCore(core, memory), TOP) + memory.verilog


@contextmanager
def open_stored(core, address_bits, *, simulator="verilator", stalls=NO_STALLS, waves=None, timeout=1_000_000):
    """A running simulation of a core with a block RAM as its memory; arguments as those of `target.open_core`."""
    made = build(_verilog(core, address_bits), TOP, simulator, waves=waves is not None)
    with SimTransport(made, stalls=stalls, waves=waves, timeout=timeout) as transport:
        yield transport
