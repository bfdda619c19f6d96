"""Move the flip-flop behind a block RAM into the block RAM's own output register.

A DP16KD without its output register needs 5.6 ns from clock to output, with it 1 ns. Yosys 0.70 never uses it. The
flip-flops are there already, because the core puts a register directly behind every block RAM:

    DP16KD ─► DO[i] ─► TRELLIS_FF ─► q[i]        becomes        DP16KD(REGMODE OUTREG) ─► q[i]
"""

from .netlist import CONSTANTS

__all__ = ["absorb_output_registers"]

_SIDES = ("A", "B")


def absorb_output_registers(netlist):
    """Absorb what can be absorbed; returns {block RAM: reason} of those that keep their slow output.

    A read port's bits all move, or none: every bit in use must go to exactly one flip-flop with the block RAM's
    clock, always enabled, never reset. Bits that nobody reads do not matter.
    """
    kept = {}
    for name in netlist.of_type("DP16KD"):
        for sides in _read_ports(netlist.cells[name]):
            flops, reason = _flops(netlist, name, sides)
            if reason:
                kept[name] = reason
            elif flops:
                _absorb(netlist, name, sides, flops)
    return kept


def _width(cell, side):
    value = cell["parameters"][f"DATA_WIDTH_{side}"]
    return int(value, 2) if isinstance(value, str) else value


def _read_ports(cell):
    """Sides that form a read port together: both in pseudo dual port mode, where A carries the other half of B."""
    return [_SIDES] if _width(cell, "B") == 36 else [("A",), ("B",)]


def _flops(netlist, name, sides):
    """{output port: flip-flop}, or why not."""
    cell = netlist.cells[name]
    flops = {}
    clock = cell["connections"][f"CLK{sides[-1]}"]
    if any(cell["parameters"][f"REGMODE_{side}"] != "NOREG" for side in sides):
        return {}, None
    if any(cell["parameters"].get(f"CLK{side}MUX") == "INV" for side in sides):
        return {}, "its clock is inverted"
    for side in sides:
        if netlist.cells[name]["connections"][f"RST{side}"] != ["0"]:
            return {}, "it has a reset"
        for i in range(18):
            port = f"DO{side}{i}"
            bits = cell["connections"].get(port, [])
            if not bits or bits[0] in CONSTANTS:
                continue
            users = netlist.users(bits[0])
            if netlist.is_port(bits[0]):
                return {}, f"{port} leaves the design"
            if not users:
                continue
            if len(users) > 1:
                return {}, f"{port} has {len(users)} readers"
            flop, pin, _ = next(iter(users))
            reason = _plain(netlist.cells[flop], pin, clock)
            if reason:
                return {}, f"{flop} behind {port} {reason}"
            flops[port] = flop
    return flops, None


def _plain(cell, pin, clock):
    """Why this reader is not a flip-flop that an output register can replace; None if it is."""
    if cell["type"] != "TRELLIS_FF" or pin != "DI":
        return "is no flip-flop"
    wires, settings = cell["connections"], {key: str(value).strip() for key, value in cell["parameters"].items()}
    if wires["CLK"] != clock or settings.get("CLKMUX", "CLK") != "CLK":
        return "has another clock"
    if settings.get("CEMUX", "CE") != "1" and wires.get("CE") != ["1"]:
        return "has an enable"
    if wires.get("LSR", ["0"]) != ["0"] and settings.get("LSRMUX") != "0":
        return "has a reset"
    if settings.get("REGSET", "RESET") != "RESET":
        return "starts at 1"
    return None


def _absorb(netlist, name, sides, flops):
    for port, flop in flops.items():
        (output,) = netlist.cells[flop]["connections"]["Q"]
        netlist.remove(flop)
        netlist.connect(name, port, output)
    for side in sides:
        netlist.cells[name]["parameters"][f"REGMODE_{side}"] = "OUTREG"
        netlist.connect(name, f"OCE{side}", "1")
