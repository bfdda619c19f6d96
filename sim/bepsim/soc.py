"""A simulated board as a training target: the host driver talks to a simulated SoC through its UART pins."""

from contextlib import contextmanager
from functools import lru_cache

from bephw.export import to_verilog
from bephw.link.soc import LinkedTrainer
from bepsw.driver import Driver
from bepsw.layout import place
from bepsw.link.client import LinkClient
from bepsw.link.protocol import LEAST_DIVISOR, build_id
from bepsw.link.transport import LinkTransport
from bepsw.stored import StoredDriver

from .bench import BENCH
from .memory import BlockMemory
from .serial_bench import serial_bench
from .serial_line import SerialSimulation
from .simulator import build

__all__ = [
    "BASE_BAUD", "CLOCK_HZ", "RATES", "SILENCE", "SOC_TOP", "block_memory", "connect", "open_board", "open_linked",
    "soc_verilog",
]  # fmt: skip

SOC_TOP = "bepsoc"

CLOCK_HZ = 1_000_000
"""Slow, and so are the time-outs counted in clocks short: a simulated second has a million of them."""

BASE_BAUD = CLOCK_HZ // 8
RATES = (CLOCK_HZ // 4,)
SILENCE = 0.03
"""Seconds until the device is back at the base rate."""

_MEMORY_BITS = 24  # 32 MB, as on the boards
_LATENCY = 0.001
_PATIENCE = 0.3


def block_memory():
    """A memory for the data set of a simulated board."""
    return BlockMemory(_MEMORY_BITS)


@lru_cache(maxsize=4)
def soc_verilog(core, memory=None):
    """Verilog of a core with its link, as simulated; `memory` as in `open_board`."""
    store = memory() if memory else None
    soc = LinkedTrainer(
        core,
        clock_hz=CLOCK_HZ,
        build_id=build_id(core, store.port.signature.address_bits if store else None),
        baud=BASE_BAUD,
        fallback=round(SILENCE * CLOCK_HZ),
        memory=store,
    )
    return to_verilog(soc, SOC_TOP) + (store.verilog if store else "")


@contextmanager
def open_board(core, *, memory=None, simulator="verilator", faults=None, waves=None):
    """A running simulation of the SoC, as a pipe; closed when the block ends.

    memory : function, optional
        Gives the component that holds the data set, with a `port` of `MemorySignature` and its `verilog`; such as
        `block_memory`. None: a board without a data set.

    Raises
    ------
    BepError
        A tool is missing or fails.
    """
    bench = serial_bench(BENCH, SOC_TOP)
    made = build(soc_verilog(core, memory), SOC_TOP, simulator, waves=waves is not None, bench=bench)
    with SerialSimulation(made, clock_hz=CLOCK_HZ, baud=BASE_BAUD, faults=faults, waves=waves) as pipe:
        yield pipe


def connect(pipe, core, **options):
    """The driver's transport to the core behind `pipe`, with time-outs for a simulation."""
    settings = {
        "rates": RATES,
        "latency": _LATENCY,
        "patience": _PATIENCE,
        "silence": SILENCE,
        "least_divisor": LEAST_DIVISOR,
    }
    settings |= options
    return LinkTransport(LinkClient(pipe, **settings), core)


@contextmanager
def open_linked(run, core, *, memory=None, **options):
    """The host driver of a simulated board, set up for `run`; load a state before use. Options as in `open_board`.

    The board has a data set if the run's order is the hardware's: then it is a `StoredDriver`, with nothing stored yet.
    Its memory is `block_memory` unless another is given.

    Raises
    ------
    BepError
        The network does not fit the core, a tool is missing or fails.
    """
    place(run.network, core)  # refuse before minutes of compilation
    stored = run.order == "hardware"
    memory = memory or block_memory
    with open_board(core, memory=memory if stored else None, **options) as pipe, connect(pipe, core) as transport:
        kind = StoredDriver if stored else Driver
        yield kind(transport, run.network, run.training, run.prototypes)
