"""AxiTrainer in Amaranth's simulator: addresses, reset, and that no output follows an input within a cycle."""

from random import Random

from amaranth.hdl import Value
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from bephw.axi.trainer import AxiTrainer
from bepsw.registers import IDENTITY, address

from .bench import core_of


class Pins:
    """The block's pins, cycle by cycle; before every edge all inputs are shaken and no output may move."""

    def __init__(self, ctx, dut, rng):
        self.ctx, self.dut, self.rng = ctx, dut, rng
        members = dut.signature.members
        self.inputs = {name: 0 for name in members if members[name].flow is In and name != "aclk"}
        self.outputs = [name for name in members if members[name].flow is not In]

    def seen(self):
        return {name: self.ctx.get(Value.cast(getattr(self.dut, name))) for name in self.outputs}

    def _drive(self, values):
        for name, value in values.items():
            self.ctx.set(getattr(self.dut, name), value)

    async def clock(self, **changes):
        """A rising edge with these inputs; returns the outputs that it saw."""
        self.inputs |= changes
        before = self.seen()
        for _ in range(2):
            self._drive({name: self.rng.getrandbits(len(getattr(self.dut, name))) for name in self.inputs})
            await self.ctx.delay(1e-9)
            assert self.seen() == before, "an output follows an input within a cycle"
        self._drive(self.inputs)
        for level in (1, 0):
            await self.ctx.delay(1e-9)
            self.ctx.set(self.dut.aclk, level)
        await self.ctx.delay(1e-9)
        return before

    async def read(self, register):
        seen = await self.clock(s_axi_araddr=4 * address(register), s_axi_arvalid=1, s_axi_rready=1)
        assert seen["s_axi_arready"]
        while not seen["s_axi_rvalid"]:
            seen = await self.clock(s_axi_arvalid=0)
        await self.clock(s_axi_rready=0)
        return seen["s_axi_rdata"]

    async def write(self, register, value):
        there = {"s_axi_awaddr": 4 * address(register), "s_axi_wdata": value, "s_axi_wstrb": 15}
        seen = await self.clock(s_axi_awvalid=1, s_axi_wvalid=1, s_axi_bready=1, **there)
        assert seen["s_axi_awready"] and seen["s_axi_wready"]
        while not seen["s_axi_bvalid"]:
            seen = await self.clock(s_axi_awvalid=0, s_axi_wvalid=0)
        await self.clock(s_axi_bready=0)
        assert seen["s_axi_bresp"] == 0


def test_the_block_at_its_pins():
    """A bad sample in, its flag out, a reset, and all is as after the first one."""
    core = core_of()
    dut = AxiTrainer(core)

    async def bench(ctx):
        pins = Pins(ctx, dut, Random(1))
        for _ in range(4):
            await pins.clock(aresetn=0)
        for _ in range(2):
            for _ in range(160):
                seen = await pins.clock(aresetn=1)
            assert seen["idle"] and not seen["s_axis_tready"] and not seen["m_axis_tvalid"]
            assert await pins.read("IDENTITY") == IDENTITY and await pins.read("LANES") == core.lanes
            assert await pins.read("BATCH") == 1 and await pins.read("ERRORS") == 0
            await pins.write("BATCH", 7)
            await pins.write("CLASS_COUNT", 3)
            await pins.write("CONTROL", 3)
            seen = await pins.clock()
            while not seen["s_axis_tready"]:
                seen = await pins.clock()
            await pins.clock(s_axis_tdata=3, s_axis_tlast=0, s_axis_tvalid=1)  # no class
            for _ in range(4):
                seen = await pins.clock(s_axis_tvalid=0)
            assert not seen["idle"], "a sample is half read"
            seen = await pins.clock(s_axis_tdata=1, s_axis_tlast=1, s_axis_tvalid=1)
            assert seen["s_axis_tready"]
            for _ in range(40):
                seen = await pins.clock(s_axis_tvalid=0)
            assert seen["idle"], "the sample is over"
            assert await pins.read("ERRORS") == 2 and await pins.read("BATCH") == 7
            await pins.clock(aresetn=0)
            seen = await pins.clock(aresetn=0)
            assert not any(seen[name] for name in seen if name.endswith("valid"))

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
