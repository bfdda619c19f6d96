"""The parent side of a simulated core: its registers and streams as plain method calls."""

from dataclasses import dataclass

import numpy as np

from . import blocks
from .bench import Op
from .simulation import Simulation

__all__ = ["SimTransport", "StreamLog"]

_MOST = (1 << 32) - 1


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


class SimTransport(Simulation):
    """A simulated core, as the driver's transport; use it in a `with` statement. Arguments and errors: `Simulation`."""

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

    def wait_idle(self, timeout_cycles=None, *, moved=None):
        """Wait until nothing is in flight in the core; `moved` is for transports that count their patience in time."""
        self._command(Op.QUIET, "the core to be idle", timeout=timeout_cycles)

    def idle_clocks(self, n):
        """Let at least `n` clocks pass."""
        if n > 0:
            self._command(Op.CLOCKS, f"{n} clocks to pass", count=int(n))
