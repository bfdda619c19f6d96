"""BoardTop without a board: the reset lasts until the PLL has locked, wires and lights go where the board has them."""

from types import SimpleNamespace

import pytest
from amaranth.hdl import Fragment, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from bepboards.board import BOARDS, LIGHTS, find_board
from bepboards.top import BoardTop


class Soc(wiring.Component):
    """Counts clocks since its reset; its lights are the lowest bits, its line goes straight through."""

    def __init__(self, memory=None):
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), **dict.fromkeys(LIGHTS, Out(1))})
        self.memory = memory
        self.count = Signal(8)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.count.eq(self.count + 1)
        if self.memory is not None:
            m.submodules.memory = self.memory
        m.d.comb += [self.tx.eq(self.rx), *(getattr(self, name).eq(self.count[i]) for i, name in enumerate(LIGHTS))]
        return m


class PassedClock(wiring.Component):
    """A PLL's outside; locks when told. The clocks of a memory are its input as well."""

    def __init__(self, memory_hz=None):
        self.memory_hz = memory_hz
        super().__init__({"i": In(1), "o": Out(1), "memory": Out(1), "late": Out(1), "locked": Out(1)})
        self.lock = Signal()

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.o.eq(self.i), self.memory.eq(self.i), self.late.eq(~self.i), self.locked.eq(self.lock)]
        return m


class Domains(wiring.Component):
    """Counts clocks of the memory's domains since their reset, the later one at the same count and half a clock on."""

    def __init__(self):
        super().__init__({})
        self.port = None
        self.sdram, self.late = Signal(8), Signal(8, reset_less=True)

    def elaborate(self, platform):
        m = Module()
        m.d.sdram += self.sdram.eq(self.sdram + 1)
        m.d.sdram_late += self.late.eq(self.sdram)
        return m


class Desk:
    """A board's platform whose pins are signals of the simulation, with the polarity of its resources."""

    def __init__(self, board):
        self.platform = board.new_platform()
        self.default_clk = self.platform.default_clk
        self.pins = {}

    def request(self, name, number=0, *, dir):
        assert dir == "-" and (name, number) not in self.pins
        resource = self.platform.lookup(name, number)

        def pin(source):
            pins = source.ios[0]
            return io.SimulationPort("io" if pins.dir == "oe" else pins.dir, 1, invert=pins.invert)

        parts = {part.name: pin(part) for part in resource.ios if hasattr(part, "ios")}
        self.pins[name, number] = SimpleNamespace(**parts) if parts else pin(resource)
        return self.pins[name, number]


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_comes_up(name):
    board, soc, pll = find_board(name), Soc(), PassedClock()
    desk = Desk(board)
    simulator = Simulator(Fragment.get(BoardTop(board, soc, pll), desk))
    clock, uart = desk.pins[desk.default_clk, 0], desk.pins["uart", 0]

    async def clocks(ctx, count):
        for _ in range(count):
            for level in (1, 0):
                ctx.set(clock.i, level)
                await ctx.delay(1e-8)

    async def bench(ctx):
        ctx.set(uart.rx.i, 1)
        for _ in range(10):
            await clocks(ctx, 1)
            assert ctx.get(soc.count) == 0, "runs before the PLL has locked"
        ctx.set(pll.lock, 1)
        await clocks(ctx, 10)
        assert ctx.get(soc.count) == 8, "the reset ends two clocks after the lock"
        for level in (0, 1):
            ctx.set(uart.rx.i, level)
            await ctx.delay(1e-8)
            assert ctx.get(uart.tx.o) == level and ctx.get(uart.tx.oe)
        for _ in range(8):
            await clocks(ctx, 1)
            for index, light in enumerate(LIGHTS):
                if light in board.lights:
                    resource, number, part = board.lights[light]
                    port = desk.pins[resource, number]
                    port = getattr(port, part) if part else port
                    lit = ctx.get(soc.count) >> index & 1
                    assert ctx.get(port.o) == lit ^ port.invert[0], light
        for resource, number, part in board.high:
            port = getattr(desk.pins[resource, number], part)
            assert ctx.get(port.o) == 1 and ctx.get(port.oe) == 1
        ctx.set(pll.lock, 0)
        await clocks(ctx, 3)
        assert ctx.get(soc.count) == 0, "a lock that is lost resets"

    simulator.add_testbench(bench)
    simulator.run()


def test_the_clocks_of_a_memory():
    """Its two domains have the PLL's other outputs, and their reset lasts as long as that of the core."""
    board, memory, pll = find_board("ulx3s-85f"), Domains(), PassedClock(memory_hz=50e6)
    desk = Desk(board)
    simulator = Simulator(Fragment.get(BoardTop(board, Soc(memory), pll), desk))

    async def bench(ctx):
        clock, counted = desk.pins[desk.default_clk, 0], []
        for cycle in range(20):
            ctx.set(pll.lock, cycle >= 8)
            for level in (1, 0):
                ctx.set(clock.i, level)
                await ctx.delay(1e-8)
                counted.append((ctx.get(memory.sdram), ctx.get(memory.late)))
        assert counted[:20] == [(0, 0)] * 20
        assert counted[20:] == [(index // 2 + 1, (index + 1) // 2) for index in range(20)]

    simulator.add_testbench(bench)
    simulator.run()
