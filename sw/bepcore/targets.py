"""Who does the training: golden model, simulated core or board, behind the one interface `bepsw.target.Target`."""

import argparse
from contextlib import contextmanager

from bepsw.driver import Driver
from bepsw.errors import BepError
from bepsw.golden import FastModel
from bepsw.program import compile_program
from bepsw.spec import thresholds
from bepsw.stored import StoredDriver

from .options import core_of

__all__ = ["SIMULATED", "TARGETS", "add_target", "open_target"]

TARGETS = ("golden", "golden-link", "sim", "sim-soc")

SIMULATED = ("sim", "sim-soc")
"""Those that take seconds for a batch."""

_BOARD = "board:"


def add_target(group, does):
    """--target; `does` completes "who …"."""
    group.add_argument(
        "--target",
        type=_target,
        default="golden",
        metavar="TARGET",
        help=f"who {does}: golden (model, the default), sim (simulated core), sim-soc (simulated board, through its "
        "serial pins), golden-link (model behind the link's protocol), board:PORT (as board:/dev/ttyUSB0)",
    )


def _target(text):
    if text in TARGETS or (text.startswith(_BOARD) and len(text) > len(_BOARD)):
        return text
    raise argparse.ArgumentTypeError(f"there is no target {text!r}; known are {', '.join(TARGETS)}, and board:PORT")


@contextmanager
def open_target(name, run, *, core="small", simulator="verilator"):
    """A trainer for `run`, closed when the block ends.

    Parameters
    ----------
    name : str
        One of `TARGETS`, or `board:` and a serial port.
    run : bepsw.run.Run
        If its order is the hardware's, a board that has a data set gives a `StoredDriver`, with nothing stored yet.
    core : str
        The core that trains, as `options.core_of` reads it, with the lanes of the run, which decide the random bits.
    simulator : str
        "verilator" or "icarus".

    Raises
    ------
    BepError
        When the network does not fit the core, no core trains so, the simulator is missing, or no board with that core
        answers.
    """
    if name == "golden":
        yield FastModel(run.network, run.training, run.prototypes, lanes=run.lanes)
        return
    core = core_of(core, lanes=run.lanes)
    compile_program(run.network, core, thresholds(run.network, run.training))  # refuse before minutes of building
    # Imported late: training in the golden model needs neither Amaranth, nor a simulator, nor a serial port.
    if name == "sim":
        from bepsim.target import open_simulated

        with open_simulated(run, core, simulator=simulator) as target:
            yield target
    elif name == "sim-soc":
        from bepsim.soc import open_linked

        with open_linked(run, core, simulator=simulator) as target:
            yield target
    elif name == "golden-link":
        from bepsw.link.model_pipe import golden_pipe

        with _linked(golden_pipe(run, core), run, core) as target:
            yield target
    elif name.startswith(_BOARD):
        from bepsw.link.serial_port import SerialPort

        with SerialPort(name.removeprefix(_BOARD)) as pipe, _linked(pipe, run, core) as target:
            yield target
    else:
        raise BepError(f"There is no target {name!r}; known are {', '.join(TARGETS)}, and board:PORT.")


@contextmanager
def _linked(pipe, run, core):
    from bepsw.link.client import LinkClient
    from bepsw.link.transport import LinkTransport

    with LinkTransport(LinkClient(pipe), core) as transport:
        stored = run.order == "hardware" and transport.memory is not None
        yield (StoredDriver if stored else Driver)(transport, run.network, run.training, run.prototypes)
