"""Layout: nothing overlaps, everything is inside the core, and what does not fit is said."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bepsw.core import Core
from bepsw.errors import BepError
from bepsw.layout import place
from bepsw.spec import Network

from .bench import core_of, network_of

CORES = [
    core_of(),
    core_of(segments=1, slots=1, operand_words=16, weight_words=1024),
    core_of(lanes=8, segments=8, slots=8),
    core_of(lanes=13, segments=7, slots=4, operand_words=1),
]
SHAPE = pytest.mark.parametrize("core", CORES, ids=lambda c: f"g{c.lanes}S{c.segments}R{c.slots}")


@SHAPE
@pytest.mark.parametrize("seed", range(6))
def test_every_segment_has_a_place_of_its_own(core, seed):
    network, *_ = network_of(np.random.default_rng(seed), core)
    layout = place(network, core)
    places, hidden, beats, stores = set(), set(), set(), set()
    shapes = zip((*network.widths[1:], network.classes), network.widths, strict=True)
    for matrix, (rows, fan_in) in zip([*layout.layers, layout.classifier], shapes, strict=True):
        assert (matrix.rows, matrix.fan_in) == (rows, fan_in)
        assert (matrix.segments - 1) * core.lanes + matrix.tail == fan_in and 1 <= matrix.tail <= core.lanes
        assert (matrix.beats - 1) * matrix.rows_per_word + matrix.last_rows == rows
        assert 1 <= matrix.last_rows <= matrix.rows_per_word <= core.slots
        mine = [matrix.place_of(row, segment) for row in range(rows) for segment in range(matrix.segments)]
        assert all(position < core.segments for _, position in mine)
        assert {word for word, _ in mine} == set(range(matrix.weight_base, matrix.weight_base + matrix.words))
        assert len(set(mine)) == len(mine) and not places & set(mine)
        places |= set(mine)
        for segment in range(matrix.segments):  # a row goes on in the next segment, or at the next word
            word, position = matrix.place_of(0, segment)
            assert (word - matrix.weight_base) * core.segments + position == segment
        counts = [
            sum(word == last for word, _ in mine[: matrix.segments])
            for last in sorted({w for w, _ in mine[: matrix.segments]})
        ]
        assert counts == [matrix.full_segments] * (matrix.words_per_row - 1) + [matrix.last_segments]
        if matrix is not layout.classifier:
            for taken, base, count in (
                (hidden, matrix.hidden_base, matrix.hidden_words),
                (beats, matrix.beat_base, matrix.beats),
                (stores, matrix.store_base, -(-rows // core.lanes)),
            ):
                assert not taken & set(range(base, base + count))
                taken |= set(range(base, base + count))
    assert {word for word, _ in places} == set(range(max(word for word, _ in places) + 1))
    for taken, limit in ((hidden, core.hidden_words), (beats, core.beats), (stores, core.store_segments)):
        assert taken == set(range(len(taken))) and len(taken) <= limit
    assert max(places)[0] < core.weight_words and layout.input_segments == layout.layers[0].segments


@SHAPE
@pytest.mark.parametrize("fan_in", range(1, 40, 3))
def test_a_word_holds_as_many_rows_as_it_can(core, fan_in):
    matrix = place(Network(widths=(fan_in, 4), classes=2), core).layers[0]
    s = -(-fan_in // core.lanes)
    assert matrix.segments == s
    if s <= core.segments:
        assert matrix.rows_per_word == min(core.slots, core.segments // s) and matrix.words_per_row == 1
    else:
        assert matrix.rows_per_word == 1 and matrix.words_per_row == -(-s // core.segments)


NETWORK = Network(widths=(100, 40, 30, 20), classes=12)
BIG = Core(lanes=8, segments=4, slots=4, max_width=64, max_fan_in=128, operand_words=8, steps=7)


NEEDS = {
    "classes": 12, "max_width": 40, "max_fan_in": 100, "operand_words": 4, "prototype_segments": 5,
    "weight_words": 40 * 4 + 30 * 2 + 20 + 12, "hidden_words": 40 * 13 + 30 * 5 + 20 * 4, "beats": 40 + 30 + 20,
    "store_segments": 13,
}  # fmt: skip


@pytest.mark.parametrize("name", NEEDS)
def test_the_sentence_names_what_would_make_it_fit(name):
    """One parameter at a time just too small: the refusal gives the smallest value that is enough."""
    place(NETWORK, BIG)
    with pytest.raises(BepError) as error:
        place(NETWORK, replace(BIG, **{name: 2 if name != "operand_words" else 1}))
    sentence = str(error.value)
    assert "100-40-30-20 with 12 classes does not fit this core" in sentence and "\n" not in sentence
    wanted = int(re.search(rf"needs {name} >= (\d+), and the core has \d+", sentence)[1])
    while True:  # a count that grows layer by layer is refused at the first layer that is too much
        enough = 1 << (wanted - 1).bit_length() if name == "prototype_segments" else wanted
        try:
            place(NETWORK, replace(BIG, **{name: enough}))
            break
        except BepError as again:
            wanted = int(re.search(rf"needs {name} >= (\d+)", str(again))[1])
    assert wanted == NEEDS[name]
    if name != "prototype_segments":
        with pytest.raises(BepError, match=name):
            place(NETWORK, replace(BIG, **{name: wanted - 1}))


def test_too_deep_and_other_bits_are_refused():
    with pytest.raises(BepError, match="8 bits per hidden weight and the core 4; build it with bits = 8"):
        place(NETWORK, replace(BIG, bits=4))
    assert len(place(Network(widths=(9,) * 7, classes=2), BIG).layers) == 6


def test_a_classifier_for_every_layer():
    """Prototypes of 40, 30 and 20 bits on 8 lanes: 5, 4 and 3 segments, each from an even one on."""
    core = replace(BIG, prototype_segments=16)
    layout, plain = place(NETWORK, core, local=True), place(NETWORK, core)
    assert layout.layers == plain.layers and layout.prototype_bases == (0, 6, 10)
    assert [(m.rows, m.fan_in, m.segments) for m in layout.classifiers] == [(12, 40, 5), (12, 30, 4), (12, 20, 3)]
    places = [(m.weight_base, m.words) for m in (*layout.layers, *layout.classifiers)]
    assert all(base == before + words for (before, words), (base, _) in pairwise(places))
    assert plain.prototype_bases == (0,) and len(plain.classifiers) == 1 and plain.classifier is plain.classifiers[0]


@pytest.mark.parametrize(
    ("name", "wanted"), [("prototype_segments", 14), ("weight_words", 160 + 60 + 20 + 24 + 12 + 12)]
)
def test_classifiers_of_every_layer_take_room(name, wanted):
    core = replace(BIG, prototype_segments=16)
    small = 8 if name == "prototype_segments" else wanted - 1
    with pytest.raises(BepError, match=f"needs {name} >= {wanted}, and the core has {small}"):
        place(NETWORK, replace(core, **{name: small}), local=True)
    deep = Network(widths=(9,) * 5, classes=2)
    with pytest.raises(BepError, match="the depth needs steps >= 8, and the core has 7"):
        place(deep, core, local=True)


SEQUENCE = Network(widths=(21, 45, 12), classes=3, steps=4)
ROOMY = Core(
    lanes=8, segments=4, slots=4, max_width=64, max_fan_in=128, steps=7, store_segments=64, prototype_segments=8
)
UNROLLED_NEEDS = {"max_fan_in": 66, "beats": 4 * 45 + 12, "store_segments": 3 * 9 + 6 + 2, "prototype_segments": 7}


def test_a_recurrent_layer_has_room_for_every_step():
    """[x_t ; s_{t−1}] is 66 bits: 9 segments of 8, the state from lane 5 of segment 2 on."""
    layout = place(SEQUENCE, ROOMY)
    unrolled, (first, second) = layout.unrolled, layout.layers
    assert (unrolled.steps, unrolled.inputs, unrolled.state, unrolled.segments) == (4, 21, 45, 9)
    assert (unrolled.full, unrolled.copies, unrolled.offset) == (2, 3, 5)
    assert layout.input_segments == 9 + 3 * 3
    assert (first.fan_in, first.beats, first.beat_base, first.store_base) == (66, 45, 0, 3 * 9)
    assert (second.beat_base, second.store_base) == (4 * 45, 3 * 9 + 6)
    assert (layout.beats, layout.store_segments) == (4 * 45 + 12, 3 * 9 + 6 + 2)
    assert place(replace(SEQUENCE, steps=1), ROOMY).input_segments == 9
    assert place(replace(SEQUENCE, steps=0), ROOMY).unrolled is None


@pytest.mark.parametrize(("name", "wanted"), UNROLLED_NEEDS.items())
def test_what_a_recurrent_layer_needs_is_named(name, wanted):
    small = 4 if name == "prototype_segments" else wanted - 1
    wanted = 6 if name == "prototype_segments" else wanted  # of the state alone, before that of its columns
    with pytest.raises(
        BepError, match=rf"4×21-45-12 with 3 classes .* needs {name} >= {wanted}, and the core has {small}"
    ):
        place(SEQUENCE, replace(ROOMY, **{name: small}))


def test_columns_of_the_state_may_need_a_segment_more_than_the_state():
    """48 state bits are 6 segments of 8; from lane 1 of a segment on they are 7."""
    wide = replace(SEQUENCE, widths=(17, 64))
    with pytest.raises(BepError, match="a state of 64 units needs prototype_segments >= 9, and the core has 8"):
        place(wide, ROOMY)
    place(replace(SEQUENCE, widths=(16, 64)), ROOMY)


@pytest.mark.parametrize("steps, wanted", [(1, 3), (2, 4), (3, 5), (9, 5)])
def test_time_steps_take_three_rows_at_most(steps, wanted):
    deep = replace(SEQUENCE, widths=(5, *[4] * 6), steps=steps)
    core = replace(ROOMY, store_segments=64, steps=7 if wanted == 3 else wanted + 3)
    if wanted > 3:
        with pytest.raises(BepError, match=f"the depth needs steps >= {wanted + 4}, and the core has {wanted + 3}"):
            place(deep, core)
    place(deep, replace(core, steps=wanted + 4))
