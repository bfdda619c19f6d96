"""A simulated board as a pipe: the host's bytes go over its `rx` pin, and what its `tx` pin says comes back."""

import numpy as np

from . import blocks
from .bench import Op
from .simulation import Simulation

__all__ = ["SerialSimulation"]


class SerialSimulation(Simulation):
    """The pipe that a `LinkClient` wants, in simulated time. Use it in a `with` statement.

    Parameters
    ----------
    build : Build
        Of a `LinkedTrainer` in its serial bench.
    clock_hz : int
    baud : int
        Where the host begins.
    faults : callable, optional
        What the wires make of bytes, for both directions: bytes to bytes. Also a member.
    """

    name = "the simulated board"

    def __init__(self, build, *, clock_hz, baud, faults=None, **options):
        super().__init__(build, **options)
        self.clock_hz, self.baud = clock_hz, baud
        self.faults = faults or bytes
        self._pending = bytearray()
        self._ready = bytearray()

    def now(self):
        """Simulated seconds."""
        return self.cycle() / self.clock_hz

    def set_baud(self, baud):
        """Talk at `baud` once everything written has been sent."""
        self._exchange(0, drain=True)
        self.baud = baud

    def write(self, data):
        """Send bytes, as soon as time passes."""
        self._pending += self.faults(bytes(data))

    def read(self, seconds):
        """What has come: at the end of a frame, or after `seconds`."""
        if not self._ready:
            self._exchange(max(1, round(seconds * self.clock_hz)))
        data = bytes(self._ready)
        self._ready.clear()
        return self.faults(data)

    def _exchange(self, clocks, *, drain=False):
        data = np.frombuffer(bytes(self._pending), np.uint8)
        self._pending.clear()
        blocks.put(self._folder / blocks.IN, data)
        bit = round(self.clock_hz / self.baud)
        outcome = self._command(
            Op.STREAM, "bytes", data=bit, count=len(data), wanted=int(drain), timeout=max(1, clocks)
        )
        words = blocks.take(self._folder / blocks.OUT, blocks.WORD, outcome["moved_out"])
        self._ready += words.astype(np.uint8).tobytes()

    def press_reset(self):
        """The board's reset button: the device forgets everything, time goes on."""
        self.reset()
