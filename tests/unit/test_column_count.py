"""ColumnCount against sign(Wᵀ(g ⊙ a*)) for every placement of rows in words."""

import numpy as np
import pytest

from bephw.column_count import ColumnCount

from .bench import core_of, trace

CORES = [
    core_of(),
    core_of(segments=1, slots=1),
    core_of(segments=8, slots=8, lanes=8),
    core_of(segments=13, slots=4, lanes=8),
    core_of(segments=4, slots=1, lanes=12),
]


def words_of(core, rng, bits):
    """Words of 0/1 rows (rows, s·g), R to a word; what no row uses is random."""
    rows, width = bits.shape
    s = width // core.lanes
    per_word = min(core.slots, core.segments // s)
    words = []
    for at in range(0, rows, per_word):
        word = rng.integers(0, 2, (core.segments, core.lanes))
        for slot, row in enumerate(bits[at : at + per_word]):
            word[slot * s : (slot + 1) * s] = row.reshape(s, core.lanes)
        words.append([sum(int(b) << i for i, b in enumerate(segment)) for segment in word])
    return words, per_word


def layer(core, rng, gaps, *, s, rows, gated):
    """Inputs of one walk and its read-out, and the expected segments by cycle."""
    bits, desired = rng.integers(0, 2, (rows, s * core.lanes)), rng.integers(0, 2, rows)
    if rng.random() < 0.3:
        bits[:] = desired[:, None]  # every counter at its largest
    gate = (rng.random(rows) < gated).astype(int)
    words, per_word = words_of(core, rng, bits)
    counts = (bits == desired[:, None])[gate == 1].sum(axis=0)
    signs = (2 * counts >= gate.sum()).astype(int).reshape(s, core.lanes)
    inputs, weights = [{"clear": 1, "read": 0, "row_segments": s}], None

    def late(step):
        """Weights come one cycle after their `valid`."""
        return step if weights is None else step | {"weights": weights}

    for index, word in enumerate(words):
        while rng.random() < gaps:
            inputs.append(late({"clear": 0, "valid": 0, "gate": (1 << core.slots) - 1}))
            weights = None
        mask = slice(index * per_word, (index + 1) * per_word)
        step = {"clear": 0, "valid": 1}
        step["gate"] = sum(int(b) << i for i, b in enumerate(gate[mask]))
        step["desired"] = sum(int(b) << i for i, b in enumerate(desired[mask]))
        inputs.append(late(step))
        weights = word
    inputs.append(late({"valid": 0}))
    inputs += [{}] * (ColumnCount.count_latency - 2)
    expected = []
    for segment in range(s):
        for slot in range(per_word):
            while rng.random() < gaps:
                inputs.append({"read": 0, "first_slot": int(rng.integers(2)), "last_slot": int(rng.integers(2))})
            if slot == per_word - 1:
                expected.append((len(inputs) + ColumnCount.read_latency, signs[segment].tolist()))
            inputs.append(
                {
                    "read": 1, "position": slot * s + segment, "first_slot": int(slot == 0),
                    "last_slot": int(slot == per_word - 1),
                }
            )  # fmt: skip
    inputs += [{"read": 0}] * (ColumnCount.read_latency - 1)
    return inputs, expected


def check(core, inputs, expected):
    seen = trace(ColumnCount(core), inputs, ["segment_valid", "segment"])
    assert [cycle for cycle, valid in enumerate(seen["segment_valid"]) if valid] == [cycle for cycle, _ in expected]
    for cycle, bits in expected:
        assert [seen["segment"][cycle] >> i & 1 for i in range(core.lanes)] == bits, cycle


@pytest.mark.thin(3)
@pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")
@pytest.mark.parametrize("gaps", [0, 0.3])
@pytest.mark.parametrize("seed", [1, 2])
def test_signs_of_the_column_sums(core, gaps, seed):
    rng = np.random.default_rng(seed)
    inputs, expected = [], []
    for _ in range(6):
        s, rows = int(rng.integers(1, core.segments + 1)), int(rng.integers(1, core.max_width + 1))
        more, due = layer(core, rng, gaps, s=s, rows=rows, gated=rng.choice([0.1, 0.5, 1]))
        expected += [(cycle + len(inputs), bits) for cycle, bits in due]
        inputs += more
    check(core, inputs, expected)


def test_the_sign_of_zero_is_plus_one():
    """No row gated, and as many rows for as against."""
    core = core_of(lanes=8, segments=2, slots=2)
    clear, word = {"clear": 1, "row_segments": 1}, {"clear": 0, "valid": 1, "desired": 3}
    wait = [{"valid": 0}] * (ColumnCount.count_latency - 1)
    read = [
        {"read": 1, "position": 0, "first_slot": 1, "last_slot": 0},
        {"position": 1, "first_slot": 0, "last_slot": 1},
    ]
    none = [clear, word | {"gate": 0}, {"valid": 0, "weights": [0xFF, 0]}, *wait[1:]]
    both = [clear, word | {"gate": 3}, {"valid": 0, "weights": [0x0F, 0x3C]}, *wait[1:]]
    inputs = [*none, *read, {"read": 0}, *both, *read, {"read": 0}]
    at = [len(none) + 1 + ColumnCount.read_latency, len(inputs) - 2 + ColumnCount.read_latency]
    seen = trace(ColumnCount(core), inputs, ["segment_valid", "segment"])
    assert [cycle for cycle, valid in enumerate(seen["segment_valid"]) if valid] == at
    assert [seen["segment"][cycle] for cycle in at] == [0xFF, 0x0F | 0x3C]


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")
def test_raw_is_the_word_after_one_word_of_gated_rows(core):
    rng = np.random.default_rng(5)
    word = [int(value) for value in rng.integers(1 << core.lanes, size=core.segments)]
    inputs = [
        {"clear": 1, "row_segments": core.segments},
        {"clear": 0, "valid": 1, "gate": 1, "desired": 1},
        {"valid": 0, "weights": word},
        *[{}] * (ColumnCount.count_latency - 2),
        *({"read": 1, "position": p, "first_slot": 1, "last_slot": 1} for p in range(core.segments)),
        {"read": 0},
    ]
    seen = trace(ColumnCount(core), inputs, ["raw", "segment_valid"])
    first = 1 + ColumnCount.count_latency + ColumnCount.read_latency
    assert seen["raw"][first : first + core.segments] == word
    assert seen["segment_valid"][first : first + core.segments + 1] == [1] * core.segments + [0]
