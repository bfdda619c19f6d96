"""Window: rows in pieces, lowest first, both ways; nothing happens while the core is busy."""

import random

import pytest

from bephw.window import Window
from bepsw.registers import WINDOWS, window_pieces

from .bench import core_of, drive

CORES = [core_of(), core_of(lanes=12, bits=16, segments=6), core_of(lanes=40, bits=2, segments=4)]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}B{c.bits}")
READABLE = ("hidden", "weights", "generator")


class Bench:
    """A window with memories behind it."""

    def __init__(self, core, seed):
        self.core, self.rng = core, random.Random(seed)
        self.dut = Window(core)
        self.pieces = window_pieces(core)
        self.bits = {"hidden": core.lanes * core.bits, "weights": core.lanes, "generator": 64}
        self.commits, self.refused, self.late = [], 0, {}
        self.fetches = []

    def value_of(self, name, row):
        return random.Random(f"{name}{row}").getrandbits(self.bits[name])

    async def memories(self, ctx):
        """Commits are recorded; a fetched row is there as late as it may be."""
        dut, waited, peek = self.dut, 0, 1
        while True:
            _, _, commit, row, value, fetching, wanted, refused = await ctx.tick().sample(
                dut.commit, dut.commit_row, dut.data, dut.fetching, dut.row, dut.refused
            )
            self.refused += refused
            if commit:
                assert commit.bit_count() == 1
                self.commits.append((WINDOWS[commit.bit_length() - 1], row, value))
            ctx.set(dut.peeked, 0)
            if not fetching:
                waited = 0
                for name in READABLE:
                    ctx.set(getattr(dut, f"{name}_row"), self.rng.getrandbits(self.bits[name]))
                continue
            assert fetching.bit_count() == 1
            name = WINDOWS[fetching.bit_length() - 1]
            waited += 1
            if name == "weights" and waited == peek:
                ctx.set(dut.peeked, 1)
                ctx.set(dut.weights_row, self.value_of(name, wanted))
                self.fetches.append(waited)
                peek = self.rng.randrange(1, 40)
            elif name != "weights" and waited == Window.fetch_cycles:
                ctx.set(getattr(dut, f"{name}_row"), self.value_of(name, wanted))
                self.fetches.append(waited)

    async def pulse(self, ctx, name, value=0):
        ctx.set(self.dut.value, value)
        ctx.set(getattr(self.dut, name), 1)
        await ctx.tick()
        ctx.set(getattr(self.dut, name), 0)
        while self.rng.random() < 0.3:
            await ctx.tick()

    async def pull(self, ctx):
        """One piece and the cycles that it took."""
        cycles = 0
        ctx.set(self.dut.pull, 1)
        while True:
            _, _, ready, piece = await ctx.tick().sample(self.dut.piece_ready, self.dut.piece)
            cycles += 1
            if ready:
                ctx.set(self.dut.pull, 0)
                return piece, cycles

    async def go(self, ctx, name, row):
        await self.pulse(ctx, "set_select", WINDOWS.index(name))
        await self.pulse(ctx, "set_row", row)


@SHAPE
@pytest.mark.parametrize("seed", [1, 2])
def test_writes_commit_whole_rows(core, seed):
    bench = Bench(core, seed)
    rng, expected = bench.rng, []

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        for _ in range(12):
            name, row = rng.choice(WINDOWS), rng.randrange(1 << 16)
            await bench.go(ctx, name, row)
            for _ in range(rng.randrange(1, 4)):
                pieces = [rng.getrandbits(32) for _ in range(bench.pieces[name])]
                for piece in pieces:
                    await bench.pulse(ctx, "push", piece)
                expected.append((name, row, pieces))
                row += 1
            assert ctx.get(bench.dut.row) == row and ctx.get(bench.dut.select) == WINDOWS.index(name)
            if rng.random() < 0.3:  # a row begun and given up
                await bench.pulse(ctx, "push", 1)
        await ctx.tick().repeat(3)

    drive(bench.dut, run, background=(bench.memories,))
    got = [
        (name, row, [value >> 32 * i & 0xFFFF_FFFF for i in range(bench.pieces[name])])
        for name, row, value in bench.commits
    ]
    single = [entry for entry in got if entry not in expected]
    assert all(bench.pieces[name] == 1 and pieces == [1] for name, _, pieces in single)
    assert [entry for entry in got if entry in expected] == expected
    assert bench.refused == 0


@SHAPE
@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize("seed", [1])
def test_reads_fetch_once_a_row(core, name, seed):
    bench = Bench(core, seed)
    rows, got, cycles = 5, [], []

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, name, 30)
        for _ in range(rows):
            pieces = [await bench.pull(ctx) for _ in range(bench.pieces[name])]
            got.append(sum(piece << 32 * i for i, (piece, _) in enumerate(pieces)))
            cycles.append([count for _, count in pieces])
        assert ctx.get(bench.dut.row) == 30 + rows

    drive(bench.dut, run, background=(bench.memories,))
    assert got == [bench.value_of(name, row) for row in range(30, 30 + rows)]
    assert len(bench.fetches) == rows and not bench.commits
    assert all(count == 1 for row in cycles for count in row[1:])
    if name != "weights":
        assert {row[0] for row in cycles} == {Window.fetch_cycles + 3}


@SHAPE
def test_a_new_address_starts_at_the_first_piece(core):
    bench = Bench(core, 3)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, "generator", 1)
        first, _ = await bench.pull(ctx)
        await bench.pulse(ctx, "set_row", 2)
        again, _ = await bench.pull(ctx)
        await bench.pulse(ctx, "set_select", WINDOWS.index("hidden"))
        other, _ = await bench.pull(ctx)
        low = 0xFFFF_FFFF
        assert first == bench.value_of("generator", 1) & low and again == bench.value_of("generator", 2) & low
        assert other == bench.value_of("hidden", 2) & low

    drive(bench.dut, run, background=(bench.memories,))
    assert len(bench.fetches) == 3


@SHAPE
@pytest.mark.parametrize("name", WINDOWS)
def test_refused_while_busy(core, name):
    bench = Bench(core, 4)

    async def run(ctx):
        await bench.go(ctx, name, 3)
        for _ in range(bench.pieces[name]):
            await bench.pulse(ctx, "push", 5)
        assert bench.refused == bench.pieces[name]
        _, cycles = await bench.pull(ctx)
        assert cycles == 1 and bench.refused == bench.pieces[name] + 1
        await ctx.tick().repeat(2)

    drive(bench.dut, run, background=(bench.memories,))
    assert not bench.commits and not bench.fetches


@pytest.mark.parametrize("name", [name for name in WINDOWS if name not in READABLE])
def test_refuses_to_read_what_cannot_be_read(name):
    bench = Bench(CORES[0], 5)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, name, 0)
        _, cycles = await bench.pull(ctx)
        assert cycles == 1
        await ctx.tick()

    drive(bench.dut, run, background=(bench.memories,))
    assert bench.refused == 1 and not bench.fetches
