"""Blocks of words and beats in the run folder, in the bench's own format: big endian in, little endian out."""

import numpy as np

from bepsw.errors import BepError

__all__ = ["BEATS", "CYCLE", "IN", "OUT", "RESULT", "WORD", "pack_beats", "put", "take"]

IN = "in.bin"
OUT = "out.bin"
BEATS = "beats.bin"

WORD = np.dtype("<u4")
CYCLE = np.dtype("<u8")
RESULT = np.dtype([("cycle", "<u8"), ("payload", "<u8")])


def pack_beats(beats, last, data):
    """Beats of `data` bits as the bench reads them: the byte of `last`, then the data with its top byte first.

    beats : uint8 (n, ceil(data/8)), byte 0 holds bits 0 to 7.
    last : bool (n,).
    """
    width = -(-data // 8)
    beats = np.asarray(beats, np.uint8)
    if beats.ndim != 2 or beats.shape[1] != width or len(last) != len(beats):
        raise BepError(f"Beats must have the shape (n, {width}) and one `last` each, not {beats.shape}.")
    return np.concatenate([np.asarray(last, np.uint8).reshape(-1, 1), beats[:, ::-1]], axis=1)


def put(path, array):
    """Write `array` for the bench."""
    try:
        array.tofile(path)
    except OSError as error:
        raise BepError(
            f"Cannot write to {path.parent} ({error.strerror}); set TMPDIR to a folder with room."
        ) from error


def take(path, kind, count):
    """Read what the bench wrote: `count` items of `kind`."""
    found = np.fromfile(path, kind)
    if len(found) != count:
        raise BepError(
            f"The simulator wrote {len(found)} of {count} items to {path.parent}; set TMPDIR to a folder with room."
        )
    return found
