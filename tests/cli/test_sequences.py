"""`--task sequence`: series and images as time steps, from the data to inference with the run that was kept."""

import json

import numpy as np
import pytest

from .conftest import assert_same_run, last_json
from .test_cv import series

TINY = ("--hidden", "45,45", "--gamma", "9", "--nu", "0.2", "--batch", "5", "--thermometer", "3")


def test_series_are_learned_and_the_run_classifies_others(inside, tmp_path):
    path = series(tmp_path, "wave", (30, 50), points=10)
    words = ("train", "--task", "sequence", "--data", path, "--window", 4, *TINY, "--expand", 21, "--epochs", 15)
    done = inside(*words, "--out", "run", "--json")
    record = last_json(done)
    assert record["network"] == "4×21-45-45" and record["test_accuracy"] > 0.9
    assert "of 4 steps × 21 bits" in done[2]
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert (settings["task"], settings["window"], settings["expand"]) == ("sequence", 4, 21)
    assert last_json(inside("infer", "run", "--json"))["accuracy"] == record["test_accuracy"]
    other = series(tmp_path, "other", (2, 40), points=10)
    assert last_json(inside("infer", "run", "--data", other, "--json"))["accuracy"] > 0.9


def test_stopping_and_going_on_is_the_same_as_going_through(inside, tmp_path):
    path = series(tmp_path, "wave", (20, 10), points=9)
    words = ("train", "--task", "sequence", "--data", path, "--window", 3, *TINY, "--symmetric")
    assert inside(*words, "--epochs", 6, "--out", "whole")[0] == 0
    assert inside(*words, "--epochs", 3, "--out", "parts")[0] == 0
    assert inside(*words[:-1], "--epochs", 6, "--out", "random")[0] == 0
    checkpoints = (np.load(tmp_path / name / "checkpoint.npz") for name in ("whole", "random"))
    assert len({c["state_hidden_1"].tobytes() for c in checkpoints}) == 2, "--symmetric starts from other weights"
    assert inside("train", "--resume", "parts", "--epochs", 6)[0] == 0
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_images_are_sequences_of_rows(inside):
    words = ("train", "--task", "sequence", "--hidden", "30", "--epochs", 1, "--thermometer", 2, "--json")
    assert last_json(inside(*words, "--expand", 0, "--window", 8))["network"] == "8×16-30"
    assert last_json(inside(*words, "--expand", 0, "--window", 4))["network"] == "4×32-30"
    assert last_json(inside(*words))["network"] == "8×255-30"


def test_a_table_is_one_channel(inside, tmp_path):
    rows = [f"{i % 7},{i % 5},{i % 3},{i % 2}" for i in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    words = ("train", "--task", "sequence", "--data", "mine.csv", "--hidden", "8", "--epochs", 1, "--thermometer", 2)
    assert last_json(inside(*words, "--expand", 0, "--json"))["network"] == "3×2-8"
    assert last_json(inside(*words, "--json"))["network"] == "3×255-8"


def test_series_of_unequal_length_are_stretched_as_in_training(inside, tmp_path):
    """A file of other lengths is classified at the length of the training data, and not at its own longest."""
    rows = {True: "0,1,2,3,4,5,6,7:up", False: "7,5,3,1,0:down"}
    (tmp_path / "s_TRAIN.ts").write_text("@data\n" + "\n".join(rows[i % 2 == 0] for i in range(40)))
    (tmp_path / "s_TEST.ts").write_text("@data\n" + "\n".join(rows[i % 2 == 0] for i in range(10)))
    words = ("train", "--task", "sequence", "--data", "s_TRAIN.ts", "--window", 4, *TINY, "--expand", 0, "--epochs", 10)
    record = last_json(inside(*words, "--out", "run", "--json"))
    assert record["network"] == "4×6-45-45" and record["test_accuracy"] == 1
    (tmp_path / "new.ts").write_text(
        "@data\n" + f"0,7:up\n7,5,3,1,0:down\n{','.join(str(i / 2) for i in range(15))}:up\n" * 2
    )
    assert last_json(inside("infer", "run", "--data", "new.ts", "--json")) == {
        "samples": 6,
        "network": "4×6-45-45",
        "run": "run",
        "accuracy": 1.0,
    }


def test_unequal_series_make_vectors_too(inside, tmp_path):
    series(tmp_path, "wave", (20, 10), points=6)
    text = (tmp_path / "wave_TRAIN.ts").read_text()
    (tmp_path / "wave_TRAIN.ts").write_text(text + "\n1,2,3,4,5,6,7,8,9:up")
    record = last_json(inside("train", "--data", "wave_TRAIN.ts", *TINY, "--epochs", 1, "--json"))
    assert record["network"] == "27-45-45"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--window", "4"), "--window cuts a sequence into time steps; it needs --task sequence"),
        (("--task", "sequence", "--window", "9"), "series of 8 points can be cut into 1 to 8 windows, not 9"),
        (("--task", "sequence", "--window", "0"), "1 to 8 windows, not 0"),
        (("--task", "sequence", "--thermometer", "65"), "thermometer bits must be"),
        (("--task", "sequence", "--hidden", "65530,10"), "fan-in of the recurrent layer must be"),
        (("--task", "walk"), "invalid choice: 'walk'"),
    ],
)
def test_arguments_that_cannot_be(refused, tmp_path, words, sentence):
    assert sentence in refused("train", *words)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("1,2:a\n", "comes before @data"),
        ("@data\n1,2:1,2:a\n1,2:b\n", "1 channels but the first series has 2"),
        ("@data\n1,2:1,2:a\n?,?:1,2:b\n", "nothing but missing values in channel 1"),
        ("@data\n1,2:a\n1,x:b\n", "not a number"),
        ("", "holds no series"),
    ],
)
def test_files_that_cannot_be(refused, tmp_path, text, sentence):
    (tmp_path / "s.ts").write_text(text)
    assert sentence in refused("train", "--task", "sequence", "--data", "s.ts")
    assert sentence in refused("cv", "--task", "sequence", "--data", "s.ts")
    assert not (tmp_path / "runs").exists()


def test_a_run_refuses_series_of_another_kind(inside, refused, tmp_path):
    path = series(tmp_path, "wave", (10, 5), points=8)
    assert inside("train", "--task", "sequence", "--data", path, *TINY, "--epochs", 1, "--out", "run")[0] == 0
    other = series(tmp_path, "other", (4, 4), points=9)
    assert "series of 8 points of 1 channel, 8 values in all, but a sample of this data has 9" in refused(
        "infer", "run", "--data", other
    )
    (tmp_path / "x.npz").write_bytes(b"")
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 9)))
    assert "a sample of this data has 9" in refused("infer", "run", "--data", "x.npz", "--unlabelled")


ROOMY = "tiny,rules=1,steps=14,store_segments=64,prototype_segments=16"
"""The tiny core of tests/cosim/networks.py, so that one compilation serves both."""


def test_a_core_of_every_rule_takes_a_sequence(kept, tmp_path):
    path = series(tmp_path, "wave", (30, 20), points=8)
    words = ("--task", "sequence", "--data", path, "--window", 4, *TINY, "--symmetric", "--expand", 21, "--core", ROOMY)
    record = last_json(kept("verify", *words, "--validation", 0, "--samples", 20, "--epochs", 2, "--json"))
    assert record["identical"] and record["network"] == "4×21-45-45" and record["timed"] == 40
    done = kept("train", *words, "--target", "sim", "--epochs", 3, "--out", "run", "--json")
    assert last_json(done)["test_accuracy"] > 0.7
    assert last_json(kept("infer", "run", "--json"))["accuracy"] == last_json(done)["test_accuracy"]


@pytest.mark.parametrize(
    "core, sentence",
    [
        ("tiny", "for recurrent networks build it with rules = 1"),
        ("tiny,rules=1", "4×21-45-45 with 2 classes does not fit this core: the activation store needs store_segments"),
        (ROOMY.replace("64", "64,beats=200"), "the pre-activation memory needs beats >= 225, and the core has 200"),
        (
            ROOMY.replace("steps=14", "steps=7").replace("=16", "=4"),
            "a layer of 45 units needs prototype_segments >= 6",
        ),
    ],
)
def test_a_core_that_is_too_small_for_a_sequence(refused, tmp_path, core, sentence):
    path = series(tmp_path, "wave", (10, 5), points=8)
    words = ("--task", "sequence", "--data", path, "--window", 4, *TINY, "--expand", 21, "--core", core)
    assert sentence in refused("verify", *words)


def test_three_folds_of_italian_days(inside, real_data):
    """The goal of docs/results.md at a sixth of its epochs; masks of the last step alone would stay near 50 %."""
    words = ("cv", "--task", "sequence", "--data", "ItalyPowerDemand", "--data-dir", real_data, "--join", "--window", 8)
    words = (*words, "--thermometer", 10, "--expand", 255, "--hidden", "255,255", "--gamma", 51, "--batch", 10)
    record = last_json(inside(*words, "--epochs", 8, "--validation", 0, "--jobs", 1, "--json"))
    assert record["network"] == "8×255-255-255" and record["samples"] == 1096 and record["joined"]
    assert record["test_accuracy"] > 0.93
