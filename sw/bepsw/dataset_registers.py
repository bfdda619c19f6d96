"""The registers of the data set in a board's memory: one table for decoder, host and docs/dataset.md.

They lie above those of the core on the same bus. Addresses are those of 32-bit words. DATA is a window into the
memory: ADDRESS counts its 16-bit words, and every access of DATA moves two of them, the lower one first.
"""

from .permutation import INDEX_BITS
from .registers import Register

__all__ = [
    "BASE", "ERRORS", "IDENTITY", "READY", "REGISTERS", "REPLAY", "REPLAYING", "SETTINGS", "STOP", "VERSION", "address",
]  # fmt: skip

BASE = 0x4000
"""First address. Those below are the core's, those from 0x8000 on the serial link's."""

IDENTITY = 0x42455044
"""ASCII "BEPD"."""

VERSION = 1
"""Version of this table; the host refuses another."""

REPLAY, STOP = 1, 2
"""Bits of COMMAND."""

REPLAYING, READY = 1, 2
"""Bits of STATUS."""

SETTINGS = {
    "MODE": (
        3,
        "Bit 0 shuffle: in the order of (SEED, EPOCH, COUNT), else as stored. Bit 1 close the batch at the end. "
        "Bit 2 tally: count results and do not send them.",
    ),
    "SEED": (32, "Seed of the order."),
    "EPOCH": (31, "Epoch of the order."),
    "BASE": (INDEX_BITS, "First sample of the range in use."),
    "COUNT": (INDEX_BITS + 1, "Samples of the range in use: the order is one of 0 to COUNT − 1."),
    "FIRST": (INDEX_BITS + 1, "Position in the order at which a replay begins."),
    "LENGTH": (INDEX_BITS + 1, "Samples to replay."),
    "INPUTS": (17, "Bits of a sample."),
    "STRIDE": (5, "log2 of the 16-bit words from one sample to the next."),
}
"""Read and write, {name: (bits, text)}; they stand still while a replay runs."""

ERRORS = {
    "bad_access": "the memory or a setting was accessed during a replay, or the memory before it was ready",
    "bad_replay": "a replay was asked for during another, too early, or of samples that are not there",
}
"""Sticky error flags by bit, lowest first; a 1 written to a bit clears it. What raised one changed nothing else."""


def _registers():
    rows = [
        Register("IDENTITY", BASE, "r", 'Always 0x42455044, ASCII "BEPD".'),
        Register("VERSION", BASE + 1, "r", "Version of this table."),
        Register("ADDRESS_BITS", BASE + 2, "r", "log2 of the memory's 16-bit words."),
        Register("COMMAND", BASE + 3, "w", "Bit 0 replay. Bit 1 stop after the sample in progress."),
        Register("STATUS", BASE + 4, "r", "Bit 0 replaying. Bit 1 the memory is ready."),
        Register(
            "ERRORS",
            BASE + 5,
            "rw",
            "Sticky flags: " + "; ".join(f"bit {i} {e}, {t}" for i, (e, t) in enumerate(ERRORS.items())) + ".",
        ),
        Register("ADDRESS", BASE + 6, "rw", "16-bit word that DATA moves next."),
        Register(
            "DATA", BASE + 7, "rw", "Two words of the memory, the lower one in bits 0 to 15; ADDRESS goes on by 2."
        ),
        Register("SENT", BASE + 8, "r", "Samples sent since the last replay began."),
        Register("STARVED", BASE + 9, "r", "Cycles after the first of them in which the core waited for the memory."),
        Register("JUDGED", BASE + 10, "r", "Results of its samples."),
        Register("WRONG", BASE + 11, "r", "Those of them whose prediction was not the label."),
    ]
    rows += [Register(name, BASE + 0x10 + i, "rw", text) for i, (name, (_, text)) in enumerate(SETTINGS.items())]
    return tuple(rows)


REGISTERS = _registers()
_BY_NAME = {register.name: register.address for register in REGISTERS}


def address(name):
    """Word address of a register."""
    return _BY_NAME[name]
