"""The clock of a board: an EHXPLLL from the oscillator's frequency to the core's.

oscillator ─► / reference ─► phase detector ─► VCO ─► / output ─┬─► clock
                                   ▲                            │
                                   └──────── / feedback ◄───────┘
"""

from dataclasses import dataclass

from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw.errors import BepError

__all__ = ["Dividers", "Pll", "dividers"]

# MHz, from the data sheet of the ECP5 family (FPGA-DS-02012, sysCLOCK PLL timing).
_DETECTOR = (10e6, 400e6)
_VCO = (400e6, 800e6)
_CLOCK = (3.125e6, 400e6)
_MOST = 128
_VCO_WISH = 600e6


@dataclass(frozen=True)
class Dividers:
    """Dividers of a PLL: clock = oscillator / reference · feedback, and VCO = clock · output."""

    reference: int
    feedback: int
    output: int


def dividers(oscillator, clock):
    """`Dividers` for exactly `clock` Hz from `oscillator` Hz: the fastest phase detector, the VCO about in the middle.

    Raises
    ------
    BepError
        There are none; the sentence names clocks near by that there are.
    """
    found = {}
    for reference in range(1, _MOST + 1):
        if not _DETECTOR[0] <= oscillator / reference <= _DETECTOR[1]:
            continue
        for feedback in range(1, _MOST + 1):
            rate = oscillator * feedback / reference
            outputs = [n for n in range(1, _MOST + 1) if _VCO[0] <= rate * n <= _VCO[1]]
            if outputs and _CLOCK[0] <= rate <= _CLOCK[1]:
                best = min(outputs, key=lambda n: abs(rate * n - _VCO_WISH))
                found.setdefault(rate, Dividers(reference, feedback, best))
    if clock not in found:
        below, above = (rate for rate in found if rate < clock), (rate for rate in found if rate > clock)
        near = [rate for rate in (max(below, default=None), min(above, default=None)) if rate]
        raise BepError(
            f"The PLL cannot make {clock / 1e6:g} MHz from {oscillator / 1e6:g} MHz; near are "
            f"{' and '.join(f'{rate / 1e6:g}' for rate in near)} MHz."
        )
    return found[clock]


class Pll(wiring.Component):
    """EHXPLLL with one output, fed back.

    Parameters
    ----------
    oscillator, clock : int, Hz

    Members
    -------
    i : In, oscillator; o : Out, clock; locked : Out, not of any clock
    """

    def __init__(self, oscillator, clock):
        self.oscillator, self.clock = oscillator, clock
        self.dividers = dividers(oscillator, clock)
        super().__init__({"i": In(1), "o": Out(1), "locked": Out(1)})

    def elaborate(self, platform):
        m = Module()
        clock = Signal(attrs={"keep": 1})
        m.submodules.ehxplll = Instance(
            "EHXPLLL",
            # Loop filter for these frequencies, as the vendor's tool sets it.
            *(("a", "ICP_CURRENT", "12"), ("a", "LPF_RESISTOR", "8")),
            *(("a", "MFG_ENABLE_FILTEROPAMP", "1"), ("a", "MFG_GMCREF_SEL", "2")),
            ("a", "FREQUENCY_PIN_CLKI", f"{self.oscillator / 1e6:g}"),
            ("a", "FREQUENCY_PIN_CLKOP", f"{self.clock / 1e6:g}"),
            *(("p", name, "DISABLED") for name in ("PLLRST_ENA", "INTFB_WAKE", "STDBY_ENABLE", "DPHASE_SOURCE")),
            *(("p", f"OUTDIVIDER_MUX{x}", f"DIV{x}") for x in "ABCD"),
            ("p", "CLKI_DIV", self.dividers.reference),
            ("p", "CLKFB_DIV", self.dividers.feedback),
            ("p", "FEEDBK_PATH", "CLKOP"),
            ("p", "CLKOP_ENABLE", "ENABLED"),
            ("p", "CLKOP_DIV", self.dividers.output),
            *(("p", "CLKOP_CPHASE", self.dividers.output - 1), ("p", "CLKOP_FPHASE", 0)),
            *(("i", name, 0) for name in ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP")),
            *(("i", name, 1) for name in ("PHASEDIR", "PHASESTEP", "PHASELOADREG")),
            *(("i", "CLKI", self.i), ("i", "CLKFB", clock), ("o", "CLKOP", clock), ("o", "LOCK", self.locked)),
        )
        m.d.comb += self.o.eq(clock)
        return m
