"""The idx format of MNIST and its relatives: one file, plain or gzipped, into one array."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import BepError

__all__ = ["read_bytes", "read_idx"]

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_bytes(path):
    """Content of a file, unpacked when it is gzipped (told by its first two bytes, not by its name).

    Raises
    ------
    BepError
        When the file cannot be read, or its gzip stream is cut short or damaged.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BepError(f"Cannot read {path}: {error.strerror or error}.") from None
    if not data:
        raise BepError(f"{path} is empty; fetch it again.")
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except EOFError:
        raise BepError(f"{path} is cut short; fetch it again.") from None
    except (gzip.BadGzipFile, zlib.error, struct.error):
        raise BepError(f"{path} is damaged: its gzip stream does not unpack; fetch it again.") from None


def read_idx(path, dimensions=None):
    """The array of an idx file, in native byte order.

    Parameters
    ----------
    path : str or Path
        idx or idx.gz.
    dimensions : int, optional
        Number of axes that it must have.

    Raises
    ------
    BepError
        When it is not an idx file, has other axes than asked for, or is shorter or longer than its header says.
    """
    data = read_bytes(path)
    if len(data) < 4 or data[0] or data[1] or data[2] not in _TYPES or not data[3]:
        raise BepError(f"{path} is not an idx file: it starts with {data[:4].hex(' ')}, not with 00 00 08 and a rank.")
    kind, rank = np.dtype(_TYPES[data[2]]), data[3]
    if dimensions is not None and rank != dimensions:
        raise BepError(f"{path} holds {rank}-dimensional data where {dimensions} dimensions are expected.")
    start = 4 + 4 * rank
    if len(data) < start:
        raise BepError(f"{path} is cut short: it ends inside its header; fetch it again.")
    shape = struct.unpack(f">{rank}I", data[4:start])
    wanted = math.prod(shape) * kind.itemsize
    if len(data) - start != wanted:
        state = "cut short" if len(data) - start < wanted else "too long"
        raise BepError(
            f"{path} is {state}: its header promises {wanted} bytes of data and {len(data) - start} follow; "
            "fetch it again."
        )
    return np.frombuffer(data, dtype=kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))
