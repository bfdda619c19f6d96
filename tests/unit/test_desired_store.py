"""DesiredStore: rows of any length, any number of rows a beat, from prototypes and from both halves."""

import numpy as np
import pytest

from bephw.desired_store import DesiredStore

from .bench import core_of, segments_of, trace

CORES = [
    core_of(classes=6),
    core_of(classes=3, segments=1, slots=1, prototype_segments=2),
    core_of(classes=4, lanes=8, segments=8, slots=8, prototype_segments=2),
    core_of(classes=2, lanes=13, segments=7, slots=5, prototype_segments=16),
    core_of(classes=3, rules=1),
    core_of(classes=2, lanes=8, segments=1, slots=1, prototype_segments=4, rules=1),
]


def writes_of(name, base, bits, core):
    """Writes of one row of bits, a segment a cycle."""
    for segment, value in enumerate(segments_of(bits, core.lanes)):
        if name == "prototype":
            yield {"prototype_enable": 1, "prototype_address": base * core.prototype_segments + segment,
                   "prototype_data": value}  # fmt: skip
        else:
            yield {"desired_enable": 1, "desired_half": base, "desired_segment": segment, "desired_data": value}


@pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}R{c.slots}P{c.prototype_segments}r{c.rules}")
@pytest.mark.parametrize("gaps", [0, 0.4])
@pytest.mark.parametrize("seed", [1, 2])
def test_reads_every_row_in_beats(core, gaps, seed):
    rng = np.random.default_rng(seed)
    length = core.lanes * core.prototype_segments
    rows = {("prototype", label): rng.integers(0, 2, length) for label in range(core.classes)}
    rows |= {("desired", half): rng.integers(0, 2, length) for half in range(DesiredStore.rows_of(core))}
    inputs, expected = [], []
    for (name, base), bits in rows.items():
        inputs += [{"prototype_enable": 0, "desired_enable": 0} | write for write in writes_of(name, base, bits, core)]
    inputs.append({"prototype_enable": 0, "desired_enable": 0})
    for key in [*rows, *(list(rows)[int(i)] for i in rng.integers(len(rows), size=6))]:
        name, base = key
        inputs.append(
            {
                "start": 1, "from_prototype": int(name == "prototype"), "advance": 0,
                "label": base if name == "prototype" else int(rng.integers(core.classes)),
                "half": base if name == "desired" else int(rng.integers(2)),
            }
        )  # fmt: skip
        noise = {"start": 0, "from_prototype": int(rng.integers(2)), "half": int(rng.integers(2)), "label": 0}
        per_beat, at = int(rng.integers(1, core.slots + 1)), 0
        if core.rules:
            first = 2 * int(rng.integers(core.prototype_segments // 2))
            at, inputs[-1]["base"], noise["base"] = first * core.lanes, first, int(rng.integers(2))
        wanted = int(rng.choice([length, int(rng.integers(at + 1, length))]))
        while at < wanted:
            while rng.random() < gaps:
                inputs.append(noise | {"advance": 0, "rows": int(rng.integers(core.slots + 1))})
            count = min(per_beat, wanted - at)
            expected.append((len(inputs), rows[key][at : at + count].tolist()))
            inputs.append(noise | {"advance": 1, "rows": count})
            at += count
    inputs.append({"advance": 0})
    seen = trace(DesiredStore(core), inputs, ["bits"], after=DesiredStore.latency)["bits"]
    for cycle, bits in expected:
        value = seen[cycle + DesiredStore.latency]
        assert [value >> i & 1 for i in range(len(bits))] == bits, cycle


def test_one_half_is_written_while_the_other_is_read():
    core = core_of(lanes=8, slots=4)
    old, new = [0b1010_0110, 0b0011_1100], [0b0101_1010, 0b1111_0000]
    fill = [
        {"desired_enable": 1, "desired_half": 1, "desired_segment": i, "desired_data": word}
        for i, word in enumerate(old)
    ]
    read = [{"start": 1, "half": 1, "desired_enable": 0}]
    for beat in range(4):
        write = {
            "desired_enable": int(beat < 2),
            "desired_half": 0,
            "desired_segment": beat,
            "desired_data": new[beat % 2],
        }
        read.append(write | {"start": 0, "half": 0, "advance": 1, "rows": 4})
    again = [{"start": 1, "half": 0, "advance": 0}, *[{"start": 0, "advance": 1, "rows": 4}] * 4, {"advance": 0}]
    seen = trace(DesiredStore(core), fill + read + again, ["bits"])["bits"]
    first = len(fill) + 1 + DesiredStore.latency
    second = len(fill + read) + 1 + DesiredStore.latency
    nibbles = [[word >> shift & 15 for word in words for shift in (0, 4)] for words in (old, new)]
    assert seen[first : first + 4] == nibbles[0] and seen[second : second + 4] == nibbles[1]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_row_may_begin_at_any_lane(seed):
    core = core_of(rules=1, lanes=13, segments=7, slots=5, prototype_segments=4)
    rng = np.random.default_rng(seed)
    length = core.lanes * core.prototype_segments
    rows = {row: rng.integers(0, 2, length) for row in range(DesiredStore.rows_of(core))}
    inputs, expected = [], []
    for row, bits in rows.items():
        inputs += writes_of("desired", row, bits, core)
    inputs.append({"desired_enable": 0})
    for row in rng.permutation(len(rows)).tolist():
        offset = int(rng.integers(core.lanes))
        inputs.append({"start": 1, "half": row, "offset": offset, "advance": 0})
        per_beat, at = int(rng.integers(1, core.slots + 1)), offset
        while at < length:
            count = min(per_beat, length - at)
            expected.append((len(inputs), rows[row][at : at + count].tolist()))
            inputs.append({"start": 0, "offset": int(rng.integers(core.lanes)), "advance": 1, "rows": count})
            at += count
    inputs.append({"advance": 0})
    seen = trace(DesiredStore(core), inputs, ["bits"], after=DesiredStore.latency)["bits"]
    for cycle, bits in expected:
        value = seen[cycle + DesiredStore.latency]
        assert [value >> i & 1 for i in range(len(bits))] == bits, cycle
