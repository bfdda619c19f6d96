"""COBS decoder, reply store, receiver and unpacker by themselves: random bytes, every fault, stalls."""

import random
import zlib

import pytest
from cobs import cobs

from bephw.link.cobs import CobsDecoder
from bephw.link.receiver import FrameReceiver, Kind
from bephw.link.reply import ReplyStore
from bephw.link.unpacker import SampleUnpacker
from bepsw.link.frames import pack, unpack
from bepsw.link.protocol import HELLO, READ, WINDOW

from .bench import core_of, drive, receiver, trace
from .link_bench import request


def random_frames(rng, count):
    alphabets = [bytes(range(256)), b"\0", b"\0\1", bytes(range(1, 256))]
    return [bytes(rng.choices(rng.choice(alphabets), k=rng.choice([1, 2, 6, 90]))) for _ in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_cobs_decoder(seed):
    """A byte a cycle; whole blocks come out whole, damaged ones are never called good with other bytes."""
    rng = random.Random(seed)
    blocks = [cobs.encode(frame) for frame in random_frames(rng, 25)]
    for index in range(0, len(blocks), 3):  # cut short, or with a code byte that points elsewhere
        at = rng.randrange(len(blocks[index]))
        blocks[index] = blocks[index][:at] if rng.random() < 0.5 else blocks[index][:at] + b"\x09" + blocks[index][at:]
    data = b"\0".join([*blocks, b"", b"\1\1", b""])
    inputs = [*({"i.valid": 1, "i.payload": byte} for byte in data), {"i.valid": 0}]
    seen = trace(CobsDecoder(), inputs, ["o.valid", "o.payload", "end", "good"])
    frames, current = [], []
    for valid, byte, end, good in zip(*seen.values(), strict=True):
        if valid:
            current.append(byte)
        if end:
            frames.append((good, bytes(current)))
            current = []
    for (good, found), block in zip(frames, data.split(b"\0"), strict=False):
        try:
            expected = cobs.decode(block) if block else None
        except cobs.DecodeError:
            expected = None
        assert bool(good) == (expected is not None) and (not good or found == expected)
    assert len(frames) == len(data.split(b"\0")) - 1


@pytest.mark.parametrize("seed", range(2))
def test_reply_store_equals_pack_and_keeps_what_it_sent(seed):
    rng = random.Random(seed)
    bodies = random_frames(rng, 8)
    bodies[3] = bytes(rng.randrange(1, 256) for _ in range(240))
    dut, received = ReplyStore(), []
    order = [*range(8), *rng.choices(range(8), k=6)]
    expected = b"".join(pack(bodies[index]) for index in order)

    async def write(ctx):
        for turn, index in enumerate(order):
            ctx.set(dut.slot, index)
            if turn < 8:
                await pulse(ctx, dut.begin)
                for byte in bodies[index]:
                    ctx.set(dut.i.payload, byte)
                    await pulse(ctx, dut.i.valid)
                await pulse(ctx, dut.finish)
                await ctx.tick().until(~dut.busy)
            await pulse(ctx, dut.send)
            await ctx.tick().until(~dut.busy)

    async def pulse(ctx, signal):
        ctx.set(signal, 1)
        await ctx.tick()
        ctx.set(signal, 0)

    drive(dut, receiver(dut.o, received, len(expected), rng), write)
    assert bytes(received) == expected


class Judge:
    """Feeds bytes to a `FrameReceiver` and notes its events; the server's side is played by `steps`."""

    def __init__(self):
        self.dut = FrameReceiver()
        self.events, self.damaged = [], 0

    def run(self, *steps):
        async def bench(ctx):
            for step in steps:
                if isinstance(step, bytes):
                    for byte in step:
                        ctx.set(self.dut.i.payload, byte)
                        ctx.set(self.dut.i.valid, 1)
                        await self.tick(ctx)
                        ctx.set(self.dut.i.valid, 0)
                        for _ in range(3):
                            await self.tick(ctx)
                else:
                    signal = {"done": self.dut.done, "hello": self.dut.hello_done}.get(step)
                    if signal is not None:
                        assert step != "hello" or ctx.get(self.dut.hello)
                        ctx.set(signal, 1)
                        await self.tick(ctx)
                        ctx.set(signal, 0)
                    elif step == "take":
                        ctx.set(self.dut.o.ready, 1)
                        for _ in range(20):
                            await self.tick(ctx)
                        ctx.set(self.dut.o.ready, 0)
                for _ in range(8):
                    await self.tick(ctx)

        drive(self.dut, bench)
        return [(kind, session, sequence) for kind, session, sequence, _, _ in self.events]

    async def tick(self, ctx):
        dut = self.dut
        signals = (dut.o.valid, dut.o.ready, dut.o.payload, dut.bad)
        _, _, valid, ready, event, bad = await ctx.tick().sample(*signals)
        self.damaged += bad
        if valid and ready:
            self.events.append((Kind(event.kind), event.session, event.sequence, event.length, event.opened))


def frame(sequence, *, session=5, operation=READ, rest=b"\0\0\0\1"):
    return pack(request(session, sequence, operation, rest))


OPEN = (frame(0, operation=HELLO), "hello")


def test_frames_in_order_are_executed_and_old_ones_answered_again():
    judge = Judge()
    events = judge.run(
        *OPEN, frame(0), frame(1), "take", "done", "done", frame(0), frame(1), frame(2), frame(2), "take"
    )
    execute, resend = Kind.EXECUTE, Kind.RESEND
    assert events == [(execute, 5, 0), (execute, 5, 1), (resend, 5, 0), (resend, 5, 1), (execute, 5, 2), (resend, 5, 2)]
    assert judge.events[0][3] == 7 and judge.damaged == 0


def test_what_comes_too_early_is_dropped_and_so_is_what_is_too_old():
    numbers = [*range(10)]
    judge = Judge()
    steps = [step for number in numbers for step in (frame(number), "take", "done")]
    events = judge.run(*OPEN, frame(1), frame(255), frame(100), *steps, *[frame(9 - age) for age in range(9)], "take")
    assert [sequence for kind, _, sequence in events if kind == Kind.EXECUTE] == numbers
    assert [sequence for kind, _, sequence in events if kind == Kind.RESEND] == [9, 8, 7, 6, 5, 4, 3]


def test_no_more_are_accepted_than_there_are_slots():
    judge = Judge()
    many = [frame(number) for number in range(WINDOW + 3)]
    events = judge.run(*OPEN, *many, "take", "done", frame(WINDOW), frame(WINDOW + 1), "take")
    assert [sequence for kind, _, sequence in events if kind == Kind.EXECUTE] == [*range(WINDOW + 1)]


def test_sessions():
    judge = Judge()
    events = judge.run(
        frame(0), "take", *OPEN, frame(0, session=6), frame(0), "take", frame(0, session=6, operation=HELLO),
        frame(0, session=6), "hello", frame(0), frame(0, session=6), "take",
    )  # fmt: skip
    refuse, execute = Kind.REFUSE, Kind.EXECUTE
    assert events == [(refuse, 5, 0), (refuse, 6, 0), (execute, 5, 0), (refuse, 5, 0), (execute, 6, 0)]
    assert [event[4] for event in judge.events if event[0] == refuse] == [0, 1, 1]


def test_a_new_session_forgets_what_waited():
    judge = Judge()
    events = judge.run(*OPEN, *[frame(number) for number in range(7)], *OPEN, "take", frame(1), frame(0), "take")
    assert events == [(Kind.EXECUTE, 5, 0)]


@pytest.mark.parametrize("seed", range(2))
def test_nothing_damaged_is_executed(seed):
    """A bit flipped, a byte dropped or doubled anywhere in a frame, or too long a frame: no event."""
    rng = random.Random(seed)
    good = frame(0, rest=b"\0\7\0\1" + rng.randbytes(8))
    damaged = []
    for _ in range(40):
        at = rng.randrange(len(good) - 1)
        new = rng.choice([good[at : at + 1] * 2, b"", bytes([good[at] ^ 1 << rng.randrange(8)])])
        damaged.append(good[:at] + new + good[at + 1 :])
    damaged.append(b"\xff" + b"\7" * 254 + good[1:])
    for length in (250, 300):  # a right CRC, but too long for a slot
        long = request(5, 0, READ, b"\0\1" * (length // 2))
        damaged.append(cobs.encode(long + zlib.crc32(long).to_bytes(4, "little")) + b"\0")
    damaged = [one for one in damaged if not any(unpack(block) for block in one.split(b"\0") if block)]
    judge = Judge()
    assert judge.run(*OPEN, *damaged, "take") == [] and judge.damaged >= len(damaged) - 8
    assert judge.run(*OPEN, good, "take") == [(Kind.EXECUTE, 5, 0)]


@pytest.mark.parametrize("segments", [1, 2, 7])
@pytest.mark.parametrize("stalls", [0, 0.5])
def test_unpacker(segments, stalls):
    rng = random.Random(segments)
    core = core_of()
    data, expected = [], []
    for _ in range(12):
        header, values = rng.randrange(256), [rng.getrandbits(core.lanes) for _ in range(segments)]
        word = sum(value << (core.lanes * index) for index, value in enumerate(values))
        rest = (rng.getrandbits(8) << (segments * core.lanes) | word).to_bytes(2 + segments * core.lanes // 8, "little")
        data += [header, *rest[: -(-segments * core.lanes // 8)]]
        expected += [{"data": header, "last": 0}]
        expected += [{"data": value, "last": int(index == segments - 1)} for index, value in enumerate(values)]
    dut, received = SampleUnpacker(core), []
    cycles = []

    async def write(ctx):
        ctx.set(dut.segments, segments)
        for byte in data:
            while rng.random() < stalls:
                await ctx.tick()
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def count(ctx):
        while True:
            await ctx.tick()
            cycles.append(1)

    drive(dut, receiver(dut.o, received, len(expected), rng, stalls=stalls), write, background=[count])
    assert received == expected
    if not stalls:
        assert len(cycles) <= 10 * len(data) + 2 * len(expected)
