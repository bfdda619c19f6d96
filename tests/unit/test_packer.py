"""Packer: layers of any width in beats of any size become segments of g bits, at the cycle the docstring names."""

import numpy as np
import pytest

from bephw.packer import Packer

from .bench import segments_of, trace


def layers(rng, lanes, slots, count, gaps):
    """Random layers back to back: inputs per cycle, and {cycle: segment}, {cycles of begin}, {cycles of done}."""
    inputs, segments, begins, dones = [], {}, set(), set()
    for _ in range(count):
        width, rows = int(rng.integers(1, 5 * lanes)), int(rng.integers(1, slots + 1))
        bits = rng.integers(0, 2, width)
        chunks = [bits[at : at + rows] for at in range(0, width, rows)]
        expected = segments_of(bits, lanes)
        taken, left = 0, 0
        for index, chunk in enumerate(chunks):
            while rng.random() < gaps:
                inputs.append({"valid": 0, "last": int(rng.integers(2)), "bits": int(rng.integers(1 << slots))})
            last = index == len(chunks) - 1
            cycle = len(inputs)
            value = sum(int(bit) << i for i, bit in enumerate(chunk))
            inputs.append({"valid": 1, "bits": value, "rows": len(chunk), "last": int(last)})
            left += len(chunk)
            due = []
            if left >= lanes:
                due.append(Packer.latency)
                left -= lanes
            if last and left:
                due.append(Packer.latency + (1 if due else 0))
            for wait in due:
                segments[cycle + wait] = expected[taken]
                if taken == 0:
                    begins.add(cycle + wait)
                taken += 1
            if last:
                dones.add(cycle + Packer.latency + 1)
        assert taken == len(expected)
        inputs += [{"valid": 0}] * int(rng.integers(1, 4))
    return inputs, segments, begins, dones


@pytest.mark.parametrize("lanes, slots", [(8, 1), (8, 8), (9, 3), (13, 4), (36, 5), (40, 16)])
@pytest.mark.parametrize("gaps", [0, 0.4])
@pytest.mark.parametrize("seed", [1, 2])
def test_packs_layers_at_the_documented_cycles(lanes, slots, gaps, seed):
    inputs, segments, begins, dones = layers(np.random.default_rng(seed), lanes, slots, 30, gaps)
    seen = trace(Packer(lanes=lanes, slots=slots), inputs, ["segment_valid", "segment", "begin", "done"])
    valid = [cycle for cycle, value in enumerate(seen["segment_valid"]) if value]
    assert valid == sorted(segments)
    assert {cycle: seen["segment"][cycle] for cycle in valid} == segments
    assert {cycle for cycle in valid if seen["begin"][cycle]} == begins
    assert {cycle for cycle, value in enumerate(seen["done"]) if value} == dones


@pytest.mark.parametrize("width, count", [(8, 1), (9, 2), (11, 2), (16, 2), (17, 3)])
def test_the_last_beat_may_fill_a_segment_and_spill(width, count):
    """Beats of 5 into 8 lanes: the last beat ends exactly at, one over, and more over a segment."""
    bits = [1] * width
    chunks = [bits[at : at + 5] for at in range(0, width, 5)]
    beats = [
        {"valid": 1, "bits": (1 << len(c)) - 1, "rows": len(c), "last": int(i == len(chunks) - 1)}
        for i, c in enumerate(chunks)
    ]
    seen = trace(Packer(lanes=8, slots=5), [*beats, {"valid": 0}, *beats, {"valid": 0}], ["segment_valid", "segment"])
    out = [s for v, s in zip(seen["segment_valid"], seen["segment"], strict=True) if v]
    assert out == segments_of(bits, 8) * 2 and len(out) == 2 * count


@pytest.mark.parametrize("lanes, slots", [(8, 1), (8, 8), (9, 3), (13, 4), (36, 5)])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_layer_may_begin_at_any_lane(lanes, slots, seed):
    """The offset is given any time between the last beat and the first, the lanes below it stay 0."""
    rng = np.random.default_rng(seed)
    inputs, expected, begins, dones = [], [], [], []
    for _ in range(30):
        width, rows, offset = int(rng.integers(1, 4 * lanes)), int(rng.integers(1, slots + 1)), int(rng.integers(lanes))
        bits = rng.integers(0, 2, width)
        wait = [{"valid": 0, "start": 0, "rows": int(rng.integers(slots + 1))} for _ in range(int(rng.integers(1, 4)))]
        wait[int(rng.integers(len(wait)))] |= {"start": 1, "offset": offset}
        inputs += wait
        for at in range(0, width, rows):
            chunk = bits[at : at + rows]
            value = sum(int(bit) << i for i, bit in enumerate(chunk))
            last = int(at + rows >= width)
            inputs.append({"valid": 1, "start": 0, "bits": value, "rows": len(chunk), "last": last})
        begins.append(len(expected))
        expected += segments_of([0] * offset + bits.tolist(), lanes)
        dones.append(len(inputs) - 1 + Packer.latency + 1)
    inputs.append({"valid": 0})
    watch = ["segment_valid", "segment", "begin", "done"]
    seen = trace(Packer(lanes=lanes, slots=slots, offsets=True), inputs, watch)
    found = [(s, b) for v, s, b in zip(*(seen[name] for name in watch[:3]), strict=True) if v]
    assert [segment for segment, _ in found] == expected
    assert [at for at, (_, begin) in enumerate(found) if begin] == begins
    assert [cycle for cycle, done in enumerate(seen["done"]) if done] == dones
