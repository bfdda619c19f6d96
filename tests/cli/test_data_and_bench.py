"""`bepcore data`, `bepcore infer` and `bepcore bench`."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bepcore import bench_synth, runs
from bepcore.curve import new_axes, save, step_curves
from bepsw.errors import BepError

from .conftest import SMALL, last_json


def test_data_list_says_what_is_here(inside, real_data):
    here = last_json(inside("data", "list", "--json"))
    assert here == {"digits": True, "mnist": False, "fashion-mnist": False, "random-prototypes": True}
    done = inside("data", "list", "--data-dir", real_data, "--json")
    assert last_json(done)["mnist"] and last_json(done)["GunPoint"]
    assert str(real_data / "mnist") in done[2]


def test_data_show(inside):
    done = inside("data", "show", "digits", "--json")
    record = last_json(done)
    assert record["shape"] == [8, 8] and record["training_samples"] == 1442 and len(record["classes"]) == 10
    assert "@@" in done[2]


def test_fetching_without_a_network(refused, monkeypatch):
    for key in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(key, "http://127.0.0.1:9")
    said = refused("data", "fetch", "mnist")
    assert "Could not download train-images-idx3-ubyte.gz" in said and "by hand" in said


def test_infer_without_labels(inside, tmp_path):
    assert inside("train", *SMALL, "--epochs", 3, "--out", "run")[0] == 0
    image = "0,0,5,13,9,1,0,0,0,0,13,15,10,15,5,0,0,3,15,2,0,11,8,0,0,4,12,0,0,8,8,0" + ",0,5,8,0,0,9,8,0,0,4,11,0,1,12"
    image += ",7,0,0,2,14,5,10,12,0,0,0,0,6,13,10,0,0,0"
    (tmp_path / "new.csv").write_text(f"{image}\n{image}\n")
    done = inside("infer", "run", "--data", "new.csv", "--unlabelled", "--out", "said.csv", "--json")
    assert last_json(done)["samples"] == 2 and "accuracy" not in last_json(done)
    assert (tmp_path / "said.csv").read_text() == "sample,prediction\n1,0\n2,0\n"
    np.savez(tmp_path / "new.npz", x=np.array([image.split(",")] * 3).astype(float))
    assert last_json(inside("infer", "run", "--data", "new.npz", "--unlabelled", "--json"))["samples"] == 3


def test_infer_gives_the_accuracy_that_training_gave(inside):
    record = last_json(inside("train", *SMALL, "--epochs", 60, "--json"))
    assert record["best_epoch"] < 60
    again = last_json(inside("infer", record["run"], "--json"))
    assert again["accuracy"] == record["test_accuracy"] and again["samples"] == 355
    whole = last_json(inside("infer", record["run"] + "/checkpoint.npz", "--part", "all", "--json"))
    assert whole["samples"] == 1797


def test_bench_golden(inside):
    record = last_json(inside("bench", "golden", "--seconds", "0.05", "--data", "digits", "--json"))
    assert record["network"] == "256-128-128" and record["samples_per_second"]["step"] > 0


def test_bench_accuracy_goes_on_where_it_was(inside, tmp_path):
    words = ("bench", "accuracy", "--quick", "--only", "digits", "--json")
    first = inside(*words)
    assert "(recorded)" not in first[2] and last_json(first)["cases"][0]["name"] == "digits"
    second = inside(*words)
    assert "digits/0" in second[2] and "(recorded)" in second[2]
    assert last_json(second) == last_json(first)
    folder = tmp_path / "runs" / "bench-quick"
    assert sorted(path.name for path in folder.iterdir()) == ["accuracy.json", "training.png"]
    record = json.loads((folder / "accuracy.json").read_text())
    del record["digits/0"]["settings"]["task"]
    (folder / "accuracy.json").write_text(json.dumps(record))
    assert "(recorded)" in inside(*words)[2]
    record["digits/0"]["settings"]["r"] = 0.1
    (folder / "accuracy.json").write_text(json.dumps(record))
    assert "(recorded)" not in inside(*words)[2]


def test_bench_sequences_records_and_goes_on(inside, refused, tmp_path, real_data):
    words = ("bench", "sequences", "--quick", "--data-dir", real_data, "--jobs", 1, "--json", "--only")
    first = last_json(inside(*words, "gunpoint"))
    assert first["gunpoint"]["rows"][0]["network"] == "4×255-255-255" and first["gunpoint"]["rows"][0]["trials"] == 1
    second = last_json(inside(*words, "italy"))
    assert second["gunpoint"] == first["gunpoint"] and len(second["italy"]["rows"][0]["test_accuracies"]) == 3
    record = tmp_path / "runs" / "bench-quick" / "sequences.json"
    assert json.loads(record.read_text()) == second
    assert len(list((tmp_path / "runs" / "bench-sequences" / "trials").iterdir())) == 4
    assert "no case 'rome'; the cases are italy, gunpoint, mnist-rows, steps" in refused(*words, "rome")
    record.write_text("{")
    assert "sequences.json is damaged; remove it to measure everything again." in refused(*words, "gunpoint")


def test_bench_synth_adds_the_seeds_that_are_not_on_record(inside, tmp_path, monkeypatch):
    clocks, asked = {1: 120.0, 2: None, 3: 140.5, 4: 131.0}, []
    used = {"comb": 1, "ff": 2, "ebr": 3}

    def build(case, jobs, screen):
        asked.append(case.seeds)
        best = max(case.seeds, key=lambda seed: clocks[seed] or 0)
        core = {"lanes": 8, "segments": 4}
        made = {"device": "25f", "core": core, "used": used, "available": used, "minutes": 1.5}
        return made | {"fmax": clocks[best], "seed": best, "fmax_by_seed": {seed: clocks[seed] for seed in case.seeds}}

    def bench(*seeds):
        monkeypatch.setattr(bench_synth, "CASES", (replace(bench_synth.CASES[0], seeds=seeds),))
        return last_json(inside("bench", "synth", "--only", "tiny", "--out", "kept", "--json"))["tiny"]

    monkeypatch.setattr(bench_synth, "_build", build)
    first = bench(1, 2)
    assert (first["fmax"], first["fmax_by_seed"], first["minutes"]) == (120.0, {"1": 120.0, "2": None}, 1.5)
    more = bench(1, 2, 3)
    assert list(more["fmax_by_seed"].items()) == [("3", 140.5), ("1", 120.0), ("2", None)]
    assert (more["fmax"], more["seed"], more["minutes"], more["key"]) == (140.5, 3, 3.0, first["key"])
    assert more["command"].endswith("--seeds 1,2,3")
    last = bench(1, 2, 3, 4)
    assert (last["fmax"], last["seed"], last["fmax_by_seed"]["4"]) == (140.5, 3, 131.0)
    assert last["command"].endswith("--seeds 1,2,3,4") and bench(1, 2, 3, 4) == last
    assert asked == [(1, 2), (3,), (4,)]
    assert bench(1, 4)["fmax"] == 131.0 and asked[3:] == [(1, 4)]  # the best on record is of none of these
    record = json.loads((tmp_path / "kept" / "synth.json").read_text())
    record["tiny"]["key"] = "of another design"
    (tmp_path / "kept" / "synth.json").write_text(json.dumps(record))
    assert bench(1, 4)["fmax"] == 131.0 and asked[4:] == [(1, 4)]


@pytest.mark.parametrize(
    "bench, sentence",
    [
        ("accuracy", "There is no case 'rome'; the cases are digits, "),
        ("sequences", "There is no case 'rome'; the cases are italy, gunpoint, mnist-rows, steps."),
        ("estimate", "There is no case 'rome'; the cases are tiny, tiny-one-segment, "),
        ("synth", "There is no build 'rome'; the builds are tiny, small, "),
    ],
)
def test_a_bench_refuses_a_case_that_it_does_not_have(refused, tmp_path, bench, sentence):
    assert sentence in refused("bench", bench, "--only", "rome") and not list(tmp_path.iterdir())


def test_a_figure_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    figure, _ = new_axes("title", "x", "y")

    def full(path, **options):
        path.write_bytes(b"PNG")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(BepError, match=r"Cannot write .*x.png: No space left on device"):
        save(figure, tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_the_steps_of_the_results_page_are_drawn(tmp_path):
    rows = [
        {"set": {"nu": nu, "window": window}, "test_accuracies": [0.9, 0.8]}
        for nu in ("0.05", "0.2")
        for window in ("8", "12", "4")
    ]
    step_curves(tmp_path / "steps.png", rows)
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_is_filled_between_its_marks_and_nowhere_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<b>\nold\n<e>\nz\n")
    runs.fill_page(page, "<b>", "<e>", "new")
    assert page.read_text() == "a\n<b>\nnew\n<e>\nz\n"
    runs.fill_page(page, "<b>", "<f>", "newer")
    runs.fill_page(tmp_path / "none.md", "<b>", "<e>", "new")
    assert page.read_text() == "a\n<b>\nnew\n<e>\nz\n" and not (tmp_path / "none.md").exists()
