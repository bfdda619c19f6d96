"""A serial port of this machine as a pipe for `LinkClient`, with a sentence for everything that ports can refuse."""

import contextlib
import errno
import time

import serial
from serial.tools import list_ports

from ..errors import BepError, LinkLost
from .protocol import BASE_BAUD

__all__ = ["SerialPort"]

_WRITE_SECONDS = 3.0


class SerialPort:
    """A port, held for this process alone. Use it in a `with` statement.

    Parameters
    ----------
    name : str
        `/dev/ttyUSB0`, `COM3`.

    Raises
    ------
    BepError
        There is no such port, another program has it, this user may not use it, it is no serial port.
    LinkLost
        From every other call: the port has gone, as with a cable pulled out.
    """

    def __init__(self, name, *, baud=BASE_BAUD):
        self.name = name
        self.baud = baud
        try:
            self._port = serial.Serial(name, baud, timeout=0, write_timeout=_WRITE_SECONDS, exclusive=True)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise BepError(_refused(name, error)) from error
        with contextlib.suppress(OSError, AttributeError, NotImplementedError, ValueError):
            self._port.set_low_latency_mode(True)  # USB bridges hold back bytes for 16 ms otherwise

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Let go of the port; never raises."""
        with contextlib.suppress(OSError):
            self._port.close()

    @staticmethod
    def now():
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def set_baud(self, baud):
        """Talk at `baud` once everything written has been sent."""
        if baud == self.baud:
            return
        with self._kept():
            self._port.flush()
            self._port.baudrate = baud
        self.baud = baud

    def write(self, data):
        """Send bytes."""
        with self._kept():
            self._port.write(data)

    def read(self, seconds):
        """What has come, waiting for it at most `seconds`."""
        with self._kept():
            self._port.timeout = max(0.0, seconds)
            data = self._port.read(1)
            return data + self._port.read(self._port.in_waiting) if data else data

    @contextlib.contextmanager
    def _kept(self):
        try:
            yield
        except serial.SerialTimeoutException as error:
            raise LinkLost(f"The port {self.name} takes no more bytes; plug the board in anew.") from error
        except (OSError, TypeError, ValueError) as error:  # what pyserial raises when a port goes away under it
            raise LinkLost(f"The port {self.name} has gone; look at the board's cable.") from error


def _refused(name, error):
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFound" in str(error):
        found = ", ".join(sorted(port.device for port in list_ports.comports()))
        return f"There is no port {name}; " + (f"this machine has {found}." if found else "this machine has none.")
    if number in (errno.EAGAIN, errno.EBUSY):
        return f"The port {name} is in use by another program; close that first."
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in str(error):
        return (
            f"This user may not use the port {name}: join the group that it belongs to (often dialout), or "
            "close the program that holds it."
        )
    return f"{name} is no serial port that can be used ({getattr(error, 'strerror', None) or error})."
