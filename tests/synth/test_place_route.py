"""Which runs of nextpnr a build takes, and what is made of them."""

import json

import pytest

from bepboards.synth import place_route
from bepboards.synth.device import DEVICES
from bepcore.cli import main

from .designs import Ram
from .equal import synthesised

DEVICE = DEVICES["25f"]
PROMISES = {1: 81.3, 2: 93.7, 3: None, 4: 90.7, 5: 70.8}
"""MHz before routing of each seed; the third has no room."""


class Ended:
    """A process that has done its work."""

    def __init__(self, status):
        self.status = status

    def wait(self):
        return self.status


@pytest.fixture
def said(monkeypatch):
    """The options {name: value} of every run of a nextpnr that promises as above and routes 1.4 times faster."""
    runs = []

    def start(folder, arguments):
        named = {name: value for name, value in zip(arguments, [*arguments[1:], ""], strict=True) if name[:2] == "--"}
        runs.append(named)
        seed = int(named["--seed"])
        assert (folder / named["--json"]).exists()
        promise, log = PROMISES[seed], folder / named["--log"]
        if promise is None:
            log.write_text("Info: fine\nERROR: Unable to find legal placement.\n")
            return Ended(1)
        if "--write" in named:
            (folder / named["--write"]).write_text("{}")
            # The slower of two clocks, against what it is asked for, decides.
            lines = (("a", 2 * promise, 100), ("b", promise / 2, 50))
            log.write_text(
                "".join(
                    f"Info: Max frequency for clock '{n}': {mhz:.2f} MHz (FAIL at {f}.00 MHz)\n" for n, mhz, f in lines
                )
            )
        else:
            log.write_text("routed\n" if seed != 4 else "ERROR: no way.\n")
            fmax = {"clk": {"constraint": 100.0, "achieved": 1.4 * promise}}
            (folder / named["--report"]).write_text(json.dumps({"fmax": fmax}))
            return Ended(int(seed == 4))
        return Ended(0)

    monkeypatch.setattr(place_route, "nextpnr", start)
    return runs


class Nothing:
    """A netlist without cells."""

    def __init__(self):
        self.cells, self.scopes = {}, frozenset()

    def text(self):
        return "{}"


def attempts(folder, **options):
    return place_route.place_and_route(Nothing(), DEVICE, folder, speed=6, freq=100, **options)


@pytest.mark.parametrize("jobs", [1, 2, 9])
def test_only_the_placements_that_promise_most_are_routed(tmp_path, said, jobs):
    words = []
    found = attempts(
        tmp_path, seeds=tuple(PROMISES), jobs=jobs, routes=2, progress=lambda one: words.append(one.outcome)
    )
    assert [(one.seed, bool(one.report)) for one in found] == [
        (2, True),
        (4, False),
        (3, False),
        (1, False),
        (5, False),
    ]
    assert found[0].fmax == pytest.approx(1.4 * 93.7)
    assert [one.promise and round(one.promise, 1) for one in found] == [93.7, 90.7, None, 81.3, 70.8]
    assert [one.error for one in found] == [None, "no way.", "Unable to find legal placement.", None, None]
    assert words[0] == "placed, 81.3 MHz before routing" and words[2] == "Unable to find legal placement."
    assert words[5:] == ["131.2 MHz", "no way."] and len(words) == 7
    assert [run["--seed"] for run in said] == ["1", "2", "3", "4", "5", "2", "4"]
    assert all("--no-route" in run and "--report" not in run for run in said[:5])
    assert all("--no-place" in run and "--no-pack" in run and run["--json"].startswith("placed-") for run in said[5:])
    assert sorted(path.suffix for path in tmp_path.glob("*-*.json")) == [".json"] * 2  # two reports and nothing else


def test_nothing_is_routed_where_nothing_was_placed(tmp_path, said):
    (only,) = attempts(tmp_path, seeds=(3,), routes=1)
    assert only.error == "Unable to find legal placement." and only.promise is None and len(said) == 1


def test_every_seed_is_one_run_unless_asked_otherwise(tmp_path, said):
    found = attempts(tmp_path, seeds=(1, 2, 3), jobs=2)
    assert [one.seed for one in found] == [2, 1, 3] and [one.promise for one in found] == [None] * 3
    assert len(said) == 3 and not any("--no-route" in run or "--no-place" in run for run in said)


@pytest.mark.synth
def test_a_placement_is_routed_as_if_in_one_run(tmp_path):
    """nextpnr goes on from the placement that it wrote: nothing is placed anew, and the clock is much the same."""
    netlist = synthesised(Ram(18, 1024), tmp_path).netlist
    options = {"speed": 6, "freq": 100, "seeds": (1,)}
    (whole,) = place_route.place_and_route(netlist, DEVICE, tmp_path, **options)
    (split,) = place_route.place_and_route(netlist, DEVICE, tmp_path, routes=1, **options)
    assert split.report["utilization"] == whole.report["utilization"]
    assert whole.report["utilization"]["DP16KD"]["used"] == 1
    assert split.fmax == pytest.approx(whole.fmax, rel=0.2) and split.promise > 0
    log = (tmp_path / "route-1.log").read_text()
    assert "Routing" in log and "placer" not in log.lower() and "Packing" not in log


@pytest.mark.parametrize("route", ["0", "3"])
def test_more_routes_than_seeds(capsys, route):
    assert main(["synth", "--core", "tiny", "--seeds", "1,2", "--route", route]) == 2
    assert f"--route must be from 1 to the number of seeds, 2, not {route}." in capsys.readouterr().err
