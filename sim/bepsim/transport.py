"""The parent side of a simulation: the registers and streams of a core as plain method calls."""

import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bepsw.errors import BepError

from . import blocks, toolbox
from .bench import Op
from .process import Child
from .stalls import NO_STALLS
from .wire import SOCKET, Line

__all__ = ["SimTransport", "StreamLog"]

_START_SECONDS = 120
_RESET_CLOCKS = 4
_MOST = (1 << 32) - 1
_PINS = ("bus__ready", "bus__valid", "results__ready", "results__valid", "samples__ready", "samples__valid", "idle")


@dataclass(frozen=True)
class StreamLog:
    """What came out of one `stream` call.

    results : uint64 (results,), payloads in order.
    result_cycle : int64 (results,), clock edge since reset at which each was taken.
    beat_cycle : int64 (n,), the same for the beats that went in.
    """

    results: np.ndarray
    result_cycle: np.ndarray
    beat_cycle: np.ndarray


class SimTransport:
    """A simulated core; use it in a `with` statement.

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

    def read(self, addr):
        """The word at `addr`."""
        return self._command(Op.PEEK, f"a read of register {addr:#x}", addr=addr)["value"]

    def write(self, addr, value):
        """Write `value` to `addr`."""
        self._command(Op.POKE, f"a write to register {addr:#x}", addr=addr, data=int(value) & _MOST)

    def read_block(self, addr, count):
        """`count` reads of the same address, uint32 (count,); a word each clock if the core can."""
        if count == 0:
            return np.zeros(0, np.uint32)
        self._command(Op.READ, f"{count} words from {addr:#x}", addr=addr, count=int(count))
        return blocks.take(self._folder / blocks.OUT, blocks.WORD, count).astype(np.uint32, copy=False)

    def write_block(self, addr, values):
        """Write each of `values` to the same address; a word each clock if the core can."""
        values = np.asarray(values)
        if values.size:
            blocks.put(self._folder / blocks.IN, values.astype(">u4"))
            self._command(Op.WRITE, f"{values.size} words to {addr:#x}", addr=addr, count=values.size)

    def stream(self, beats, last, results):
        """Send beats while taking results, until all beats are in and exactly `results` results are out.

        Parameters
        ----------
        beats : uint8 (n, ceil(g/8))
            Data of each beat, byte 0 holds bits 0 to 7.
        last : bool (n,)
            Whether the beat ends its packet.
        results : int
            How many to take.

        Returns
        -------
        StreamLog
        """
        blocks.put(self._folder / blocks.IN, blocks.pack_beats(beats, last, self.build.ports.data))
        what = f"{len(beats)} beats to go in and {results} results to come out"
        self._command(Op.STREAM, what, count=len(beats), wanted=int(results))
        out = blocks.take(self._folder / blocks.OUT, blocks.RESULT, results)
        cycles = blocks.take(self._folder / blocks.BEATS, blocks.CYCLE, len(beats))
        return StreamLog(out["payload"].astype(np.uint64), out["cycle"].astype(np.int64), cycles.astype(np.int64))

    def wait_idle(self, timeout_cycles=None):
        """Wait until nothing is in flight in the core."""
        self._command(Op.QUIET, "the core to be idle", timeout=timeout_cycles)

    def idle_clocks(self, n):
        """Let at least `n` clocks pass."""
        if n > 0:
            self._command(Op.CLOCKS, f"{n} clocks to pass", count=int(n))

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
