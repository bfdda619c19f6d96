"""Fold the LUT in front of a carry-chain input into the carry cell's own LUT.

Yosys 0.70 uses a CCU2C for a + b only. Whatever prepares an operand (a counter that is cleared, held, shifted or
loaded) costs one more LUT a bit, although half of the cell's LUT is idle:

    LUT4 ─► B ┐                                        p ─► B ┐
          A ──┤ CCU2C: A ⊕ B ⊕ carry      becomes      q ─► C ┤ CCU2C: A ⊕ f(p, q) ⊕ carry
                                                       A ─────┘

One half of the cell gives S = P ⊕ carry-in and carry-out = P ? carry-in : G, where P is its LUT4 and G the first four
entries of the same LUT, addressed by A and B alone. A fold is made only if some assignment of the nets to the four
pins keeps P for all inputs, and G wherever P is 0.
"""

from functools import cache
from itertools import permutations, product

from .netlist import CONSTANTS

__all__ = ["fold_into_carries"]

_PINS = "ABCD"


def fold_into_carries(netlist):
    """Fold wherever possible; returns the number of LUTs saved."""
    saved = 0
    for name in netlist.of_type("CCU2C"):
        for half in "01":
            if netlist.cells[name]["parameters"][f"INJECT1_{half}"] == "NO":
                while _fold_one(netlist, name, half):
                    saved += 1
    return saved


def _fold_one(netlist, name, half):
    """Fold one LUT into one half of a carry cell, if there is one that fits."""
    cell = netlist.cells[name]
    wires = [cell["connections"][f"{pin}{half}"][0] for pin in _PINS]
    for wire in wires:
        lut = _sole_lut(netlist, wire)
        if lut is None or wires.count(wire) > 1:
            continue
        inputs = [netlist.cells[lut]["connections"].get(pin, ["0"])[0] for pin in _PINS]
        nets = list(dict.fromkeys(w for w in (*wires, *inputs) if w not in CONSTANTS and w != wire))
        if len(nets) > len(_PINS):
            continue
        number = {net: index for index, net in enumerate(nets)}
        number |= {wire: "lut", "0": "0", "1": "1", "x": "0", "z": "0"}
        found = _solve(
            len(nets),
            tuple(number[w] for w in wires),
            _init(cell, f"INIT{half}"),
            tuple(number[w] for w in inputs),
            _init(netlist.cells[lut], "INIT"),
        )
        if found:
            pins, init = found
            netlist.remove(lut)
            for pin, source in zip(_PINS, pins, strict=True):
                netlist.connect(name, f"{pin}{half}", source if source in CONSTANTS else nets[source])
            cell["parameters"][f"INIT{half}"] = f"{init:016b}"
            return True
    return False


def _sole_lut(netlist, wire):
    """The LUT4 that drives `wire` and nothing else, or None."""
    driver = netlist.driver(wire)
    if driver is None or netlist.cells[driver[0]]["type"] != "LUT4":
        return None
    return driver[0] if len(netlist.users(wire)) == 1 and not netlist.is_port(wire) else None


def _init(cell, name):
    return int(cell["parameters"][name], 2)


@cache
def _solve(count, wires, carry_init, inputs, lut_init):
    """Pins (net numbers or "0", "1") and INIT that equal the carry half with the LUT in front of it, or None."""
    wanted = []
    for values in product((0, 1), repeat=count):
        known = {**dict(enumerate(values)), "0": 0, "1": 1}
        known["lut"] = lut_init >> _index([known[i] for i in inputs]) & 1
        pins = [known[w] for w in wires]
        wanted.append((known, carry_init >> _index(pins) & 1, carry_init >> _index([*pins[:2], 0, 0]) & 1))
    # A pin that is not needed is tied to 1, which costs no wire; 0 is the second choice.
    for spare in product("10", repeat=len(_PINS) - count):
        for pins in sorted(set(permutations([*range(count), *spare])), key=str):
            init = _table(pins, wanted)
            if init is not None:
                return pins, init
    return None


def _table(pins, wanted):
    """INIT that gives the wanted P and, where P is 0, the wanted G; None where they contradict each other."""
    table = {}
    for known, propagate, generate in wanted:
        values = [known[pin] for pin in pins]
        if table.setdefault(_index(values), propagate) != propagate:
            return None
        if not propagate and table.setdefault(_index([*values[:2], 0, 0]), generate) != generate:
            return None
    return sum(bit << index for index, bit in table.items())


def _index(values):
    return sum(value << place for place, value in enumerate(values))
