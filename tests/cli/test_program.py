"""`bepcore program`: the listing of every rule says what the tables say."""

import re

import pytest

from bepsw.core import preset
from bepsw.program import fields

from .conftest import last_json

CORE = ("--core", "small,rules=1", "--network", "256-128-64", "--gamma", "16")


def listing(inside, *words):
    status, output, errors = inside("program", "--show", *CORE, *words)
    assert status == 0, errors
    return output


def test_what_a_network_takes(inside):
    record = last_json(inside("program", "--network", "784-255-255", "--json"))
    assert record["taken"] == {
        "weight_words": 128 + 51 + 2, "hidden_words": 255 * (11 + 4), "beats": 128 + 51, "store_segments": 11,
        "operand_words": 1, "prototype_segments": 4,
    }  # fmt: skip
    status, output, _ = inside("program", "--network", "784-255-255")
    assert status == 0 and re.search(r"hidden_words +3825 +4096", output) and "Forward" not in output


def test_bep_is_walked_back(inside):
    output = listing(inside, "--nu", "0.1")
    assert "layers 1 to 2 learn; d and prediction are the result" in output
    assert "weakest wrong unit of every 16  rows with |z| ≤ 12, to a* of layer 1" in output
    assert output.count("weakest wrong unit of every 16") == 2 and "with |z| <" not in output


def test_a_local_rule_has_a_classifier_for_every_layer(inside):
    output = listing(inside, "--rule", "local", "--r", "0.25")
    assert "d < 32: layer 1 learns" in output and "d < 16: layer 2 learns; d and prediction" in output
    assert "prototype, segment 0 on" in output and "prototype, segment 4 on" in output and "to a* of" not in output


def test_options_show(inside):
    output = listing(inside, "--select", "threshold", "--theta", "0.5", "--push", "0.1", "--rarity", "3")
    assert "every wrong unit with |z| ≤ 8, correct ones with |z| ≤ 1" in output
    assert "every wrong unit with |z| ≤ 5, correct ones with |z| ≤ 1" in output
    assert output.count("once in 8") == 2


@pytest.mark.parametrize("core", ["small", "small,rules=1"])
def test_json_holds_every_field_and_word(inside, core):
    record = last_json(inside("program", "--core", core, "--network", "196-96-96", "--json"))
    made = preset("small", rules=int("rules=1" in core))
    assert record["core"] == made.as_dict()
    for table, steps in record["tables"].items():
        assert [list(step) for step in steps] == [list(fields(made)[table])] * len(steps)
        for step, word in zip(steps, record["words"][table], strict=True):
            value, shift = 0, 0
            for name, bits in fields(made)[table].items():
                value, shift = value | step[name] << shift, shift + bits
            assert int(word, 16) == value


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--rule", "local", "--core", "small"), "for the local rules build it with rules = 1"),
        (("--core", "huge"), "no core preset 'huge'"),
        (("--core", "small,speed=3"), "'speed=3' is no parameter of a core"),
        (("--core", "small,steps"), "'steps' is no parameter of a core"),
        (("--core", "small,rules=2"), "rules must be a whole number from 0 to 1"),
        (("--network", "784"), "'784' is not a network"),
        (("--network", "784-2000"), "the widest layer needs max_width >= 2000"),
        (("--rule", "local", "--network", "6-6-6-6-6-6", "--core", "small,rules=1"), "the depth needs steps >= 10"),
        (("--rarity", "9", "--core", "small,rules=1"), "rarity of counter steps must be"),
    ],
)
def test_what_cannot_be_compiled_is_one_sentence(refused, words, sentence):
    assert sentence in refused("program", *words)
