"""A running simulation as the parent sees it: start it, give the bench one command at a time, end it."""

import shutil
import socket
import tempfile
import time
from pathlib import Path

from bepsw.errors import BepError

from . import toolbox
from .bench import Op
from .process import Child
from .stalls import NO_STALLS
from .wire import SOCKET, Line

__all__ = ["Simulation"]

_START_SECONDS = 120
_RESET_CLOCKS = 4
_MOST = (1 << 32) - 1
_PINS = ("bus__ready", "bus__valid", "results__ready", "results__valid", "samples__ready", "samples__valid", "idle")


class Simulation:
    """A program made by `simulator.build`, in a child process; use it in a `with` statement.

    Every call returns when it is done; between calls simulated time stands still. Clock edges are counted from 0, the
    first edge that the core sees with reset low.

    Parameters
    ----------
    build : Build
        What to simulate.
    stalls : Stalls
        Random pauses on the streams.
    waves : path, optional
        Where to leave the recorded waves; its suffix becomes the build's (`.vcd` or `.fst`). Needs a build with waves.
    timeout : int
        Clocks without any progress after which a call gives up.

    Raises
    ------
    BepError
        From every call: nothing moved for `timeout` clocks, undefined bits came out, or the simulator died.
    """

    def __init__(self, build, *, stalls=NO_STALLS, waves=None, timeout=1_000_000):
        if waves is not None and not build.waves:
            raise BepError("This simulation was compiled without waves; build it with waves=True.")
        self.build = build
        self.waves = Path(waves).absolute().with_suffix(build.wave_suffix) if waves is not None else None
        self._stalls = stalls
        self._timeout = min(int(timeout), _MOST)
        self._cycle = 0
        self._busy = False
        self._folder = self._child = self._line = None

    def __enter__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="bepsim-"))
        try:
            self._start()
            self.reset()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception):
        self.close()

    def _start(self):
        arguments = dict(
            simulator=self.build.simulator,
            build=str(self.build.folder),
            folder=str(self._folder),
            waves=self._recorded().name if self.waves else "",
        )
        env = toolbox.environment(self.build.simulator)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(self._folder / SOCKET))
            door.listen(1)
            door.settimeout(0.1)
            self._child = Child("test", arguments, env=env, log=self._folder / "log.txt", folder=self._folder)
            deadline = time.monotonic() + _START_SECONDS
            while self._line is None:
                try:
                    connection, _ = door.accept()
                    connection.setblocking(True)
                    self._line = Line(connection)
                except TimeoutError:
                    if not self._child.alive() or time.monotonic() > deadline:
                        raise self._died("did not start") from None

    def close(self):
        """End the simulation; calling it twice does no harm."""
        if self._child is not None:
            if self._line is not None and not self._busy and self._child.alive():
                self._quit()
            self._child.kill()
        if self._line is not None:
            self._line.close()
        if self.waves and self._folder and self._recorded().exists():
            self.waves.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(self._recorded(), self.waves)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._child = self._line = None

    def _recorded(self):
        return self._folder / f"waves{self.build.wave_suffix}"

    def _quit(self):
        try:
            self._line.send({"quit": 1})
            self._child.wait(30)
        except OSError:
            return

    def _died(self, what):
        return BepError(f"The simulator {what}. Its last words:\n{self._child.last_words()}")

    def _command(self, op, what, *, addr=0, data=0, count=1, wanted=0, timeout=None):
        """Let the bench do one thing; `what` says what is waited for, for the error message."""
        if self._line is None:
            raise BepError("The simulation is not running: use it inside its `with` statement.")
        limit = self._timeout if timeout is None else min(int(timeout), _MOST)
        command = dict(op=int(op), addr=addr, data=data, count=count, wanted=wanted, limit=limit)
        self._busy = True
        try:
            self._line.send(command | self._stalls.command())
            outcome = self._line.receive()
        except OSError:
            outcome = None
        if outcome is None:
            self._child.wait(5)
            raise self._died(f"died while waiting for {what}")
        self._busy = False
        self._cycle = outcome["cycle"]
        if outcome["late"]:
            raise BepError(f"Nothing moved for {limit} clocks while waiting for {what}; {_describe(outcome)}.")
        if outcome["unknown"]:
            raise BepError(f"Undefined bits (x) came out of the core while waiting for {what}.")
        return outcome

    def cycle(self):
        """Clock edges since reset, at the end of the last call."""
        return self._cycle

    def reset(self):
        """Reset the core; clock edges count from 0 again, and the stalls start afresh."""
        self._command(Op.RESET, "the reset", count=_RESET_CLOCKS)


def _describe(outcome):
    high = [name for bit, name in enumerate(_PINS) if outcome["pins"] >> bit & 1]
    moved = f"{outcome['moved_in']} went in and {outcome['moved_out']} came out"
    return f"{moved}; high at the end: {', '.join(high) or 'nothing'}"
