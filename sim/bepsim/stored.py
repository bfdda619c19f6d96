"""A core with its data set in a simulated memory: as a simulation, and as a target that tells every single result."""

from contextlib import contextmanager
from functools import lru_cache

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped

from bephw.dataset.stored_trainer import StoredTrainer
from bephw.export import to_verilog
from bephw.types import trainer_ports
from bepsw.program import compile_program
from bepsw.registers import RUN, TRAIN, address
from bepsw.spec import thresholds
from bepsw.stored import StoredDriver

from .memory import BlockMemory
from .simulator import build
from .stalls import NO_STALLS
from .target import TOP
from .transport import SimTransport

__all__ = ["ReplayingDriver", "StoredCore", "open_replaying", "open_stored"]

_MEMORY_BITS = 20  # 16 384 images of 784 bits; Icarus is slow to start with more


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


class ReplayingDriver(StoredDriver):
    """A driver whose `train` takes the samples from the memory, the next ones of the epoch, with a result for each.

    It is called with the samples that are expected there, and looks at their number only. Loading a state goes back to
    where the last call began.

    Members
    -------
    epoch : of the order.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.begin(0)

    def begin(self, epoch):
        """Go to the first position of an epoch."""
        self.epoch, self._next, self._last = epoch, 0, 0

    def load(self, state):
        super().load(state)
        self._next = self._last

    def train(self, bits, labels, *, close=False):
        """Train on the next `len(bits)` samples in the memory; `Results`."""
        self.transport.write(address("CONTROL"), self._control | TRAIN)
        count, order = self._trained, (self.training.seed, self.epoch)
        self.store.replay(self._next, len(bits), base=0, count=count, order=order, close=close)
        nothing = np.zeros((0, -(-self.core.lanes // 8)), np.uint8), np.zeros(0, bool)
        self.log = self.transport.stream(*nothing, len(bits))
        self.transport.wait_idle()
        self.transport.write(address("CONTROL"), self._control & ~RUN)
        self._check_errors()
        self._last, self._next = self._next, self._next + len(bits)
        return self._results(self.log.results)


@contextmanager
def open_replaying(run, core, data, **options):
    """A `ReplayingDriver` for `run` with the `FitData` in its memory; options as those of `open_stored`.

    Raises
    ------
    BepError
        The network does not fit the core, or the core cannot train it so; the data do not fit the memory; a tool is
        missing or fails.
    """
    compile_program(run.network, core, thresholds(run.network, run.training))  # refuse before minutes of compilation
    with open_stored(core, _MEMORY_BITS, **options) as transport:
        driver = ReplayingDriver(transport, run.network, run.training, run.prototypes)
        driver.put(data)
        yield driver
