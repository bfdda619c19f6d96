"""WeightPlane: latency, segments written alone, and when a write is there."""

import numpy as np
import pytest

from bephw.weight_plane import WeightPlane

from .bench import core_of, trace

LATENCY = WeightPlane.latency
WRITTEN = 2  # cycles until a write is in the memory


@pytest.mark.parametrize("shape", [{}, {"segments": 1, "slots": 1}, {"segments": 8, "lanes": 12}], ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_reads_what_was_written(shape, seed):
    rng = np.random.default_rng(seed)
    core = core_of(weight_words=10, **shape)
    cycles = 400
    plane = np.zeros((core.weight_words, core.segments), int)
    known = np.zeros((core.weight_words, core.segments), int)  # cycle from which a read gives `plane`
    inputs, expected = [], []
    for cycle in range(cycles):
        address, position = int(rng.integers(core.weight_words)), int(rng.integers(core.segments))
        value = int(rng.integers(1 << core.lanes))
        read = int(rng.integers(core.weight_words))
        enable = int(rng.random() < 0.7)
        readable = (known[read] <= cycle).all() and not (enable and address == read)
        expected.append((cycle, plane[read].tolist()) if readable else None)
        if enable:
            plane[address, position] = value
            known[address, position] = cycle + WRITTEN
        inputs.append(
            {
                "read_address": read, "write_enable": enable, "write_address": address,
                "write_position": position, "write_data": value,
            }
        )  # fmt: skip
    seen = trace(WeightPlane(core), inputs, ["read_data"], after=LATENCY)["read_data"]
    checked = [entry for entry in expected if entry]
    assert len(checked) > cycles // 2
    for cycle, value in checked:
        assert seen[cycle + LATENCY] == value, cycle


def test_a_write_is_read_exactly_two_cycles_later():
    core = core_of()
    inputs = [{"read_address": 3}] * 3 + [
        {"write_enable": 1, "write_address": 3, "write_position": 2, "write_data": 0x1A5},
        {"write_enable": 0, "read_address": 9},
        {"read_address": 3},
    ]
    seen = trace(WeightPlane(core), inputs, ["read_data"])["read_data"]
    assert seen[2 + LATENCY] == [0] * core.segments  # read one cycle before the write
    assert seen[5 + LATENCY] == [0, 0, 0x1A5, 0, 0]
