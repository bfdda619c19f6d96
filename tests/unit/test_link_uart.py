"""UART: every byte at every divisor, senders that are off, glitches, broken bytes, no gap between bytes sent."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from bephw.link.uart import UartReceiver, UartTransmitter

from .link_bench import byte_receiver, byte_sender

CLOCK = 1_000_000


def run(dut, *benches, background=()):
    top = Module()
    top.submodules.dut = dut
    simulator = Simulator(top)
    simulator.add_clock(1 / CLOCK)
    for bench in background:
        simulator.add_testbench(bench, background=True)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def listeners(dut, received, broken):
    async def bytes_come(ctx):
        while True:
            await ctx.edge(dut.o.valid, 1)
            received.append(ctx.get(dut.o.payload))

    async def bytes_break(ctx):
        while True:
            await ctx.edge(dut.broken, 1)
            broken.append(len(received))

    return bytes_come, bytes_break


def heard(divisor, drive):
    """Bytes received, and broken ones, while the bench `drive(ctx, line)` works the line."""
    dut, received, broken = UartReceiver(), [], []

    async def bench(ctx):
        ctx.set(dut.divisor, divisor)
        await ctx.delay(10.3 / CLOCK)
        await drive(ctx, dut.rx)
        await ctx.delay(3 * divisor / CLOCK)

    run(dut, bench, background=listeners(dut, received, broken))
    return received, broken


@pytest.mark.parametrize("divisor", [4, 5, 7, 8, 9, 16, 33, 42, 434])
def test_receives_bytes_without_a_gap(divisor):
    sent = [0, 255, 0x55, 0xAA, 1, 128, *random.Random(divisor).randbytes(6 if divisor > 50 else 24)]
    received, broken = heard(divisor, lambda ctx, rx: byte_sender(rx, sent, divisor / CLOCK)(ctx))
    assert received == sent and not broken


@pytest.mark.parametrize("divisor, off", [(16, 0.04), (16, -0.025), (42, 0.045), (42, -0.03), (8, 0.025), (8, -0.0125)])
def test_receives_from_a_sender_that_is_off(divisor, off):
    sent = [0, 255, 0x55, 0xAA, *random.Random(divisor).randbytes(16)]
    received, broken = heard(divisor, lambda ctx, rx: byte_sender(rx, sent, (1 + off) * divisor / CLOCK)(ctx))
    assert received == sent and not broken


def test_real_divisors():
    """115 200 baud of a 125 MHz clock, and a bit that needs the upper byte in full."""
    for divisor in (1085, 9000):
        received, broken = heard(divisor, lambda ctx, rx, d=divisor: byte_sender(rx, [0xC5], d / CLOCK)(ctx))
        assert received == [0xC5] and not broken


@pytest.mark.parametrize("at", [1, 5, 9])
@pytest.mark.parametrize("begin", [10, 14, 18])
def test_a_glitch_is_outvoted(at, begin):
    """A pulse of an eighth of a bit at any of the three looks; and one on the idle line is no start bit."""
    divisor, sent = 32, 0x9C

    async def drive(ctx, rx):
        ctx.set(rx, 0)
        await ctx.delay(3 / CLOCK)
        ctx.set(rx, 1)
        await ctx.delay(40 / CLOCK)
        for index, value in enumerate([0, *[sent >> i & 1 for i in range(8)], 1]):
            ctx.set(rx, value)
            await ctx.delay(begin / CLOCK)
            ctx.set(rx, value ^ (index == at))
            await ctx.delay(4 / CLOCK)
            ctx.set(rx, value)
            await ctx.delay((divisor - begin - 4) / CLOCK)

    assert heard(divisor, drive) == ([sent], [])


def test_a_byte_without_a_stop_bit_is_dropped():
    """And the line must be released before the next one."""

    async def drive(ctx, rx):
        await byte_sender(rx, [7], 16 / CLOCK)(ctx)
        ctx.set(rx, 0)
        await ctx.delay(400 / CLOCK)
        ctx.set(rx, 1)
        await ctx.delay(20 / CLOCK)
        await byte_sender(rx, [8], 16 / CLOCK)(ctx)

    assert heard(16, drive) == ([7, 8], [1])


@pytest.mark.parametrize("divisor", [4, 5, 16, 43])
def test_sends_without_a_gap(divisor):
    dut, received = UartTransmitter(), []
    sent = [0, 255, *random.Random(divisor).randbytes(20)]
    idle = []

    async def bench(ctx):
        ctx.set(dut.divisor, divisor)
        await ctx.delay(10.3 / CLOCK)
        idle.append(ctx.get(dut.idle))
        cycles = 0
        for byte in sent:
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            while not ctx.get(dut.i.ready):
                await ctx.tick()
                cycles += 1
            await ctx.tick()
            cycles += 1
        ctx.set(dut.i.valid, 0)
        while not ctx.get(dut.idle):
            await ctx.tick()
            cycles += 1
        assert cycles == 10 * divisor * len(sent) + 1
        assert len(received) == len(sent), "idle before the last stop bit is over"

    run(dut, bench, background=[byte_receiver(dut.tx, received, lambda: divisor / CLOCK)])
    assert received == sent and idle == [1]
