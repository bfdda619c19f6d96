"""Slow registers before placement: arrival times in the netlist, with a guess for every wire.

A second instead of minutes, and the whole list instead of the one worst path. Routed arrivals are some 10 % later on
a half-full device; the order is right enough to know what to shorten next.
"""

import math

from .netlist import CONSTANTS
from .source_names import signal_of

__all__ = ["arrivals"]

# ns, as nextpnr uses them for speed grade 6.
_CLOCK_TO_Q, _LUT, _CARRY_IN, _CARRY, _CARRY_OUT, _MULTIPLY = 0.52, 0.24, 0.45, 0.07, 0.44, 3.9
_BLOCK_RAM, _BLOCK_RAM_REGISTERED, _BLOCK_RAM_SETUP = 5.6, 0.97, 0.2
_WIRE, _WIRE_FANOUT = 0.45, 0.12  # ns, and ns per doubling of the fan-out


def arrivals(netlist):
    """[(register, ns, bits, depth, source)], latest first.

    register, source : signals. ns : latest arrival at any of its inputs (data, enable, reset). bits : inputs seen.
    depth : cells on that path.
    """
    arcs, start, ends = _graph(netlist)
    when = _walk(netlist, arcs, start)
    found = {}
    for bit, setup, register in ends:
        ns, depth, source = when.get(bit, (0.0, 0, None))
        ns += _wire(netlist, bit) + setup
        worst, bits = found.get(register, ((0.0, 0, None), 0))
        found[register] = max(worst, (ns, depth, source), key=lambda item: item[0]), bits + 1
    rows = [(r, round(ns, 2), bits, depth, _named(source)) for r, ((ns, depth, source), bits) in found.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _named(cell):
    return "a constant" if cell is None else signal_of(cell)


def _wire(netlist, bit):
    return _WIRE + _WIRE_FANOUT * math.log2(1 + len(netlist.users(bit)))


def _graph(netlist):
    """Arcs {bit: [(bit, ns, is it a carry)]}, starts {bit: (ns, cell)}, ends [(bit, setup, register)]."""
    arcs, start, ends = {}, {}, []
    for name, cell in netlist.cells.items():
        inputs, outputs = {}, {}
        for port, bits in cell["connections"].items():
            side = outputs if cell["port_directions"][port] == "output" else inputs
            side |= {(port, i): bit for i, bit in enumerate(bits) if bit not in CONSTANTS}
        kind = cell["type"]
        if kind == "TRELLIS_FF":
            start |= {bit: (_CLOCK_TO_Q, name) for bit in outputs.values()}
            ends += [(bit, 0.0, signal_of(name)) for (port, _), bit in inputs.items() if port != "CLK"]
        elif kind == "DP16KD":
            for (port, _), bit in outputs.items():
                registered = cell["parameters"][f"REGMODE_{port[2]}"] == "OUTREG"
                start[bit] = _BLOCK_RAM_REGISTERED if registered else _BLOCK_RAM, name
            ends += [
                (bit, _BLOCK_RAM_SETUP, signal_of(name))
                for (port, _), bit in inputs.items()
                if not port.startswith("CLK")
            ]
        elif kind == "TRELLIS_DPR16X4":
            read = [bit for (port, _), bit in inputs.items() if port == "RAD"]
            arcs |= {bit: [(r, _LUT, False) for r in read] for bit in outputs.values()}
            ends += [(bit, 0.0, signal_of(name)) for (port, _), bit in inputs.items() if port not in ("RAD", "WCK")]
        elif kind == "CCU2C":
            arcs |= {bit: _carry_arcs(port, inputs) for (port, _), bit in outputs.items()}
        else:
            ns = _MULTIPLY if kind == "MULT18X18D" else _LUT
            arcs |= {bit: [(i, ns, False) for i in inputs.values()] for bit in outputs.values()}
    start |= {bit: (_CLOCK_TO_Q, f"harness.{port}_0") for port, _, bit in netlist.port_bits("input")}
    ends += [(b, 0.0, f"port {port}") for port, _, b in netlist.port_bits("output") if b not in CONSTANTS]
    return arcs, start, ends


def _carry_arcs(output, inputs):
    """What an output of a carry cell waits for; S0 does not see the second half."""
    arcs = []
    for (port, _), bit in inputs.items():
        if port == "CIN":
            arcs.append((bit, _CARRY if output == "COUT" else _CARRY_OUT, True))
        elif output == "COUT":
            arcs.append((bit, _CARRY_IN, False))
        elif port[-1] == output[-1]:
            arcs.append((bit, _LUT, False))
        elif output == "S1":
            arcs.append((bit, _CARRY_IN + _LUT, False))
    return arcs


def _walk(netlist, arcs, start):
    """{bit: (ns, depth, cell that it starts at)}, by depth first search without recursion."""
    when = {bit: (ns, 0, cell) for bit, (ns, cell) in start.items()}
    opened = set()
    for root in arcs:
        stack = [root]
        while stack:
            bit = stack[-1]
            waiting = [] if bit in opened else [b for b, _, _ in arcs.get(bit, ()) if b not in when]
            if bit not in when and waiting:
                opened.add(bit)
                stack += waiting
                continue
            stack.pop()
            if bit not in when:
                when[bit] = max(
                    (
                        (when[b][0] + ns + (0.0 if carry else _wire(netlist, b)), when[b][1] + 1, when[b][2])
                        for b, ns, carry in arcs.get(bit, ())
                        if b in when
                    ),
                    default=(0.0, 0, None),
                    key=lambda item: item[0],
                )
    return when
