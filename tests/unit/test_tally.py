"""Tally: results of the memory's samples are counted against their labels, those of others pass."""

import numpy as np
import pytest

from bephw.dataset.tally import Tally

from .bench import core_of, drive, plain

CORE = core_of(contexts=4, fronts=4)


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("seed", [1, 2])
def test_counts_and_what_passes(keep, seed):
    """Samples enter and leave at random; after them come results of the host's own samples, which pass uncounted."""
    rng = np.random.default_rng(seed)
    dut, passed = Tally(CORE), []
    labels = rng.integers(0, 5, 40).tolist()
    results = [int(label if rng.random() < 0.5 else rng.integers(5)) for label in labels]
    own = [7, 8, 9]

    async def bench(ctx):
        ctx.set(dut.keep, keep)
        for _ in range(2):
            passed.clear()
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            when, left, cycle = [], 0, 0  # cycle of every header; results that have left
            while left < len(labels) + len(own):
                enters = len(when) < len(labels) and len(when) - left < 5 and rng.random() < 0.4
                ctx.set(dut.header, enters)
                ctx.set(dut.label, labels[len(when)] if enters else 63)
                # A result is never there before its label has been for some cycles; the host's own come last.
                offers = cycle - when[left] > 3 if left < len(when) else len(when) == len(labels)
                ctx.set(dut.i.valid, offers)
                ctx.set(dut.i.payload.prediction, (results + own)[left] if offers else 0)
                ready = rng.random() < 0.6
                ctx.set(dut.o.ready, ready)
                _, _, taken, valid, payload = await ctx.tick().sample(dut.i.ready, dut.o.valid, dut.o.payload)
                if enters:
                    when.append(cycle)
                if valid and ready:
                    passed.append(plain(payload)["prediction"])
                left += bool(offers and taken)
                cycle += 1
            ctx.set(dut.i.valid, 0)
            assert passed == (own if keep else results + own)
            assert ctx.get(dut.judged) == len(labels)
            assert ctx.get(dut.wrong) == sum(a != b for a, b in zip(labels, results, strict=True))

    drive(dut, bench)


@pytest.mark.parametrize("by", ["start", "clear"])
def test_labels_of_samples_that_were_dropped_are_forgotten(by):
    """A sample that the core refused leaves a label; it must not be held against the next result."""
    dut = Tally(CORE)

    async def bench(ctx):
        ctx.set(dut.keep, 1)
        ctx.set(dut.header, 1)
        ctx.set(dut.label, 3)
        await ctx.tick().repeat(2)
        ctx.set(dut.header, 0)
        await ctx.tick().repeat(3)
        ctx.set(getattr(dut, by), 1)
        await ctx.tick()
        ctx.set(getattr(dut, by), 0)
        await ctx.tick().repeat(3)
        ctx.set(dut.i.valid, 1)
        for _ in range(3):
            await ctx.tick()
            assert ctx.get(dut.o.valid) and not ctx.get(dut.i.ready)
        assert ctx.get(dut.judged) == 0

    drive(dut, bench)
