"""Locate and Burst: every word once and in order, no more asked for than there is room, no cycle lost."""

import numpy as np
import pytest

from bephw.dataset.burst import Burst, Locate

from .bench import drive, receiver, sender
from .dataset_bench import Memory

BITS = 20


@pytest.mark.parametrize("base, stride", [(0, 0), (1000, 3), (7, 12)])
def test_addresses_and_their_cycles(base, stride):
    dut, rng, got = Locate(BITS), np.random.default_rng(stride), []
    indices = [0, 1, 99, 12_345]
    cycles = [0]

    async def bench(ctx):
        ctx.set(dut.base, base)
        ctx.set(dut.stride, stride)
        ctx.set(dut.o.ready, 1)
        for index in indices:
            ctx.set(dut.i.payload, index)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            cycles[0] = 1
            while not ctx.get(dut.o.valid):
                await ctx.tick()
                cycles[0] += 1
            got.append(ctx.get(dut.o.payload))
            await ctx.tick()
            assert cycles[0] + 1 == 2 + stride
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.base, 5)
        ctx.set(dut.stride, 1)
        held = []
        await sender(dut.i, [3], rng, gaps=0)(ctx)
        await receiver(dut.o, held, 1, rng, stalls=0.7)(ctx)
        assert held == [16]

    drive(dut, bench)
    assert got == [((base + index) << stride) % (1 << BITS) for index in indices]


def contents(memory, addresses, words):
    for address in addresses:
        for word in range(words):
            memory.words[address + word] = (address * 31 + word * 7) & 0xFFFF
    return [memory.words[address + word] for address in addresses for word in range(words)]


@pytest.mark.parametrize("words", [1, 2, 5, 40])
@pytest.mark.parametrize("stalls, jitter, taker", [(0, 0, 0), (0.5, 9, 0), (0.2, 3, 0.7), (0, 30, 0.3)])
def test_words_arrive_in_order_and_never_more_than_there_is_room_for(words, stalls, jitter, taker):
    rng = np.random.default_rng(words)
    dut, got = Burst(BITS, ahead=8), []
    memory = Memory(None, rng, commands=dut.commands, answers=dut.read, stalls=stalls, latency=3, jitter=jitter)
    addresses = [int(a) << 6 for a in rng.permutation(9)]
    expected = contents(memory, addresses, words)
    stored, most = [0], [0]

    async def watch(ctx):
        while True:
            signals = dut.commands.valid, dut.commands.ready, dut.o.valid, dut.o.ready
            _, _, asked, granted, valid, ready = await ctx.tick().sample(*signals)
            stored[0] += (asked & granted) - (valid & ready)
            assert 0 <= stored[0] <= 8
            most[0] = max(most[0], stored[0])

    async def send(ctx):
        ctx.set(dut.words, words)
        await sender(dut.i, addresses, rng, gaps=0.2 if stalls else 0)(ctx)

    async def take(ctx):
        await receiver(dut.o, got, len(expected), rng, stalls=taker)(ctx)
        await ctx.tick()
        assert not ctx.get(dut.pending)

    drive(dut, send, take, background=(watch, memory.serve))
    assert got == expected
    assert memory.most <= 8 and (most[0] == 8 or taker < 0.7 or words < 5)


def test_a_word_a_cycle_and_one_cycle_between_samples():
    rng = np.random.default_rng(1)
    dut, times, cycle = Burst(BITS, ahead=16), [], [0]
    memory = Memory(None, rng, commands=dut.commands, answers=dut.read, latency=6)
    contents(memory, [0, 64, 128], 20)

    async def watch(ctx):
        while True:
            _, _, valid, ready = await ctx.tick().sample(dut.o.valid, dut.o.ready)
            cycle[0] += 1
            if valid and ready:
                times.append(cycle[0])

    async def bench(ctx):
        ctx.set(dut.words, 20)
        ctx.set(dut.o.ready, 1)
        await sender(dut.i, [0, 64, 128], rng, gaps=0)(ctx)
        await ctx.tick().repeat(60)

    drive(dut, bench, background=(watch, memory.serve))
    assert np.diff(times).tolist() == ([1] * 19 + [2]) * 2 + [1] * 19


@pytest.mark.parametrize("after", [1, 5, 12, 30])
def test_stopped_it_finishes_its_sample_and_begins_no_other(after):
    rng = np.random.default_rng(after)
    dut, got = Burst(BITS, ahead=8), []
    memory = Memory(None, rng, commands=dut.commands, answers=dut.read, latency=5, stalls=0.3)
    contents(memory, [0, 64, 128, 192], 10)

    async def bench(ctx):
        ctx.set(dut.words, 10)
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        for cycle in range(200):
            ctx.set(dut.stop, cycle >= after)
            _, _, valid, word, pending = await ctx.tick().sample(dut.o.valid, dut.o.payload, dut.pending)
            if valid:
                got.append(word)
            if not pending and cycle > after:
                break
        assert not pending and memory.asked == 0, "an answer would come after a reset"
        await ctx.tick().repeat(30)
        assert not ctx.get(dut.pending)

    drive(dut, bench, background=(memory.serve,))
    assert len(got) <= 40
