"""WeightPlane: latency, segments written alone, when a write is there, and the two banks."""

import numpy as np
import pytest

from bephw.weight_plane import WeightPlane

from .bench import core_of, trace

WRITTEN = 3  # cycles until a write is in the memory
SHAPE = pytest.mark.parametrize(
    "shape", [{}, {"segments": 1, "slots": 1}, {"segments": 8, "lanes": 12}, {"rules": 1}], ids=str
)
RULES = pytest.mark.parametrize("rules", [0, 1])


@SHAPE
@pytest.mark.parametrize("swaps", [0, 0.1, 0.5])
@pytest.mark.parametrize("seed", [1, 2])
def test_reads_what_was_written(shape, swaps, seed):
    """Reads of the bank in use, writes of either bank, and swaps in any cycle, against two arrays."""
    rng = np.random.default_rng(seed)
    core = core_of(weight_words=10, **shape)
    cycles = 400
    planes = np.zeros((2, core.weight_words, core.segments), int)
    known = np.zeros((2, core.weight_words, core.segments), int)  # cycle from which a read gives `planes`
    inputs, expected, in_use = [], [], 0
    for cycle in range(cycles):
        address, position = int(rng.integers(core.weight_words)), int(rng.integers(core.segments))
        value, other = int(rng.integers(1 << core.lanes)), int(rng.random() < 0.5)
        read, swap = int(rng.integers(core.weight_words)), int(rng.random() < swaps)
        enable = int(rng.random() < 0.7)
        bank = in_use ^ other
        readable = (known[in_use, read] <= cycle).all() and not (enable and address == read and bank == in_use)
        expected.append((cycle, planes[in_use, read].tolist()) if readable else None)
        if enable:
            planes[bank, address, position] = value
            known[bank, address, position] = cycle + WRITTEN
        inputs.append(
            {
                "read_address": read, "write_enable": enable, "write_address": address, "write_other": other,
                "write_position": position, "write_data": value, "swap": swap,
            }
        )  # fmt: skip
        in_use ^= swap
    latency = WeightPlane.latency_of(core)
    seen = trace(WeightPlane(core), inputs, ["read_data"], after=latency)["read_data"]
    checked = [entry for entry in expected if entry]
    assert len(checked) > cycles // 2 and any(any(value) for _, value in checked)
    for cycle, value in checked:
        assert seen[cycle + latency] == value, cycle


def write(other, data, address=3):
    return {"write_enable": 1, "write_address": address, "write_position": 2, "write_data": data, "write_other": other}


@RULES
def test_a_write_is_read_exactly_three_cycles_later(rules):
    inputs = [{"read_address": 3}] * 3 + [
        write(0, 0x1A5),
        {"write_enable": 0, "read_address": 9},
        {"read_address": 9},
        {"read_address": 3},
    ]
    core = core_of(rules=rules)
    latency = WeightPlane.latency_of(core)
    seen = trace(WeightPlane(core), inputs, ["read_data"], after=latency)["read_data"]
    assert seen[2 + latency] == [0] * 5  # read one cycle before the write
    assert seen[6 + latency] == [0, 0, 0x1A5, 0, 0]


@RULES
def test_a_write_of_the_other_bank_shows_from_the_swap_on(rules):
    """Exactly the reads after the swap see it; a second swap brings the first bank back as it was."""
    inputs = [{"read_address": 3}, write(0, 7), write(1, 9), {"write_enable": 0}, *[{}] * 10]
    swap = len(inputs)
    inputs += [{"swap": 1}, {"swap": 0}, *[{}] * 4, {"swap": 1}, {"swap": 0}, *[{}] * 4]
    core = core_of(rules=rules)
    latency = WeightPlane.latency_of(core)
    seen = trace(WeightPlane(core), inputs, ["read_data"], after=latency)["read_data"]
    values = [word[2] for word in seen[10 + latency :]]
    assert values == [7] * (swap + 1 - 10) + [9] * 6 + [7] * 5
    assert all(word[i] == 0 for word in seen for i in (0, 1, 3, 4))


@RULES
def test_a_write_belongs_to_the_bank_of_its_own_cycle(rules):
    """A swap one cycle later, or in the same cycle, does not turn it over to the other bank."""
    core = core_of(rules=rules)
    latency = WeightPlane.latency_of(core)
    for gap in (0, 1, 2):
        inputs = [{"read_address": 3}, write(1, 9) | {"swap": gap == 0}]
        for cycle in (1, 2, 3):
            inputs.append({"write_enable": 0, "swap": cycle == gap})
        inputs += [{"swap": 0}, *[{}] * 12, {"swap": 1}, {"swap": 0}]
        seen = trace(WeightPlane(core), inputs, ["read_data"], after=latency)["read_data"]
        assert seen[-latency - 2][2] == 9 and seen[-1][2] == 0, gap
        assert max(word[2] for word in seen[: 2 + gap + latency]) == 0, gap
