"""The whole link in front of a stand-in core: what comes out of the wire is what the model of the device says."""

import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from bephw.link.link import Link
from bepsw.link.device import Device
from bepsw.link.frames import Splitter, pack
from bepsw.link.protocol import HELLO, LINK_BASE, MOST_BYTES, MOST_WORDS, READ, STREAM, WRITE, link_address

from .bench import core_of
from .link_bench import FakeCore, byte_receiver, byte_sender, request

CLOCK, BASE, BUILD = 1_000_000, 6, 0x12345678


class Wire:
    """A `Link` in the simulator with a `FakeCore`, and the model beside it with another."""

    def __init__(self, *, fallback=1_000_000, slow=None):
        self.core = core_of()
        self.link = Link(self.core, clock_hz=CLOCK, build_id=BUILD, baud=CLOCK / BASE, fallback=fallback)
        self.fake, self.received = FakeCore(), []
        self.model = Device(FakeCore(), build_id=BUILD, clock_hz=CLOCK, base_divisor=BASE)
        self.slow = slow or (lambda: 0)
        self.bit, self.taking = BASE / CLOCK, True

    async def bus(self, ctx):
        bus = self.link.bus
        while True:
            if not ctx.get(bus.valid):
                await ctx.edge(bus.valid, 1)
            for _ in range(self.slow()):
                await ctx.tick()
                assert ctx.get(bus.valid), "an access was given up"
            address = ctx.get(bus.addr)
            if ctx.get(bus.write):
                self.fake.write(address, ctx.get(bus.wdata))
            else:
                ctx.set(bus.rdata, self.fake.read(address))
            ctx.set(bus.ready, 1)
            await ctx.tick()
            ctx.set(bus.ready, 0)

    async def stream(self, ctx):
        samples, results = self.link.samples, self.link.results
        while True:
            if not ctx.get(samples.valid):
                await ctx.edge(samples.valid, 1)
            for _ in range(self.slow()):
                await ctx.tick()
            if not self.taking:
                await ctx.tick()
                continue
            self.fake.beat(ctx.get(samples.payload.data), bool(ctx.get(samples.payload.last)))
            ctx.set(samples.ready, 1)
            await ctx.tick()
            ctx.set(samples.ready, 0)
            for value in self.fake.results:
                ctx.set(results.payload.as_value(), value)
                ctx.set(results.valid, 1)
                await ctx.tick()
                assert ctx.get(results.ready), "there is room for every result"
            ctx.set(results.valid, 0)
            self.fake.results.clear()

    def run(self, *benches, limit=400_000):
        """Run benches; the core and the receiver of bytes run beside them."""
        top = Module()
        top.submodules.dut = self.link
        simulator = Simulator(top)
        simulator.add_clock(1 / CLOCK)
        receiver = byte_receiver(self.link.tx, self.received, lambda: self.bit)
        for bench in (self.bus, self.stream, receiver):
            simulator.add_testbench(bench, background=True)
        for bench in benches:
            simulator.add_testbench(bench)
        steps = 0
        while simulator.advance():
            steps += 1
            assert steps < 2 * limit, "the link hangs"

    def exchange(self, *chunks, gap=lambda: 0):
        """Send each chunk of bytes, wait for as many bytes as the model answers; both say the same."""

        async def bench(ctx):
            await ctx.delay(30.3 / CLOCK)
            for chunk in chunks:
                expected = self.model.feed(chunk)
                already = len(self.received)
                await byte_sender(self.link.rx, chunk, BASE / CLOCK, gap=gap)(ctx)
                for _ in range(len(expected) + 50):
                    if len(self.received) >= already + len(expected):
                        break
                    await ctx.delay(11 * BASE / CLOCK)
                await ctx.delay(300 / CLOCK)
                assert bytes(self.received[already:]).hex(" ") == expected.hex(" ")

        self.run(bench)


def test_hello_says_who_it_is():
    wire = Wire()
    wire.exchange(pack(request(9, 77, HELLO)))
    assert len(wire.received) == 3 + 32 + 4 + 2


def test_refuses_before_hello_and_of_another_session():
    wire = Wire()
    read = [0x10, 0, 1, 2]
    wire.exchange(
        pack(request(9, 0, READ, read)),
        pack(request(9, 0, HELLO)) + pack(request(8, 0, READ, read)) + pack(request(9, 0, READ, read)),
    )
    assert len(wire.fake.accesses) == 2


def words(rng, count):
    return b"".join(rng.getrandbits(32).to_bytes(4, "little") for _ in range(count))


@pytest.mark.parametrize("seed", [1, 2])
def test_registers(seed):
    """Bursts with and without increment, of every length, zeros and all: same replies, same accesses in order."""
    rng = random.Random(seed)
    wire = Wire(slow=lambda: rng.choice([0, 0, 3, 40]))
    frames = [pack(request(5, 0, HELLO))]
    for sequence in range(9):
        address = rng.choice([0x32, 0, 0x4000, 0xFF]).to_bytes(2, "little")
        step = rng.choice([0, 1, 255])
        count = rng.choice([0, 1, 2, 13, MOST_WORDS])
        if rng.random() < 0.5:
            frames.append(pack(request(5, sequence, READ, [*address, step, count])))
        else:
            frames.append(
                pack(request(5, sequence, WRITE, [*address, step]) + rng.choice([words(rng, count), bytes(4 * count)]))
            )
    wire.exchange(*frames[:4], b"".join(frames[4:]))
    assert wire.fake.accesses == wire.model.core.accesses and len(wire.fake.accesses) > 5


@pytest.mark.parametrize(
    "body",
    [
        request(5, 0, READ, [0, 0, 1]),
        request(5, 0, READ, [0, 0, 1, 2, 3]),
        request(5, 0, READ, [0, 0, 1, MOST_WORDS + 1]),
        request(5, 0, READ, [0, 0, 1, 255]),
        request(5, 0, WRITE, [0, 0]),
        request(5, 0, WRITE, [0, 0, 1, 9, 8]),
        request(5, 0, WRITE, [0, 0, 1, 9, 8, 7]),
        request(5, 0, WRITE, []),
        request(5, 0, READ, []),
        request(5, 0, 0),
        request(5, 0, 0xFF, [1, 2, 3]),
    ],
)
def test_malformed_requests_are_refused_and_nothing_is_done(body):
    wire = Wire()
    wire.exchange(pack(request(5, 0, HELLO)) + pack(body), pack(request(5, 1, WRITE, [7, 0, 0, 1, 2, 3, 4])))
    assert wire.fake.accesses == [("write", 7, 0x04030201)]


def test_the_links_own_registers():
    wire = Wire()
    segments = link_address("SEGMENTS").to_bytes(2, "little")
    own = LINK_BASE.to_bytes(2, "little")
    wire.exchange(
        pack(request(5, 0, HELLO)),
        pack(request(5, 0, WRITE, [*segments, 0, 3, 1, 9, 9])) + pack(request(5, 1, READ, [*own, 1, 8])),
        pack(request(5, 2, WRITE, [*own, 1, *bytes(20)])) + pack(request(5, 3, READ, [*own, 1, 8])),
    )
    assert wire.fake.accesses == []


@pytest.mark.parametrize("segments, slow", [(1, 0), (2, 0), (5, 7), (3, 60)])
def test_samples_cross_frames_and_results_come_back(segments, slow):
    rng = random.Random(segments)
    wire = Wire(slow=lambda: rng.randrange(slow + 1))
    size = 1 + -(-segments * FakeCore.lanes // 8)
    count = 40
    samples = bytes(rng.choice([0, 0, 255, rng.randrange(256)]) for _ in range(count * size))
    address = link_address("SEGMENTS").to_bytes(2, "little")
    frames = [pack(request(5, 0, HELLO)) + pack(request(5, 0, WRITE, [*address, 0, segments, 0, 0, 0]))]
    sequence, at = 1, 0
    while at < len(samples):
        step = rng.choice([0, 1, 2, 60, MOST_BYTES])
        frames.append(pack(request(5, sequence, STREAM, samples[at : at + step])))
        sequence, at = sequence + 1, at + step
    polls = [pack(request(5, sequence + i, STREAM)) for i in range(2)]
    wire.model.feed(b"".join(frames + polls))
    results = []

    async def bench(ctx):
        await ctx.delay(30.3 / CLOCK)
        for frame in [*frames, *polls]:
            already = len(wire.received)
            await byte_sender(wire.link.rx, frame, BASE / CLOCK)(ctx)
            while not wire.received[already:] or wire.received[-1] != 0:
                await ctx.delay(10 / CLOCK)
            results.append(bytes(wire.received[already:]))

    wire.run(bench)
    bodies = Splitter().feed(b"".join(results))[2:]
    taken = np.frombuffer(b"".join(body[3:] for body in bodies), "<u4")
    assert wire.fake.beats == wire.model.core.beats
    assert [int(value) for value in taken] == [*range(segments + 1, len(wire.fake.beats) + 1, segments + 1)]


def test_the_rate_changes_after_the_reply_and_falls_back_in_silence():
    """The reply still at the old rate; an echo at the new one; after the silence, the base rate again."""
    wire, fast = Wire(fallback=9000), 4
    address = link_address("DIVISOR").to_bytes(2, "little")
    rates = []

    async def bench(ctx):
        async def say(body, divisor):
            already = len(wire.received)
            await byte_sender(wire.link.rx, pack(body), divisor / CLOCK)(ctx)
            await ctx.delay(3000 / CLOCK)
            rates.append(Splitter().feed(bytes(wire.received[already:])))

        await ctx.delay(30.3 / CLOCK)
        await say(request(5, 0, HELLO), BASE)
        await say(request(5, 0, WRITE, [*address, 0, fast, 0, 0, 0]), BASE)
        wire.bit = fast / CLOCK
        await say(request(5, 1, READ, [*address, 0, 1]), fast)
        await ctx.delay(2000 / CLOCK)
        await say(request(5, 2, READ, [*address, 0, 1]), fast)
        await ctx.delay(9000 / CLOCK)
        wire.bit = BASE / CLOCK
        await say(request(5, 3, READ, [*address, 0, 1]), BASE)

    wire.run(bench)
    assert [body[:3] for [body] in rates] == [bytes([5, number, 0]) for number in (0, 0, 1, 2, 3)]
    assert [body[3] for [body] in rates[2:]] == [fast, fast, BASE]


def test_hello_abandons_what_the_core_does_not_take():
    """The core takes no sample: the request is stuck until a new session opens; its samples do not come back."""
    wire = Wire()
    wire.taking = False
    segments = link_address("SEGMENTS").to_bytes(2, "little")

    async def bench(ctx):
        await ctx.delay(30.3 / CLOCK)
        opening = pack(request(5, 0, HELLO)) + pack(request(5, 0, WRITE, [*segments, 0, 1, 0, 0, 0]))
        opening += pack(request(5, 1, STREAM, bytes([1, 2, 3, 4, 5, 6])))
        await byte_sender(wire.link.rx, opening, BASE / CLOCK)(ctx)
        await ctx.delay(4000 / CLOCK)
        stuck = len(wire.received)
        await byte_sender(wire.link.rx, pack(request(6, 0, HELLO)), BASE / CLOCK)(ctx)
        await ctx.delay(4000 / CLOCK)
        assert [body[:3] for body in Splitter().feed(bytes(wire.received[stuck:]))] == [bytes([6, 0, 0])]
        wire.taking = True
        await byte_sender(wire.link.rx, pack(request(6, 0, STREAM, bytes([7, 8, 1]))), BASE / CLOCK)(ctx)
        await ctx.delay(4000 / CLOCK)

    wire.run(bench)
    assert wire.fake.beats == [(7, False), (0x108, True)]


def test_a_reply_brings_sixty_results_and_the_next_one_the_rest():
    wire = Wire()
    segments = link_address("SEGMENTS").to_bytes(2, "little")
    opening = pack(request(5, 0, HELLO)) + pack(request(5, 0, WRITE, [*segments, 0, 1, 0, 0, 0]))
    samples = pack(request(5, 1, STREAM, bytes([1, 0, 0]) * (MOST_BYTES // 3)))

    async def bench(ctx):
        await ctx.delay(30.3 / CLOCK)
        await byte_sender(wire.link.rx, opening + samples + pack(request(5, 2, STREAM)), BASE / CLOCK)(ctx)
        await ctx.delay(30_000 / CLOCK)

    wire.run(bench)
    counts = [len(body) // 4 for body in Splitter().feed(bytes(wire.received))[2:]]
    assert counts == [MOST_WORDS, MOST_BYTES // 3 - MOST_WORDS]
