"""WinnerScan against the group mask, for groups from one row to the whole layer."""

import numpy as np
import pytest

from bephw.winner_scan import WinnerScan
from bepsw.spec import divisors

from .bench import core_of, rows_of, trace

SHAPES = [(1, 1), (2, 2), (3, 3), (5, 4), (8, 8), (16, 16)]


def golden(wrong, magnitude, group):
    """Winner row of every group, or None."""
    winners = []
    for start in range(0, len(wrong), group):
        rows = [row for row in range(start, start + group) if wrong[row]]
        winners.append(min(rows, key=lambda row: magnitude[row]) if rows else None)
    return winners


def layers(rng, core, count, gaps):
    """Random layers: inputs per cycle and the entries, {cycle: (layer, beat, carried rows, [(row, desired)])}."""
    inputs, entries = [], []
    latency = WinnerScan.latency_of(core)
    for _ in range(count):
        width, rows = int(rng.integers(1, core.max_width + 1)), int(rng.integers(1, core.slots + 1))
        group, layer = int(rng.choice(divisors(width))), int(rng.integers(core.steps))
        wrong = rng.random(width) < rng.choice([0.05, 0.5, 0.95])
        magnitude = rng.integers(0, rng.choice([2, 8, core.max_fan_in + 1]), width)
        desired = rng.integers(0, 2, width)
        winners = golden(wrong, magnitude, group)
        constants = {"group": group, "group_step": rows % group, "layer": layer}
        inputs.append(constants | {"start": 1, "valid": 0})
        for beat, at in enumerate(range(0, width, rows)):
            while rng.random() < gaps:
                inputs.append({"start": 0, "valid": 0, "rows": int(rng.integers(core.slots + 1))})
            here = range(at, min(at + rows, width))
            noise = core.slots - len(here)
            ended = [winners[row // group] for row in here if row % group == group - 1]
            ended = [row for row in ended if row is not None]
            if ended:
                entries.append((len(inputs) + latency, layer, beat, rows, ended, desired))
            inputs.append(
                {
                    **flags(rng, core, wrong[list(here)], noise),
                    "start": 0, "valid": 1, "rows": len(here), "beat": beat,
                    "magnitude": [int(magnitude[row]) for row in here] + [0] * noise,
                    "desired": sum(int(desired[row]) << i for i, row in enumerate(here)),
                }
            )  # fmt: skip
        inputs += [{"start": 0, "valid": 0}] * latency
    return inputs, entries


def flags(rng, core, may_win, noise):
    """Who is wrong, whatever the slots beyond the rows say; with `rules` who may win is told in another way."""

    def packed(bits):
        return sum(int(bit) << i for i, bit in enumerate(bits)) | (1 << noise) - 1 << len(bits)

    if not core.rules:
        return {"wrong": packed(may_win)}
    wrong, other = rng.integers(0, 2, (2, len(may_win))).astype(bool)
    weak, near = np.where(wrong, may_win, other), np.where(wrong, other, may_win)
    return {"wrong": packed(wrong), "weak": packed(weak), "near": packed(near)}


@pytest.mark.thin(5)
@pytest.mark.parametrize("segments, slots", SHAPES)
@pytest.mark.parametrize("gaps, rules", [(0, 0), (0.4, 0), (0.4, 1)])
@pytest.mark.parametrize("seed", [1, 2])
def test_winners_of_every_group(segments, slots, gaps, rules, seed):
    core = core_of(lanes=16, segments=segments, slots=slots, rules=rules)
    inputs, entries = layers(np.random.default_rng(seed), core, 20, gaps)
    seen = trace(WinnerScan(core), inputs, ["write", "winners"])
    assert [cycle for cycle, write in enumerate(seen["write"]) if write] == [cycle for cycle, *_ in entries]
    for cycle, layer, beat, rows, ended, desired in entries:
        entry = seen["winners"][cycle]
        assert (entry["layer"], entry["beat"]) == (layer, beat)
        assert rows_of(entry, rows) == [(row, desired[row]) for row in ended], cycle


def scan(core, wrong, magnitude, group, rows):
    """Winner rows of one layer."""
    inputs = [{"start": 1, "group": group, "group_step": rows % group}]
    for beat, at in enumerate(range(0, len(wrong), rows)):
        w, z = wrong[at : at + rows], magnitude[at : at + rows]
        bits = sum(int(bit) << i for i, bit in enumerate(w))
        inputs.append(
            {
                "start": 0, "valid": 1, "rows": len(w), "beat": beat, "wrong": bits,
                "magnitude": z + [0] * (core.slots - len(w)),
            }
        )  # fmt: skip
    seen = trace(WinnerScan(core), [*inputs, {"valid": 0}], ["write", "winners"], after=WinnerScan.latency_of(core))
    entries = [entry for write, entry in zip(seen["write"], seen["winners"], strict=True) if write]
    return [row for entry in entries for row, _ in rows_of(entry, rows)]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_ties_go_to_the_lowest_row_within_and_across_beats(rows):
    core = core_of()
    assert scan(core, [1] * 12, [4] * 12, 6, rows) == [0, 6]
    assert scan(core, [0, 1, 1, 1, 1, 1], [0, 9, 4, 5, 4, 4], 6, rows) == [2]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_winner_of_one_layer_is_not_carried_into_the_next(rows):
    core = core_of(max_width=64)
    width = 7
    first = {"start": 1, "group": width + 8, "group_step": rows % (width + 8)}
    beats = [{"start": 0, "valid": 1, "rows": rows, "wrong": 7, "magnitude": [0, 0, 0], "beat": b} for b in range(2)]
    second = {"start": 1, "valid": 0, "group": rows, "group_step": 0}
    after = [{"start": 0, "valid": 1, "rows": rows, "wrong": 0, "beat": b} for b in range(3)]
    idle = [{"valid": 0}] * WinnerScan.latency_of(core)
    seen = trace(WinnerScan(core), [first, *beats, *idle, second, *after, {"valid": 0}], ["write"])
    assert not any(seen["write"])
