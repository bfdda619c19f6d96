"""Who does the training: the golden model or a simulated core, behind the one interface `bepsw.target.Target`."""

from contextlib import contextmanager

from bepsw.errors import BepError
from bepsw.golden import FastModel

from .options import core_of

__all__ = ["TARGETS", "open_target"]

TARGETS = ("golden", "sim")


@contextmanager
def open_target(name, run, *, core="small", simulator="verilator"):
    """A trainer for `run`, closed when the block ends.

    Parameters
    ----------
    name : str
        One of `TARGETS`.
    run : bepsw.run.Run
    core : str
        The simulated core, as `options.core_of` reads it, with the lanes of the run, which decide the random bits.
    simulator : str
        "verilator" or "icarus".

    Raises
    ------
    BepError
        When the network does not fit the core, no core trains so, or the simulator is missing.
    """
    if name == "golden":
        yield FastModel(run.network, run.training, run.prototypes, lanes=run.lanes)
    elif name == "sim":
        # Imported late: training in the golden model needs neither Amaranth nor a simulator.
        from bepsim.target import open_simulated

        core = core_of(core, lanes=run.lanes)
        with open_simulated(run, core, simulator=simulator) as target:
            yield target
    else:
        raise BepError(f"There is no target {name!r}; known are {', '.join(TARGETS)}.")
