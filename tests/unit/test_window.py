"""Window: rows in pieces, lowest first, both ways; what is not allowed is refused and changes nothing."""

import random

import pytest

from bephw.hidden_bank import HiddenBank
from bephw.window import Window
from bepsw.generator import bank_size
from bepsw.registers import READABLE, WINDOWS, window_pieces, window_rows

from .bench import core_of, drive

CORES = [core_of(), core_of(lanes=12, bits=16, segments=6), core_of(lanes=40, bits=2, segments=4)]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}B{c.bits}")
PUSH, REFUSED = 3, 1  # cycles that the window is busy
_APART = 4  # cycles between two strobes
_LOW = 0xFFFF_FFFF


class Bench:
    """A window with memories behind it; level: `peeked` stays until `peek` falls, else it is a pulse."""

    def __init__(self, core, seed, *, level=True):
        self.core, self.rng, self.level = core, random.Random(seed), level
        self.dut = Window(core)
        self.pieces, self.rows = window_pieces(core), window_rows(core)
        self.bits = {"hidden": core.lanes * core.bits, "weights": core.lanes, "generator": 64}
        self.generators = bank_size(core.lanes)
        self.ring = [self.value_of("generator", row) for row in range(self.generators)]
        self.before = list(self.ring)
        self.commits, self.refused, self.fetches, self.peeks, self.turns = [], 0, 0, 0, 0

    def value_of(self, name, row):
        return random.Random(f"{name}{row}").getrandbits(self.bits[name])

    def run(self, bench):
        drive(self.dut, bench, background=(self._hidden, self._weights, self._generators, self._commits))

    async def _commits(self, ctx):
        dut = self.dut
        rows = [dut.written(name) for name in WINDOWS]
        while True:
            _, _, commit, row, refused, *written = await ctx.tick().sample(dut.commit, dut.row, dut.refused, *rows)
            self.refused += refused
            if commit:
                assert commit.bit_count() == 1
                number = commit.bit_length() - 1
                self.commits.append((WINDOWS[number], row, written[number]))

    async def _hidden(self, ctx):
        """A word follows its address by the latency of the H bank, in every cycle."""
        dut, asked, before = self.dut, [(0, 0)] * HiddenBank.latency, 0
        while True:
            _, _, fetching, row = await ctx.tick().sample(dut.fetching, dut.row)
            self.fetches += fetching and not before
            before = fetching
            asked.append((fetching, row))
            there, row = asked[-HiddenBank.latency]
            noise = self.rng.getrandbits(self.bits["hidden"])
            ctx.set(dut.hidden_row, self.value_of("hidden", row) if there else noise)

    async def _weights(self, ctx):
        """Like the backward stage: idle, at work, done; the word stays until the next one."""
        dut, left = self.dut, 0
        while True:
            _, _, peek, row = await ctx.tick().sample(dut.peek, dut.row)
            if left == 0 and peek:
                self.peeks += 1
                left = self.rng.randrange(2, 40)
                ctx.set(dut.weights_row, self.rng.getrandbits(self.bits["weights"]))
            elif left == 1 and self.level and peek:
                continue
            elif left:
                left -= 1
            if left == 1:
                ctx.set(dut.weights_row, self.value_of("weights", row))
            ctx.set(dut.peeked, left == 1)

    async def _generators(self, ctx):
        dut = self.dut
        ctx.set(dut.generator_row, self.ring[0])
        while True:
            _, _, turn, replace, new = await ctx.tick().sample(dut.turn, dut.replace, dut.written("generator"))
            if turn:
                self.turns += 1
                self.ring = [*self.ring[1:], new if replace else self.ring[0]]
            assert turn or not replace
            ctx.set(dut.generator_row, self.ring[0])

    async def pulse(self, ctx, name, value=0):
        """One strobe; returns the cycles that the window is busy with it."""
        ctx.set(self.dut.value, value)
        ctx.set(getattr(self.dut, name), 1)
        await ctx.tick()
        ctx.set(getattr(self.dut, name), 0)
        cycles = 0
        while (await ctx.tick().sample(self.dut.busy))[2]:
            cycles += 1
        await ctx.tick().repeat(_APART - 1)
        while self.rng.random() < 0.3:
            await ctx.tick()
        return cycles

    async def pull(self, ctx):
        """One piece and the cycles that it took."""
        cycles = await self.pulse(ctx, "pull")
        return ctx.get(self.dut.piece), cycles

    async def go(self, ctx, name, row):
        await self.pulse(ctx, "set_select", WINDOWS.index(name))
        await self.pulse(ctx, "set_row", row)

    async def push(self, ctx, name, pieces=None):
        """A row of random pieces, or the first few; returns it."""
        values = [self.rng.getrandbits(32) for _ in range(pieces or self.pieces[name])]
        for value in values:
            await self.pulse(ctx, "push", value)
        return values

    def untouched(self):
        return not self.commits and self.ring == self.before


def whole(pieces):
    return sum(piece << 32 * i for i, piece in enumerate(pieces))


@SHAPE
@pytest.mark.parametrize("seed", [1, 2])
def test_writes_commit_whole_rows(core, seed):
    bench = Bench(core, seed)
    rng, expected, ring = bench.rng, [], list(bench.ring)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        for _ in range(16):
            name, count = rng.choice(WINDOWS), rng.randrange(1, 3)
            row = rng.randrange(bench.rows[name] - count + 1)
            await bench.go(ctx, name, row)
            for _ in range(count):
                value = whole(await bench.push(ctx, name))
                if name == "generator":
                    ring[row] = value
                    assert bench.ring == ring
                else:
                    expected.append((name, row, value))
                row += 1
            assert ctx.get(bench.dut.row) == row and ctx.get(bench.dut.select) == WINDOWS.index(name)
            if bench.pieces[name] > 1 and rng.random() < 0.5:  # a row begun and given up
                await bench.push(ctx, name, rng.randrange(1, bench.pieces[name]))

    bench.run(run)
    assert bench.commits == expected and bench.ring == ring
    assert bench.refused == 0 and bench.fetches == bench.peeks == 0


@SHAPE
def test_a_push_takes_as_long_as_is_said(core):
    bench = Bench(core, 1)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        for name in WINDOWS:
            await bench.go(ctx, name, 1)
            cycles = [await bench.pulse(ctx, "push") for _ in range(bench.pieces[name])]
            last = PUSH + (bench.generators + 3) * (name == "generator")
            assert cycles == [PUSH] * (bench.pieces[name] - 1) + [last], name

    bench.run(run)


@SHAPE
@pytest.mark.parametrize("level", [False, True])
@pytest.mark.parametrize("name", READABLE)
def test_reads_every_piece_of_a_row(core, name, level):
    bench = Bench(core, 1, level=level)
    rows, got, cycles = min(5, bench.rows[name]), [], set()
    start = bench.rows[name] - rows

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, name, start)
        for _ in range(rows):
            pieces = [await bench.pull(ctx) for _ in range(bench.pieces[name])]
            got.append(whole(piece for piece, _ in pieces))
            cycles.update(count for _, count in pieces)
        await ctx.tick().repeat(60)

    bench.run(run)
    assert got == [bench.value_of(name, row) for row in range(start, start + rows)]
    pieces = rows * bench.pieces[name]
    assert bench.untouched() and bench.refused == 0
    assert [bench.fetches, bench.peeks, bench.turns] == [
        pieces * (name == "hidden"), pieces * (name == "weights"), pieces * (name == "generator") * bench.generators,
    ]  # fmt: skip
    if name != "weights":
        assert cycles == {{"hidden": Window.fetch_cycles + 6, "generator": bench.generators + 5}[name]}


@SHAPE
def test_a_new_address_starts_at_the_first_piece(core):
    bench = Bench(core, 3)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, "generator", 0)
        first, _ = await bench.pull(ctx)
        await bench.pulse(ctx, "set_row", 1)
        again, _ = await bench.pull(ctx)
        await bench.pulse(ctx, "set_select", WINDOWS.index("hidden"))
        other, _ = await bench.pull(ctx)
        assert first == bench.value_of("generator", 0) & _LOW and again == bench.value_of("generator", 1) & _LOW
        assert other == bench.value_of("hidden", 1) & _LOW
        await bench.pulse(ctx, "set_row", 3)
        for strobe, value in (("set_row", 7), ("set_select", WINDOWS.index("hidden"))):
            await bench.push(ctx, "hidden", 1)
            await bench.pulse(ctx, strobe, value)
        pieces = await bench.push(ctx, "hidden")
        assert bench.commits == [("hidden", 7, whole(pieces))]

    bench.run(run)
    assert bench.refused == 0


@SHAPE
@pytest.mark.parametrize("name", WINDOWS)
def test_refused_while_busy(core, name):
    bench = Bench(core, 4)

    async def run(ctx):
        await bench.go(ctx, name, 1)
        for count in range(bench.pieces[name]):
            assert await bench.pulse(ctx, "push", 5) == REFUSED and bench.refused == count + 1
        assert await bench.pull(ctx) == (0, REFUSED)
        assert bench.refused == bench.pieces[name] + 1 and ctx.get(bench.dut.row) == 1

    bench.run(run)
    assert bench.untouched() and bench.fetches == bench.peeks == bench.turns == 0


@SHAPE
@pytest.mark.parametrize("name", READABLE)
def test_a_read_refused_while_busy_stays_refused(core, name):
    bench = Bench(core, 9)

    async def run(ctx):
        await bench.go(ctx, name, 1)
        for idle in (0, 1, 1):
            ctx.set(bench.dut.idle, idle)
            await ctx.tick()
            assert await bench.pull(ctx) == (0, REFUSED)
        assert bench.refused == 3 and bench.fetches == bench.peeks == bench.turns == 0
        await bench.pulse(ctx, "set_row", 0)
        assert (await bench.pull(ctx))[0] == bench.value_of(name, 0) & _LOW and bench.refused == 3

    bench.run(run)


@SHAPE
@pytest.mark.parametrize("name", ["hidden", "generator"])
def test_whole_rows_may_be_read_and_written_in_turn(core, name):
    """One after another, without a new address."""
    bench = Bench(core, 10)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, name, 0)
        first = await bench.push(ctx, name)
        assert whole([(await bench.pull(ctx))[0] for _ in first]) == bench.value_of(name, 1)
        second = await bench.push(ctx, name)
        if name == "hidden":
            assert bench.commits == [(name, 0, whole(first)), (name, 2, whole(second))]
        else:
            assert bench.ring == [whole(first), bench.before[1], whole(second), *bench.before[3:]]

    bench.run(run)
    assert bench.refused == 0


@pytest.mark.parametrize("name", [name for name in WINDOWS if name not in READABLE])
def test_refuses_to_read_what_cannot_be_read(name):
    bench = Bench(CORES[0], 5)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, "weights", 0)
        await bench.pull(ctx)
        await bench.go(ctx, name, 0)
        assert await bench.pull(ctx) == (0, REFUSED)

    bench.run(run)
    assert bench.refused == 1 and bench.untouched()


@SHAPE
@pytest.mark.parametrize("fault", ["busy", "pull"])
@pytest.mark.parametrize("name", [name for name in READABLE if name != "weights"])
def test_no_row_is_written_with_a_hole(core, name, fault):
    """One refused access in a row: the others are refused as well, until a new address; then all is well."""
    bench = Bench(core, 6)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, name, 0)
        await bench.push(ctx, name, 1)
        if fault == "busy":
            ctx.set(bench.dut.idle, 0)
            await ctx.tick()
            await bench.push(ctx, name, 1)
            ctx.set(bench.dut.idle, 1)
        else:
            assert await bench.pull(ctx) == (0, REFUSED)
        for count in range(2 * bench.pieces[name]):
            assert bench.refused == 1 + count
            await bench.push(ctx, name, 1)
        assert await bench.pull(ctx) == (0, REFUSED) and bench.untouched() and ctx.get(bench.dut.row) == 0
        refused = bench.refused
        await bench.pulse(ctx, "set_row", 1)
        pieces = await bench.push(ctx, name)
        assert (name, 1, whole(pieces)) in [*bench.commits, ("generator", 1, bench.ring[1])]
        assert bench.refused == refused

    bench.run(run)


@SHAPE
@pytest.mark.parametrize("name", [name for name in READABLE if name != "weights"])
def test_a_row_read_in_part_is_not_written(core, name):
    bench = Bench(core, 7)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        await bench.go(ctx, name, 0)
        await bench.pull(ctx)
        for _ in range(bench.pieces[name] + 1):
            await bench.push(ctx, name, 1)
        assert bench.refused == bench.pieces[name] + 1 and bench.untouched()
        await bench.pulse(ctx, "set_select", WINDOWS.index(name))
        assert (await bench.pull(ctx))[0] == bench.value_of(name, 0) & _LOW

    bench.run(run)


@SHAPE
def test_a_generator_that_is_not_there(core):
    """Its last row, then one too far: both ways refused, and the others stay where they are."""
    bench = Bench(core, 8)

    async def run(ctx):
        ctx.set(bench.dut.idle, 1)
        top = (1 << len(bench.dut.row)) - 1
        for row in (bench.generators, bench.generators + 16, top):
            refused = bench.refused
            await bench.go(ctx, "generator", row)
            await bench.push(ctx, "generator")
            assert bench.refused == refused + 1
            await bench.push(ctx, "generator")  # not even where the row number starts again at 0
            assert bench.refused == refused + 3
            refused += 2
            await bench.go(ctx, "generator", row)
            assert (await bench.pull(ctx))[0] == 0 and bench.refused == refused + 2
            await bench.pull(ctx)
            assert bench.refused == refused + 3 and bench.untouched()
        await bench.go(ctx, "generator", bench.generators - 1)
        for _ in range(2):
            await bench.pull(ctx)
        assert bench.refused == refused + 3
        await bench.pull(ctx)
        assert bench.refused == refused + 4

    bench.run(run)
    assert bench.untouched()
