"""The clocks of a board: an EHXPLLL from the oscillator's frequency to the core's and, from its VCO, to the memory's.

oscillator ─► / reference ─► phase detector ─► VCO ─┬─► / output ─┬─► clock
                                   ▲                │             │
                                   └──── / feedback ┼─────────────┘
                                                    ├─► / memory ─► memory
                                                    └─► / memory, a quarter of a period later ─► late
"""

from dataclasses import dataclass

from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bepsw.errors import BepError

__all__ = ["Dividers", "Pll", "dividers", "memory_clock", "memory_divider", "phase"]

# MHz, from the data sheet of the ECP5 family (FPGA-DS-02012, sysCLOCK PLL timing).
_DETECTOR = (10e6, 400e6)
_VCO = (400e6, 800e6)
_CLOCK = (3.125e6, 400e6)
_MOST = 128
_VCO_WISH = 600e6
_MEMORY_WISH = 50e6
_STEPS = 8  # of the fine phase in a period of the VCO


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


def memory_divider(oscillator, clock):
    """Divider of the VCO for a memory beside a core at `clock`: about 50 MHz, and never faster than the core."""
    output = dividers(oscillator, clock).output
    return max(output, round(clock * output / _MEMORY_WISH))


def memory_clock(oscillator, clock):
    """Hz of the memory's clocks beside a core at `clock`."""
    return clock * dividers(oscillator, clock).output / memory_divider(oscillator, clock)


def phase(divider, quarters=0):
    """(CPHASE, FPHASE) of an output so many quarters of its period late: periods of the VCO, and eighths of one.

    The divider starts to count CPHASE periods after the others' begin; divider − 1 is in phase with the feedback.
    """
    return divmod(_STEPS * (divider - 1) + quarters * _STEPS * divider // 4, _STEPS)


class Pll(wiring.Component):
    """EHXPLLL whose first output is fed back.

    Parameters
    ----------
    oscillator, clock : int, Hz
    memory : bool
        Whether there are clocks for a memory, too.

    Members
    -------
    i : In, oscillator; o : Out, clock; locked : Out, not of any clock
    memory, late : Out, of `memory_hz`, the second a quarter of a period later; with `memory` only
    """

    def __init__(self, oscillator, clock, *, memory=False):
        self.oscillator, self.clock = oscillator, clock
        self.dividers = dividers(oscillator, clock)
        self.divider = memory_divider(oscillator, clock) if memory else None
        self.memory_hz = memory_clock(oscillator, clock) if memory else None
        clocks = {"memory": Out(1), "late": Out(1)} if memory else {}
        super().__init__({"i": In(1), "o": Out(1), **clocks, "locked": Out(1)})

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
            *self._phase("CLKOP", self.dividers.output),
            *self._memory(),
            *(("i", name, 0) for name in ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP")),
            *(("i", name, 1) for name in ("PHASEDIR", "PHASESTEP", "PHASELOADREG")),
            *(("i", "CLKI", self.i), ("i", "CLKFB", clock), ("o", "CLKOP", clock), ("o", "LOCK", self.locked)),
        )
        m.d.comb += self.o.eq(clock)
        return m

    def _memory(self):
        """Second and third output."""
        if self.divider is None:
            return
        for name, output, quarters in (("CLKOS", self.memory, 0), ("CLKOS2", self.late, 1)):
            yield from (("p", f"{name}_ENABLE", "ENABLED"), ("p", f"{name}_DIV", self.divider), ("o", name, output))
            yield ("a", f"FREQUENCY_PIN_{name}", f"{self.memory_hz / 1e6:g}")
            yield from self._phase(name, self.divider, quarters)

    @staticmethod
    def _phase(name, divider, quarters=0):
        return zip("pp", (f"{name}_CPHASE", f"{name}_FPHASE"), phase(divider, quarters), strict=True)
