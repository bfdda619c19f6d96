"""What cannot work ends in one sentence that says what to do."""

import importlib.util
import re
import subprocess
import sys
from collections import Counter

import pytest

from bepboards.synth import flow, place_route, toolchain
from bepboards.synth.device import DEVICES, find_device
from bepboards.synth.resources import does_not_fit
from bepcore.cli import main
from bepsw.core import preset
from bepsw.errors import BepError
from bepsw.estimate.logic import blocks, resources

CELL = {"attributes": {}, "parameters": {}, "connections": {}, "port_directions": {}}


@pytest.mark.parametrize("tool", ["yosys", "nextpnr-ecp5"])
def test_a_missing_tool(tool, monkeypatch):
    package = f"yowasp-{tool}"
    found = importlib.util.find_spec
    hidden = package.replace("-", "_")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == hidden else found(name, *rest))
    with pytest.raises(BepError, match=rf"^{tool} is missing: install it with `pip install {package}`\.$"):
        flow.build_core(preset("tiny"), DEVICES["25f"])


def test_yosys_that_fails(tmp_path):
    with pytest.raises(BepError, match="Yosys could not synthesise the design: No such command: nonsense"):
        toolchain.yosys(tmp_path, "nonsense\n")


def test_an_unknown_device():
    with pytest.raises(BepError, match="the devices are 25f, 45f, 85f"):
        find_device("12f")


@pytest.mark.parametrize(
    "resource, parts, parameter",
    [
        ("comb", {"backward": Counter(comb=90_000)}, "fewer segments"),
        ("ff", {"backward": Counter(ff=90_000)}, "fewer segments"),
        (
            "ebr",
            {"hidden_bank": Counter(ebr=60), "weight_plane": Counter(ebr=8)},
            "are in hidden_bank: reduce hidden_words",
        ),
        ("ebr", {"hidden_bank": Counter(ebr=8), "weight_plane": Counter(ebr=60)}, "reduce segments"),
        ("ebr", {"hidden_bank": Counter(ebr=8), "another": Counter(ebr=60)}, "are in another: reduce its depth"),
    ],
)
def test_a_core_that_does_not_fit(resource, parts, parameter):
    sentence = str(does_not_fit(DEVICES["25f"], resource, 99_999, parts))
    assert "does not fit the 25F: it needs 99999 of" in sentence
    assert parameter in sentence and "\n" not in sentence


@pytest.mark.parametrize(
    "place, changes",
    [
        ("hidden_bank", {"hidden_words": 8192}),
        ("weight_plane", {"weight_words": 4096}),
        ("backward", {"beats": 8192, "fronts": 8, "prototype_segments": 512}),
        ("input_store and hidden_store", {"contexts": 64, "store_segments": 512}),
    ],
)
def test_every_parameter_to_reduce_gives_block_rams_back(place, changes):
    core = preset("small", **changes)
    parts = {}
    for name, used in resources(core).items():
        parts.setdefault(name.split(".")[0], Counter()).update(used)
    sentence = str(does_not_fit(DEVICES["25f"], "ebr", blocks(core), parts))
    assert f"are in {place}: " in sentence
    for name in re.split(", | or ", re.search("reduce (.*), or take a larger device", sentence)[1]):
        less = preset("small", **changes | {name: getattr(core, name) // 2})
        assert blocks(less) < 0.95 * blocks(core), name


class Netlist:
    """Stands for a netlist: text, and cells to count."""

    def __init__(self):
        self.cells = {"hidden_bank.counters.0.0": CELL | {"type": "DP16KD"}}
        self.scopes = frozenset({"hidden_bank"})

    def text(self):
        return "{}"


def nextpnr_that_says(monkeypatch, log, status=1):
    """Put a program in nextpnr's place that writes `log` and fails."""

    def start(folder, arguments):
        name = arguments[arguments.index("--log") + 1]
        (folder / name).write_text(log)
        return subprocess.Popen([sys.executable, "-c", f"raise SystemExit({status})"])

    monkeypatch.setattr(place_route, "nextpnr", start)


def attempts(folder, seeds=(1,)):
    return place_route.place_and_route(
        Netlist(), DEVICES["25f"], folder, speed=6, freq=100, seeds=seeds, jobs=2, progress=None
    )


def test_nextpnr_that_fails(tmp_path, monkeypatch):
    nextpnr_that_says(monkeypatch, "Info: fine\nERROR: something is odd.\n1 warning, 1 error\n")
    (first, second) = attempts(tmp_path, seeds=(3, 4))
    assert first.report is None and first.fmax == 0 and {first.seed, second.seed} == {3, 4}
    sentence = str(flow.refusal(first, tmp_path, DEVICES["25f"], Netlist()))
    assert sentence == "nextpnr could not place and route the core: something is odd."
    assert not (tmp_path / "netlist.json").exists()


def test_nextpnr_that_finds_no_room(tmp_path, monkeypatch):
    log = "Info: \t        TRELLIS_COMB:   24000/  24288    98%\nERROR: Unable to find legal placement.\n"
    nextpnr_that_says(monkeypatch, log)
    sentence = str(flow.refusal(attempts(tmp_path)[0], tmp_path, DEVICES["25f"], Netlist()))
    assert "needs 24000 of 24288 LUT4 sites; fewer segments" in sentence


def test_nextpnr_that_dies(tmp_path, monkeypatch):
    nextpnr_that_says(monkeypatch, "", status=137)
    assert "is there enough memory?" in attempts(tmp_path)[0].error


@pytest.mark.parametrize(
    "luts, device, wanted, placer",
    [
        (19_999, "85f", None, "heap"),
        (20_000, "85f", None, "static"),
        (16_191, "25f", None, "heap"),
        (16_192, "25f", None, "static"),
        (1, "85f", "static", "static"),
    ],
)
def test_the_placer_suits_netlist_and_device(tmp_path, monkeypatch, luts, device, wanted, placer):
    netlist, said = Netlist(), []
    netlist.cells = {f"lut_{i}": CELL | {"type": "LUT4"} for i in range(luts)}

    def start(folder, arguments):
        said.extend(arguments)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])

    monkeypatch.setattr(place_route, "nextpnr", start)
    place_route.place_and_route(netlist, DEVICES[device], tmp_path, speed=6, freq=100, seeds=(1,), placer=wanted)
    assert said[said.index("--placer") + 1] == placer


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("--core", "huge"), "no core preset 'huge'"),
        (("--seeds", "one"), "not a list of whole numbers"),
        (("--jobs", "0"), "must be positive"),
        (("--floorplans", "0"), "must be positive"),
        (("--freq", "-5"), "must be positive"),
        (("--placer", "sa"), "no placer 'sa'; choose heap or static"),
        (("--lanes", "7"), "lanes must be a whole number from 8 to 144"),
        (("--device", "12f"), "invalid choice: '12f'"),
    ],
)
def test_the_command_line_refuses(words, sentence, capsys):
    try:
        status = main(["synth", *words])
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr()
    assert status == 2 and sentence in said.err and said.err.count("\n") == 1
