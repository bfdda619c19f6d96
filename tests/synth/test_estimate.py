"""Estimates beside syntheses of small cores: block RAMs exact, logic and flip-flops within 15 %."""

from collections import Counter

import pytest

from bepboards.synth.census import census
from bepboards.synth.synthesis import synthesise
from bepsw.core import preset
from bepsw.estimate.logic import resources, total
from bepsw.estimate.memories import memories

pytestmark = pytest.mark.synth

SHARE = 0.15
CORES = {
    "tiny": {},
    "every rule": {"rules": 1},
    # In no calibration; few of its numbers are powers of two, and its prototypes are deeper than a block RAM.
    "odd": {
        "rules": 1,
        "lanes": 11, "segments": 5, "slots": 3, "bits": 5, "contexts": 8, "threads": 3, "hidden_words": 2300,
        "weight_words": 700, "beats": 600, "max_width": 200, "max_fan_in": 300, "operand_words": 6, "classes": 40,
        "prototype_segments": 128,
    },
}  # fmt: skip


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.slow] * (name != "odd")) for name in CORES]
)
def pair(request, tmp_path_factory):
    """(core, census of its netlist)."""
    core = preset("tiny", **CORES[request.param])
    return core, census(synthesise(core, tmp_path_factory.mktemp("synth")).netlist)


def test_every_block_ram_is_foreseen(pair):
    core, found = pair
    real = {name: cells["ebr"] for name, cells in found["memories"].items() if "ebr" in cells}
    estimate = {name: memory.use.ebr for memory in memories(core) for name in memory.names if memory.use.ebr}
    assert real == estimate
    assert sum(real.values()) == total(resources(core))["ebr"]


def test_luts_hold_the_memories_that_were_foreseen(pair):
    core, found = pair
    real = {name: cells["ram"] for name, cells in found["memories"].items() if "ram" in cells}
    estimate = {name: memory.use.ram for memory in memories(core) for name in memory.names if memory.use.ram}
    assert real.keys() == estimate.keys()
    assert sum(real.values()) == pytest.approx(sum(estimate.values()), rel=SHARE)


@pytest.mark.parametrize("kind", ("comb", "ff"))
def test_logic_is_near(pair, kind):
    core, found = pair
    real = sum((Counter(cells) for cells in found["modules"].values()), Counter())[kind]
    assert total(resources(core))[kind] == pytest.approx(real, rel=SHARE)


def test_large_submodules_are_near(pair):
    """The reader must see where the logic goes: no submodule is off by more than a twentieth of the core."""
    core, found = pair
    estimate = resources(core)
    allowed = 0.05 * total(estimate)["comb"]
    for name, cells in found["modules"].items():
        assert abs(estimate.get(name, {"comb": 0})["comb"] - cells.get("comb", 0)) < allowed, name
