"""Estimates: the rules of memories, cycles, clock and calibration, and the search for a core."""

import dataclasses
import json
import random
import re

import pytest

from bepboards.synth.device import DEVICES
from bephw.export import to_rtlil
from bephw.trainer import Trainer
from bepsw.core import PRESETS, Core, preset
from bepsw.cycles import CycleModel
from bepsw.errors import BepError
from bepsw.estimate import logic, search
from bepsw.estimate.calibrate import fit
from bepsw.estimate.clock import Clock, clock, fit_clock
from bepsw.estimate.geometry import geometries
from bepsw.estimate.least_core import least_core
from bepsw.estimate.memories import Memory, memories, on_block_ram
from bepsw.estimate.rate import _samples, cycles, inference_cycles
from bepsw.estimate.search import FILL, Search
from bepsw.estimate.sites import adder, popcount, popcount_registers, prefix_adders
from bepsw.estimate.terms import OTHERS, terms
from bepsw.layout import place
from bepsw.spec import Network, Training, thresholds

SMALL = Network(widths=(64, 32, 16), classes=10), Training(gamma=(8, 4), batch=20)
FASHION = Network(widths=(784, 255, 255), classes=10), Training(gamma=(51, 51))


@pytest.mark.parametrize(
    "width, depth, blocks",
    [
        *((1, 16384, 1), (1, 16385, 2), (2, 8192, 1), (4, 4096, 1), (9, 2048, 1), (18, 1024, 1), (36, 512, 1)),
        *((36, 513, 2), (37, 512, 2), (10, 2048, 2), (72, 100, 2), (288, 2048, 32), (576, 4096, 128)),
        (40, 1024, 3),  # 18 bits a block, and the rest shares nothing
    ],
)
def test_block_rams_of_a_memory(width, depth, blocks):
    assert on_block_ram(width, depth).ebr == blocks


def test_lut_rams_of_a_memory():
    assert Memory("queue", 40, 16, "distributed").use.ram == 10
    deep = Memory("queue", 41, 17, "distributed").use
    assert (deep.ram, deep.mux, deep.ebr) == (2 * 11, 41, 0)


def test_a_step_table_keeps_only_what_its_readers_use():
    whole = Memory("table", 16, 8, "distributed")
    parted = dataclasses.replace(whole, readers=(((0, 4),), ((3, 2), (12, 1))))
    assert whole.use.ram == 4 and parted.use.ram == 1 + 3


def test_names_of_memories_are_all_different():
    for core in PRESETS.values():
        names = [name for memory in memories(core) for name in memory.names]
        assert len(names) == len(set(names)) and "weight_plane.segment_0" in names


@pytest.mark.parametrize(
    "changes",
    [
        {"contexts": 16, "fronts": 8},  # queues that just fill a LUT RAM
        {"rules": 1},
        {"rules": 1, "slots": 3, "beats": 100, "store_segments": 50},
        {
            "lanes": 19, "segments": 9, "slots": 3, "bits": 5, "contexts": 2, "threads": 1, "hidden_words": 2300,
            "weight_words": 70, "beats": 600, "max_width": 200, "max_fan_in": 300, "operand_words": 6, "classes": 9,
        },
    ],
)  # fmt: skip
def test_memories_are_those_of_the_hardware_description(changes):
    core = preset("tiny", **changes)
    found, module = {}, ""
    for line in to_rtlil(Trainer(core), "core").splitlines():
        line = re.sub(r"\$\d+", "", line)
        if match := re.match(r"module \\core\.?(.*)", line):
            module = match[1]
        elif match := re.match(r"\s+memory width (\d+) size (\d+) \\(.+)", line):
            found[".".join(filter(None, (module, match[3])))] = int(match[1]), int(match[2])
    assert found == {name: (memory.width, memory.depth) for memory in memories(core) for name in memory.names}


def test_quick_count_of_blocks_is_that_of_the_submodules():
    for core in PRESETS.values():
        assert logic.blocks(core) == logic.total(logic.resources(core))["ebr"]


def test_small_structures():
    assert adder(8) == 12 and adder(9) == 14 and adder(3) == 5
    assert popcount(3) == 2 and popcount(7) == 2 * popcount(3) + adder(4)
    assert popcount_registers(3) == 2 and popcount_registers(7) == 2 + 2 + 1 + 3
    assert [prefix_adders(n) for n in (1, 2, 3, 4, 8)] == [0, 1, 2, 4, 12]


def test_every_term_has_a_coefficient_and_no_other_has():
    table = logic.coefficients()
    for core in PRESETS.values():
        described = terms(core)
        assert described.keys() == table.keys()
        for name, sides in described.items():
            assert [set(side) for side in sides] == [set(table[name][kind]) for kind in ("logic", "ff")]


def test_more_of_anything_takes_more_logic():
    core = preset("small")
    used = logic.total(logic.resources(core))
    changes = {"lanes": 40, "segments": 9, "slots": 5, "bits": 9, "contexts": 2 * core.contexts, "max_width": 4096}
    for name, value in changes.items():
        more = logic.total(logic.resources(dataclasses.replace(core, **{name: value})))
        assert more["comb"] > used["comb"] and more["ff"] > used["ff"], name


def synthetic(core, table):
    """A record as if a synthesis had taken exactly what `table` says, in a submodule that nobody knows as well."""
    modules = logic.resources(core, table)
    modules["new.unit"] = modules.pop(OTHERS)
    return {"core": core.as_dict(), "modules": modules, "memories": {}}


def test_calibration_finds_the_coefficients_again():
    """Coefficients that differ from the package's are found from cores that obey them."""
    table = {
        name: {kind: {term: 1.0 + 0.5 * (len(term) % 3) for term in side} for kind, side in sides.items()}
        for name, sides in logic.coefficients().items()
    }
    changes = [{"lanes": lanes} for lanes in (12, 20, 28, 36, 44, 64, 90, 120)]
    changes += [{"segments": 20}, {"segments": 5}, {"slots": 8}, {"slots": 2, "threads": 1}]
    changes += [{"bits": 12, "beats": 1024}, {"bits": 5}, {"contexts": 16}]
    changes += [{"lanes": 72, "max_width": 300}, {"weight_words": 4000, "hidden_words": 9000}, {"max_fan_in": 8000}]
    cores = [preset("small", **change) for change in changes]
    found = fit([synthetic(core, table) for core in cores])
    other = preset("small", lanes=50, segments=12, slots=3)
    wanted, got = (logic.total(logic.resources(other, t)) for t in (table, found))
    assert got["comb"] == pytest.approx(wanted["comb"], rel=0.03)
    assert got["ff"] == pytest.approx(wanted["ff"], rel=0.03)
    assert logic.total(logic.resources(other))["comb"] != pytest.approx(wanted["comb"], rel=0.03)


def test_clock_falls_with_size_and_share_and_rises_with_the_grade():
    table = {"base": 8.0, "doubling": 0.5, "fill": 1.0, "error": 0.2, "builds": 7}
    small, large = DEVICES["25f"], DEVICES["85f"]
    assert clock(16384, large, 6, table).mhz == pytest.approx(1000 / (8 + 0.5 + 16384 / 83640))
    assert clock(40000, large, 6, table).mhz < clock(20000, large, 6, table).mhz
    assert clock(20000, small, 6, table).mhz < clock(20000, large, 6, table).mhz
    assert clock(20000, small, 8, table).mhz > clock(20000, small, 7, table).mhz > clock(20000, small, 6, table).mhz


def test_clock_class_is_what_is_safe():
    assert Clock(130, 0.2).at_least == 100 and Clock(120, 0.2).at_least == 75 and Clock(60, 0.2).at_least is None


def test_clock_fit_goes_through_builds_that_lie_on_a_line():
    truth = {"base": 7.0, "doubling": 0.8, "fill": 2.0, "error": 0.1, "builds": 6}
    builds = []
    for comb, name in ((6000, "25f"), (16000, "25f"), (16000, "45f"), (39000, "85f"), (60000, "85f"), (25000, "45f")):
        device = DEVICES[name]
        builds.append((comb, comb / device.comb, 6, clock(comb, device, 6, truth).mhz))
    found = fit_clock(builds)
    assert found["builds"] == 6 and found["error"] == 0.1
    for comb, share, _, mhz in builds:
        device = next(d for d in DEVICES.values() if abs(comb / d.comb - share) < 1e-9)
        assert clock(comb, device, 6, found).mhz == pytest.approx(mhz, rel=0.02)
    assert fit_clock(builds[:2])["error"] >= 0.2


def test_cycles_are_those_of_the_cycle_model():
    network, training = SMALL
    core = PRESETS["tiny"]
    model = CycleModel(network, core, training, thresholds(network, training))
    triggered, winners = _samples(network, training, 200, 0.4)
    uses = [model.run(triggered * times, winners * times) for times in (1, 10)]
    rate = cycles(network, core, training, 0.4)
    assert rate.training == pytest.approx((uses[1].cycles - uses[0].cycles) / 1800, rel=0.005)
    assert max(rate.weights, rate.hidden) == uses[0].roofline / 200 and 0 < rate.roofline <= 1
    assert inference_cycles(network, core, training) < rate.training


@pytest.mark.parametrize("batch", (200, 500, 1000))
@pytest.mark.parametrize("name, online", [("tiny", False), ("tiny", True), ("fast", False)])
def test_a_long_batch_is_put_together(name, online, batch):
    """Against what whole batches add, each triggered in another order, the sweep beside the next batch."""
    network, training = FASHION if name == "fast" else SMALL
    training = dataclasses.replace(training, batch=batch, online=online)
    model = CycleModel(network, PRESETS[name], training, thresholds(network, training))
    triggered, order = [], random.Random(batch)
    for _ in range(1 + 6000 // batch):
        triggered += order.sample(_samples(network, training, batch, 0.4)[0], batch)
    winners = _samples(network, training, len(triggered), 0.4)[1]
    one, all_of_them = (model.run(triggered[:count], winners) for count in (batch, len(triggered)))
    rate = cycles(network, PRESETS[name], training, 0.4)

    def added(*names):
        return sum(getattr(all_of_them, name) - getattr(one, name) for name in names) / (len(triggered) - batch)

    assert rate.training == pytest.approx(added("cycles"), rel=0.01)
    assert rate.weights == pytest.approx(added("forward", "walk"), rel=0.005)
    assert rate.hidden == pytest.approx(added("update", "sweep"), rel=0.005)


@pytest.mark.parametrize("rate", (0.0, 1.0))
def test_a_sequence_has_the_share_that_is_asked_for(rate):
    triggered, winners = _samples(*SMALL, 50, rate)
    assert sum(triggered) == 50 * rate and len(winners) == 50 and winners[0] == [4, 4]


@pytest.mark.parametrize("lanes, segments, slots", [(8, 4, 4), (13, 3, 2), (36, 8, 4), (66, 36, 9)])
@pytest.mark.parametrize("network", (SMALL[0], FASHION[0], Network(widths=(5, 3), classes=2)))
def test_the_least_core_holds_the_network_and_nothing_less_does(network, lanes, segments, slots):
    try:
        core = least_core(network, lanes=lanes, segments=segments, slots=slots, contexts=4, threads=2)
    except BepError:
        assert lanes == 8 and network is FASHION[0]  # 98 segments a row are more words than an operand has
        return
    place(network, core)
    for name in ("weight_words", "hidden_words", "max_width", "max_fan_in", "classes", "operand_words", "beats"):
        value = getattr(core, name)
        if value > (1 if name == "operand_words" else 2):
            with pytest.raises(BepError, match=name):
                place(network, dataclasses.replace(core, **{name: value - 1}))


@pytest.fixture(scope="module")
def searched():
    """A finished search and its designs."""
    hunt = Search(*FASHION, DEVICES["85f"], trigger_rate=0.4)
    return hunt, hunt.run()


def test_the_winner_fits_and_holds_the_network(searched):
    hunt, designs = searched
    for design in designs:
        place(FASHION[0], design.core)
        for name, share in FILL.items():
            assert design.used[name] <= share * getattr(hunt.device, name)
    orders = [design.order for design in designs]
    assert orders == sorted(orders, reverse=True)


def test_logic_can_be_what_limits():
    """A small network has block RAMs to spare: the winner fills the LUT sites that may be used, and no more."""
    network = Network(widths=(64, 128, 128), classes=10, bits=6)
    design = Search(network, Training(gamma=(32, 32)), DEVICES["25f"], trigger_rate=0.4).run()[0]
    assert 0.8 * 24288 < design.used["comb"] <= FILL["comb"] * 24288 and design.used["ebr"] < 50


def test_no_neighbour_beats_the_winner(searched):
    """Asked of a fresh search, so that nothing is taken from memory."""
    _, designs = searched
    fresh = Search(*FASHION, DEVICES["85f"], trigger_rate=0.4)
    around = [fresh.design(**choice) for choice in fresh.neighbours(designs[0].core)]
    fitting = [design for design in around if design is not None]
    assert len(around) > len(fitting) > 5
    assert all(design.order <= designs[0].order for design in fitting)


def test_no_geometry_beats_the_winner(monkeypatch):
    """Against every geometry that fits, at every number of samples in flight that is tried first."""
    network = Network(widths=(196, 128, 128), classes=10)
    training, device = Training(gamma=(32, 16)), DEVICES["25f"]
    winner = Search(network, training, device, trigger_rate=0.4).run()[0]
    monkeypatch.setattr(search, "_TRIED", 10**6)
    assert Search(network, training, device, trigger_rate=0.4).run()[0].order == winner.order


def test_the_bound_on_cycles_holds(searched):
    hunt, _ = searched
    bounds = geometries(*FASHION, 0.4, hunt.device, FILL, {})
    counted = 0
    for bound, choice in bounds[:4000:40]:
        if design := hunt.design(**choice):
            assert bound <= design.rate.training, choice
            counted += 1
    assert counted > 5


def test_what_the_user_has_chosen_stays():
    hunt = Search(*FASHION, DEVICES["85f"], trigger_rate=0.4, fixed={"lanes": 72, "threads": 2, "max_width": 300})
    for design in hunt.run():
        assert (design.core.lanes, design.core.threads, design.core.max_width) == (72, 2, 300)


@pytest.mark.parametrize(
    "fixed",
    [
        *({"contexts": 2}, {"threads": 4}, {"threads": 1, "contexts": 16}, {"slots": 3}),
        *({"fronts": 2}, {"fronts": 16}, {"fronts": 4, "threads": 3}, {"fronts": 8, "contexts": 8}),
    ],
)
def test_samples_in_flight_follow_what_is_fixed(fixed):
    for design in Search(*SMALL, DEVICES["25f"], trigger_rate=0.4, fixed=fixed).run():
        assert fixed.items() <= design.core.as_dict().items()


def test_fronts_are_searched_too():
    """A network that trains in few cycles wants more samples before the update stage than the first try has."""
    network, training = SMALL[0], dataclasses.replace(SMALL[1], batch=100)
    free, held = (
        Search(network, training, DEVICES["25f"], trigger_rate=0.4, fixed=fixed).run()[0]
        for fixed in ({}, {"fronts": 8})
    )
    assert free.core.fronts == 16 and free.samples_per_second > 1.02 * held.samples_per_second


def test_fronts_beyond_the_contexts_are_cut():
    """As the core cuts them; the search goes on from there as from any other."""
    cut, same = (
        Search(*SMALL, DEVICES["25f"], trigger_rate=0.4, fixed={"contexts": 4, "fronts": fronts}).run()
        for fronts in (8, 4)
    )
    assert cut == same and len(cut) > 3


def test_block_rams_that_a_geometry_needs_for_certain():
    """What is left out because of its block RAMs does not fit; and hardly anything that is tried fails by them."""
    network = Network(widths=(784, 512), classes=10, bits=6)
    bounds = geometries(network, Training(gamma=(64,)), 0.4, DEVICES["85f"], FILL, {})
    kept = {(choice["lanes"], choice["segments"], choice["slots"]) for _, choice in bounds}
    flight = {"contexts": 8, "fronts": 8, "threads": 4}
    least = {
        (lanes, segments, slots): logic.blocks(
            least_core(network, lanes=lanes, segments=segments, slots=slots, **flight)
        )
        for lanes in (8, 16, 33, 72, 112)
        for segments, slots in ((4, 1), (8, 1), (8, 2), (12, 4), (40, 8))
    }
    assert all(choice in kept for choice, blocks in least.items() if blocks <= DEVICES["85f"].ebr)
    assert all(blocks <= DEVICES["85f"].ebr + 16 for choice, blocks in least.items() if choice in kept)
    assert 0 < len(kept & least.keys()) < len(least)


def test_a_depth_that_is_fixed_too_low():
    with pytest.raises(BepError, match="the W plane needs weight_words >= "):
        Search(*SMALL, DEVICES["25f"], trigger_rate=0.4, fixed={"weight_words": 3}).run()


def test_a_network_that_no_core_holds():
    with pytest.raises(BepError, match=r"does not fit the 25F: .* block RAMs, of which \d+ are in hidden_bank"):
        Search(*FASHION, DEVICES["25f"], trigger_rate=0.4).run()


def test_a_core_parameter_that_cannot_be():
    with pytest.raises(BepError, match="lanes must be a whole number from 8 to 144"):
        Search(*SMALL, DEVICES["25f"], trigger_rate=0.4, fixed={"lanes": 7}).run()


def test_coefficients_are_a_plain_table():
    table = json.loads(logic.COEFFICIENTS.read_text())
    assert table["clock"]["builds"] >= 1 and 0 < table["clock"]["error"] < 0.5
    assert all(value >= 0 for sides in table["terms"].values() for side in sides.values() for value in side.values())
    assert isinstance(Core(), Core)
