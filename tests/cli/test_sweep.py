"""`bepcore sweep`: its grammar, its record, going on after a kill, workers here and on a cluster."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from bepcore import grid, options
from bepcore.cli import Parser
from bepsw.errors import BepError

from .conftest import SMALL, last_json

QUICK = (*SMALL[:2], *SMALL[4:], "--jobs", 1)
GRID = ("--set", "gamma=8,4/16", "--set", "r=0.3,0.5")


def grid_of(*texts, fixed=()):
    parser = Parser()
    options.add_settings(parser)
    return grid.combinations(parser.parse_args(fixed), texts)


def test_the_grammar():
    made = grid_of("gamma=8,4/16", "p-r=0.1", "--online=true,false", fixed=("--epochs", "7"))
    assert [values for values, _ in made] == [
        {"gamma": gamma, "p_r": "0.1", "online": online} for gamma in ("8", "4/16") for online in ("true", "false")
    ]
    assert [(one.gamma, one.p_r, one.online) for _, one in made] == [
        ((8,), 0.1, True),
        ((8,), 0.1, False),
        ((4, 16), 0.1, True),
        ((4, 16), 0.1, False),
    ]
    assert all(one.epochs == 7 for _, one in made)
    assert [values for values, _ in grid_of()] == [{}]


def test_a_sweep_leaves_one_table_and_one_plot(inside, tmp_path):
    done = inside("sweep", *QUICK, "--epochs", 3, *GRID, "--seeds", "0,1", "--json")
    record = last_json(done)
    assert record["trials"] == 8 and record["recorded"] == 0
    rows = record["rows"]
    assert sorted((row["set"]["gamma"], row["set"]["r"]) for row in rows) == [
        (gamma, r) for gamma in ("4/16", "8") for r in ("0.3", "0.5")
    ]
    accuracies = [row["validation_accuracy"] for row in rows]
    assert accuracies == sorted(accuracies, reverse=True) and all(row["trials"] == 2 for row in rows)
    folder = tmp_path / "runs" / "sweep-digits"
    assert sorted(path.name for path in folder.iterdir()) == ["sweep.csv", "sweep.png", "trials"]
    with open(folder / "sweep.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [float(line["test_accuracy"]) for line in lines] == [row["test_accuracy"] for row in rows]
    kept = [json.loads(path.read_text()) for path in (folder / "trials").iterdir()]
    assert sorted((one["settings"]["gamma"], one["settings"]["r"], one["settings"]["seed"]) for one in kept) == sorted(
        (gamma, r, seed) for gamma in ([8], [4, 16]) for r in (0.3, 0.5) for seed in (0, 1)
    )


def test_a_trial_of_a_sweep_is_what_train_does(inside):
    swept = last_json(inside("sweep", *QUICK, "--epochs", 3, "--set", "r=0.4", "--seeds", "2", "--json"))
    trained = last_json(inside("train", *QUICK[:-2], "--epochs", 3, "--r", 0.4, "--seed", 2, "--json"))
    assert swept["rows"][0]["test_accuracies"] == [trained["test_accuracy"]]
    assert swept["rows"][0]["network"] == trained["network"]


def test_a_larger_sweep_takes_over_what_a_smaller_one_did(inside, tmp_path):
    words = ("sweep", *QUICK, "--epochs", 1, "--json", "--out", "s")
    small = last_json(inside(*words, "--set", "r=0.3", "--seeds", "0,1"))
    large = last_json(inside(*words, "--set", "r=0.3,0.6", "--seeds", "0,1,2"))
    assert (small["recorded"], large["recorded"], large["trials"]) == (0, 2, 6)
    again = last_json(inside(*words, "--set", "r=0.6,0.3", "--seeds", "0,1,2"))
    assert again["recorded"] == 6 and {str(row) for row in again["rows"]} == {str(row) for row in large["rows"]}
    spoiled = next((tmp_path / "s" / "trials").iterdir())
    spoiled.write_text(spoiled.read_text()[:40])
    assert last_json(inside(*words, "--set", "r=0.6,0.3", "--seeds", "0,1,2"))["recorded"] == 5


def test_other_data_of_the_same_name_is_not_taken_for_the_old(inside, tmp_path):
    rows = [f"{i % 7},{i * i % 5},{i % 2}" for i in range(60)]
    words = ("sweep", "--data", "mine.csv", "--hidden", "8", "--epochs", 1, "--jobs", 1, "--json")
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    assert last_json(inside(*words))["recorded"] == 0
    assert last_json(inside(*words))["recorded"] == 1
    (tmp_path / "mine.csv").write_text("\n".join(["6,6,1", *rows[1:]]))
    assert last_json(inside(*words))["recorded"] == 0


def test_sweeping_over_data_and_folds(inside, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("\n".join(f"{i % 7},{len(name) * i % 5},{i % 2}" for i in range(40)))
    words = ("sweep", "--set", "data=one.csv,two.csv", "--hidden", "8", "--epochs", 1, "--folds", 2, "--jobs", 1)
    record = last_json(inside(*words, "--validation", 0, "--json"))
    assert record["trials"] == 4 and [row["set"]["data"] for row in record["rows"]] == ["one.csv", "two.csv"]
    assert record["folder"] == "runs/sweep-one-two" and record["rows"][0]["validation_accuracy"] is None


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--set", "gama=1"), "no setting 'gama' to sweep; known are data, "),
        (("--set", "gamma"), "--set gamma names no values"),
        (("--set", "gamma="), "names no values"),
        (("--set", "gamma=8,,4"), "names no values"),
        (("--set", "gamma=8,8"), "names a value twice"),
        (("--set", "gamma=8", "--set", "gamma=4"), "gamma is swept twice"),
        (("--set", "gamma=8", "--gamma", "4"), "gamma is both fixed by --gamma and swept"),
        (("--set", "seed=1,2"), "Seeds are swept with --seeds"),
        (("--set", "gamma=8,x"), "argument --gamma: 'x' is not a list of whole numbers"),
        (("--set", "r=high"), "argument --r: invalid float value: 'high'"),
        (("--set", "online=maybe"), "'maybe' is neither true nor false"),
        (("--set", "r=0.3,3"), "margin r must be a number from 0 to 2, not 3.0"),
        (("--set", "gamma=8,7"), "group size 7 does not divide the 128 units of layer 1"),
        (("--set", "hidden=16/16,0"), "Width K_1 must be"),
        (("--set", "spread=4,5"), "power of two"),
        (("--set", "samples=10,5000"), "There are 1154 training samples, not 5000"),
        (("--set", "data=digits,minst"), "no data set 'minst'"),
        (("--seeds", "0,0"), "--seeds names a seed twice"),
        (("--seeds", "0,-1"), "seed must be a whole number from 0"),
        (("--seeds", "0", "--seed", "1"), "exclude each other"),
        (("--folds", "999"), "too few for 999 folds"),
        (("--join",), "--join is for cross-validation; it needs --folds"),
        (("--jobs", "0"), "--jobs must be at least 1"),
    ],
)
def test_bad_settings_are_refused_before_anything_runs(refused, tmp_path, words, sentence):
    assert sentence in refused("sweep", *words)
    assert not (tmp_path / "runs").exists()


def test_an_unknown_key_is_an_error_of_the_library_too():
    with pytest.raises(BepError, match="no setting 'gama'"):
        grid_of("gama=1")


def start(tmp_path, environment, *words):
    command = [sys.executable, "-m", "bepcore", "sweep", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes, start_new_session=True)


def wait_for_a_trial(folder, process, seconds=120):
    end = time.monotonic() + seconds
    while not (done := list(folder.glob("trials/*.json"))):
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.01)
    return done


LONG = (*SMALL, "--epochs", 25, "--set", "r=0.3,0.5,0.7", "--seeds", "0,1,2,3", "--json")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_sweep_goes_on(bepcore, inside, tmp_path, environment, how):
    process = start(tmp_path, environment, *LONG, "--jobs", 2, "--out", "stopped")
    wait_for_a_trial(tmp_path / "stopped", process)
    os.killpg(process.pid, how)
    _, errors = process.communicate(timeout=60)
    if how == signal.SIGINT:
        _, last = errors.splitlines()  # and not a word from the workers
        assert process.returncode == 130 and "the same command goes on with the others" in last
    files = {path: path.read_text() for path in (tmp_path / "stopped").glob("trials/*.json")}
    assert 0 < len(files) < 12
    assert not (tmp_path / "stopped" / "sweep.csv").exists()
    record = last_json(inside("sweep", *LONG, "--jobs", 1, "--out", "stopped"))
    assert record["recorded"] == len(files) and record["trials"] == 12
    assert all(path.read_text() == text for path, text in files.items())
    through = last_json(inside("sweep", *LONG, "--jobs", 1, "--out", "through"))
    assert through["rows"] == record["rows"]


def test_the_same_sweep_on_a_dask_cluster(bepcore, inside, tmp_path, environment):
    pytest.importorskip("distributed")
    code = (
        "from dask.distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:\n"
        "        print(cluster.scheduler_address, flush=True)\n"
        "        input()\n"
    )
    (tmp_path / "cluster.py").write_text(code)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([sys.executable, "cluster.py"], cwd=tmp_path, env=environment, **pipes) as cluster:
        address = cluster.stdout.readline().strip()
        words = ("sweep", *SMALL, "--epochs", 2, "--set", "r=0.3,0.5", "--seeds", "0,1", "--json")
        done = bepcore(*words, "--out", "there", "--scheduler", address)
        cluster.communicate("\n", timeout=60)
    here = last_json(inside(*words, "--jobs", 1, "--out", "here"))
    there = last_json(done)
    assert there["recorded"] == 0 and there["rows"] == here["rows"]
    assert len(list((tmp_path / "there" / "trials").iterdir())) == 4
