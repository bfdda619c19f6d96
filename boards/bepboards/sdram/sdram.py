"""SDRAM as the memory of a data set.

port ─► LiteDRAM ─ commands ─┐
           ▲                 ├─► Pins ─► chip
           └── words         │
        Start ───────────────┘ until done
"""

from amaranth.hdl import ClockSignal, Instance, Module, Mux, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from bephw.dataset.memory import MemorySignature

from .generate import NAME, generate
from .pins import Pins
from .start import POWER_UP, Start, command_layout

__all__ = ["Sdram"]


class Sdram(wiring.Component):
    """A chip of 16-bit words behind LiteDRAM, in the clock domain `sync`.

    In a row that is open a word a cycle; docs/dataset.md has what random samples take.

    Parameters
    ----------
    part : str
        Its class in litedram.modules. MT48LC16M16 has the slowest timing of the chips that the boards carry
        (MT48LC16M16A2, IS42S16160G, W9825G6KH, AS4C16M16SA) and serves them all.
    clock : float
        Hertz of `sync`.
    pads : dict
        See `Pins`.
    power_up : float
        Seconds that the chip needs before its first command; shorter for simulations.

    Members
    -------
    port : In, see `MemorySignature`; 32 MB are 2^24 words
    """

    def __init__(self, part, clock, pads, *, power_up=POWER_UP):
        self.controller = generate(part, clock)
        self.clock = clock
        self.pads = pads
        self.power_up = power_up
        super().__init__({"port": In(MemorySignature(self.controller.address_bits))})

    def elaborate(self, platform):
        m = Module()
        port, controller = self.port, self.controller
        m.submodules.start = start = Start(controller, self.clock, self.power_up)
        m.submodules.pins = pins = Pins(controller, self.pads)
        if platform is not None:
            platform.add_file(f"{NAME}.v", controller.verilog)
        order = Signal(command_layout(controller.row_bits, controller.bank_bits))
        low = {name: Signal(name=f"{name}_n") for name in ("cs", "ras", "cas", "we")}
        m.submodules.controller = Instance(
            NAME,
            i_sys_clk=ClockSignal(),
            i_sys_rst=ResetSignal(allow_reset_less=True) | ~start.done,
            i_cmd_valid=port.commands.valid & start.done,
            i_cmd_we=port.commands.payload.write,
            i_cmd_addr=port.commands.payload.address,
            o_cmd_ready=(ready := Signal()),
            i_wdata_valid=port.written.valid,
            i_wdata_we=0b11,
            i_wdata_data=port.written.payload,
            o_wdata_ready=port.written.ready,
            o_rdata_valid=port.read.valid,
            o_rdata_data=port.read.payload,
            o_dfi_address=order.address,
            o_dfi_bank=order.bank,
            o_dfi_cke=order.enable,
            **{f"o_dfi_{name}_n": signal for name, signal in low.items()},
            o_dfi_wrdata=pins.written,
            o_dfi_wrdata_en=(drive := Signal()),
            o_dfi_wrdata_mask=pins.mask,
            i_dfi_rddata=pins.read,
        )
        m.d.comb += [
            order.select.eq(~low["cs"]),
            order.ras.eq(~low["ras"]),
            order.cas.eq(~low["cas"]),
            order.we.eq(~low["we"]),
            port.commands.ready.eq(ready & start.done),
            port.ready.eq(start.done),
            pins.command.eq(Mux(start.done, order, start.o)),
            pins.drive.eq(drive & start.done),
        ]
        return m
