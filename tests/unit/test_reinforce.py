"""Reinforce against the generator that defines it."""

import numpy as np
import pytest

from bephw.reinforce import Reinforce
from bepsw.generator import DITHER_BITS, Generator, bank_size, seed_bank

from .bench import core_of, trace

LANES = pytest.mark.parametrize("lanes", [8, 9, 36])


def load(bank):
    """Host writes of a whole bank: once around."""
    return [*({"turn": 1, "replace": 1, "new_state": int(state)} for state in bank), {"turn": 0, "replace": 0}]


def around(lanes):
    """Host reads of a whole bank: once around."""
    return [*[{"turn": 1, "replace": 0, "new_state": 5}] * bank_size(lanes), {"turn": 0}]


@LANES
@pytest.mark.parametrize("gaps", [0, 0.5])
@pytest.mark.parametrize("seed", [1, 2])
def test_masks_of_every_word(lanes, gaps, seed):
    rng = np.random.default_rng(seed)
    golden = Generator(seed, lanes)
    inputs, expected = load(golden.state), []
    thresholds = [0, 1, 1 << DITHER_BITS, (1 << DITHER_BITS) - 1, 1 << 25, (1 << 26) - 1, 511 << DITHER_BITS]
    for _ in range(150):
        while rng.random() < gaps:
            inputs.append({"step": 0, "threshold": int(rng.integers(1 << 26))})
        threshold = int(rng.choice([*thresholds, int(rng.integers(1 << 26))]))
        mask = golden.masks(threshold, 1, lanes)[0]
        expected.append((len(inputs) + Reinforce.latency, sum(int(bit) << lane for lane, bit in enumerate(mask))))
        inputs.append({"step": 1, "threshold": threshold})
    inputs.append({"step": 0})
    start = len(inputs)
    inputs += 2 * around(lanes)
    seen = trace(Reinforce(core_of(lanes=lanes, segments=1, slots=1)), inputs, ["mask", "state"], after=3)
    assert [(cycle, seen["mask"][cycle]) for cycle, _ in expected] == expected
    for first in (start, start + bank_size(lanes) + 1):  # the first time around has changed nothing
        assert seen["state"][first : first + bank_size(lanes)] == golden.state.tolist()


def test_the_dither_decides_only_a_tie_and_strictly():
    """A bank with one random number in all lanes: the mask is number·2^16 + dither < threshold."""
    lanes = 8
    core = core_of(lanes=lanes, segments=1, slots=1)
    number, dither = 0b10_1100_0111, 0x4321
    flat = sum((0xFF if number >> level & 1 else 0) << 8 * level for level in range(10)) | dither << 80
    bank = [flat & (1 << 64) - 1, flat >> 64]
    for change, mask in ((-1, 0), (0, 0), (1, 0xFF)):
        threshold = (number << DITHER_BITS) + dither + change
        inputs = [*load(bank), {"step": 1, "threshold": threshold}, {"step": 0}]
        seen = trace(Reinforce(core), inputs, ["mask"])["mask"]
        assert seen[len(inputs) - 2 + Reinforce.latency] == mask, change
        assert (number << DITHER_BITS) + dither < threshold or mask == 0


@LANES
def test_a_turn_may_replace_one_generator(lanes):
    core = core_of(lanes=lanes, segments=1, slots=1)
    bank = seed_bank(3, lanes).tolist()
    inputs = load(bank)
    for place in range(bank_size(lanes)):
        turns = around(lanes)
        bank[place] = 0x0123456789ABCDEF + place
        turns[place] = {"turn": 1, "replace": 1, "new_state": bank[place]}
        inputs += turns
        # `replace` without `turn`, and new states without `replace`, do nothing
        inputs += [{"replace": 1, "new_state": 7}, {"replace": 0}]
    start = len(inputs)
    inputs += around(lanes)
    seen = trace(Reinforce(core), inputs, ["state"])["state"]
    assert seen[start : start + bank_size(lanes)] == bank


def test_draws_follow_a_host_access_at_once():
    lanes = 8
    golden = Generator(4, lanes)
    inputs = load(golden.state)[:-1]  # the first step in the cycle after the last turn
    mask = golden.masks(1 << 25, 1, lanes)[0]
    inputs += [{"turn": 0, "replace": 0, "step": 1, "threshold": 1 << 25}, {"step": 0}]
    seen = trace(Reinforce(core_of(lanes=lanes, segments=1, slots=1)), inputs, ["mask"])["mask"]
    assert seen[bank_size(lanes) + Reinforce.latency] == sum(int(bit) << lane for lane, bit in enumerate(mask))
