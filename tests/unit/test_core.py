"""Core: capacities, presets, and what is refused."""

import pytest

from bepsw.core import PRESETS, Core, preset
from bepsw.errors import BepError
from bepsw.layout import place
from bepsw.spec import Network


@pytest.mark.parametrize(
    "name, low, high",
    [
        ("lanes", 8, 144), ("segments", 1, 64), ("slots", 1, 16), ("bits", 2, 16), ("weight_words", 2, 1 << 16),
        ("hidden_words", 2, 1 << 20), ("max_width", 2, 1 << 16), ("max_fan_in", 2, 1 << 16), ("classes", 2, 64),
        ("threads", 1, 4), ("operand_words", 1, 64), ("beats", 2, 1 << 14), ("store_segments", 1, 1 << 12),
        ("steps", 7, 16), ("contexts", 2, 64), ("prototype_segments", 2, 1 << 10), ("fronts", 2, 16), ("rules", 0, 1),
    ],
)  # fmt: skip
def test_the_ends_of_every_range(name, low, high):
    wide = {"lanes": 144, "segments": 64, "slots": 1, "contexts": 16, "threads": 1}
    for value in (low, high):
        assert getattr(Core(**(wide | {name: value})), name) == value
    for value in (low - 1, high + 1, float(low), str(low), True):
        with pytest.raises(BepError, match=f"core parameter {name} must be a whole number from {low} to {high}, not"):
            Core(**(wide | {name: value}))


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"slots": 9}, "slots (9) cannot exceed segments or lanes"),
        ({"lanes": 8, "segments": 16, "slots": 9}, "slots (9) cannot exceed segments or lanes"),
        ({"contexts": 6}, "contexts must be a power of two, not 6"),
        ({"prototype_segments": 12}, "prototype_segments must be a power of two, not 12"),
        ({"fronts": 3}, "fronts must be a power of two, not 3"),
        ({"fronts": 2, "threads": 2}, "threads (2) must be below fronts (2)"),
        ({"contexts": 2, "threads": 2}, "threads (2) must be below fronts (2)"),
    ],
)
def test_parameters_that_do_not_go_together(change, sentence):
    with pytest.raises(BepError) as error:
        Core(**change)
    assert sentence in str(error.value) and "\n" not in str(error.value)


def test_derived_widths():
    core = Core(lanes=36, segments=8, max_fan_in=1023)
    assert core.width == 288 and core.z_bits == 11
    assert Core(max_fan_in=1024).z_bits == 12
    assert -(1 << core.z_bits - 1) <= -1023 and 1 << core.z_bits - 1 > 1023


@pytest.mark.parametrize("contexts, fronts, kept", [(2, 8, 2), (4, 4, 4), (8, 16, 8), (16, 8, 8), (64, 16, 16)])
def test_fronts_are_cut_to_the_contexts(contexts, fronts, kept):
    core = Core(contexts=contexts, fronts=fronts, threads=1)
    assert (core.contexts, core.fronts) == (contexts, kept)
    assert core.as_dict()["fronts"] == kept and core == Core(contexts=contexts, fronts=kept, threads=1)


def test_new_parameters_come_last():
    """Their capability register is the last one, so that the others stay where they were."""
    assert list(Core().as_dict())[-1] == "rules"


@pytest.mark.parametrize(
    "beats, banks", [(2, 8), (127, 8), (128, 8), (129, 4), (256, 4), (257, 2), (512, 2), (513, 2), (1 << 14, 2)]
)
def test_banks_of_winners_are_what_a_memory_of_1024_words_holds(beats, banks):
    assert Core(beats=beats).winner_banks == banks


def test_a_dict_makes_the_same_core_again():
    for core in PRESETS.values():
        assert Core(**core.as_dict()) == core


def test_presets_can_be_changed_and_wrong_ones_are_refused():
    assert preset("tiny", bits=4) == Core(**(PRESETS["tiny"].as_dict() | {"bits": 4}))
    with pytest.raises(BepError, match="no core preset 'huge'; the presets are tiny, small, medium, reference, fast"):
        preset("huge")
    with pytest.raises(BepError, match="bits"):
        preset("tiny", bits=1)


def test_the_reference_network_fits_the_reference_core():
    assert place(Network(widths=(784, 255, 255), classes=10), preset("reference")).input_segments == 11
