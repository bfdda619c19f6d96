"""The JSON netlist that Yosys writes and nextpnr reads, as something that can be searched and edited."""

import json
import re
from collections import defaultdict

__all__ = ["CONSTANTS", "Netlist"]

CONSTANTS = frozenset("01xz")


class Netlist:
    """Top module of a Yosys JSON netlist.

    A *bit* is a net: a number, or one of the constants "0", "1", "x", "z". Edit cells through `add`, `remove` and
    `connect`, so that drivers and users stay right.

    Parameters
    ----------
    text : str
        What `write_json` wrote, flattened.
    top : str

    Members
    -------
    cells : dict, name to Yosys' own record (`type`, `parameters`, `connections`, …)
    ports : dict, name to {direction, bits}
    names : dict, net name to {bits, …}
    scopes : paths of the submodules that were flattened, as the source has them
    """

    def __init__(self, text, top):
        self._document = json.loads(text)
        self._document["modules"] = {top: self._document["modules"][top]}  # the library's empty modules are noise
        self._module = self._document["modules"][top]
        cells = self._module["cells"]
        self._scopes = {name: cell for name, cell in cells.items() if cell["type"] == "$scopeinfo"}
        self.scopes = frozenset(re.sub(r"\$\d+", "", name) for name in self._scopes)
        self.cells = {name: cell for name, cell in cells.items() if name not in self._scopes}
        self.ports = self._module["ports"]
        self.names = self._module["netnames"]
        self._port_bits = {bit for port in self.ports.values() for bit in port["bits"]}
        self._drivers, self._users = {}, defaultdict(set)
        self._next = 2
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                self._attach(name, port, bits)
        for record in (*self.ports.values(), *self.names.values()):
            self._next = max([self._next, *(bit + 1 for bit in record["bits"] if bit not in CONSTANTS)])

    def text(self):
        """The netlist as JSON."""
        self._module["cells"] = self._scopes | self.cells
        return json.dumps(self._document)

    def of_type(self, kind):
        """Names of the cells of type `kind`."""
        return [name for name, cell in self.cells.items() if cell["type"] == kind]

    def driver(self, bit):
        """(cell, port, index) that drives `bit`, or None."""
        return self._drivers.get(bit)

    def users(self, bit):
        """Set of (cell, port, index) that read `bit`."""
        return self._users.get(bit, set())

    def is_port(self, bit):
        """Whether `bit` is on a port of the design."""
        return bit in self._port_bits

    def port_bits(self, direction):
        """[(port, index, bit)] of all top-level ports of a `direction`, constants included."""
        return [
            (name, index, bit)
            for name, port in self.ports.items()
            if port["direction"] == direction
            for index, bit in enumerate(port["bits"])
        ]

    def set_ports(self, ports):
        """Give the design other ports."""
        self.ports.clear()
        self.ports.update(ports)
        self._port_bits = {bit for port in ports.values() for bit in port["bits"]}

    def new_bit(self):
        """A net that nobody uses yet."""
        self._next += 1
        return self._next - 1

    def add(self, name, kind, parameters, inputs, outputs):
        """A new cell; `inputs` and `outputs` give one bit per port."""
        directions = {**dict.fromkeys(inputs, "input"), **dict.fromkeys(outputs, "output")}
        self.cells[name] = {
            "hide_name": 0,
            "type": kind,
            "parameters": dict(parameters),
            "attributes": {},
            "port_directions": directions,
            "connections": {port: [bit] for port, bit in (inputs | outputs).items()},
        }
        for port, bits in self.cells[name]["connections"].items():
            self._attach(name, port, bits)

    def remove(self, name):
        """Take a cell out."""
        for port in self.cells[name]["connections"]:
            self._detach(name, port)
        del self.cells[name]

    def connect(self, name, port, bit):
        """Connect the one-bit `port` of a cell to `bit`."""
        self._detach(name, port)
        self.cells[name]["connections"][port] = [bit]
        self._attach(name, port, [bit])

    def _attach(self, name, port, bits):
        output = self.cells[name]["port_directions"][port] == "output"
        for index, bit in enumerate(bits):
            if bit in CONSTANTS:
                continue
            self._next = max(self._next, bit + 1)
            if output:
                self._drivers[bit] = name, port, index
            else:
                self._users[bit].add((name, port, index))

    def _detach(self, name, port):
        for index, bit in enumerate(self.cells[name]["connections"].get(port, ())):
            self._users[bit].discard((name, port, index))
            if self._drivers.get(bit) == (name, port, index):
                del self._drivers[bit]
