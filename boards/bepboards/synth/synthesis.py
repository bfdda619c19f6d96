"""From a core's parameters to a netlist of ECP5 cells.

Trainer ─► RTLIL ─► Yosys synth_ecp5 ─► output registers into block RAMs ─► LUTs into carry cells ─► netlist
"""

from dataclasses import dataclass
from pathlib import Path

from bephw.export import to_rtlil
from bephw.trainer import Trainer
from bepsw.errors import BepError

from .carry_fold import fold_into_carries
from .netlist import Netlist
from .output_register import absorb_output_registers
from .toolchain import yosys

__all__ = ["TOP", "Synthesis", "synthesise"]

TOP = "bepcore"
"""Name of the top module."""

# COLLISION_X_MASK: Yosys would build logic that defines what a read gives while the same word is written. The core
# never uses such a read: docstrings say why, memory by memory, and the gate-level simulation answers garbage there.
#
# keep on flip-flops: opt_merge honours it on the cell, not on the signal. Without it the copies of addresses and
# control signals for each segment become one register again, whose net crosses the chip.
#
# -nowidelut: multiplexers of the slice cost more in placement than they save in LUTs.
#
# splitnets: Yosys 0.70 can end in an assertion of its own (GetSize of two sides differ) when abc9 puts a design with
# wide nets back together.
_SCRIPT = f"""\
read_rtlil design.il
setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i
setattr -set keep 1 a:keep=1 %ci1:+$dff[Q] t:$dff %i
synth_ecp5 -nowidelut -top {TOP} -run begin:map_luts
splitnets
synth_ecp5 -nowidelut -top {TOP} -run map_luts: -json netlist.json
"""


@dataclass(frozen=True)
class Synthesis:
    """A synthesised core.

    netlist : Netlist
    folded : LUTs that went into carry cells.
    unregistered : {block RAM: why it keeps its slow output}.
    """

    netlist: Netlist
    folded: int
    unregistered: dict


def synthesise(core, folder):
    """Netlist of a `Trainer(core)`, made in `folder`, which keeps Yosys' log.

    Raises
    ------
    BepError
        Yosys is missing or fails.
    """
    return synthesise_rtlil(to_rtlil(Trainer(core), TOP), folder)


def synthesise_rtlil(text, folder):
    """As `synthesise`, for a design in RTLIL whose top module is called `TOP`."""
    folder = Path(folder)
    (folder / "design.il").write_text(text)
    yosys(folder, _SCRIPT)
    made = folder / "netlist.json"
    if not made.exists():
        raise BepError(f"Yosys wrote no netlist; see {folder / 'yosys.log'}.")
    netlist = Netlist(made.read_text(), TOP)
    made.unlink()
    unregistered = absorb_output_registers(netlist)
    return Synthesis(netlist, fold_into_carries(netlist), unregistered)
