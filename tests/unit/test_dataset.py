"""The data set in a memory: put there over the bus, replayed in the golden order, stopped, refused."""

import numpy as np
import pytest

from bephw.dataset.dataset import Dataset
from bephw.dataset.settings import Settings
from bepsw import dataset_registers as registers
from bepsw.dataset_registers import address
from bepsw.permutation import hardware_order
from bepsw.stored import sample_words, stride_of

from .bench import core_of, drive, plain
from .dataset_bench import Memory, read, write
from .test_unpack import draw, expected_beats

BITS = 16


class Board:
    """A Dataset with samples in its memory, and a core that takes beats as it likes."""

    def __init__(self, seed, *, lanes=9, inputs=50, count=20, stalls=0.3, memory_stalls=0.3, jitter=4, latency=4):
        self.rng = np.random.default_rng(seed)
        self.core, self.inputs, self.count = core_of(lanes=lanes), inputs, count
        self.bits, self.labels = draw(self.rng, inputs, count)
        self.dut = Dataset(self.core, BITS)
        self.memory = Memory(self.dut.memory, self.rng, stalls=memory_stalls, latency=latency, jitter=jitter)
        self.stride = stride_of(inputs)
        for index, sample in enumerate(sample_words(self.bits, self.labels).tolist()):
            for word, value in enumerate(sample):
                self.memory.words[(index << self.stride) + word] = value
        self.stalls, self.beats, self.taking, self.rude = stalls, [], True, False

    async def take(self, ctx):
        """Background: the core. A header may wait, segments are always taken, but by a rude one."""
        samples, middle = self.dut.samples, False
        while True:
            willing = self.rng.random() >= self.stalls
            ready = (willing or not self.rude) if middle else (self.taking and willing)
            ctx.set(samples.ready, ready)
            _, _, valid, beat = await ctx.tick().sample(samples.valid, samples.payload)
            if valid and ready:
                self.beats.append(plain(beat))
                middle = not self.beats[-1]["last"]

    async def read(self, ctx, name):
        return await read(ctx, self.dut.bus, address(name))

    async def write(self, ctx, **values):
        for name, value in values.items():
            await write(ctx, self.dut.bus, address(name), value)

    async def set_up(self, ctx, **changes):
        settings = dict(INPUTS=self.inputs, STRIDE=self.stride, BASE=0, COUNT=self.count, FIRST=0, LENGTH=self.count)
        await self.write(ctx, **(settings | changes))

    async def wait(self, ctx):
        while await self.read(ctx, "STATUS") & 1:
            await ctx.tick().repeat(20)

    def expect(self, indices, close):
        chosen = np.asarray(indices)
        return expected_beats(self.bits[chosen], self.labels[chosen], close, self.core.lanes)

    def drive(self, bench):
        drive(self.dut, bench, background=(self.memory.serve, self.take), limit=100_000)


@pytest.mark.parametrize("seed, lanes, inputs", [(1, 9, 50), (2, 36, 100), (3, 8, 17), (4, 72, 200)])
@pytest.mark.parametrize("rude", [False, True])
def test_it_replays_ranges_in_the_order_of_the_epoch(seed, lanes, inputs, rude):
    """Twice from the front, a part, another range, without shuffling; every run as the golden order says."""
    board = Board(seed, lanes=lanes, inputs=inputs)
    board.rude = rude
    whole = dict(MODE=3, SEED=77, EPOCH=5)
    runs = [
        (whole, hardware_order(77, 5, 20), True),
        (dict(MODE=1, EPOCH=6), hardware_order(77, 6, 20), False),
        (dict(FIRST=7, LENGTH=9), hardware_order(77, 6, 20)[7:16], False),
        (dict(BASE=4, COUNT=11, FIRST=0, LENGTH=11), 4 + hardware_order(77, 6, 11), False),
        (dict(MODE=2, FIRST=2, LENGTH=8), np.arange(6, 14), True),
        (dict(BASE=19, COUNT=1, FIRST=0, LENGTH=1, MODE=3), [19], True),
    ]

    async def bench(ctx):
        await board.set_up(ctx)
        for settings, indices, close in runs:
            await board.write(ctx, **settings, COMMAND=1)
            await board.wait(ctx)
            assert board.beats == board.expect(indices, close)
            assert await board.read(ctx, "SENT") == len(indices)
            board.beats.clear()
        assert await board.read(ctx, "ERRORS") == 0

    board.drive(bench)


def test_the_host_writes_and_reads_the_memory():
    board = Board(5)
    values = [int(v) for v in board.rng.integers(0, 1 << 32, 9, dtype=np.uint64)]

    async def bench(ctx):
        await board.write(ctx, ADDRESS=0xFF00)
        for value in values:
            await board.write(ctx, DATA=value)
        assert await board.read(ctx, "ADDRESS") == 0xFF00 + 18
        await board.write(ctx, ADDRESS=0xFF00)
        assert [await board.read(ctx, "DATA") for _ in values] == values
        assert await board.read(ctx, "ADDRESS") == 0xFF00 + 18
        await board.write(ctx, ADDRESS=0xFF03)
        assert await board.read(ctx, "DATA") == values[1] >> 16 | (values[2] & 0xFFFF) << 16
        await board.set_up(ctx)
        await board.write(ctx, ADDRESS=0, DATA=3, MODE=0, COMMAND=1)
        await board.wait(ctx)
        assert await board.read(ctx, "ERRORS") == 0

    board.drive(bench)
    words = [board.memory.words[0xFF00 + i] for i in range(18)]
    assert words == [half for value in values for half in (value & 0xFFFF, value >> 16)]
    assert board.beats[0] == {"data": 3, "last": 0}


def test_registers_keep_what_is_written_and_say_what_they_are():
    board = Board(6)

    async def bench(ctx):
        assert await board.read(ctx, "IDENTITY") == int.from_bytes(b"BEPD", "big")
        assert await board.read(ctx, "VERSION") == registers.VERSION
        assert await board.read(ctx, "ADDRESS_BITS") == BITS
        assert await board.read(ctx, "STATUS") == 2
        written = {name: int(board.rng.integers(1 << 32)) for name in registers.SETTINGS}
        await board.write(ctx, **written)
        for name, (bits, _) in registers.SETTINGS.items():
            assert await board.read(ctx, name) == written[name] & (1 << bits) - 1, name
        used = {register.address for register in registers.REGISTERS}
        for other in (registers.BASE - 1, 0, 0x20, registers.BASE + 0xFF, registers.BASE + 0x1F, 0x8000):
            assert other not in used and await read(ctx, board.dut.bus, other) == 0
            await write(ctx, board.dut.bus, other, 0xFFFF_FFFF)
        assert await board.read(ctx, "SEED") == written["SEED"]

    board.drive(bench)


def test_an_access_takes_its_cycles():
    board, seen = Board(7), []

    async def bench(ctx):
        bus = board.dut.bus
        ctx.set(bus.addr, address("VERSION"))
        ctx.set(bus.valid, 1)
        for _ in range(4 * Settings.access_cycles):
            seen.append(ctx.get(bus.ready))
            await ctx.tick()

    board.drive(bench)
    assert seen == ([0] * (Settings.access_cycles - 1) + [1]) * 4


def test_what_is_refused_changes_nothing_but_a_flag():
    board = Board(8, count=30, stalls=0.9)

    async def bench(ctx):
        await board.set_up(ctx)
        for wrong in (dict(LENGTH=0), dict(FIRST=1), dict(INPUTS=0), dict(COUNT=29), dict(LENGTH=31)):
            await board.set_up(ctx, **wrong)
            await board.write(ctx, COMMAND=1)
            assert await board.read(ctx, "STATUS") == 2, wrong
            assert await board.read(ctx, "ERRORS") == 2
            await board.write(ctx, ERRORS=1)
            assert await board.read(ctx, "ERRORS") == 2
            await board.write(ctx, ERRORS=2)
            assert await board.read(ctx, "ERRORS") == 0
        await board.set_up(ctx, MODE=3, SEED=9, EPOCH=1)
        await board.write(ctx, ADDRESS=0x100, COMMAND=1)
        before = dict(board.memory.words)
        for name in registers.SETTINGS:
            await board.write(ctx, **{name: 1})
            assert await board.read(ctx, "ERRORS") == 1, name
            await board.write(ctx, ERRORS=1)
        await board.write(ctx, DATA=0x55AA)
        assert await board.read(ctx, "DATA") == 0 and await board.read(ctx, "ERRORS") == 1
        await board.write(ctx, COMMAND=1)
        assert await board.read(ctx, "ERRORS") == 3
        assert await board.read(ctx, "STATUS") == 3 and await board.read(ctx, "ADDRESS") == 0x100
        board.stalls = 0.2
        await board.wait(ctx)
        assert before == board.memory.words
        assert await board.read(ctx, "SENT") == 30

    board.drive(bench)
    assert board.beats == board.expect(hardware_order(9, 1, 30), True)


def test_before_the_memory_is_ready_nothing_reaches_it():
    board = Board(9)

    async def bench(ctx):
        ctx.set(board.dut.memory.ready, 0)
        await board.set_up(ctx)
        await board.write(ctx, DATA=1, COMMAND=1)
        assert await board.read(ctx, "ERRORS") == 3 and await board.read(ctx, "STATUS") == 0
        ctx.set(board.dut.memory.ready, 1)
        await board.write(ctx, ERRORS=3, COMMAND=1)
        await board.wait(ctx)

    board.drive(bench)
    assert len(board.beats) == len(board.expect(range(20), False))


@pytest.mark.parametrize("seed, rude", [*((seed, False) for seed in range(6)), (6, True), (7, True)])
def test_stopped_at_any_moment_it_leaves_whole_samples_and_nothing_behind(seed, rude):
    """Stop while the core takes samples, or takes none; then a whole epoch comes out as if nothing had been."""
    board = Board(20 + seed, latency=60)  # answers that come after the stop must not be taken for later ones
    board.rude = rude
    order = hardware_order(3, 0, 20)

    async def bench(ctx):
        await board.set_up(ctx, MODE=3, SEED=3, EPOCH=0)
        for round_ in range(4):
            board.taking = round_ != 1
            await board.write(ctx, COMMAND=1)
            await ctx.tick().repeat(int(board.rng.integers(1, 900)))
            await board.write(ctx, COMMAND=2)
            await board.wait(ctx)
            whole = board.expect(order, True)
            assert board.beats == whole[: len(board.beats)] and (not board.beats or board.beats[-1]["last"])
            assert len(board.beats) == 7 * await board.read(ctx, "SENT")
            board.beats.clear()
            board.taking = True
        await board.write(ctx, COMMAND=2)
        await board.write(ctx, COMMAND=1)
        await board.wait(ctx)
        assert await board.read(ctx, "ERRORS") == 0

    board.drive(bench)
    assert board.beats == board.expect(order, True)


@pytest.mark.parametrize("pace, stalls, waits", [(400, 0.5, False), (0, 0.7, True)])
def test_a_core_at_its_pace_never_waits_and_a_hungry_one_is_counted(pace, stalls, waits):
    """98-byte images, g = 36, a header every 400 cycles: all is there in time. Without a pace the memory is late."""
    board = Board(1, lanes=36, inputs=784, count=12, memory_stalls=stalls, jitter=0, latency=40)
    headers, cycle = [], [0]

    async def paced(ctx):
        samples, middle, asked = board.dut.samples, False, 0
        while True:
            if not middle and not ctx.get(samples.ready) and cycle[0] >= asked:
                ctx.set(samples.ready, 1)
                asked = cycle[0]
            _, _, ready, valid, beat = await ctx.tick().sample(samples.ready, samples.valid, samples.payload)
            if valid and ready:
                if not middle:
                    headers.append(cycle[0] - asked)
                    asked += pace
                middle = not plain(beat)["last"]
                ctx.set(samples.ready, middle)
            cycle[0] += 1

    async def bench(ctx):
        await board.set_up(ctx, MODE=1)
        await board.write(ctx, COMMAND=1)
        await board.wait(ctx)
        assert len(headers) == 12 and headers[0] > 40
        assert bool(await board.read(ctx, "STARVED")) == waits == any(headers[1:])

    board.take = paced
    board.drive(bench)
