"""What both ends of the serial link agree on: frames, requests, the link's own registers, the build id.

docs/link.md has the whole protocol. The hardware imports its numbers from here.
"""

import json
import zlib

from .. import dataset_registers, registers
from ..registers import Register

__all__ = [
    "BAD_REQUEST", "BASE_BAUD", "HELLO", "IDENTITY", "LEAST_DIVISOR", "LINK_BASE", "LINK_REGISTERS", "MOST_BYTES",
    "MOST_FRAME", "MOST_WORDS", "NO_SESSION", "OK", "OTHER_SESSION", "READ", "RESULTS_DEPTH", "SLOTS", "STREAM",
    "VERSION", "WINDOW", "WRITE", "build_id", "builds_of", "link_address",
]  # fmt: skip

IDENTITY = 0x4245504C
"""ASCII "BEPL"."""

VERSION = 1
"""Version of frames, requests and link registers; the host refuses another."""

BASE_BAUD = 115_200
"""Rate after a reset, and whenever the faster one has been silent for too long."""

LEAST_DIVISOR = 4
"""Clocks a bit at the fastest."""

READ, WRITE, STREAM, HELLO = 0x01, 0x02, 0x03, 0x48
"""What a request asks for."""

OK, NO_SESSION, OTHER_SESSION, BAD_REQUEST = range(4)
"""Status of a reply."""

MOST_FRAME = 253
"""Bytes of a frame before COBS, CRC included: one COBS block, whose code byte is never 0xff."""

MOST_WORDS = 60
"""32-bit words that one request writes, or one reply brings."""

MOST_BYTES = 240
"""Bytes of samples in one request."""

SLOTS = 8
WINDOW = SLOTS - 1
"""Requests that may be under way at once; the device keeps the replies of as many."""

RESULTS_DEPTH = 512
"""Results that wait in the device; the host never has more samples under way."""

LINK_BASE = 0x8000
"""Addresses from here on are the link's own registers, below the core's."""

_MOST_ADDRESS_BITS = 32

_TEXTS = {
    "IDENTITY": ("r", 'Always 0x4245504c, ASCII "BEPL".'),
    "VERSION": ("r", f"Version of the protocol: {VERSION}."),
    "BUILD": ("r", "Build id of the bitstream: a CRC over core parameters, data set and versions."),
    "CLOCK_HZ": ("r", "Clock, in Hz."),
    "BASE_DIVISOR": ("r", "Clocks a bit after a reset."),
    "DIVISOR": ("rw", "Clocks a bit, 4 to 65535; counts from the end of the reply on."),
    "SEGMENTS": ("rw", "Segments of a sample. A write drops a sample half sent and results not yet taken."),
    "RESULTS": ("r", "Results that wait."),
}

LINK_REGISTERS = tuple(
    Register(name, LINK_BASE + index, access, text) for index, (name, (access, text)) in enumerate(_TEXTS.items())
)
"""The link's own registers; the reply to HELLO brings them all, in this order."""

_BY_NAME = {register.name: register.address for register in LINK_REGISTERS}


def link_address(name):
    """Word address of one of the link's own registers."""
    return _BY_NAME[name]


def build_id(core, memory=None):
    """The 32 bits by which host and bitstream know each other: a CRC over core parameters, data set and versions.

    memory : log2 of the 16-bit words of the data set's memory; None without a data set.
    """
    parts = [VERSION, registers.VERSION, core.as_dict()]
    if memory is not None:
        parts += [dataset_registers.VERSION, memory]
    return zlib.crc32(json.dumps(parts, sort_keys=True).encode())


def builds_of(core):
    """{build id: memory} of every bitstream with that core, `memory` as in `build_id`."""
    return {build_id(core, memory): memory for memory in (None, *range(1, _MOST_ADDRESS_BITS + 1))}
