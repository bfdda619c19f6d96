"""Put a core's ports on a shift register, so that it can be routed alone on any package.

A core has hundreds of ports, and a package has fewer pins, placed where they pull a design apart. With a flip-flop on
every port the paths into and out of the core are timed as in a system, and four pins are enough:

    pin i ─► FF ─► FF ─► … one for every input     every output ─► FF ─┐
                                                          … ─► FF ─► xor ─► FF ─► … ─► pin o
"""

from .netlist import CONSTANTS

__all__ = ["PREFIX", "add_harness"]

PREFIX = "harness."
"""How the names of its cells begin."""

_FLOP = {
    "CEMUX": "1 ",  # Yosys marks a text that looks like a number by a space
    "CLKMUX": "CLK",
    "GSR": "DISABLED",
    "LSRMUX": "LSR",
    "REGSET": "RESET",
    "SRMODE": "LSR_OVER_CE",
}
_XOR = {"INIT": "0110011001100110"}


def add_harness(netlist, clock="clk"):
    """Replace all ports but `clock` by the pins `i` and `o`; returns the number of flip-flops and of LUTs added."""
    (clk,) = netlist.ports[clock]["bits"]
    count = {"flops": 0, "luts": 0}

    def flop(name, bit, output=None):
        output = netlist.new_bit() if output is None else output
        netlist.add(f"{PREFIX}{name}", "TRELLIS_FF", _FLOP, {"CLK": clk, "DI": bit, "LSR": "0"}, {"Q": output})
        netlist.names[f"{PREFIX}{name}"] = {"hide_name": 0, "bits": [output], "attributes": {}}
        count["flops"] += 1
        return output

    pin = link = netlist.new_bit()
    for port, index, bit in netlist.port_bits("input"):
        if port != clock:
            link = flop(f"{port}_{index}", link, bit)
    for port, index, bit in netlist.port_bits("output"):
        if bit in CONSTANTS:
            continue
        caught, mixed = flop(f"{port}_{index}", bit), netlist.new_bit()
        netlist.add(
            f"{PREFIX}{port}_{index}_xor", "LUT4", _XOR, {"A": link, "B": caught, "C": "0", "D": "0"}, {"Z": mixed}
        )
        count["luts"] += 1
        link = flop(f"{port}_{index}_chain", mixed)
    keep = netlist.ports[clock]
    pins = {"i": {"direction": "input", "bits": [pin]}, "o": {"direction": "output", "bits": [link]}}
    netlist.set_ports({clock: keep, **pins})
    return count
