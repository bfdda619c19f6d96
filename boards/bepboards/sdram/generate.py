"""LiteDRAM's controller for a single-data-rate SDRAM chip, generated as Verilog when it is needed.

Taken are controller and crossbar with one native port, and no processor, registers or pads: LiteDRAM's own start-up
wants a program on a processor, and its pads a LiteX platform. `start` and `pins` do these two here.
"""

from dataclasses import dataclass
from functools import cache

from bepsw.errors import BepError

__all__ = ["NAME", "Controller", "generate"]

NAME = "litedram_controller"
"""Name of the Verilog module."""

_REFRESH_MARGIN = 0.98  # a refresh waits for the access in progress; LiteDRAM rounds the interval up

_INPUTS = {"cmd": ("valid", "we", "addr"), "wdata": ("valid", "we", "data"), "rdata": ()}
_OUTPUTS = {"cmd": ("ready",), "wdata": ("ready",), "rdata": ("valid", "data")}
_PINS = (
    "address", "bank", "cas_n", "cs_n", "ras_n", "we_n", "cke", "wrdata", "wrdata_en", "wrdata_mask",
)  # fmt: skip


@dataclass(frozen=True)
class Controller:
    """A generated controller.

    verilog : its source, module `NAME`.
    address_bits : of a 16-bit word.
    row_bits, column_bits, bank_bits : of the chip; an address is {row, bank, column}.
    cas_latency : with which it reads; the start-up tells the chip.
    timing : {name: cycles}, LiteDRAM's for the chip at this clock.
    """

    verilog: str
    address_bits: int
    row_bits: int
    column_bits: int
    bank_bits: int
    cas_latency: int
    timing: dict


@cache
def generate(part, clock):
    """`Controller` of the chip `part` (a class of litedram.modules) at `clock` hertz; takes about a second.

    Raises
    ------
    BepError
        LiteDRAM is missing, it does not know the part, or the part is too slow or too fast for the clock.
    """
    try:
        from litedram import modules
        from litedram.common import PhySettings, get_default_cl
        from litedram.core.controller import ControllerSettings, LiteDRAMController
        from litedram.core.crossbar import LiteDRAMCrossbar
        from migen import Module, Signal
        from migen.fhdl import verilog
    except ImportError as error:
        raise BepError("LiteDRAM is missing: install it with `pip install bepcore[sdram]`.") from error
    kind = getattr(modules, part, None)
    if not (isinstance(kind, type) and issubclass(kind, modules.SDRModule)):
        raise BepError(f"LiteDRAM knows no single-data-rate SDRAM {part}.")
    try:
        chip = kind(clock, "1:1")
        latency = get_default_cl("SDR", 1 / clock)
        chip.timing_settings.tREFI = int(chip.timing_settings.tREFI * _REFRESH_MARGIN)
        phy = PhySettings(
            phytype="GENSDRPHY", memtype="SDR", databits=16, dfi_databits=16, nphases=1, rdphase=0, wrphase=0,
            cl=latency, read_latency=latency + 1, write_latency=0,
        )  # fmt: skip
        top = Module()
        top.submodules.controller = controller = LiteDRAMController(
            phy, chip.geom_settings, chip.timing_settings, clock, controller_settings=ControllerSettings()
        )
        top.submodules.crossbar = crossbar = LiteDRAMCrossbar(controller.interface)
        port = crossbar.get_port(mode="both")
    except ValueError as error:
        raise BepError(f"LiteDRAM cannot run {part} at {clock / 1e6:g} MHz; 13 to 133 MHz would do.") from error

    ports = set()

    def outside(inner, name, drives):
        """A port of the module that is driven by `inner`, or drives it."""
        signal = Signal(len(inner), name=name)
        ports.add(signal)
        top.comb += signal.eq(inner) if drives else inner.eq(signal)

    for channel in _INPUTS:
        for names, drives in ((_INPUTS, False), (_OUTPUTS, True)):
            for name in names[channel]:
                outside(getattr(getattr(port, channel), name), f"{channel}_{name}", drives)
    for name in _PINS:
        outside(getattr(controller.dfi.p0, name), f"dfi_{name}", True)
    outside(controller.dfi.p0.rddata, "dfi_rddata", False)
    geometry, timing = chip.geom_settings, vars(chip.timing_settings)
    return Controller(
        verilog=str(verilog.convert(top, ios=ports, name=NAME)),
        address_bits=port.address_width,
        row_bits=geometry.rowbits,
        column_bits=geometry.colbits,
        bank_bits=geometry.bankbits,
        cas_latency=latency,
        timing={name: cycles for name, cycles in timing.items() if isinstance(cycles, int)},
    )
