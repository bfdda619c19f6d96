"""Permutation and its round keys: the golden order, index by index and cycle by cycle."""

import numpy as np
import pytest

from bephw.dataset.permutation import Permutation
from bephw.dataset.round_keys import RoundKeys
from bepsw.permutation import INDEX_BITS, ROUNDS, _permute, hardware_order, index_bits, round_keys

from .bench import drive, receiver, sender


@pytest.mark.parametrize("seed, epoch", [(0, 0), (0xFFFF_FFFF, 0x7FFF_FFFF), (0x89AB_CDEF, 0x0123_4567)])
def test_keys_are_there_after_their_cycles_and_again_after_a_restart(seed, epoch):
    dut, found = RoundKeys(), []

    async def bench(ctx):
        for seed_, epoch_ in ((1, 2), (seed, epoch)):
            ctx.set(dut.seed, seed_)
            ctx.set(dut.epoch, epoch_)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for cycle in range(1, RoundKeys.cycles):
                assert not ctx.get(dut.ready), cycle
                await ctx.tick()
            assert ctx.get(dut.ready)
            await ctx.tick().repeat(3)
            found.clear()
            for index in range(ROUNDS):
                ctx.set(dut.round, index)
                found.append((ctx.get(dut.factor), ctx.get(dut.offset)))

    drive(dut, bench)
    assert found == round_keys(seed, epoch)


def attempts(seed, epoch, count, position):
    """Attempts that cycle walking takes from `position`."""
    mask, number, tries = (1 << index_bits(count)) - 1, np.array([position], np.uint64), 0
    while True:
        number = _permute(number, round_keys(seed, epoch), mask)
        tries += 1
        if number[0] < count:
            return tries


def settings(ctx, dut, seed, epoch, count, shuffle=1):
    for name, value in dict(seed=seed, epoch=epoch, count=count, shuffle=shuffle).items():
        ctx.set(getattr(dut, name), value)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 9, 33, 60_000, (1 << INDEX_BITS) - 5, 1 << INDEX_BITS])
def test_indices_and_cycles_are_those_of_the_golden_order(count):
    rng = np.random.default_rng(count)
    dut = Permutation()
    positions = list(range(count)) if count < 10 else [0, count - 1, *map(int, rng.integers(0, count, 14))]
    runs = [(int(rng.integers(1 << 32)), int(rng.integers(1 << 31))) for _ in range(2)]

    async def bench(ctx):
        for seed, epoch in runs:
            settings(ctx, dut, seed, epoch, count)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, positions[0])
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.o.ready, 1)
            expected = hardware_order(seed, epoch, count, positions)
            for i, position in enumerate(positions):
                ctx.set(dut.i.payload, positions[(i + 1) % len(positions)])
                cycles = 1
                while not ctx.get(dut.o.valid):
                    await ctx.tick()
                    cycles += 1
                assert ctx.get(dut.o.payload) == expected[i]
                assert cycles + 1 == Permutation.cycles_of(attempts(seed, epoch, count, position))
                await ctx.tick()
                ctx.set(dut.i.valid, i + 1 < len(positions))
                await ctx.tick()

    drive(dut, bench)


@pytest.mark.parametrize("seed", range(4))
def test_random_gaps_stalls_and_counts(seed):
    rng = np.random.default_rng(seed)
    dut, count = Permutation(), int(rng.integers(2, 200))
    expected = hardware_order(seed, 3, count)[:40].tolist()
    got = []

    async def start(ctx):
        settings(ctx, dut, seed, 3, count)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)

    async def send(ctx):
        await start(ctx)
        await sender(dut.i, range(len(expected)), rng, gaps=0.3)(ctx)

    drive(dut, send, receiver(dut.o, got, len(expected), rng, stalls=0.5))
    assert got == expected


def test_without_shuffling_a_position_is_its_index():
    rng = np.random.default_rng(0)
    dut, got, positions = Permutation(), [], [0, 7, 123_456, (1 << INDEX_BITS) - 1]

    async def send(ctx):
        settings(ctx, dut, 1, 1, 1 << INDEX_BITS, shuffle=0)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        await sender(dut.i, positions, rng)(ctx)

    drive(dut, send, receiver(dut.o, got, len(positions), rng))
    assert got == positions
