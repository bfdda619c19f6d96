"""An `Sdram` with its chip, and a core that only looks: it takes samples at a pace and says what came and how late."""

from functools import lru_cache
from importlib.resources import files
from math import ceil, floor

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import data, io, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from bepboards.sdram.crossing import Crossed
from bepboards.sdram.generate import generate
from bepboards.sdram.pins import PADS
from bepboards.sdram.sdram import Sdram
from bepboards.sdram.start import POWER_UP
from bephw.dataset.dataset import Dataset
from bephw.dataset.memory import MemorySignature
from bephw.export import to_verilog
from bephw.types import BusSignature, sample_layout
from bepsim.simulator import build
from bepsim.stored import StoredCore
from bepsw.dataset_registers import BASE

__all__ = ["CLOCK", "PACE", "HalfSpeedSdram", "Looker", "SimulatedSdram", "build_looker", "build_trainer", "look"]

CLOCK = 100e6
PART = "MT48LC16M16"
NANOSECONDS = {"T_RCD": 20, "T_RP": 20, "T_RAS": 44, "T_RC": 66, "T_RFC": 66, "T_WR": 15, "T_RRD": 15}
"""Of the data sheet of MT48LC16M16A2-75."""

PACE = 0  # register of the looker


def chip_parameters(clock, latency):
    """What the chip insists on, in cycles of `clock`."""
    cycles = {name: ceil(time * 1e-9 * clock) for name, time in NANOSECONDS.items()}
    return cycles | {
        "T_MRD": 2, "T_REFI": floor(64e-3 / 8192 * clock), "POWER_UP": ceil(200e-6 * clock), "CAS": latency,
    }  # fmt: skip


class SimulatedSdram(wiring.Component):
    """`Sdram` wired to a chip that judges it; `changes` are parameters of the chip."""

    def __init__(self, clock=CLOCK, *, power_up=POWER_UP, **changes):
        made = generate(PART, clock)
        widths = dict.fromkeys(PADS, 1) | {"a": made.row_bits, "ba": made.bank_bits, "dqm": 2, "dq": 16}
        low = ("cs", "ras", "cas", "we")
        self.pads = {
            name: io.SimulationPort("io" if name == "dq" else "o", widths[name], invert=name in low, name=name)
            for name in PADS
        }
        self.sdram = Sdram(PART, clock, self.pads, power_up=power_up)
        self.parameters = chip_parameters(clock, made.cas_latency) | changes
        super().__init__({"port": In(MemorySignature(made.address_bits))})

    @property
    def verilog(self):
        """Of controller and chip."""
        return self.sdram.controller.verilog + files("bepsim").joinpath("sdram_chip.v").read_text()

    def elaborate(self, platform):
        m = Module()
        m.submodules.sdram = self.sdram
        connect(m, flipped(self.port), self.sdram.port)
        outputs = {name: pad.o for name, pad in self.pads.items() if name != "dq"}
        names = {name: f"i_{name}_n" if name in ("cs", "ras", "cas", "we") else f"i_{name}" for name in outputs}
        m.submodules.chip = Instance(
            "sdram_chip",
            **{f"p_{name}": value for name, value in self.parameters.items()},
            **{names[name]: signal for name, signal in outputs.items()},
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_from_host=self.pads["dq"].o,
            i_driven=self.pads["dq"].oe[0],
            o_to_host=self.pads["dq"].i,
        )
        return m


class HalfSpeedSdram(wiring.Component):
    """As on a board: `SimulatedSdram` at half the clock, behind a crossing."""

    def __init__(self):
        self.slow = SimulatedSdram(CLOCK / 2)
        self.verilog = self.slow.verilog
        super().__init__({"port": In(MemorySignature(self.slow.port.signature.address_bits))})

    def elaborate(self, platform):
        m = Module()
        m.domains.slow = slow = ClockDomain("slow", local=True)
        m.d.sync += slow.clk.eq(~slow.clk)
        m.submodules.reset = FFSynchronizer(ResetSignal(), slow.rst, o_domain="slow", init=1)
        m.submodules.crossed = crossed = Crossed(self.slow, "slow")
        connect(m, flipped(self.port), crossed.port)
        return m


class Looker(wiring.Component):
    """Outside like a core. Takes a header every PACE cycles at most, or later if none is there; segments at once.

    A result a sample: `header` its first beat, `check` of the segments, `late` cycles that the header was waited for,
    `took` cycles from the header to the last segment.
    """

    def __init__(self, core, memory):
        self.core = core
        self.memory = memory
        result = data.StructLayout({"header": 8, "check": 24, "late": 16, "took": 16})
        super().__init__(
            {
                "samples": In(stream.Signature(sample_layout(core))),
                "results": Out(stream.Signature(result)),
                "bus": In(BusSignature()),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.dataset = dataset = Dataset(self.core, self.memory.port.signature.address_bits)
        m.submodules.memory = self.memory
        connect(m, dataset.memory, self.memory.port)
        samples, result = dataset.samples, self.results.payload
        pace, rest = Signal(16), Signal(16)
        here = self.bus.addr >= BASE
        m.d.comb += [
            dataset.bus.addr.eq(self.bus.addr),
            dataset.bus.wdata.eq(self.bus.wdata),
            dataset.bus.write.eq(self.bus.write),
            dataset.bus.valid.eq(self.bus.valid & here),
            self.bus.ready.eq(dataset.bus.ready | ~here),
            self.bus.rdata.eq(dataset.bus.rdata),
            self.idle.eq(~dataset.active & ~self.results.valid),
        ]
        with m.If(self.bus.valid & self.bus.write & ~here):
            m.d.sync += pace.eq(self.bus.wdata)
        with m.If(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        with m.If(self.results.ready):
            m.d.sync += self.results.valid.eq(0)
        late = Signal(16)
        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += samples.ready.eq((rest == 0) & ~self.results.valid)
                with m.If(samples.ready):
                    m.d.sync += late.eq(late + 1)
                    with m.If(samples.valid):
                        m.d.sync += [
                            result.header.eq(samples.payload.data),
                            result.late.eq(late),
                            result.check.eq(0),
                            result.took.eq(0),
                            late.eq(0),
                            rest.eq(pace - 1),
                        ]
                        m.next = "SEGMENTS"
            with m.State("SEGMENTS"):
                m.d.comb += samples.ready.eq(1)
                m.d.sync += result.took.eq(result.took + 1)
                with m.If(samples.valid):
                    m.d.sync += result.check.eq(_check(result.check, samples.payload.data))
                    with m.If(samples.payload.last):
                        m.d.sync += self.results.valid.eq(1)
                        m.next = "HEADER"
        return m


def _check(check, word):
    """Order and every bit count; `look` does the same."""
    for start in range(0, len(word), 24):
        check = (check.rotate_left(1) ^ word[start : start + 24])[:24]
    return check


def _build(component):
    return build(to_verilog(component, "bepcore") + component.memory.verilog, "bepcore")


@lru_cache
def build_looker(core, clock=CLOCK, **changes):
    """A simulation of data set, controller and chip; `changes` of `SimulatedSdram`."""
    return _build(Looker(core, SimulatedSdram(clock, **changes)))


@lru_cache
def build_trainer(core):
    """A simulation of a whole core with its data set in SDRAM."""
    return _build(StoredCore(core, SimulatedSdram()))


def look(words, lanes):
    """(header, check) as the looker gives them for the beats of one sample, ints."""
    header, *segments = words
    check = 0
    for word in segments:
        check = _check_of(check, word, lanes)
    return header & 0xFF, check


def _check_of(check, word, lanes):
    for start in range(0, lanes, 24):
        part = word >> start & 0xFFFFFF
        check = ((check << 1 | check >> 23) & 0xFFFFFF) ^ part
    return check
