"""A simulated core as a training target: generate, compile, start, and hand out the host driver."""

from contextlib import contextmanager
from functools import lru_cache

from bephw.export import to_verilog
from bephw.trainer import Trainer
from bepsw.driver import Driver
from bepsw.program import compile_program
from bepsw.spec import thresholds

from .simulator import build
from .stalls import NO_STALLS
from .transport import SimTransport

__all__ = ["TOP", "core_verilog", "open_core", "open_simulated"]

TOP = "bepcore"
"""Name of the generated top module."""


@lru_cache(maxsize=4)
def core_verilog(core):
    """Verilog of a trainer core."""
    return to_verilog(Trainer(core), TOP)


@contextmanager
def open_core(core, *, simulator="verilator", stalls=NO_STALLS, waves=None, timeout=1_000_000):
    """A running simulation of `core`, as a `SimTransport`; closed when the block ends.

    Raises
    ------
    BepError
        A tool is missing or fails.
    """
    made = build(core_verilog(core), TOP, simulator, waves=waves is not None)
    with SimTransport(made, stalls=stalls, waves=waves, timeout=timeout) as transport:
        yield transport


@contextmanager
def open_simulated(run, core, **options):
    """The host driver of a simulated core, set up for `run` (network, training, prototypes); load a state before use.

    Options are those of `open_core`.

    Raises
    ------
    BepError
        The network does not fit the core, or the core cannot train it so; a tool is missing or fails.
    """
    compile_program(run.network, core, thresholds(run.network, run.training))  # refuse before minutes of compilation
    with open_core(core, **options) as transport:
        yield Driver(transport, run.network, run.training, run.prototypes)
