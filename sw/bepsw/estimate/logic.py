"""LUT sites, flip-flops and block RAMs of a core, by submodule."""

import json
from functools import cache
from pathlib import Path

from .memories import memories, stores
from .terms import OTHERS, terms
from .terms_backward import stability

__all__ = ["COEFFICIENTS", "blocks", "clock_table", "coefficients", "owner", "reload", "resources", "total"]

COEFFICIENTS = Path(__file__).with_name("coefficients.json")
"""Written by `bepcore bench estimate --calibrate`."""

_RAM_SITES = 6  # LUT sites of a LUT RAM of 16×4, those of its write port included
_MUX_SITES = 1  # LUT sites for every data bit of a block RAM behind the first in a row
_CONSTANTS = 2  # LUT sites that nextpnr gives the constants 0 and 1


@cache
def _tables():
    return json.loads(COEFFICIENTS.read_text(encoding="utf-8"))


def coefficients():
    """The calibrated coefficients of logic and flip-flops, as `fit` gives them."""
    return _tables()["terms"]


def reload():
    """Read the coefficients anew: they have been written."""
    _tables.cache_clear()


def clock_table():
    """The calibrated line of `clock`."""
    return _tables()["clock"]


def resources(core, table=None):
    """Estimate of a `Core`.

    Parameters
    ----------
    table : coefficients other than those of the package

    Returns
    -------
    dict
        {submodule: {comb, ram, ff, ebr}}: `comb` in LUT sites as nextpnr counts them, `ram` of which are LUT RAM and
        its write ports. Block RAMs are exact.
    """
    table = coefficients() if table is None else table
    parts = {}
    for name, sides in terms(core).items():
        logic, ff = (
            sum(table[name][kind][term] * value for term, value in side.items())
            for kind, side in zip(("logic", "ff"), sides, strict=True)
        )
        parts[name] = {"comb": logic, "ram": 0, "ff": ff, "ebr": 0}
    parts[OTHERS]["comb"] += _CONSTANTS
    if core.rules:
        logic, ff = stability(core)
        parts["backward.stability"] = {"comb": logic, "ram": 0, "ff": ff, "ebr": 0}
    for memory in memories(core):
        part, use = parts[owner(memory.name, parts)], memory.use
        part["ebr"] += memory.count * use.ebr
        part["ram"] += memory.count * _RAM_SITES * use.ram
        # What chooses among LUT RAMs in a row is a term of its submodule.
        part["comb"] += memory.count * (_RAM_SITES * use.ram + (_MUX_SITES * use.mux if use.ebr else 0))
    for part in parts.values():
        part["comb"], part["ff"] = round(part["comb"]), round(part["ff"])
    return parts


def owner(memory, parts):
    """Submodule, of those in `parts`, that a memory's path lies in; `top` for one that lies directly in the core."""
    names = memory.split(".")
    for end in range(len(names) - 1, 0, -1):
        if ".".join(names[:end]) in parts:
            return ".".join(names[:end])
    return "top"


def blocks(core):
    """Block RAMs of a core: exact, and quick."""
    return sum(memory.count * memory.use.ebr for memory in stores(core))


def total(parts):
    """{comb, ram, ff, ebr} of all submodules."""
    return {kind: sum(part[kind] for part in parts.values()) for kind in ("comb", "ram", "ff", "ebr")}
