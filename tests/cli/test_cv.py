"""`bepcore cv`: folds, what is fitted where, what is left behind, what is refused."""

import json

import numpy as np
import pytest

from bepcore import trials
from bepcore.settings import Settings
from bepsw import binarise, data

from .conftest import SMALL, last_json

QUICK = (*SMALL, "--epochs", 2, "--jobs", 1)


def series(folder, name, counts, points=6):
    """A pair of .ts files: two classes whose series rise or fall, `counts` of (training, test) series a class."""
    random = np.random.default_rng(0)
    for part, count in zip(("TRAIN", "TEST"), counts, strict=True):
        lines = ["@data"]
        for label, slope in (("up", 1), ("down", -1)):
            for _ in range(count):
                values = slope * np.arange(points) + random.normal(size=points)
                lines.append(",".join(f"{v:.3f}" for v in values) + f":{label}")
        (folder / f"{name}_{part}.ts").write_text("\n".join(lines))
    return folder / f"{name}_TRAIN.ts"


def test_three_folds_of_the_training_part(inside, tmp_path):
    done = inside("cv", *QUICK, "--json")
    record = last_json(done)
    assert record["folds"] == 3 and record["samples"] == 1442 and not record["joined"]
    tests = record["test_accuracies"]
    assert len(tests) == 3 and record["test_accuracy"] == pytest.approx(np.mean(tests))
    assert record["test_std"] == pytest.approx(np.std(tests, ddof=1)) and len(set(tests)) > 1
    assert "mean ± std" in done[2] and f"± {100 * record['test_std']:.2f} %" in done[2]
    folder = tmp_path / "runs" / "cv-digits"
    assert sorted(path.name for path in folder.iterdir()) == ["folds.png", "summary.json", "trials"]
    assert json.loads((folder / "summary.json").read_text()) == record
    assert (folder / "folds.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((folder / "trials").iterdir())) == 3


def test_a_second_time_takes_what_is_there(inside):
    first, second = (last_json(inside("cv", *QUICK, "--json")) for _ in range(2))
    assert (first.pop("recorded"), second.pop("recorded")) == (0, 3) and first == second
    other = last_json(inside("cv", *QUICK, "--seed", 1, "--json"))
    assert other["recorded"] == 0 and other["test_accuracies"] != first["test_accuracies"]


def test_join_takes_both_halves(inside, tmp_path):
    path = series(tmp_path, "wave", (6, 24))
    words = ("cv", "--data", path, "--hidden", "15", "--gamma", "5", "--epochs", 5, "--jobs", 1, "--json")
    apart, together = last_json(inside(*words)), last_json(inside(*words, "--join"))
    assert (apart["samples"], apart["joined"]) == (12, False)
    assert (together["samples"], together["joined"]) == (60, True)
    assert together["test_accuracy"] > 0.8


def test_data_without_a_test_part_is_used_whole(inside, tmp_path):
    rows = [f"{i % 7},{i * i % 5},{i % 2}" for i in range(40)]
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    words = ("cv", "--data", "mine.csv", "--hidden", "8", "--epochs", 1, "--folds", 4, "--validation", 0, "--jobs", 1)
    record = last_json(inside(*words, "--json"))
    assert record["samples"] == 40 and record["joined"] and record["validation_accuracies"] == [None] * 4


def test_nothing_of_a_fold_is_seen_before_it_is_tested(monkeypatch):
    """Thresholds are fitted on what is trained on: neither on the fold, nor on what validates."""
    digits, seen = data.load("digits"), []
    real = binarise.fit
    monkeypatch.setattr("bepcore.prepare.binarise.fit", lambda x, **k: seen.append(x) or real(x, **k))
    settings = Settings(hidden=(16,), gamma=(8,), levels=2, epochs=1, validation=0.25)
    for trial in trials.folds_of(settings, digits, 3, join=False):
        seen.clear()
        trials.train(trial, digits)
        test = data.fold_indices(digits.y_train, 3, settings.seed)[trial.fold]
        rest = np.delete(digits.x_train, test, axis=0)
        keep, _ = data.split(len(rest), 0.25, settings.seed)
        assert len(seen) == 1 and np.array_equal(seen[0], rest[keep])


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--folds", "1"), "whole number of folds from 2 on, not 1"),
        (("--folds", "0"), "whole number of folds from 2 on, not 0"),
        (("--folds", "143"), "too few for 143 folds"),
        (("--jobs", "0"), "number of --jobs must be at least 1"),
        (("--hidden", "0"), "Width K_1"),
        (("--gamma", "7"), "group size 7 does not divide"),
        (("--samples", "900"), "not 900; ask for fewer"),
        (("--spread", "3"), "power of two"),
        (("--symmetric",), "Only a recurrent network can start symmetric"),
        (("--scheduler", "tcp://127.0.0.1:bad"), "cannot be reached"),
        (("--window", "8"), "--window cuts a sequence into time steps; it needs --task sequence"),
        (("--task", "sequence", "--window", "9"), "series of 8 points can be cut into 1 to 8 windows, not 9"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(refused, tmp_path, words, sentence):
    assert sentence in refused("cv", *words)
    assert not (tmp_path / "runs").exists()
