"""Crossing: writes and reads keep their order and their words, whatever the two clocks are."""

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from bepboards.sdram.crossing import Crossing

from .dataset_bench import Memory

BITS = 10


@pytest.mark.parametrize("near, far", [(10, 10), (10, 12.5), (10, 20.3), (9.1, 31)])
@pytest.mark.parametrize("stalls", [0, 0.5])
def test_every_word_comes_back_in_order(near, far, stalls):
    rng = np.random.default_rng(int(10 * far))
    dut = Crossing(BITS, "far")
    top = Module()
    top.domains.sync, top.domains.far = ClockDomain("sync"), ClockDomain("far")
    top.submodules.dut = dut
    simulator = Simulator(top)
    simulator.add_clock(near * 1e-9)
    simulator.add_clock(far * 1e-9, domain="far", phase=1.7e-9)
    memory = Memory(dut.far, rng, stalls=stalls, latency=3, jitter=4, domain="far")
    addresses = rng.permutation(1 << BITS)[:40].tolist()
    words = rng.integers(0, 1 << 16, 40).tolist()
    got, rate = [], []

    async def listen(ctx):
        while True:
            _, _, valid, word = await ctx.tick().sample(dut.near.read.valid, dut.near.read.payload)
            if valid:
                got.append(word)

    async def command(ctx, address, write, word=0):
        """A write's word is offered before, with its command at the latest."""
        port = dut.near
        ctx.set(port.written.valid, write)
        ctx.set(port.written.payload, word)
        if write and rng.random() < 0.5:
            await ctx.tick()
            assert not ctx.get(port.written.ready)
        ctx.set(port.commands.payload, {"address": address, "write": write})
        ctx.set(port.commands.valid, 1)
        while True:
            _, _, ready, taken = await ctx.tick().sample(port.commands.ready, port.written.ready)
            assert taken == (ready and write)
            if ready:
                break
        ctx.set(port.commands.valid, 0)
        ctx.set(port.written.valid, 0)

    async def bench(ctx):
        while not ctx.get(dut.near.ready):
            await ctx.tick()
        for address, word in zip(addresses, words, strict=True):
            await command(ctx, address, 1, word)
        for address in reversed(addresses):
            await command(ctx, address, 0)
        for _ in range(2000):
            if len(got) == 40:
                break
            await ctx.tick()
        rate.append(memory.most)

    simulator.add_testbench(memory.serve, background=True)
    simulator.add_testbench(listen, background=True)
    simulator.add_testbench(bench)
    simulator.run()
    assert got == words[::-1]
    assert rate[0] > 2, "reads must overlap"
