"""`bepcore train` on data that is good."""

import csv
import json

import numpy as np
import pytest

from .conftest import SMALL, assert_same_run, last_json, trained_state


def test_plain_train_reaches_the_promised_accuracy_on_a_small_core(bepcore, tmp_path):
    done = bepcore("train", "--json")
    record = last_json(done)
    assert record["test_accuracy"] >= 0.93 and record["validation_accuracy"] >= 0.93
    assert record["hidden_weights"] <= 50_000 and record["data"] == "digits"
    assert len(done.stdout.splitlines()) == 1
    assert "test accuracy" in done.stderr
    folder = tmp_path / record["run"]
    assert sorted(p.name for p in folder.iterdir()) == [
        "checkpoint.npz",
        "curve.png",
        "metrics.csv",
        "settings.json",
        "summary.json",
    ]
    assert json.loads((folder / "summary.json").read_text()) == record
    with open(folder / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(1, record["epochs"] + 1))
    best = rows[record["best_epoch"] - 1]
    assert float(best["validation_accuracy"]) == pytest.approx(record["validation_accuracy"], abs=1e-6)
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_without_json_stdout_is_for_people(bepcore):
    done = bepcore("train", *SMALL, "--epochs", 2)
    assert done.returncode == 0 and not done.stderr
    assert "1154 training, 288 validation, 355 test samples" in done.stdout
    assert "4 of 64 features never vary in the training data; their bits are always 0." in done.stdout
    assert "{" not in done.stdout


def test_run_folders_are_numbered(inside):
    folders = [last_json(inside("train", *SMALL, "--epochs", 1, "--json"))["run"] for _ in range(2)]
    assert folders == ["runs/digits-001", "runs/digits-002"]


def test_a_seed_decides_everything(inside, tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert inside("train", *SMALL, "--epochs", 2, "--seed", seed, "--out", name)[0] == 0
    assert_same_run(tmp_path / "a", tmp_path / "b")
    assert not np.array_equal(
        trained_state(tmp_path / "a")[0]["state_hidden_1"], trained_state(tmp_path / "c")[0]["state_hidden_1"]
    )


def test_stopping_and_going_on_is_the_same_as_going_through(inside, tmp_path):
    assert inside("train", *SMALL, "--epochs", 6, "--out", "whole")[0] == 0
    assert inside("train", *SMALL, "--epochs", 3, "--out", "parts")[0] == 0
    _, output, _ = inside("train", "--resume", "parts", "--epochs", 6)
    assert "Going on in epoch 4 of 6" in output
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    one, two = ((tmp_path / name / "metrics.csv").read_text() for name in ("whole", "parts"))
    assert one == two


@pytest.mark.parametrize(
    "words",
    [
        ("--online", "--batch", "7"),
        ("--binarise", "median"),
        ("--binarise", "thermometer"),
        ("--expand", "65"),
        ("--hidden", "24"),
        ("--hidden", "16,12,8,9", "--bits", "4"),
        ("--validation", "0"),
        ("--validation", "100", "--samples", "200"),
        ("--patience", "1", "--epochs", "4"),
        ("--r", "0", "--nu", "1", "--p-r", "0", "--lanes", "8"),
    ],
)
def test_settings_are_taken(inside, tmp_path, words):
    words = (*SMALL[:2], *words) if "--hidden" not in words else words
    epochs = () if "--epochs" in words else ("--epochs", 1)
    record = last_json(inside("train", *words, *epochs, "--json"))
    settings = json.loads((tmp_path / record["run"] / "settings.json").read_text())
    if "--expand" in words:
        assert record["network"].startswith("65-")
    if "--binarise" in words:
        assert record["network"].startswith("64-" if "median" in words else "256-")
    if words[-1] == "0" and "--validation" in words:
        assert record["validation_accuracy"] is None
    if "--samples" in words:
        assert settings["samples"] == 200
    if "--patience" in words:
        assert trained_state(tmp_path / record["run"])[1]["groups"] != [8, 8]


def test_a_csv_of_ones_own(inside, tmp_path):
    random = np.random.default_rng(0)
    kinds = random.integers(0, 3, 400)
    x = random.normal(size=(400, 6)) + kinds[:, None] * 2
    lines = ["kind," + ",".join("abcdef")]
    lines += [",".join([["red", "green", "blue"][k], *map(str, row)]) for k, row in zip(kinds, x, strict=True)]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    record = last_json(inside("train", "--data", "mine.csv", "--label", "kind", "--hidden", "45,45", "--json"))
    assert record["test_accuracy"] > 0.9 and record["run"] == "runs/mine-001"
    done = inside("infer", record["run"], "--data", "mine.csv", "--label", "kind", "--out", "said.csv", "--json")
    assert last_json(done)["accuracy"] > 0.9
    said = (tmp_path / "said.csv").read_text().splitlines()
    assert said[0] == "sample,prediction,label" and said[1].split(",")[1] in ("red", "green", "blue")


def test_npz_and_series(inside, tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 5))
    np.savez(tmp_path / "mine.npz", x=x, y=(x[:, 0] > 0).astype(int))
    assert last_json(inside("train", "--data", "mine.npz", "--hidden", "15", "--epochs", 3, "--json"))["classes"] == 2
    line = "0.1,0.5,-1:{}\n"
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"wave_{part}.ts").write_text("@data\n" + line.format("up") * 9 + line.format("down") * 9)
    words = ("--data", "wave_TRAIN.ts", "--hidden", "6", "--epochs", "1", "--binarise", "median", "--json")
    assert last_json(inside("train", *words))["network"] == "3-6"


def test_the_real_images(inside, real_data):
    words = ("--data", "fashion-mnist", "--data-dir", real_data, "--hidden", "60", "--samples", 2000, "--epochs", 2)
    record = last_json(inside("train", *words, "--validation", 500, "--json"))
    assert record["test_accuracy"] > 0.5 and record["network"] == "784-60"
