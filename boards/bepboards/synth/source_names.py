"""From the names of cells and nets after synthesis back to those of the source.

Yosys names what it makes after the nearest named net: `window.piece_1[3]_TRELLIS_FF_Q_DI_LUT4_Z` is a LUT in front of
register `window.piece_1`, bit 3. Amaranth makes names unique by `$` and a number.
"""

import re

from .harness import PREFIX

__all__ = ["module_of", "signal_of"]

_MADE_BY_YOSYS = re.compile(r"_(TRELLIS_FF|LUT4|CCU2C|DP16KD|TRELLIS_DPR16X4|MULT18X18D)_.*$")
_MADE_BY_NEXTPNR = re.compile(r"\$(CCU2_\w+|DPRAM_\w+|TRELLIS_IO\w*|feedin|feedout|nextpnr\w*)$|^\$glbnet\$")
_BLOCK = re.compile(r"\.\d+(\.\d+)*(_(DO|RAD|WAD)\w*)?$")
_BITS = re.compile(r"(\[\d+\])+(_\d+)?$")  # `sum[3]_1` is Yosys' second name for a bit
_UNIQUE = re.compile(r"\$\d+")
_PORT = re.compile(rf"^{re.escape(PREFIX)}(.+)_\d+(_xor|_chain)?$")


def signal_of(name):
    """Signal of the source that `name`, of a cell or net, belongs to: path with dots, the bit left out.

    A port of the core is called `port NAME`.
    """
    name = _MADE_BY_NEXTPNR.sub("", name)
    if port := _PORT.match(name):
        return f"port {port[1]}"
    name = _UNIQUE.sub("", _MADE_BY_YOSYS.sub("", name))
    return _BLOCK.sub("", _BITS.sub("", name))


def module_of(name, scopes, depth=2):
    """Path of the submodule, at most `depth` names deep; `top` for what lies directly in the core.

    scopes : the paths that there are, as in `Netlist.scopes`; other dots belong to fields of signals.
    """
    path = signal_of(name)
    if path.startswith("port "):
        return "ports"
    parts = path.split(".")
    for end in range(min(depth, len(parts)), 0, -1):
        if ".".join(parts[:end]) in scopes:
            return ".".join(parts[:end])
    return "top"
