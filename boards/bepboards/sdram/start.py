"""What a single-data-rate SDRAM wants after power-on: a pause, precharge, refreshes, and its mode."""

from math import ceil

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

__all__ = ["POWER_UP", "Start", "command_layout"]

POWER_UP = 200e-6
"""Seconds of pause: the longest of the chips that boards carry."""

_REFRESHES = 8
_MODE_CYCLES = 4
_ALL_BANKS = 1 << 10

# ras, cas, we
_PRECHARGE, _REFRESH, _MODE = 0b101, 0b110, 0b111


def command_layout(address_bits, bank_bits):
    """A command on the pins, all bits active high."""
    return data.StructLayout(
        {"address": address_bits, "bank": bank_bits, "enable": 1, "select": 1, "ras": 1, "cas": 1, "we": 1}
    )


class Start(wiring.Component):
    """Start-up of a chip: JEDEC's sequence, once, after every reset.

    Parameters
    ----------
    controller : Controller
    clock : float
        Hertz.
    power_up : float
        Seconds before the first command.

    Members
    -------
    o : Out, command of this cycle
    done : Out, the chip takes commands of the controller
    """

    def __init__(self, controller, clock, power_up=POWER_UP):
        timing = controller.timing
        mode = controller.cas_latency << 4  # bursts of one word
        self.steps = [  # (ras cas we, address, cycles until the next step)
            (0, 0, ceil(power_up * clock)),
            (_PRECHARGE, _ALL_BANKS, timing["tRP"] + 1),
            *[(_REFRESH, 0, timing["tRFC"] + 1)] * _REFRESHES,
            (_MODE, mode, _MODE_CYCLES),
        ]
        self.command = command_layout(controller.row_bits, controller.bank_bits)
        super().__init__({"o": Out(self.command), "done": Out(1)})

    def elaborate(self, platform):
        m = Module()
        step = Signal(range(len(self.steps)))
        left = Signal(range(self.steps[0][2]), init=self.steps[0][2] - 1)
        first = Signal()  # cycle of a step: the command is given once
        orders = Array(Const(order, 3) for order, _, _ in self.steps)
        addresses = Array(Const(address, len(self.o.address)) for _, address, _ in self.steps)
        waits = Array(Const(wait - 1, len(left)) for *_, wait in self.steps)
        m.d.comb += [self.o.enable.eq(1), self.o.select.eq(1), self.o.address.eq(addresses[step])]
        with m.If(first & ~self.done):
            m.d.comb += Cat(self.o.we, self.o.cas, self.o.ras).eq(orders[step])
        m.d.sync += first.eq(0)
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Elif(step == len(self.steps) - 1):
            m.d.sync += self.done.eq(1)
        with m.Else():
            m.d.sync += [step.eq(step + 1), left.eq(waits[step + 1]), first.eq(1)]
        return m
