"""Program: every constant of every step, and the words that carry them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bepsw.core import PRESETS, Core
from bepsw.errors import BepError
from bepsw.program import TABLES, compile_program, encode, fields, row_bits
from bepsw.spec import Network, Training, thresholds

from .bench import core_of, network_of

EVERY_RULE = core_of(rules=1)
CORES = [
    core_of(),
    core_of(segments=1, slots=1, operand_words=16, weight_words=1024),
    core_of(lanes=8, segments=8, slots=8, operand_words=1),
    EVERY_RULE,
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}r{c.rules}")


def decode(core, table, word):
    step = {}
    for name, bits in fields(core)[table].items():
        step[name] = word & (1 << bits) - 1
        word >>= bits
    assert word == 0
    return step


@SHAPE
@pytest.mark.parametrize("seed", range(4))
def test_words_carry_every_field(core, seed):
    network, _, limits = network_of(np.random.default_rng(seed), core)
    program = compile_program(network, core, limits)
    assert tuple(program.tables) == TABLES
    assert [len(program.tables[table]) for table in TABLES] == [1, network.layers + 1, network.layers, network.layers]
    for table, words in program.words(core).items():
        assert all(word < 1 << row_bits(core)[table] for word in words)
        steps = [decode(core, table, word) for word in words]
        assert steps == [{name: int(step[name]) for name in fields(core)[table]} for step in program.tables[table]]


def test_steps_of_a_network_worked_out_by_hand():
    """20-7-3 on 9 lanes, 5 segments, 3 slots: rows of 3, 1 and 1 segments."""
    network = Network(widths=(20, 7, 3), classes=4)
    training = Training(gamma=(7, 1), r=0.5, nu=0.3, p_r=0.5)
    limits = thresholds(network, training)
    tables = compile_program(network, core_of(), limits).tables
    assert tables["input"] == [{"segments": 3, "starts": 0b00001}]
    first = {
        "last": 0, "classifier": 0, "from_input": 1, "layer": 0, "weight_base": 0, "words": 7, "words_per_row": 1,
        "full_segments": 3, "last_segments": 3, "rows": 1, "last_rows": 1, "fan_in": 20, "beat_base": 0,
        "store_base": 0, "out_starts": 0b00111,
    }  # fmt: skip
    second = first | {
        "from_input": 0, "layer": 1, "weight_base": 7, "words": 1, "full_segments": 1, "last_segments": 1, "rows": 3,
        "last_rows": 3, "fan_in": 7, "beat_base": 7, "store_base": 1,
    }  # fmt: skip
    scores = second | {
        "last": 1, "classifier": 1, "layer": 2, "weight_base": 8, "words": 2, "last_rows": 1, "fan_in": 3,
        "beat_base": 8, "store_base": 2, "out_starts": 0,
    }  # fmt: skip
    assert tables["forward"] == [first, second, scores]
    assert tables["backward"] == [
        {
            "last": 0, "from_prototype": 1, "walk": 1, "layer": 1, "beats": 1, "beat_base": 7, "rows": 3,
            "last_rows": 3, "group": 1, "group_step": 0, "gate": 2, "weight_base": 7, "words_per_row": 1,
            "full_segments": 1, "last_segments": 1,
        },
        {
            "last": 1, "from_prototype": 0, "walk": 0, "layer": 0, "beats": 7, "beat_base": 0, "rows": 1,
            "last_rows": 1, "group": 7, "group_step": 1, "gate": 6, "weight_base": 0, "words_per_row": 1,
            "full_segments": 3, "last_segments": 3,
        },
    ]  # fmt: skip
    assert tables["hidden"] == [
        {
            "last": 0, "from_input": 1, "store_base": 0, "hidden_base": 0, "words": 21, "segments": 3, "beat_stride": 3,
            "rows": 1, "weight_base": 0, "words_per_row": 1, "tail": 2, "single": 0, "spans": 0,
            "threshold": limits.reinforce[0],
        },
        {
            "last": 1, "from_input": 0, "store_base": 0, "hidden_base": 21, "words": 3, "segments": 1, "beat_stride": 3,
            "rows": 3, "weight_base": 7, "words_per_row": 1, "tail": 7, "single": 1, "spans": 0,
            "threshold": limits.reinforce[1],
        },
    ]  # fmt: skip


def test_steps_of_rows_that_span_words():
    """100 inputs on 9 lanes and 5 segments: 12 segments, words of 5, 5 and 2."""
    network = Network(widths=(100, 4), classes=2)
    tables = compile_program(network, core_of(), thresholds(network, Training(gamma=(2,)))).tables
    step = tables["forward"][0]
    assert [step[name] for name in ("words", "words_per_row", "full_segments", "last_segments", "rows")] == [
        12,
        3,
        5,
        2,
        1,
    ]
    assert [tables["hidden"][0][name] for name in ("segments", "tail", "single", "spans")] == [12, 1, 0, 1]
    assert tables["input"] == [{"segments": 12, "starts": 1}]


@SHAPE
def test_a_value_beyond_its_field_is_refused(core):
    step = compile_program(*_tiny(core)).tables["backward"][0]
    for name, bits in fields(core)["backward"].items():
        assert encode(core, "backward", step | {name: (1 << bits) - 1}) < 1 << row_bits(core)["backward"]
        for value in (1 << bits, -1):
            with pytest.raises(BepError, match=f"backward.{name} = {value} does not fit {bits} bits"):
                encode(core, "backward", step | {name: value})


def _tiny(core):
    network = Network(widths=(5, 2), classes=2)
    return network, core, thresholds(network, Training(gamma=(1,)))


@pytest.mark.parametrize("core", [*PRESETS.values(), *CORES], ids=lambda c: f"g{c.lanes}S{c.segments}")
def test_the_largest_network_of_a_core_fits_its_fields(core):
    """Widths at the capacity, where counts reach the last value of their field."""
    fan_in = min(core.max_fan_in, core.lanes * core.segments * core.operand_words, core.lanes * core.store_segments)
    width = min(core.max_width, core.lanes * core.prototype_segments, core.max_fan_in)
    network = Network(widths=(fan_in, width), classes=core.classes, bits=core.bits)
    rows, hidden = core.beats, width * -(-fan_in // core.lanes)
    grown = replace(core, weight_words=1 << 16, hidden_words=hidden, beats=max(rows, width))
    limits = thresholds(network, Training(gamma=(width,), r=2, nu=1, p_r=1))
    words = compile_program(network, grown, limits).words(grown)
    assert decode(grown, "hidden", words["hidden"][0])["words"] == hidden
    assert decode(grown, "backward", words["backward"][0])["gate"] == fan_in


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_placed_can_be_encoded(seed):
    rng = np.random.default_rng(seed)
    while True:
        segments = int(rng.integers(1, 9))
        core = Core(
            lanes=int(rng.integers(8, 20)), segments=segments, slots=int(rng.integers(1, min(segments, 8) + 1)),
            weight_words=int(rng.integers(2, 60)), hidden_words=int(rng.integers(2, 60)),
            max_width=int(rng.integers(2, 20)), max_fan_in=int(rng.integers(2, 40)), classes=int(rng.integers(2, 8)),
            operand_words=int(rng.integers(1, 5)), beats=int(rng.integers(2, 30)),
            store_segments=int(rng.integers(1, 9)), prototype_segments=int(rng.choice([2, 4])), steps=7,
        )  # fmt: skip
        widths = tuple(int(k) for k in rng.integers(1, 12, int(rng.integers(2, 5))))
        network = Network(widths=widths, classes=2)
        limits = thresholds(network, Training(gamma=widths[1:], nu=1, r=2))
        try:
            program = compile_program(network, core, limits)
        except BepError:
            continue
        program.words(core)
        return


@pytest.mark.parametrize(
    ("network", "training", "words"),
    [
        (dict(steps=2), dict(), "recurrent networks"),
        (dict(), dict(rule="local"), "the local rules"),
        (dict(), dict(select="threshold"), "threshold selection"),
        (dict(), dict(select="threshold", push=0), "threshold selection"),
        (dict(), dict(rarity=1), "rare updates"),
    ],
)
def test_a_core_of_bep_alone_refuses_the_rest(network, training, words):
    network = Network(widths=(20, 7, 3), classes=4, **network)
    limits = thresholds(network, Training(gamma=(7, 1), **training))
    with pytest.raises(BepError, match=f"plain BEP only; for {words} build it with rules = 1"):
        compile_program(network, core_of(), limits)


def tables_of(core=EVERY_RULE, **training):
    """Tables of 20-7-3 on 9 lanes, 5 segments, 3 slots, and the thresholds."""
    network = Network(widths=(20, 7, 3), classes=4)
    limits = thresholds(network, Training(**{"gamma": (7, 1), "nu": 0.3} | training))
    return compile_program(network, core, limits).tables, limits


def columns(steps, *names):
    return [tuple(int(step[name]) for name in names) for step in steps]


def test_bep_on_a_core_of_every_rule():
    """The same steps; every |z| may win when wrong and none when right, and one trigger is that of all layers."""
    plain, limits = tables_of(core_of(), r=0.5)
    tables, _ = tables_of(r=0.5)
    for table, steps in plain.items():
        assert [{name: step[name] for name in steps[0]} for step in tables[table]] == steps
    assert columns(tables["forward"], "half", "margin", "learns") == [(0, 0, 0), (1, 0, 0), (0, limits.margin, 63)]
    names = ("scan", "select", "push", "prototype_base", "desired_row", "sent_row")
    assert columns(tables["backward"], *names) == [(1, 8, 0, 0, 1, 0), (1, 21, 0, 0, 0, 0)]
    assert columns(tables["hidden"], "rare", "rate") == [(0, 0)] * 2


def test_a_local_rule_judges_every_layer_and_walks_nowhere():
    tables, limits = tables_of(rule="local", r=0.5)
    names = ("last", "classifier", "from_input", "half", "weight_base", "words", "fan_in", "margin", "learns")
    assert limits.margins == (4, 2)
    assert columns(tables["forward"], *names) == [
        (0, 0, 1, 0, 0, 7, 20, 0, 0),
        (0, 1, 0, 1, 8, 2, 7, 4, 1),
        (0, 0, 0, 1, 7, 1, 7, 0, 0),
        (1, 1, 0, 0, 10, 2, 3, 2, 2),
    ]
    assert [step["out_starts"] for step in tables["forward"]] == [0b111, 0, 0b111, 0]
    names = ("last", "from_prototype", "walk", "layer", "scan", "prototype_base", "group")
    assert columns(tables["backward"], *names) == [(0, 1, 0, 0, 1, 0, 7), (1, 1, 0, 1, 1, 2, 1)]


def test_rare_updates_walk_first_and_then_look_for_winners_from_the_first_layer_on():
    tables, _ = tables_of(rarity=3)
    names = ("last", "layer", "walk", "scan", "from_prototype", "desired_row", "sent_row")
    assert columns(tables["backward"], *names) == [
        (0, 1, 1, 0, 1, 1, 0),
        (0, 0, 0, 1, 0, 0, 0),
        (1, 1, 0, 1, 1, 1, 0),
    ]
    assert columns(tables["hidden"], "rare", "rate") == [(1, 1 << 5)] * 2
    deep = Network(widths=(6,) * 6, classes=2)
    limits = thresholds(deep, Training(gamma=(1,) * 5, rarity=1))
    with pytest.raises(BepError, match="rare updates of that depth need steps >= 9, and the core has 8"):
        compile_program(deep, EVERY_RULE, limits)
    assert len(compile_program(deep, replace(EVERY_RULE, steps=9), limits).tables["backward"]) == 9


def test_thresholds_of_selection_stand_in_the_table_one_up_and_not_above_the_fan_in():
    tables, _ = tables_of(select="threshold", theta=0.5, push=0)
    names = ("group", "group_step", "select", "push")
    assert columns(tables["backward"], *names) == [(1, 0, 2, 1), (1, 0, 3, 1)]  # √7/2 and √20/2
    tables, _ = tables_of(select="threshold", theta=256, push=256)
    assert columns(tables["backward"], "select", "push") == [(8, 8), (21, 21)]
    tables, _ = tables_of(select="threshold", theta=0)
    assert columns(tables["backward"], "select", "push") == [(1, 0), (1, 0)]


def test_without_gate_is_a_gate_that_is_always_open():
    network = Network(widths=(20, 7, 3), classes=4)
    off, wide = (thresholds(network, Training(gamma=(7, 1), **gate)) for gate in (dict(gate=False), dict(nu=1)))
    assert compile_program(network, core_of(), off).tables == compile_program(network, core_of(), wide).tables


def test_time_steps_worked_out_by_hand():
    """4×11-14-3 on 9 lanes, 5 segments, 3 slots: operands of 3 segments, the state from lane 2 of the second."""
    network = Network(widths=(11, 14, 3), classes=4, steps=4)
    core = replace(EVERY_RULE, store_segments=20)
    limits = thresholds(network, Training(gamma=(7, 1), nu=0.3))
    tables = compile_program(network, core, limits).tables
    assert columns(tables["input"], "segments", "operand", "starts") == [(3 + 3 * 2, 3, 0b00001)]
    names = ("from_input", "half", "repeat", "feeds", "copies", "copy_base", "offset")
    names += ("beat_base", "store_base", "out_starts")
    assert columns(tables["forward"], *names) == [
        (1, 0, 1, 1, 2, 3, 2, 0, 0, 0b00001),
        (0, 1, 2, 1, 2, 5, 2, 14, 3, 0b00001),
        (0, 1, 1, 0, 0, 0, 0, 42, 9, 0b00101),
        (0, 0, 1, 0, 0, 0, 0, 56, 11, 0b00111),
        (0, 1, 1, 0, 0, 0, 0, 58, 12, 0),
    ]
    names = ("walk", "scan", "recurrent", "fresh", "repeat", "from_prototype")
    names += ("beat_base", "desired_row", "sent_row", "offset")
    assert columns(tables["backward"], *names) == [
        (1, 1, 0, 0, 1, 1, 56, 1, 0, 0),
        (1, 0, 1, 1, 1, 0, 42, 0, 6, 0),
        (1, 0, 1, 0, 2, 0, 28, 6, 7, 2),
        (0, 1, 1, 0, 1, 0, 0, 6, 7, 2),
    ]
    assert columns(tables["backward"], "first_chunk", "first_segment", "first_segments") == [
        (0, 0, 2),
        *[(0, 1, 2)] * 3,
    ]
    names = ("from_input", "store_base", "timed", "repeat", "pad", "beats")
    assert columns(tables["hidden"], *names) == [(1, 0, 1, 4, 5, 14), (0, 9, 0, 1, 0, 0)]


@pytest.mark.parametrize("steps, turns", [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (7, [1, 5, 1])])
def test_of_any_number_of_steps_two_rows_alternate(steps, turns):
    """What a step sends back is where the next one looks, and what a pass fills is the half that the next one reads."""
    network = Network(widths=(5, 6), classes=2, steps=steps)
    core = replace(EVERY_RULE, store_segments=60)
    tables = compile_program(network, core, thresholds(network, Training(gamma=(1,)))).tables
    assert [step["repeat"] for step in tables["backward"]] == turns
    assert [step["repeat"] for step in tables["forward"]] == [*turns, 1]
    halves = [step["half"] ^ turn & 1 for step in tables["forward"] for turn in range(step["repeat"])]
    assert halves == [number % 2 for number in range(steps + 1)]
    taken = [(step, turn & 1) for step in tables["backward"] for turn in range(step["repeat"])]
    for (sender, odd), (reader, even) in pairwise(taken):
        assert sender["sent_row"] ^ odd == reader["desired_row"] ^ even
        assert not reader["walk"] or reader["sent_row"] != reader["desired_row"]


def test_columns_of_the_state_in_rows_that_span_words():
    """50 inputs and 8 state bits on 9 lanes and 5 segments: 7 segments, the state from the second word on."""
    network = Network(widths=(50, 8), classes=2, steps=2)
    core = replace(EVERY_RULE, store_segments=20, beats=128)
    step = compile_program(network, core, thresholds(network, Training(gamma=(1,)))).tables["backward"][0]
    assert columns([step], "first_chunk", "first_segment", "first_segments", "words_per_row") == [(1, 0, 2, 2)]
    network = Network(widths=(20, 38), classes=2, steps=2)
    step = compile_program(network, core, thresholds(network, Training(gamma=(1,)))).tables["backward"][0]
    assert columns([step], "first_chunk", "first_segment", "first_segments", "words_per_row") == [(0, 2, 3, 2)]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_sequence_is_placed_can_be_encoded(seed):
    rng = np.random.default_rng(seed)
    while True:
        segments = int(rng.integers(1, 9))
        core = Core(
            lanes=int(rng.integers(8, 20)), segments=segments, slots=int(rng.integers(1, min(segments, 8) + 1)),
            weight_words=int(rng.integers(2, 60)), hidden_words=int(rng.integers(2, 60)),
            max_width=int(rng.integers(2, 20)), max_fan_in=int(rng.integers(2, 40)), classes=int(rng.integers(2, 8)),
            operand_words=int(rng.integers(1, 5)), beats=int(rng.integers(2, 30)), rules=1,
            store_segments=int(rng.integers(1, 20)), prototype_segments=int(rng.choice([2, 4])), steps=8,
        )  # fmt: skip
        widths = tuple(int(k) for k in rng.integers(1, 12, int(rng.integers(2, 4))))
        network = Network(widths=widths, classes=2, steps=int(rng.integers(1, 9)))
        options = [{}, dict(select="threshold", theta=256, push=256), dict(gate=False)][seed % 3]
        limits = thresholds(network, Training(gamma=widths[1:], nu=1, r=2, **options))
        try:
            program = compile_program(network, core, limits)
        except BepError:
            continue
        program.words(core)
        return
