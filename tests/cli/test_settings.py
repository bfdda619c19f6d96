"""What the command line decides before anything is trained: defaults, splits, files written whole."""

import argparse
import json

import numpy as np
import pytest

from bepcore import accuracy_cases, presets, runs, settings
from bepcore.cli import main
from bepcore.prepare import prepare
from bepcore.train import add_arguments
from bepsw import binarise, data
from bepsw.core import PRESETS
from bepsw.errors import BepError
from bepsw.spec import Training

from .conftest import SMALL, last_json


def asked(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(words)
    return presets.from_arguments(args, data.load("digits"))


def test_the_binariser_sees_nothing_but_what_is_trained_on():
    wanted = settings.Settings(data="digits", validation=300, samples=500, levels=3)
    prepared = prepare(wanted)
    digits = data.load("digits")
    keep, held = data.split(1442, 300, wanted.seed)
    chosen = np.sort(np.random.default_rng(wanted.seed).permutation(keep)[:500])
    binariser = binarise.fit(digits.x_train[chosen], levels=3)
    assert np.array_equal(prepared.binariser.thresholds, binariser.thresholds)
    assert np.array_equal(prepared.train.bits, binariser(digits.x_train[chosen]))
    assert np.array_equal(prepared.validation.bits, binariser(digits.x_train[held]))
    assert np.array_equal(prepared.validation.labels, digits.y_train[held])
    assert not set(chosen) & set(held)
    assert np.array_equal(prepared.test.labels, digits.y_test)


def test_defaults_of_the_rule_are_those_of_the_training():
    trained = settings.Settings().training()
    assert trained == Training(gamma=trained.gamma)


def test_presets_are_changed_one_by_one():
    assert asked() == presets.preset("digits")
    changed = asked("--r", "0.25", "--epochs", "3")
    assert (changed.r, changed.epochs, changed.hidden) == (0.25, 3, presets.preset("digits").hidden)
    assert asked("--hidden", "100,50").training().gamma == (20, 10)
    assert asked("--gamma", "8").training().gamma == (8, 8)
    assert asked("--binarise", "median").levels == 1 and asked("--thermometer", "7").levels == 7
    assert asked("--binarise", "thermometer").levels == presets.preset("digits").levels


def test_rules_and_options_reach_the_training():
    usual, training = asked().training(), asked("--rule", "local", "--no-gate", "--rarity", "2").training()
    assert (usual.rule, usual.gate, usual.select, usual.push, usual.rarity) == ("bep", True, "group", None, 0)
    assert (training.rule, training.gate, training.rarity) == ("local", False, 2)
    training = asked("--select", "threshold", "--theta", "0.5", "--push", "0").training()
    assert (training.select, training.theta, training.push) == ("threshold", 0.5, 0)
    assert asked("--rule", "cpr", "--hidden", "100").training().gamma == (100,)


@pytest.mark.parametrize("width, gamma", [(255, 51), (525, 105), (128, 32), (97, 1), (60, 12), (1, 1)])
def test_groups_by_default(width, gamma):
    assert settings.default_gamma(width) == gamma


def test_defaults_follow_the_size_of_unknown_data():
    few, many = presets.preset("/x/mine.csv", 500, 6), presets.preset("/x/mine.csv", 60_000, 784)
    assert (few.batch, few.levels, few.epochs) == (10, 4, 200)
    assert (many.batch, many.levels, many.epochs) == (100, 1, 30)


def test_defaults_of_sequences():
    series, images = presets.preset("x.ts", 67, 1, "sequence"), presets.preset("rows.npz", 60_000, 28, "sequence")
    assert (series.levels, series.expand, series.nu, images.levels) == (10, 255, 0.2, 1)
    assert series.training().gamma == (15, 15) and series.steps(24) == 8 and series.steps(5) == 5
    chosen = asked("--task", "sequence", "--window", "4", "--expand", "0", "--thermometer", "2")
    assert (chosen.task, chosen.steps(8), chosen.expand, chosen.levels) == ("sequence", 4, 0, 2)
    assert asked().steps(8) == 0


def test_presets_of_a_rule_and_of_sequences():
    fashion, local = (presets.preset("fashion-mnist", rule=rule) for rule in ("bep", "local"))
    assert (fashion.r, local.r, local.gamma) == (0.5, 0.2, fashion.gamma)
    assert presets.preset("mnist", rule="local") == presets.preset("mnist")
    rows, image = presets.preset("mnist", features=28, task="sequence"), presets.preset("mnist")
    assert (rows.task, rows.steps(28), rows.online, rows.bits, rows.hidden) == ("sequence", 28, True, 16, (1800,))
    assert rows.symmetric and rows.patience == 1
    assert (image.task, image.online, image.bits) == ("vector", False, 8)
    rows.training().check(rows.network(rows.expand, 10, 28))


def test_random_bits_are_those_of_the_core():
    assert asked().lanes == PRESETS["small"].lanes and asked("--core", "tiny").lanes == PRESETS["tiny"].lanes
    assert asked("--core", "tiny", "--lanes", "24").lanes == 24
    with pytest.raises(BepError, match="no core preset 'huge'"):
        asked("--core", "huge")


def test_settings_survive_json():
    one = asked("--hidden", "30,20", "--validation", "0.25")
    assert settings.Settings.from_dict(json.loads(json.dumps(one.as_dict()))) == one
    with pytest.raises(BepError, match="not those of this version"):
        settings.Settings.from_dict({"depth": 3})


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    runs.write_json(path, {"a": 1})

    def full(self, text, encoding):
        with open(self, "w") as file:
            file.write(text[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(BepError, match=r"Cannot write .*x.json: No space left on device"):
        runs.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1} and [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_labels_are_matched_by_name(inside, tmp_path):
    digits = data.load("digits")
    chosen = np.isin(digits.y_test, (3, 7))
    lines = [",".join(map(str, [*x, y])) for x, y in zip(digits.x_test[chosen], digits.y_test[chosen], strict=True)]
    (tmp_path / "some.csv").write_text("\n".join(lines))
    assert inside("train", *SMALL, "--epochs", 12, "--out", "run")[0] == 0
    record = last_json(inside("infer", "run", "--data", "some.csv", "--json"))
    assert record["samples"] == int(chosen.sum()) and record["accuracy"] > 0.7


def test_what_is_reported_is_the_selected_epoch(inside, tmp_path):
    """With 60 epochs of a small network the last epoch is hardly ever the best, and its accuracy another."""
    record = last_json(inside("train", *SMALL, "--epochs", 60, "--out", "run", "--json"))
    assert record["best_epoch"] < 60
    epochs = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[1:]
    best = max(float(line.split(",")[2]) for line in epochs)
    assert record["validation_accuracy"] == pytest.approx(best, abs=1e-6)
    again = last_json(inside("train", *SMALL, "--epochs", record["best_epoch"], "--out", "until", "--json"))
    assert again["test_accuracy"] == record["test_accuracy"]


def test_every_case_of_the_results_page_is_a_command(capsys):
    for case in accuracy_cases.CASES:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        args = parser.parse_args(case.command.split()[2:])
        loaded = (
            data.load("digits") if case.data == "digits" else data.random_prototypes(features=300, train=50, test=9)
        )
        assert presets.from_arguments(args, loaded) == case.settings(0), case.name
        case.settings(0).training().check(case.settings(0).network(50, 10))
    assert len({case.name for case in accuracy_cases.CASES}) == len(accuracy_cases.CASES)


@pytest.mark.parametrize(
    "error, status, words",
    [
        (BepError("Do it thus."), 2, "bepcore: Do it thus."),
        (OSError(28, "No space left on device", "/x/y"), 2, "The disk is full: cannot write /x/y;"),
        (PermissionError(13, "Permission denied", "/x/y"), 2, "Cannot use /x/y: Permission denied."),
        (MemoryError(), 2, "too little memory"),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (KeyboardInterrupt("Go on thus."), 130, "bepcore: Go on thus."),
    ],
)
def test_whatever_goes_wrong_is_one_sentence(capsys, monkeypatch, error, status, words):
    def fail(_):
        raise error

    monkeypatch.setattr("bepcore.data.run", fail)
    assert main(["data", "list"]) == status
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
