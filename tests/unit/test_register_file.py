"""RegisterFile: every register of the map by its address, counters, sticky errors, commands."""

import random

import pytest

from bephw.event_counters import EventCounters
from bephw.register_file import RESET_CYCLES, RegisterFile
from bepsw import registers
from bepsw.registers import address

from .bench import core_of, drive

ADDRESSES = {register.name: register.address for register in registers.REGISTERS}
PULSES = {
    "PENDING": "set_pending", "WINDOW_SELECT": "set_select", "WINDOW_ADDRESS": "set_row", "WINDOW_DATA": "push",
}  # fmt: skip
ACCESS = RegisterFile.access_cycles


class Bus:
    """Accesses of the register bus, one after another, with their cycles; pulses that came of them."""

    def __init__(self, **core):
        self.core = core_of(**core)
        self.dut = RegisterFile(self.core)
        self.pulses, self.resets, self.cycle, self.cycles = [], [], 0, None

    def run(self, bench):
        drive(self.dut, bench, background=(self._watch,))

    async def _watch(self, ctx):
        names = [*PULSES.values(), "pull"]
        signals = [getattr(self.dut, name) for name in (*names, "value", "reset")]
        while True:
            _, _, *seen, value, reset = await ctx.tick().sample(*signals)
            self.pulses += [(name, value) for name, pulse in zip(names, seen, strict=True) if pulse]
            self.resets.append(reset)

    async def access(self, ctx, at, write=0, value=0):
        bus = self.dut.bus
        ctx.set(bus.addr, at)
        ctx.set(bus.wdata, value)
        ctx.set(bus.write, write)
        ctx.set(bus.valid, 1)
        self.cycles, ready = 0, 0
        while not ready:
            _, _, ready, answer = await ctx.tick().sample(bus.ready, bus.rdata)
            self.cycles += 1
        ctx.set(bus.valid, 0)
        return answer

    async def read(self, ctx, name):
        answer = await self.access(ctx, address(name))
        if name.removesuffix("_HIGH").lower() in registers.COUNTERS:
            assert ACCESS <= self.cycles <= ACCESS + EventCounters.read_cycles
        else:
            assert self.cycles == ACCESS
        return answer

    async def write(self, ctx, name, value):
        await self.access(ctx, address(name), 1, value)
        assert self.cycles == ACCESS


def test_identity_version_and_every_capability():
    bus = Bus(segments=6, contexts=8, threads=1)
    expected = {"IDENTITY": registers.IDENTITY, "VERSION": registers.VERSION}
    expected |= {name.upper(): getattr(bus.core, name) for name in registers.CAPABILITIES}

    async def bench(ctx):
        for name, value in expected.items():
            assert await bus.read(ctx, name) == value, name

    bus.run(bench)


@pytest.mark.parametrize("seed", [1, 2])
def test_settings_keep_what_was_written(seed):
    rng, bus = random.Random(seed), Bus()
    widths = {"CONTROL": 3, "MARGIN": 7, "BATCH": 16, "CLASS_COUNT": 7}
    kept = {"CONTROL": 0, "MARGIN": 0, "BATCH": 1, "CLASS_COUNT": 0}

    async def bench(ctx):
        for _ in range(120):
            name = rng.choice(list(widths))
            if rng.random() < 0.5:
                value = rng.getrandbits(32)
                await bus.write(ctx, name, value)
                kept[name] = value & (1 << widths[name]) - 1
            else:
                assert await bus.read(ctx, name) == kept[name]
                for setting in ("margin", "batch", "class_count"):
                    assert ctx.get(getattr(bus.dut, setting)) == kept[setting.upper()]
                flags = [ctx.get(getattr(bus.dut, flag)) for flag in ("run", "train", "online")]
                assert flags == [kept["CONTROL"] >> bit & 1 for bit in range(3)]

    bus.run(bench)


@pytest.mark.parametrize("seed", [1])
def test_accesses_follow_each_other_without_a_pause(seed):
    """`valid` stays; what is asked changes with every transfer; every one does what it asks, once and in order."""
    rng, bus, kept = random.Random(seed), Bus(), 1
    expected = []

    async def bench(ctx):
        nonlocal kept
        for _ in range(60):
            if rng.random() < 0.4:
                value = rng.getrandbits(16)
                name = rng.choice(["WINDOW_DATA", "WINDOW_ADDRESS", "PENDING", "BATCH"])
                await bus.write(ctx, name, value)
                if name == "BATCH":
                    kept = value
                else:
                    expected.append((PULSES[name], value))
            else:
                name, value = rng.choice([("IDENTITY", registers.IDENTITY), ("BATCH", kept), ("CLASS_COUNT", 0)])
                assert await bus.read(ctx, name) == value

    bus.run(bench)
    assert bus.pulses == expected


def test_a_write_elsewhere_changes_nothing():
    bus = Bus()
    settings = {"CONTROL": 5, "MARGIN": 9, "BATCH": 17, "CLASS_COUNT": 3}
    writable = {register.address for register in registers.REGISTERS if register.access != "r"}

    async def bench(ctx):
        await ctx.tick().repeat(RESET_CYCLES + 1)
        for name, value in settings.items():
            await bus.write(ctx, name, value)
        for at in [*range(0x80), 0x100, 0x120, 0x8020, 0xFFFF]:
            if at not in writable:
                await bus.access(ctx, at, 1, 0xFFFF_FFFF)
                assert bus.cycles == ACCESS, at
        untouched = settings | {"IDENTITY": registers.IDENTITY, "SAMPLES": 0, "ERRORS": 0, "STATUS": 0}
        for name, value in untouched.items():
            assert await bus.read(ctx, name) == value, name

    bus.run(bench)
    assert not bus.pulses and bus.resets.count(1) == RESET_CYCLES


def test_what_is_no_register_reads_zero():
    bus = Bus()

    async def bench(ctx):
        for at in (*range(0x80), 0xB2, 0x132, 0x140, 0x1001, 0x8000, 0xFF00):
            if at not in ADDRESSES.values():
                assert await bus.access(ctx, at) == 0, at
                assert bus.cycles == ACCESS, at

    bus.run(bench)
    assert not bus.pulses


@pytest.mark.parametrize("seed", [1])
def test_counters_add_up_and_clear(seed):
    rng, bus = random.Random(seed), Bus(lanes=144)
    names = list(registers.COUNTERS)
    most = EventCounters.most_of(bus.core)
    totals = dict.fromkeys(names, 0)

    async def check(ctx):
        for name in names:
            assert await bus.read(ctx, name.upper()) == totals[name], name
            assert await bus.read(ctx, f"{name.upper()}_HIGH") == 0

    async def bench(ctx):
        for _ in range(60):
            for name in names:
                step = rng.randint(0, most[name])
                ctx.set(getattr(bus.dut, f"count_{name}"), step)
                totals[name] += step
            await ctx.tick()
        for name in names:
            ctx.set(getattr(bus.dut, f"count_{name}"), most[name])
            totals[name] += 500 * most[name]
        await ctx.tick().repeat(500)
        for name in names:
            ctx.set(getattr(bus.dut, f"count_{name}"), 0)
        await ctx.tick().repeat(3)
        await check(ctx)
        await bus.write(ctx, "COMMAND", 1)
        await check(ctx)
        await bus.write(ctx, "COMMAND", 2)
        totals.update(dict.fromkeys(names, 0))
        await check(ctx)

    bus.run(bench)


def test_reset_lasts_long_enough_to_run_empty():
    """After power-on and after the command; clearing the counters is no reset."""
    bus = Bus()

    async def bench(ctx):
        await ctx.tick().repeat(RESET_CYCLES + 5)
        assert bus.resets == [1] * RESET_CYCLES + [0] * 5
        for command, high in ((1, RESET_CYCLES), (2, 0), (3, RESET_CYCLES)):
            bus.resets.clear()
            await bus.write(ctx, "COMMAND", command)
            assert bus.resets[-1] == bool(high), "before the next access"
            await ctx.tick().repeat(RESET_CYCLES + 20)
            assert bus.resets.count(1) == high
            assert not any(bus.resets[-10:]) and not bus.resets[0]
            edges = sum(a != b for a, b in zip(bus.resets, bus.resets[1:], strict=False))
            assert edges == (2 if high else 0), "one pulse without a gap"

    bus.run(bench)


def test_errors_stick_until_a_one_is_written():
    bus = Bus()

    async def raise_(ctx, flags):
        ctx.set(bus.dut.errors, flags)
        await ctx.tick()
        ctx.set(bus.dut.errors, 0)

    async def bench(ctx):
        await raise_(ctx, 0b001)
        assert await bus.read(ctx, "ERRORS") == 0b001
        await raise_(ctx, 0b100)
        assert await bus.read(ctx, "ERRORS") == 0b101
        await bus.write(ctx, "ERRORS", 0b001)
        assert await bus.read(ctx, "ERRORS") == 0b100
        await bus.write(ctx, "ERRORS", 0b111)
        assert await bus.read(ctx, "ERRORS") == 0

    bus.run(bench)


def test_pulses_and_values_for_those_who_keep_a_register():
    bus = Bus()
    writes = [("PENDING", 40), ("WINDOW_SELECT", 3), ("WINDOW_ADDRESS", 1 << 31), ("WINDOW_DATA", 0xDEADBEEF)]

    async def bench(ctx):
        for name, value in writes:
            await bus.write(ctx, name, value)
        for signal, value in ((bus.dut.pending, 77), (bus.dut.select, 5), (bus.dut.row, 1 << 31), (bus.dut.idle, 1)):
            ctx.set(signal, value)
        expected = {"PENDING": 77, "WINDOW_SELECT": 5, "WINDOW_ADDRESS": 1 << 31, "STATUS": 1}
        for name, value in expected.items():
            assert await bus.read(ctx, name) == value

    bus.run(bench)
    assert bus.pulses == [(PULSES[name], value) for name, value in writes]


@pytest.mark.parametrize("clear", range(ACCESS))
def test_no_error_is_lost_around_its_clear(clear):
    """One error pulse in every cycle around a clearing write: only those before its strobe are gone."""
    bus, seen = Bus(), []

    async def raise_(ctx):
        for _ in range(clear):
            await ctx.tick()
        ctx.set(bus.dut.errors, 0b010)
        await ctx.tick()
        ctx.set(bus.dut.errors, 0)

    async def bench(ctx):
        await bus.write(ctx, "ERRORS", 0b111)
        seen.append(await bus.read(ctx, "ERRORS"))
        await bus.write(ctx, "ERRORS", 0b111)
        assert await bus.read(ctx, "ERRORS") == 0

    drive(bus.dut, bench, raise_)
    assert seen == [0b010 if clear >= 2 else 0]


@pytest.mark.parametrize("wait", [0, 1, 7, 40])
@pytest.mark.parametrize("write", [0, 1])
def test_an_access_of_the_window_waits_while_it_is_busy(wait, write):
    """The piece is there when the window is not busy any more, and not before."""
    bus, done = Bus(), []

    async def window(ctx):
        left = 0
        while True:
            _, _, pull, push, value = await ctx.tick().sample(bus.dut.pull, bus.dut.push, bus.dut.value)
            assert not (pull or push) or (left == 0 and pull != push)
            left = wait if pull or push else max(0, left - 1)
            if pull or push:
                done.append((push, value if push else None))
            ctx.set(bus.dut.window_busy, left > 0)
            ctx.set(bus.dut.piece, 0xBAD if left else 0xCAFE + len(done))

    async def bench(ctx):
        for number in range(3):
            answer = await bus.access(ctx, address("WINDOW_DATA"), write, number)
            assert write or answer == 0xCAFE + number + 1
            assert bus.cycles == ACCESS + wait
        assert await bus.read(ctx, "VERSION") == registers.VERSION

    drive(bus.dut, bench, background=(window,))
    assert done == [(write, number if write else None) for number in range(3)]


def test_counters_read_their_high_half():
    bus = Bus()

    async def bench(ctx):
        await ctx.tick().repeat(2 * EventCounters.round_cycles)
        for _ in range(2):
            for row in range(len(registers.COUNTERS)):
                ctx.set(bus.dut.counters.totals.data[row], (row + 1) << 40 | 77 + row)
            await ctx.tick().repeat(8)
        for row, name in enumerate(registers.COUNTERS):
            assert await bus.read(ctx, name.upper()) == 77 + row
            assert await bus.read(ctx, f"{name.upper()}_HIGH") == (row + 1) << 8

    bus.run(bench)
