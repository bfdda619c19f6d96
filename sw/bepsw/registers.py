"""The register map: one table for the hardware's decoder, the host driver, and docs/registers.md.

Addresses are those of 32-bit words. Wide memories are reached through a window: choose a memory and a row, then read
or write the row in 32-bit pieces, lowest first; the row number moves on by itself after the last piece.
"""

import dataclasses
from dataclasses import dataclass

from .core import Core
from .generator import bank_size
from .program import TABLES, row_bits

__all__ = [
    "CAPABILITIES", "COUNTERS", "ERRORS", "IDENTITY", "ONLINE", "READABLE", "REGISTERS", "RUN", "TRAIN", "VERSION",
    "WINDOWS", "Register", "address", "window_pieces", "window_rows",
]  # fmt: skip

IDENTITY = 0x42455043
"""ASCII "BEPC"."""

VERSION = 2
"""Version of this register map; the host refuses another."""

RUN, TRAIN, ONLINE = 1, 2, 4
"""Bits of CONTROL."""

CAPABILITIES = tuple(field.name for field in dataclasses.fields(Core))
"""Core parameters, each readable as a register of the same name in capitals."""

COUNTERS = {
    "cycles": "clock cycles in which the core was not idle",
    "samples": "samples judged",
    "triggered": "samples that updated",
    "updates": "winner rows updated",
    "saturations": "steps that a counter at its limit did not take",
    "sweeps": "reinforcement sweeps",
    "stalled_in": "cycles in which the forward stage waited for a sample while the core was not idle",
    "stalled_out": "cycles in which a sample waited because results were not taken",
}
"""48-bit counters, each a pair of registers NAME (low 32 bits) and NAME_HIGH; exact while idle, else a little late."""

ERRORS = {
    "bad_frame": "a sample was too short or too long; it was dropped",
    "bad_label": "a label was no class; its sample was dropped",
    "bad_access": "a window was used while the core was busy, or for what it cannot do; nothing was changed",
}
"""Sticky error flags by bit, lowest first; a 1 written to a bit clears it."""

WINDOWS = ("hidden", "weights", "prototypes", "generator", *(f"{table}_table" for table in TABLES))
"""Memories behind the window, by number."""

READABLE = ("hidden", "weights", "generator")
"""Those that can be read back."""


@dataclass(frozen=True)
class Register:
    """One register: word address, access (`r`, `rw`, `w`), and what it is."""

    name: str
    address: int
    access: str
    text: str


def _registers():
    rows = [
        Register("IDENTITY", 0x00, "r", 'Always 0x42455043, ASCII "BEPC".'),
        Register("VERSION", 0x01, "r", "Version of this map."),
    ]
    rows += [Register(name.upper(), 0x02 + i, "r", f"Core parameter `{name}`.") for i, name in enumerate(CAPABILITIES)]
    rows += [
        Register(
            "CONTROL",
            0x20,
            "rw",
            "Bit 0 run: take samples. Bit 1 train. Bit 2 online: W follows H at once; to change it, load W anew.",
        ),
        Register("COMMAND", 0x21, "w", "Bit 0 reset: drop all samples in flight. Bit 1 clear the counters."),
        Register("STATUS", 0x22, "r", "Bit 0 idle: no sample in flight, no sweep, nothing half read."),
        Register(
            "ERRORS", 0x23, "rw", "Sticky flags: " + "; ".join(f"bit {i} {e}" for i, e in enumerate(ERRORS)) + "."
        ),
        Register("MARGIN", 0x24, "rw", "R: a sample updates when its margin is below."),
        Register("BATCH", 0x25, "rw", "Samples between two sweeps."),
        Register("CLASS_COUNT", 0x26, "rw", "Classes in use; a label must be below."),
        Register("PENDING", 0x27, "rw", "Samples since the last sweep."),
        Register("WINDOW_SELECT", 0x30, "rw", "Memory: " + ", ".join(f"{i} {w}" for i, w in enumerate(WINDOWS)) + "."),
        Register("WINDOW_ADDRESS", 0x31, "rw", "Row; a write starts at its first piece. Weights: word·64 + segment."),
        Register("WINDOW_DATA", 0x32, "rw", "Next piece of the row; after the last one, the next row."),
    ]
    for i, (name, text) in enumerate(COUNTERS.items()):
        rows.append(Register(name.upper(), 0x40 + 2 * i, "r", f"Counter, low: {text}."))
        rows.append(Register(f"{name.upper()}_HIGH", 0x41 + 2 * i, "r", "Its bits 32 to 47."))
    return tuple(rows)


REGISTERS = _registers()
_BY_NAME = {register.name: register.address for register in REGISTERS}


def address(name):
    """Word address of a register."""
    return _BY_NAME[name]


def window_pieces(core):
    """32-bit pieces of a row of every memory behind the window: {window: pieces}."""
    bits = {
        "hidden": core.lanes * core.bits,
        "weights": core.lanes,
        "prototypes": core.lanes,
        "generator": 64,
        **{f"{table}_table": width for table, width in row_bits(core).items()},
    }
    return {name: -(-bits[name] // 32) for name in WINDOWS}


def window_rows(core):
    """Row numbers of every memory behind the window: {window: one above the highest}."""
    return {
        "hidden": core.hidden_words,
        "weights": 2 << (core.weight_words - 1).bit_length() << 6,
        "prototypes": core.classes * core.prototype_segments,
        "generator": bank_size(core.lanes),
        **dict.fromkeys((f"{table}_table" for table in TABLES), core.steps),
    }
