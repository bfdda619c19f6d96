"""The CRC of frames: CRC-32 as in Ethernet and zlib, a byte at a time."""

from amaranth.lib.crc.catalog import CRC32_ISO_HDLC

__all__ = ["CRC_BYTES", "new_crc"]

CRC_BYTES = 4


def new_crc():
    """A CRC processor: equals `zlib.crc32`, and `match_detected` after the CRC's own bytes, lowest first."""
    return CRC32_ISO_HDLC(data_width=8).create()
