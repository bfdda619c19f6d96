"""A pipe to the model of a device, in virtual time: nothing sleeps, and a second of silence costs nothing."""

import random

from .core_model import CoreModel
from .device import Device
from .protocol import build_id

__all__ = ["Faults", "ModelPipe", "golden_pipe"]


class Faults:
    """Bytes flipped, dropped or doubled, each with probability `share`; the same for the same seed."""

    def __init__(self, share=0.0, seed=0):
        self.share = share
        self._random = random.Random(seed)

    def __call__(self, data):
        if not self.share:
            return data
        out = bytearray()
        for byte in data:
            if self._random.random() >= self.share:
                out.append(byte)
                continue
            kind = self._random.randrange(3)
            if kind == 0:
                out.append(byte ^ 1 << self._random.randrange(8))
            elif kind == 1:
                out += bytes([byte, byte])
        return bytes(out)

    def noise(self, count):
        """Random bytes."""
        return self._random.randbytes(count)


class ModelPipe:
    """Both directions of a serial line to a `Device`.

    Bytes take their time at the present rate. When host and device talk at different rates, each hears noise.

    Parameters
    ----------
    device : Device
    baud : int
        Where the host begins.
    faults : Faults
        For both directions.
    round_trip : float
        Seconds that a reply takes beyond its bytes.
    silence : float
        Seconds without a whole frame after which the device is back at its base rate.
    most : int
        Fastest rate that the wires carry; above it all is noise.
    """

    def __init__(self, device, *, baud=115_200, faults=None, round_trip=0.001, silence=1.0, most=1 << 30):
        self.device = device
        self.baud = baud
        self.name = "the golden model"
        self.faults = faults or Faults()
        self.round_trip, self.silence, self.most = round_trip, silence, most
        self.moved = [0, 0]  # bytes that went out and came in
        self._now = self._good_at = 0.0
        self._inbox = bytearray()

    def now(self):
        """Virtual seconds."""
        return self._now

    def set_baud(self, baud):
        """Talk at `baud` from now on; what is under way is unaffected."""
        self.baud = baud

    def write(self, data):
        """Send bytes; the device answers at once."""
        self._tick(len(data))
        self.moved[0] += len(data)
        good, match = self.device.good, self._match()  # a reply goes out at the rate at which its request came in
        heard = self.device.feed(self.faults(data) if match else self.faults.noise(len(data)))
        if self.device.good > good:
            self._good_at = self._now
        self._inbox += heard if match else self.faults.noise(len(heard))

    def read(self, seconds):
        """What has come; after `seconds`, if that is nothing."""
        data = self.faults(bytes(self._inbox))
        self._inbox.clear()
        self.moved[1] += len(data)
        self._tick(len(data))
        self._now += self.round_trip if data else max(seconds, 1e-6)
        return data

    def close(self):
        """Nothing to hang up."""

    def _match(self):
        rate = self.device.constants["CLOCK_HZ"] / self.device.divisor
        return abs(rate - self.baud) < 0.04 * rate and self.baud <= self.most

    def _tick(self, count):
        self._now += 10 * count / self.baud
        if self._now - self._good_at > self.silence:
            self.device.silent_for_long()


def golden_pipe(run, core, *, clock_hz=100_000_000, baud=115_200, **options):
    """The golden model of `run` in a `core`, behind the link's protocol; options are those of `ModelPipe`."""
    model = CoreModel(core, run.network, run.training, run.prototypes)
    device = Device(model, build_id=build_id(core), clock_hz=clock_hz, base_divisor=round(clock_hz / baud))
    return ModelPipe(device, baud=baud, **options)
