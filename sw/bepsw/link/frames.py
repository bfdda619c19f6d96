"""Frames on the wire: a body and its CRC-32 in one COBS block, a zero byte after it."""

import zlib

from cobs import cobs

from .protocol import MOST_FRAME

__all__ = ["Splitter", "pack", "unpack"]

_CRC = 4


def pack(body):
    """The bytes that carry `body` (at most 249), delimiter included."""
    frame = bytes(body) + zlib.crc32(body).to_bytes(_CRC, "little")
    assert len(frame) <= MOST_FRAME, "a frame is one COBS block"
    return cobs.encode(frame) + b"\0"


def unpack(block):
    """The body of what stood between two delimiters, or None when it is damaged."""
    try:
        frame = cobs.decode(block)
    except cobs.DecodeError:
        return None
    body, crc = frame[:-_CRC], frame[-_CRC:]
    whole = len(frame) <= MOST_FRAME and body and zlib.crc32(body).to_bytes(_CRC, "little") == crc
    return body if whole else None


class Splitter:
    """Cuts a stream of bytes at its delimiters; what comes before the first one of a link may be half a frame.

    Members
    -------
    damaged : int
        Blocks that were no frame so far, empty ones not counted.
    """

    def __init__(self):
        self._open = bytearray()
        self.damaged = 0

    def feed(self, data):
        """Bodies of the good frames that end in `data`, in order."""
        *blocks, rest = data.split(b"\0")
        bodies = []
        for block in blocks:
            self._open += block
            if self._open:
                body = unpack(bytes(self._open))
                self.damaged += body is None
                if body is not None:
                    bodies.append(body)
            self._open.clear()
        self._open += rest
        del self._open[: -2 * MOST_FRAME]  # noise without a delimiter
        return bodies
