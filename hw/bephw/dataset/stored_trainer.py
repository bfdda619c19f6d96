"""A trainer core with its data set in a memory: from outside a Trainer with a memory port more.

bus ─┬─► Trainer ─► results          samples ─┐
     └─► Dataset ─── samples of a replay ─────┴─► Trainer
"""

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from bephw.trainer import Trainer
from bephw.types import trainer_ports
from bepsw.dataset_registers import BASE

from .dataset import Dataset
from .memory import MemorySignature

__all__ = ["StoredTrainer"]

_BLOCK = 14  # address bits of the quarter of the bus that is the data set's


class StoredTrainer(wiring.Component):
    """`Trainer` and `Dataset` on one bus. During a replay the core takes its samples from the memory.

    Parameters
    ----------
    core : bepsw.core.Core
    address_bits : int
        Of the memory.

    Members
    -------
    samples, results, bus, idle : as those of `Trainer`; not idle during a replay
    memory : Out, see `MemorySignature`
    """

    def __init__(self, core, address_bits):
        self.core = core
        self.address_bits = address_bits
        super().__init__(trainer_ports(core) | {"memory": Out(MemorySignature(address_bits))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.trainer = trainer = Trainer(self.core)
        m.submodules.dataset = dataset = Dataset(self.core, self.address_bits)
        connect(m, trainer.results, dataset.judged)
        connect(m, dataset.results, flipped(self.results))
        connect(m, dataset.memory, flipped(self.memory))
        stored = dataset.active
        m.d.comb += [
            trainer.samples.payload.eq(Mux(stored, dataset.samples.payload, self.samples.payload)),
            trainer.samples.valid.eq(Mux(stored, dataset.samples.valid, self.samples.valid)),
            dataset.samples.ready.eq(trainer.samples.ready & stored),
            self.samples.ready.eq(trainer.samples.ready & ~stored),
            self.idle.eq(trainer.idle & ~stored),
            dataset.idle.eq(trainer.idle),
        ]
        here = self.bus.addr[_BLOCK:] == BASE >> _BLOCK
        for bus, chosen in ((dataset.bus, here), (trainer.bus, ~here)):
            m.d.comb += [
                bus.addr.eq(self.bus.addr),
                bus.wdata.eq(self.bus.wdata),
                bus.write.eq(self.bus.write),
                bus.valid.eq(self.bus.valid & chosen),
            ]
        m.d.comb += [
            self.bus.ready.eq(Mux(here, dataset.bus.ready, trainer.bus.ready)),
            self.bus.rdata.eq(Mux(here, dataset.bus.rdata, trainer.bus.rdata)),
        ]
        return m
