"""Reinforce against the generator that defines it."""

import numpy as np
import pytest

from bephw.reinforce import Reinforce
from bepsw.generator import DITHER_BITS, Generator, bank_size, seed_bank

from .bench import core_of, trace

LANES = pytest.mark.parametrize("lanes", [8, 9, 36])


SETTLED = 2  # cycles until a host access is through


def load(bank):
    """Host writes of a whole bank."""
    writes = [{"set_state": 1, "index": i, "new_state": int(state)} for i, state in enumerate(bank)]
    return [*writes, *[{"set_state": 0}] * SETTLED]


def states_read(seen, inputs, lanes):
    """What the reads at the end of `inputs` showed, each `SETTLED` cycles after its index."""
    first = len(inputs) - bank_size(lanes) * (SETTLED + 1)
    return seen[first + SETTLED : len(inputs) : SETTLED + 1]


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
    inputs += [{"index": i} for i in range(bank_size(lanes)) for _ in range(SETTLED + 1)]
    seen = trace(Reinforce(core_of(lanes=lanes, segments=1, slots=1)), inputs, ["mask", "state"], after=3)
    assert [(cycle, seen["mask"][cycle]) for cycle, _ in expected] == expected
    assert states_read(seen["state"], inputs, lanes) == golden.state.tolist()


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
def test_host_access_reaches_one_generator(lanes):
    core = core_of(lanes=lanes, segments=1, slots=1)
    bank = seed_bank(3, lanes).tolist()
    other = {"set_state": 1, "index": 1, "new_state": 0x0123456789ABCDEF}
    noise = {"set_state": 0, "index": 0, "new_state": 7}
    inputs = [*load(bank), other, *[noise] * SETTLED]
    bank[1] = other["new_state"]
    inputs += [{"index": i} for i in range(bank_size(lanes)) for _ in range(SETTLED + 1)]
    seen = trace(Reinforce(core), inputs, ["state"])["state"]
    assert states_read(seen, inputs, lanes) == bank
