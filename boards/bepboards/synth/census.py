"""What a netlist is made of, submodule by submodule and memory by memory: what estimates are calibrated with.

nextpnr packs a carry chain with one cell more at either end, even where the carry comes from a constant or goes
nowhere. With that, the LUT sites counted here are those that it reports.
"""

from collections import Counter

from .resources import by_module
from .source_names import module_of, signal_of

__all__ = ["CHAIN_ENDS", "census"]

CHAIN_ENDS = 4
"""LUT sites of the two cells that nextpnr adds to a carry chain."""

_MEMORIES = {"DP16KD": "ebr", "TRELLIS_DPR16X4": "ram"}


def census(netlist):
    """Plain values, for JSON.

    Returns
    -------
    dict
        modules : {submodule, two names deep: {comb, lut, carry, ram, chains, ff, ebr}}; `comb` as nextpnr counts.
        memories : {path of the memory: {"ebr": block RAMs} or {"ram": LUT RAM cells of 16×4}}.
    """
    modules = {module: Counter(cells) for module, cells in by_module(netlist).items()}
    for name in _chain_starts(netlist):
        modules[module_of(name, netlist.scopes)].update(chains=1, comb=CHAIN_ENDS)
    memories = {}
    for kind, unit in _MEMORIES.items():
        for name in netlist.of_type(kind):
            memories.setdefault(signal_of(name), Counter()).update({unit: 1})
    return {
        "modules": {module: dict(cells) for module, cells in sorted(modules.items())},
        "memories": {memory: dict(cells) for memory, cells in sorted(memories.items())},
    }


def _chain_starts(netlist):
    """Carry cells whose carry does not come from another one."""
    for name in netlist.of_type("CCU2C"):
        driver = netlist.driver(netlist.cells[name]["connections"]["CIN"][0])
        if driver is None or driver[1] != "COUT":
            yield name
