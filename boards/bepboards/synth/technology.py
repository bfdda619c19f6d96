"""What is done for a device beyond plain synthesis, behind one interface; the sources in hw/ name no vendor's cell.

A technology is a preparation (Yosys commands on the design) and passes over the netlist. `NEUTRAL` has neither: Yosys
alone. `ECP5` uses what Yosys leaves idle in an ECP5: the registers at the block RAMs' outputs and the LUT inside a
carry cell. Tests simulate the same core in both, cell by cell, against the golden model.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bepsw.errors import BepError

from .carry_fold import fold_into_carries
from .output_register import absorb_output_registers

__all__ = ["ECP5", "NEUTRAL", "TECHNOLOGIES", "Technology", "find_technology"]


@dataclass(frozen=True)
class Technology:
    """One way to a netlist.

    prepare : Yosys commands on the design before synthesis, one a line.
    passes : {name: pass}, carried out in order; a pass edits a `Netlist` and returns what there is to say about it.
    """

    name: str
    prepare: str = ""
    passes: tuple[tuple[str, Callable], ...] = ()


NEUTRAL = Technology("neutral")
"""Yosys alone: slow block RAM outputs, logic around read-while-write, merged copies of registers."""

# COLLISION_X_MASK: Yosys would build logic that defines what a read gives while the same word is written. The core
# never uses such a read: docstrings say why, memory by memory, and the gate-level simulation answers garbage there.
# A memory between two clocks (`bepboards.sdram.crossing`) is left alone: Yosys ends in an assertion if it has that.
#
# keep on flip-flops: opt_merge honours it on the cell, not on the signal. Without it the copies of addresses and
# control signals for each segment become one register again, whose net crosses the chip.
ECP5 = Technology(
    "ecp5",
    prepare="""\
setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i *.crossing.*/* %d
setattr -set keep 1 a:keep=1 %ci1:+$dff[Q] t:$dff %i
""",
    passes=(("unregistered", absorb_output_registers), ("folded", fold_into_carries)),
)
"""What `bepcore synth` uses."""

TECHNOLOGIES = {technology.name: technology for technology in (ECP5, NEUTRAL)}


def find_technology(name):
    """The technology called `name`.

    Raises
    ------
    BepError
        There is none.
    """
    if name not in TECHNOLOGIES:
        raise BepError(f"There is no technology {name!r}; there are {', '.join(TECHNOLOGIES)}.")
    return TECHNOLOGIES[name]
