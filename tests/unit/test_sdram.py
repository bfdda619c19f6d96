"""SDRAM without its chip: the start-up, the pads, what LiteDRAM is asked for, and that a real board's pins take it."""

import itertools

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from bepboards.sdram.crossing import Crossed
from bepboards.sdram.generate import NAME, generate
from bepboards.sdram.pins import PADS, Pins
from bepboards.sdram.sdram import Sdram
from bepboards.sdram.start import Start
from bepsw.errors import BepError

from .bench import drive, trace

PART, CLOCK = "MT48LC16M16", 100e6
WIDTHS = dict.fromkeys(PADS, 1) | {"a": 13, "ba": 2, "dqm": 2, "dq": 16}
LOW = ("cs", "ras", "cas", "we")


def test_the_start_up_is_that_of_the_data_sheet():
    """Pause, precharge all, eight refreshes, mode; each after its time."""
    made = generate(PART, CLOCK)
    dut, seen, done = Start(made, CLOCK, power_up=1e-6), [], []

    async def bench(ctx):
        for cycle in range(250):
            order = ctx.get(dut.o)
            assert order.enable and order.select
            if order.ras or order.cas or order.we:
                seen.append((cycle, "".join(n for n in ("ras", "cas", "we") if order[n]), order.address))
            if ctx.get(dut.done):
                done.append(cycle)
            await ctx.tick()

    drive(dut, bench)
    assert [(name, address) for _, name, address in seen] == [
        ("raswe", 1 << 10),
        *[("rascas", 0)] * 8,
        ("rascaswe", 2 << 4),
    ]
    cycles = [cycle for cycle, *_ in seen]
    assert cycles[0] == 100
    gaps = [b - a for a, b in itertools.pairwise(cycles)]
    assert gaps[0] > made.timing["tRP"] and all(gap > made.timing["tRFC"] for gap in gaps[1:])
    assert done[0] >= cycles[-1] + 2 and done == list(range(done[0], 250))


def test_controllers_fit_their_clock():
    slow, fast = generate(PART, CLOCK), generate(PART, 120e6)
    assert (slow.cas_latency, fast.cas_latency) == (2, 3)
    assert (slow.address_bits, slow.row_bits, slow.column_bits, slow.bank_bits) == (24, 13, 9, 2)
    for made, period in ((slow, 10), (fast, 1000 / 120)):
        for name, nanoseconds in {"tRCD": 20, "tRP": 20, "tRAS": 44, "tRC": 64, "tRFC": 66, "tWR": 15}.items():
            assert made.timing[name] * period >= nanoseconds, name
        assert made.timing["tREFI"] * period < 0.99 * 64e6 / 8192
    assert f"module {NAME}(" in slow.verilog and generate(PART, CLOCK) is slow


@pytest.mark.parametrize(
    "part, clock, sentence",
    [
        ("MT41K128M16", CLOCK, "knows no single-data-rate SDRAM MT41K128M16"),
        ("nothing", CLOCK, "knows no single-data-rate SDRAM nothing"),
        (PART, 200e6, "cannot run MT48LC16M16 at 200 MHz"),
        (PART, 5e6, "cannot run MT48LC16M16 at 5 MHz"),
    ],
)
def test_what_it_cannot_make_is_refused(part, clock, sentence):
    with pytest.raises(BepError, match=sentence):
        generate(part, clock)


class Padded(wiring.Component):
    """`Pins` with its simulated pads as members."""

    def __init__(self):
        self.pads = {
            name: io.SimulationPort("io" if name == "dq" else "o", WIDTHS[name], invert=name in LOW, name=name)
            for name in PADS
        }
        self.pins = Pins(generate(PART, CLOCK), self.pads)
        super().__init__({name: In(member.shape) for name, member in self.pins.signature.members.items()})
        for name, pad in self.pads.items():
            setattr(self, f"pad_{name}", pad.o)
        self.pad_drive, self.pad_in = pad.oe, pad.i

    def elaborate(self, platform):
        m = Module()
        m.submodules.pins = pins = self.pins
        for name in pins.signature.members:
            ours, theirs = getattr(self, name), getattr(pins, name)
            m.d.comb += ours.eq(theirs) if name == "read" else theirs.eq(ours)
        return m


def test_every_pad_is_one_register_away_and_low_ones_are_low():
    dut = Padded()
    order = {"address": 0x1234, "bank": 2, "enable": 1, "select": 1, "ras": 1, "cas": 0, "we": 1}
    inputs = [{"command": order, "written": 0xBEEF, "mask": 2, "drive": 1, "pad_in": 7}]
    inputs += [{"drive": 0}, {"pad_in": 9}]
    watch = [*(f"pad_{name}" for name in PADS), "pad_drive", "read"]
    seen = trace(dut, inputs, watch, after=2)
    pads = {name.removeprefix("pad_"): values[1] for name, values in seen.items()}
    assert {name: pads[name] for name in PADS} == {
        "a": 0x1234, "ba": 2, "cs": 0, "ras": 0, "cas": 1, "we": 0, "clk_en": 1, "dqm": 2, "dq": 0xBEEF,
    }  # fmt: skip
    assert seen["pad_drive"][1:3] == [0xFFFF, 0] and seen["pad_dqm"][2] == 0
    assert seen["read"][1] == 7 and seen["read"][3] == 9
    assert seen["read"][2] == 0xBEEF, "what is driven stands on the wire"


def test_a_board_takes_it():
    """On an ULX3S, in a clock domain of its own: every pad has a flip-flop, and the controller's source is there."""
    platform = ULX3S_85F_Platform()

    class Top(wiring.Component):
        def __init__(self):
            super().__init__({})

        def elaborate(self, platform):
            m = Module()
            m.domains.slow = slow = ClockDomain()
            m.d.comb += slow.clk.eq(ClockSignal())
            pins = platform.request("sdram", 0, dir="-")
            memory = Sdram(PART, 50e6, {name: getattr(pins, name) for name in PADS})
            m.submodules.sdram = sdram = Crossed(memory, "slow")
            m.d.comb += sdram.port.commands.valid.eq(Signal(init=1))
            return m

    files = platform.prepare(Top(), "top").files
    assert f"module {NAME}(" in files[f"{NAME}.v"]
    text = files["top.il"]
    # 15 address and bank, 5 commands and clock enable, 2 masks, 16 data and their 16 enables.
    assert text.count("OFS1P3DX") + text.count("IFS1P3DX") >= 22 + 16 + 16
