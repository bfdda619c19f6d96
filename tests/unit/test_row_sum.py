"""RowSum against slices of the segment counts."""

import numpy as np
import pytest

from bephw.row_sum import RowSum

from .bench import trace


@pytest.mark.parametrize("segments, slots", [(1, 1), (2, 2), (3, 2), (4, 4), (5, 3), (8, 8), (13, 1), (16, 6)])
@pytest.mark.parametrize("seed", [1, 2])
def test_sums_the_segments_of_every_row(segments, slots, seed):
    rng = np.random.default_rng(seed)
    cycles, lanes = 120, 9
    counts = rng.integers(0, lanes + 1, (cycles, segments))
    counts[:3] = lanes  # every prefix at its largest
    chosen = rng.integers(1, segments + 1, cycles)
    # Just wide enough for the largest row: prefixes overflow, rows must not.
    dut = RowSum(segments=segments, slots=slots, count_bits=4, out_bits=int(lanes * segments).bit_length())
    inputs = [{"counts": c.tolist(), "row_segments": int(s)} for c, s in zip(counts, chosen, strict=True)]
    latency = RowSum.latency_of(segments)
    seen = trace(dut, inputs, ["o"], after=latency)["o"]
    for cycle, s in enumerate(chosen):
        rows = min(slots, segments // s)
        expected = [int(counts[cycle, slot * s : (slot + 1) * s].sum()) for slot in range(rows)]
        assert seen[cycle + latency][:rows] == expected, (cycle, s)


@pytest.mark.parametrize("seed", [1])
def test_prefixes_may_overflow_where_rows_do_not(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 8, (50, 8))
    dut = RowSum(segments=8, slots=8, count_bits=3, out_bits=3)
    latency = RowSum.latency_of(8)
    seen = trace(dut, [{"counts": c.tolist(), "row_segments": 1} for c in counts], ["o"], after=latency)["o"]
    assert seen[latency:] == counts.tolist()


def test_latency_is_the_prefix_levels_and_three():
    assert [RowSum.latency_of(segments) for segments in (1, 2, 3, 4, 5, 8, 9, 16)] == [3, 4, 5, 5, 6, 6, 7, 7]
