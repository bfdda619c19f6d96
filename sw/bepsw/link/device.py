"""The device's end of the link, as a model: what the hardware answers, byte for byte.

Time does not pass here; who owns a `Device` feeds it bytes and passes on what it says.
"""

from .frames import Splitter, pack
from .protocol import (
    BAD_REQUEST,
    HELLO,
    IDENTITY,
    LINK_BASE,
    LINK_REGISTERS,
    MOST_WORDS,
    NO_SESSION,
    OK,
    OTHER_SESSION,
    READ,
    RESULTS_DEPTH,
    SLOTS,
    STREAM,
    VERSION,
    WINDOW,
    WRITE,
    link_address,
)

__all__ = ["Device"]

_WORD = 4
_ALL_ONES = (1 << 32) - 1


class Device:
    """Frames in, frames out, in front of a core.

    Parameters
    ----------
    core : object
        `lanes`; `read(address)`, `write(address, value)`; `beat(data, last)` takes a beat of the sample stream;
        `results`, a list of the results that wait.
    build_id, clock_hz, base_divisor : int
        As in `bephw.link.soc.LinkedTrainer`.

    Members
    -------
    divisor : int
        Clocks a bit now.
    good : int
        Whole frames so far.
    """

    def __init__(self, core, *, build_id, clock_hz, base_divisor):
        self.core = core
        self.constants = {
            "IDENTITY": IDENTITY,
            "VERSION": VERSION,
            "BUILD": build_id,
            "CLOCK_HZ": clock_hz,
            "BASE_DIVISOR": base_divisor,
        }
        self.base_divisor = base_divisor
        self.reset()

    def reset(self):
        """As after power-on; the core's reset is the core's business."""
        self.divisor = self.base_divisor
        self.good = 0
        self._splitter = Splitter()
        self._session = None
        self._segments = 1
        self._clear()

    def silent_for_long(self):
        """No whole frame came for the fallback time: the base rate is back."""
        self.divisor = self.base_divisor

    def feed(self, data):
        """What it sends after it has received `data`; a rate asked for counts from then on."""
        out = bytearray()
        for body in self._splitter.feed(bytes(data)):
            if len(body) < 3:
                continue
            self.good += 1
            self._next_divisor = self.divisor
            out += self._frame(body)
            self.divisor = self._next_divisor
        return bytes(out)

    def _clear(self):
        self._sample = bytearray()
        self.core.results.clear()

    def _frame(self, body):
        session, sequence, operation = body[:3]
        if operation == HELLO:
            self._session, self._expected, self._replies = session, 0, [b""] * SLOTS
            self._clear()
            return pack(bytes([session, 0, OK]) + self._read(LINK_BASE, 1, len(LINK_REGISTERS)))
        if session != self._session:
            return pack(bytes([session, sequence, NO_SESSION if self._session is None else OTHER_SESSION]))
        behind = (self._expected - sequence) % 256
        if behind == 0:
            answer = self._execute(operation, body[3:])
            self._replies[sequence % SLOTS] = pack(bytes([session, sequence]) + answer)
            self._expected = (sequence + 1) % 256
        return self._replies[sequence % SLOTS] if behind <= WINDOW else b""

    def _execute(self, operation, rest):
        if operation == READ and len(rest) == 4 and rest[3] <= MOST_WORDS:
            return bytes([OK]) + self._read(int.from_bytes(rest[:2], "little"), rest[2], rest[3])
        if operation == WRITE and len(rest) % _WORD == 3:
            address, step = int.from_bytes(rest[:2], "little"), rest[2]
            for at in range(3, len(rest), _WORD):
                self._write_word(address, int.from_bytes(rest[at : at + _WORD], "little"))
                address = (address + step) % (1 << 16)
            return bytes([OK])
        if operation == STREAM:
            for byte in rest:
                self._take(byte)
            taken = self.core.results[:MOST_WORDS]
            del self.core.results[: len(taken)]
            return bytes([OK]) + b"".join(int(one).to_bytes(_WORD, "little") for one in taken)
        return bytes([BAD_REQUEST])

    def _take(self, byte):
        """A byte of samples; a beat goes to the core with its last byte."""
        self._sample.append(byte)
        bits, lanes = 8 * (len(self._sample) - 1), self.core.lanes
        if bits == 0:
            self.core.beat(byte, False)
        word = int.from_bytes(self._sample[1:], "little")
        for segment in range((bits - 8) // lanes if bits else 0, min(bits // lanes, self._segments)):
            data = word >> (segment * lanes) & ((1 << lanes) - 1)
            self.core.beat(data, segment == self._segments - 1)
        if bits >= self._segments * lanes:
            self._sample.clear()

    def _read(self, address, step, count):
        words = []
        for _ in range(count):
            words.append(self._read_word(address) & _ALL_ONES)
            address = (address + step) % (1 << 16)
        return b"".join(word.to_bytes(_WORD, "little") for word in words)

    def _read_word(self, address):
        if address < LINK_BASE:
            return self.core.read(address)
        name = LINK_REGISTERS[address % len(LINK_REGISTERS)].name
        values = {
            **self.constants,
            "DIVISOR": self.divisor,
            "SEGMENTS": self._segments,
            "RESULTS": min(RESULTS_DEPTH, len(self.core.results)),
        }
        return values[name]

    def _write_word(self, address, value):
        if address < LINK_BASE:
            self.core.write(address, value)
            return
        address = LINK_BASE + address % len(LINK_REGISTERS)
        if address == link_address("DIVISOR"):
            self._next_divisor = value & 0xFFFF
        elif address == link_address("SEGMENTS"):
            self._segments = value & 0xFFFF
            self._clear()
