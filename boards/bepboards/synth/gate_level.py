"""A synthesised netlist as Verilog, for simulation beside the models of its cells."""

import copy
import tempfile
from pathlib import Path

from .toolchain import yosys

__all__ = ["gate_level_verilog"]

_SCRIPT = """\
read_json netlist.json
splitnets
write_verilog -noattr netlist.v
"""


def gate_level_verilog(netlist, top):
    """Verilog text of `netlist`; the modules of its cells (`LUT4`, `DP16KD`, …) are not in it.

    Contents of memories are left out where they are zero, so that a model need not know of them.

    Raises
    ------
    BepError
        When Yosys is missing or fails.
    """
    plain = copy.deepcopy(netlist)
    for cell in plain.cells.values():
        empty = [n for n, value in cell["parameters"].items() if n.startswith("INITVAL") and "1" not in value]
        for name in empty:
            del cell["parameters"][name]
    with tempfile.TemporaryDirectory(prefix="bep-gates-") as folder:
        Path(folder, "netlist.json").write_text(plain.text())
        yosys(folder, _SCRIPT)
        text = Path(folder, "netlist.v").read_text()
    return text.partition("\n\n")[2]  # without the first comment, which names the folders Yosys was built in
