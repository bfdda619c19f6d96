"""The census of a netlist made by hand: chains, memories, submodules."""

import json

from bepboards.synth.census import CHAIN_ENDS, census
from bepboards.synth.netlist import Netlist


def cell(kind, inputs=None, outputs=None):
    ports = {**(inputs or {}), **(outputs or {})}
    directions = {**dict.fromkeys(inputs or {}, "input"), **dict.fromkeys(outputs or {}, "output")}
    return {
        "type": kind,
        "parameters": {},
        "port_directions": directions,
        "connections": {name: [bit] for name, bit in ports.items()},
    }


CELLS = {
    "unit": {"type": "$scopeinfo", "parameters": {}, "port_directions": {}, "connections": {}},
    # A chain of two cells, and one whose carry comes out of a LUT.
    "unit.sum_CCU2C_S0": cell("CCU2C", {"CIN": "0"}, {"COUT": 2}),
    "unit.sum_CCU2C_S0_1": cell("CCU2C", {"CIN": 2}, {"COUT": 3}),
    "unit.other_CCU2C_S0": cell("CCU2C", {"CIN": 4}, {"COUT": 5}),
    "unit.x_LUT4_Z": cell("LUT4", {"A": 6}, {"Z": 4}),
    "unit.bank_0.0.0": cell("DP16KD"),
    "unit.bank_0.0.1": cell("DP16KD"),
    "store.0.0": cell("DP16KD"),
    "unit.table.memory.0.0": cell("TRELLIS_DPR16X4"),
    "unit.x_TRELLIS_FF_Q": cell("TRELLIS_FF", {"DI": 4}, {"Q": 7}),
}


def test_census():
    document = {"modules": {"top": {"cells": CELLS, "ports": {}, "netnames": {}}}}
    found = census(Netlist(json.dumps(document), "top"))
    assert found["memories"] == {"store": {"ebr": 1}, "unit.bank_0": {"ebr": 2}, "unit.table.memory": {"ram": 1}}
    assert found["modules"]["top"] == {"ebr": 1}
    assert found["modules"]["unit"] == {
        "comb": 3 * 2 + 1 + 6 + 2 * CHAIN_ENDS,
        "carry": 6,
        "lut": 1,
        "ram": 6,
        "chains": 2,
        "ff": 1,
        "ebr": 2,
    }
