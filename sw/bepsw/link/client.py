"""The host's end of the link: requests under way, what to repeat and when, how fast to talk.

A request is repeated until its reply is there; the device executes it once. Several are under way at a time; a reply
that got lost is asked for again by the same request, and replies are handed out in the order of the requests.
"""

import os
from collections import deque
from dataclasses import dataclass

from ..errors import BepError, LinkLost
from .frames import Splitter, pack
from .protocol import (
    HELLO,
    IDENTITY,
    LINK_BASE,
    LINK_REGISTERS,
    MOST_BYTES,
    MOST_WORDS,
    NO_SESSION,
    OK,
    OTHER_SESSION,
    READ,
    STREAM,
    VERSION,
    WINDOW,
    WRITE,
    link_address,
)

__all__ = ["RATES", "LinkClient"]

RATES = (3_000_000, 2_000_000, 1_500_000, 1_000_000, 921_600, 460_800, 230_400)
"""Rates that the host asks for, the fastest first, where the board's clock comes within `_TOLERANCE` of them."""

_TOLERANCE = 0.02
_LEAST_DIVISOR = 16  # below, the device bears less than the tolerance
_DIVISORS = 1 << 16
_LEAST_SIZE = 24
_LEAST_TRIES = 32
_OTHER_RATE = 4  # one try of so many is at the other rate
_FRAME = 9  # bytes of a frame without arguments, delimiter and code byte included
_GOOD_RUN = 16  # replies without a loss after which frames may be longer again


@dataclass(eq=False)
class _Request:
    sequence: int
    frame: bytes
    answer: int  # most bytes of the reply's frame
    take: object
    again: bool = False
    reply: bytes | None = None


class LinkClient:
    """A session with a device at the other end of a pipe.

    Parameters
    ----------
    pipe : object
        `write(data)`; `read(seconds)`, what has come, waiting until something has or the time is over; `set_baud(baud)`
        for both directions; `baud`; `now()`, seconds; `name`, for messages.
    rates : tuple of int
        Faster rates to ask for, in that order; the first one that carries an echo is kept.
    latency : float
        Seconds that a round trip may take beyond the time of its bytes.
    patience : float
        Seconds without any progress, and 32 tries, after which it gives up.
    silence : float
        Seconds of silence after which the device is back at the base rate.
    least_divisor : int
        Clocks a bit that it must keep at the fastest.

    Members
    -------
    size : int
        Bytes of samples or words to put into one frame: few at first, and again when frames get lost.
    clock_hz, build : int
        Of the device.
    repeats, damaged : int
        Frames sent again, and damaged blocks received, so far.

    Raises
    ------
    BepError
        From the constructor: nothing answers, or something that is no board of ours.
    LinkLost
        From every other call: no answer for `patience`, the board was reset, or another program took over.
    """

    def __init__(
        self, pipe, *, rates=RATES, latency=0.05, patience=3.0, silence=1.0, session=None, least_divisor=_LEAST_DIVISOR
    ):
        self.pipe = pipe
        self.base = pipe.baud
        self.latency, self.patience, self.silence = latency, patience, silence
        self.size = _LEAST_SIZE
        self.repeats = 0
        self._least_divisor = least_divisor
        self._session = os.urandom(1)[0] if session is None else session
        self._splitter = Splitter()
        self._flight = deque()
        self._sequence = 0
        self._lost, self._settling = None, True
        self._good_run = 0
        self._heard = pipe.now()
        self._open(rates)
        self._rates = deque(baud for baud in rates if baud > self.base and self._divisor(baud))
        self._settling = False
        self._settle()

    @property
    def damaged(self):
        return self._splitter.damaged

    def post(self, operation, rest=b"", take=None):
        """Send a request and go on; `take` is called with its reply's bytes, in order, at the latest by `flush`."""
        self._check()
        self._settle()
        while len(self._flight) >= WINDOW:
            self._progress()
        self._send(operation, rest, take)

    def call(self, operation, rest=b""):
        """Send a request and wait for the bytes of its reply."""
        found = []
        self.post(operation, rest, found.append)
        while not found:
            self._progress()
        return found[0]

    def flush(self):
        """Wait until every request has its reply."""
        while self._flight:
            self._progress()

    @property
    def under_way(self):
        """Requests without a reply."""
        return len(self._flight)

    def progress(self):
        """Wait for the next reply and hand it out."""
        if self._flight:
            self._progress()

    def close(self):
        """Leave the device as a next host expects it, as far as that goes; never raises."""
        try:
            if not self._lost and self.pipe.baud != self.base:
                self._rates.clear()
                self._write_divisor(self.base)
                self.flush()
        except BepError:
            pass

    # ---- the session

    def _open(self, rates):
        """HELLO at the base rate and at the rates that an earlier host may have left, until the device answers.

        Each one opens a session of its own, so that a late answer to an earlier one is not taken for anything else.
        """
        start, heard = self.pipe.now(), 0
        bauds = [self.base, *rates[:1], self.base]
        attempt = 0
        while self.pipe.now() - start < self.patience:
            self.pipe.set_baud(bauds[attempt % len(bauds)])
            attempt += 1
            self._session = (self._session + 1) % 256
            frame = pack(bytes([self._session, 0, HELLO]))
            self.pipe.write(b"\0" + frame)
            until = self.pipe.now() + self._allowance(2 * len(frame) + 50)
            while (left := until - self.pipe.now()) > 0:
                data = self.pipe.read(left)
                heard += len(data)
                for body in self._splitter.feed(data):
                    if body[:3] == bytes([self._session, 0, OK]) and len(body) == 3 + 4 * len(LINK_REGISTERS):
                        self._introduce(body[3:])
                        return
        if heard:
            raise BepError(
                f"What answers at {self.pipe.name} is no board with a Bepcore bitstream: {heard} bytes came, and the "
                "answer was not among them."
            )
        raise BepError(
            f"Nothing answers at {self.pipe.name}: connect the board, and program it with a Bepcore bitstream."
        )

    def _introduce(self, data):
        words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
        says = {register.name: word for register, word in zip(LINK_REGISTERS, words, strict=True)}
        if says["IDENTITY"] != IDENTITY:
            raise BepError(f"The device at {self.pipe.name} says that it is {says['IDENTITY']:#010x}, not a Bepcore.")
        if says["VERSION"] != VERSION:
            raise BepError(
                f"The board at {self.pipe.name} speaks version {says['VERSION']} of the link, and this software "
                f"version {VERSION}; build its bitstream anew."
            )
        self.clock_hz, self.build = says["CLOCK_HZ"], says["BUILD"]
        self._base_divisor = says["BASE_DIVISOR"]
        self._heard = self.pipe.now()

    # ---- the rate

    def _divisor(self, baud):
        """Clocks a bit at `baud`, or None when the board's clock cannot."""
        divisor = round(self.clock_hz / baud)
        fits = self._least_divisor <= divisor < _DIVISORS and abs(self.clock_hz / divisor - baud) <= _TOLERANCE * baud
        return divisor if fits else None

    def _write_divisor(self, baud):
        divisor = self._base_divisor if baud == self.base else self._divisor(baud)
        words = link_address("DIVISOR").to_bytes(2, "little") + b"\0" + divisor.to_bytes(4, "little")
        self._send(WRITE, words, None)

    def _settle(self):
        """Be at the best rate: ask for it, and have it confirmed by an echo at that rate; else take the next."""
        if self._settling:
            return
        fast = self.pipe.baud != self.base
        if fast and not self._flight and self.pipe.now() - self._heard > 0.8 * self.silence:
            self.pipe.set_baud(self.base)
        elif fast or not self._rates:
            return
        self._settling = True
        try:
            self.flush()
            while self._rates and self.pipe.baud == self.base:
                self._try_rate(self._rates[0])
        finally:
            self._settling = False

    def _try_rate(self, baud):
        self._write_divisor(baud)
        self.flush()
        self.pipe.set_baud(baud)
        echo = LINK_BASE.to_bytes(2, "little") + b"\0\1"
        self._send(READ, echo, None)
        self.flush()
        if self.pipe.baud != baud:
            self._rates.popleft()

    # ---- requests

    def _send(self, operation, rest, take):
        body = bytes([self._session, self._sequence, operation]) + bytes(rest)
        words = rest[-1] if operation == READ else MOST_WORDS if operation == STREAM else 0
        request = _Request(self._sequence, pack(body), _FRAME + 4 * words, take)
        self._sequence = (self._sequence + 1) % 256
        if not self._flight:
            self._since = self._asked = self.pipe.now()
            self._tries = 0
            self._home = self.pipe.baud  # where to expect an answer
        self._flight.append(request)
        self.pipe.write(request.frame)

    def _allowance(self, count):
        """Seconds until an answer of `count` bytes, both ways counted, is late."""
        return self.latency + 1.5 * 10 * count / self.pipe.baud

    def _progress(self):
        """Wait until the oldest request has its reply; hand out what is complete, in order."""
        self._check()
        first = self._flight[0]
        while first.reply is None:
            count = sum(len(request.frame) + request.answer for request in self._flight if request.reply is None)
            left = self._asked + self._allowance(count) - self.pipe.now()
            data = self.pipe.read(left) if left > 0 else b""
            for body in self._splitter.feed(data):
                self._hear(body)
            if not data and first.reply is None:
                self._late()
        while self._flight and self._flight[0].reply is not None:
            request = self._flight.popleft()
            if request.take:
                request.take(request.reply)

    def _hear(self, body):
        if len(body) < 3 or body[0] != self._session:
            return
        _, sequence, status = body[:3]
        for request in self._flight:
            if request.sequence != sequence or request.reply is not None:
                continue
            if status in (NO_SESSION, OTHER_SESSION):
                self._lose(
                    f"The board at {self.pipe.name} was reset; what it learned since the last checkpoint is gone."
                    if status == NO_SESSION
                    else f"Another program has taken over the board at {self.pipe.name}."
                )
            if status != OK:
                self._lose(f"The board at {self.pipe.name} refused a request; its link is of another make.")
            request.reply = body[3:]
            self._heard = self._since = self._asked = self.pipe.now()
            self._tries = 0
            self._home = self.pipe.baud
            self._ask_again_before(request)
            self._good_run += 1
            if self._good_run % _GOOD_RUN == 0:
                self.size = min(MOST_BYTES, 2 * self.size)
            return

    def _ask_again_before(self, answered):
        """Replies come in order: those to earlier requests got lost."""
        for request in self._flight:
            if request is answered:
                return
            if request.reply is None and not request.again:
                request.again = True
                self.repeats += 1
                self.pipe.write(request.frame)

    def _late(self):
        """Nothing more has come in time: send again what has no reply, shorter frames from now on, other rate."""
        now = self.pipe.now()
        if now - self._since > self.patience and self._tries >= _LEAST_TRIES:
            self._lose(
                f"The board at {self.pipe.name} has not answered for {now - self._since:.1f} seconds; look at its "
                "cable and its power."
            )
        self._tries += 1
        self._good_run = 0
        self.size = max(_LEAST_SIZE, self.size // 2)
        if self._rates:
            other = self._rates[0] if self._home == self.base else self.base
            self.pipe.set_baud(self._home if self._tries % _OTHER_RATE else other)
        missing = [request for request in self._flight if request.reply is None]
        self.pipe.write(b"\0" + b"".join(request.frame for request in missing))
        self.repeats += len(missing)
        for request in missing:
            request.again = False
        self._asked = now

    def _lose(self, sentence):
        self._lost = sentence
        self._check()

    def _check(self):
        if self._lost:
            raise LinkLost(self._lost)
