"""The driver's transport over a link: registers, blocks, the sample stream."""

import itertools
from types import SimpleNamespace

import numpy as np

from .. import dataset_registers
from ..errors import BepError, LinkLost
from ..registers import address
from .protocol import MOST_WORDS, READ, RESULTS_DEPTH, STREAM, WRITE, build_id, builds_of, link_address

__all__ = ["LinkTransport"]

_WORD = 4
_IDLE = 1
_LEAST_LOOKS = 20


class LinkTransport:
    """A core behind a link, with everything dropped that an earlier host had under way.

    Writes are posted: a call returns when the request is on its way, and what reads waits for all before it. A write
    that cannot be delivered is reported by a later call.

    Parameters
    ----------
    client : LinkClient
    core : Core, optional
        What the bitstream must have been built with, be it with a data set or without.

    Members
    -------
    memory : int or None
        log2 of the 16-bit words of the data set's memory, None without one; known where `core` is given.

    Raises
    ------
    BepError
        The board has another build than that of `core`.
    LinkLost
        From every call: see `LinkClient`; or the core takes no samples and gives no results any more.
    """

    def __init__(self, client, core=None):
        self.client = client
        builds = builds_of(core) if core is not None else {client.build: None}
        if client.build not in builds:
            raise BepError(
                f"The board at {client.pipe.name} carries build {client.build:08x}, and this core is build "
                f"{build_id(core):08x}: program the board with it, or choose with --core what the board has."
            )
        self.memory = builds[client.build]
        if self.memory is not None:
            self._end_replay()
        self.write(address("CONTROL"), 0)
        self.write(address("COMMAND"), 1)
        self.wait_idle()
        self._lanes = self.read(address("LANES"))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Leave the line at the base rate."""
        self.client.close()

    def read(self, addr):
        """The word at `addr`."""
        return int(self.read_block(addr, 1)[0])

    def write(self, addr, value):
        """Write `value` to `addr`."""
        self.write_block(addr, [int(value) & 0xFFFFFFFF])

    def read_block(self, addr, count):
        """`count` reads of the same address, uint32 (count,)."""
        return self._read(addr, count, 0)

    def read_range(self, addr, count):
        """`count` words of neighbouring addresses from `addr` on, uint32 (count,)."""
        return self._read(addr, count, 1)

    def write_block(self, addr, values):
        """Write each of `values` to the same address."""
        data = np.asarray(values).astype("<u4").tobytes()
        at = 0
        while at < len(data):
            size = _WORD * min(MOST_WORDS, self._words)
            self.client.post(WRITE, _target(addr) + data[at : at + size])
            at += size

    def stream(self, beats, last, results):
        """Send beats while taking results, until all beats are in and exactly `results` results are out.

        Every sample must have the same number of segments.

        Returns
        -------
        namespace with `results`, uint64 (results,), payloads in order.
        """
        data, size, segments = sample_bytes(np.asarray(beats), np.asarray(last), self._lanes)
        self.write(link_address("SEGMENTS"), segments)
        taken = []
        at = 0
        while at < len(data):
            end = min(len(data), at + self.client.size)
            while end // size - len(taken) > RESULTS_DEPTH:
                self._wait_results(taken)
            self.client.post(STREAM, data[at:end], lambda body: _take(taken, body))
            at = end
        while len(taken) < results:
            self._wait_results(taken)
        self.client.flush()
        if len(taken) > results:
            raise LinkLost(f"The core gave {len(taken)} results for {results} samples.")
        return SimpleNamespace(results=np.array(taken, np.uint64))

    def wait_idle(self, *, moved=None):
        """Wait until nothing is in flight in the core.

        moved : function, optional
            Its value changes while the core works on what nobody sends it; patience then begins anew.
        """
        out_of_patience, before = self._patience(), None
        while not self.read(address("STATUS")) & _IDLE:
            if moved and (now := moved()) != before:
                out_of_patience, before = self._patience(), now
            if out_of_patience():
                raise LinkLost(f"The core at {self.client.pipe.name} does not become idle; reset the board.")

    def _end_replay(self):
        """A host that was killed leaves a replay running: let the core have the sample in progress, then no more.

        Dropped in mid-sample by the core's reset, the rest of it would be taken for the next one.
        """
        self.write(dataset_registers.address("COMMAND"), dataset_registers.STOP)
        out_of_patience = self._patience()
        while self.read(dataset_registers.address("STATUS")) & dataset_registers.REPLAYING:
            if out_of_patience():
                raise LinkLost(f"The data set of {self.client.pipe.name} does not stop its replay; reset the board.")

    def _read(self, addr, count, step):
        parts, asked = [], 0
        while asked < count:
            size = min(MOST_WORDS, self._words, count - asked)
            self.client.post(READ, _target(addr + step * asked, step) + bytes([size]), parts.append)
            asked += size
        self.client.flush()
        return np.frombuffer(b"".join(parts), "<u4").astype(np.uint32)

    @property
    def _words(self):
        return self.client.size // _WORD

    def _patience(self):
        """Function that says, from call to call, whether waiting has taken too long: by the clock and by its calls."""
        until, calls = self.client.pipe.now() + self.client.patience, itertools.count()
        return lambda: next(calls) > _LEAST_LOOKS and self.client.pipe.now() > until

    def _wait_results(self, taken):
        """Wait for replies that bring results; ask for some when no request is under way."""
        before, out_of_patience = len(taken), self._patience()
        while len(taken) == before:
            if out_of_patience():
                raise LinkLost(f"The core at {self.client.pipe.name} gives no more results; reset the board.")
            if not self.client.under_way:
                self.client.post(STREAM, b"", lambda body: _take(taken, body))
            self.client.progress()


def sample_bytes(beats, last, lanes):
    """Beats of whole samples, all with the same number of segments, as the link's bytes.

    Returns
    -------
    data : bytes; size : int, bytes of a sample; segments : int, of a sample
    """
    count = int(np.count_nonzero(last))
    beats_each = len(beats) // count if count else 0
    if not count:
        return b"", 1, 1
    regular = len(beats) == count * beats_each and beats_each > 1 and last.reshape(count, -1)[:, -1].all()
    if not regular:
        raise BepError("Samples on a link must be whole and have equally many segments.")
    grid = beats.reshape(count, beats_each, -1)
    bits = np.unpackbits(grid[:, 1:], axis=2, count=lanes, bitorder="little").reshape(count, -1)
    rows = np.concatenate([grid[:, 0, :1], np.packbits(bits, axis=1, bitorder="little")], axis=1)
    return rows.tobytes(), rows.shape[1], beats_each - 1


def _target(addr, step=0):
    return int(addr).to_bytes(2, "little") + bytes([step])


def _take(taken, body):
    taken.extend(np.frombuffer(body, "<u4").tolist())
