"""From a core's parameters to a netlist of ECP5 cells.

Trainer ─► RTLIL ─► what the technology prepares ─► Yosys synth_ecp5 ─► passes of the technology ─► netlist
"""

from dataclasses import dataclass
from pathlib import Path

from bephw.export import to_rtlil
from bephw.trainer import Trainer
from bepsw.errors import BepError

from .netlist import Netlist
from .technology import ECP5
from .toolchain import yosys

__all__ = ["TOP", "Synthesis", "synthesise"]

TOP = "bepcore"
"""Name of the top module."""

# -nowidelut: multiplexers of the slice cost more in placement than they save in LUTs.
#
# splitnets: Yosys 0.70 can end in an assertion of its own (GetSize of two sides differ) when abc9 puts a design with
# wide nets back together.
_SCRIPT = f"""\
read_rtlil design.il
@VERILOG@
@PREPARE@
synth_ecp5 -nowidelut -top {TOP} -run begin:map_luts
splitnets
synth_ecp5 -nowidelut -top {TOP} -run map_luts: -json netlist.json
"""


@dataclass(frozen=True)
class Synthesis:
    """A synthesised core.

    netlist : Netlist
    technology : its name.
    folded : LUTs that went into carry cells.
    unregistered : {block RAM: why it keeps its slow output}; None where nobody looked.
    """

    netlist: Netlist
    technology: str
    folded: int = 0
    unregistered: dict | None = None


def synthesise(core, folder, technology=ECP5):
    """Netlist of a `Trainer(core)`, made in `folder`, which keeps Yosys' log.

    Raises
    ------
    BepError
        Yosys is missing or fails.
    """
    return synthesise_rtlil(to_rtlil(Trainer(core), TOP), folder, technology)


def synthesise_rtlil(text, folder, technology=ECP5, verilog=None):
    """As `synthesise`, for a design in RTLIL whose top module is called `TOP`.

    verilog : {file name: text} of modules that it instantiates.
    """
    folder, verilog = Path(folder), verilog or {}
    for name, source in {"design.il": text, **verilog}.items():
        (folder / name).write_text(source)
    reads = "\n".join(f"read_verilog {name}" for name in verilog)
    yosys(folder, _SCRIPT.replace("@VERILOG@", reads).replace("@PREPARE@", technology.prepare))
    made = folder / "netlist.json"
    if not made.exists():
        raise BepError(f"Yosys wrote no netlist; see {folder / 'yosys.log'}.")
    netlist = Netlist(made.read_text(), TOP)
    made.unlink()
    return Synthesis(netlist, technology.name, **{name: do(netlist) for name, do in technology.passes})
