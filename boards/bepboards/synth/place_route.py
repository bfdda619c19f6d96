"""Place and route with several seeds side by side."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from .floorplan import place_block_rams
from .resources import count
from .toolchain import nextpnr

__all__ = ["PLACERS", "Attempt", "place_and_route"]

PLACERS = ("heap", "static")
"""Placers of nextpnr for the ECP5: HeAP, and the newer electrostatic one."""

_LARGE = 20_000  # LUT sites from which on `static` places faster and with shorter wires
_FULL = 2 / 3  # of the device's LUT sites, from where on HeAP may look for places of the last cells without an end
_CLOCK = re.compile(r"Max frequency for clock .*: ([\d.]+) MHz \(\w+ at ([\d.]+) MHz\)")


@dataclass(frozen=True)
class Attempt:
    """One run of nextpnr: its `seed`, and its `report` as nextpnr wrote it, or None with the `error` it ended with.

    promise : MHz that nextpnr expected of the placement, before it was routed; None where it was not stopped there. A
        placement that was not routed has neither report nor error.
    """

    seed: int
    report: dict | None
    error: str | None
    promise: float | None = None

    @property
    def clocks(self):
        """{net: (MHz asked for, MHz reached)}; paths from one clock to another count nowhere."""
        clocks = self.report["fmax"] if self.report else {}
        return {net.removeprefix("$glbnet$"): (clock["constraint"], clock["achieved"]) for net, clock in clocks.items()}

    @property
    def limit(self):
        """The net of the clock that has the least to spare; None without a report."""
        clocks = self.clocks
        return min(clocks, key=lambda net: clocks[net][1] / clocks[net][0], default=None)

    @property
    def fmax(self):
        """MHz that the fastest clock can have, if the others go with it; 0 when there is no report."""
        return _fastest(self.clocks.values())

    @property
    def outcome(self):
        """In words: the clock that was reached, or why there is none."""
        if self.report:
            return f"{self.fmax:.1f} MHz"
        return self.error or f"placed, {self.promise:.1f} MHz before routing"


def place_and_route(
    netlist,
    device,
    folder,
    *,
    speed,
    freq,
    seeds,
    jobs=1,
    placer=None,
    floorplans=1,
    routes=None,
    progress=None,
    pins=None,
):
    """Run nextpnr once a seed, `jobs` at a time; returns `Attempt`s, best first.

    Parameters
    ----------
    netlist : Netlist, on few pins, which nextpnr chooses unless `pins` says them.
    device : Device
    folder : where the netlist, logs and reports go.
    speed : speed grade. freq : target in MHz, a little above the wish.
    placer : one of `PLACERS`; None for what suits netlist and device. Before "static" the block RAMs of a core
        that takes half of the device's get their places by `floorplan.place_block_rams`, anew for every seed.
    floorplans : starts of that for every seed.
    routes : how many seeds to route, when all are placed: those whose placement promises most. None for all, each in
        one run, as it must be with `pins`.
    progress : called with every finished `Attempt`.
    pins : constraints (.lpf) of a board; then the configuration for ecppack is left in config-SEED.txt.

    Raises
    ------
    BepError
        nextpnr is missing.
    """
    run = _Runs(netlist, device, Path(folder), speed, freq, placer, floorplans, pins)
    try:
        if routes is None:
            return _sorted(_each(seeds, jobs, run.whole, run.routed, progress))
        placed = _each(seeds, jobs, run.place, run.placed, progress)
        promises = {attempt.seed: attempt.promise for attempt in placed if attempt.promise}
        chosen = sorted(promises, key=promises.get, reverse=True)[:routes]
        routed = _each(chosen, jobs, run.route, lambda seed, ended: run.routed(seed, ended, promises[seed]), progress)
        return _sorted([*routed, *(attempt for attempt in placed if attempt.seed not in chosen)])
    finally:
        for left in (*run.folder.glob("netlist-*.json"), *run.folder.glob("placed-*.json")):
            left.unlink()


class _Runs:
    """The processes of one `place_and_route`, and what they leave."""

    def __init__(self, netlist, device, folder, speed, freq, placer, floorplans, pins):
        used = count(netlist)
        placer = placer or ("static" if used["comb"] >= min(_LARGE, _FULL * device.comb) else "heap")
        self.netlist, self.device, self.folder, self.floorplans = netlist, device, folder, floorplans
        self.planned = placer == "static" and device.block_ram_sites and used["ebr"] >= device.ebr // 2
        self.pins = pins is not None
        if self.pins:
            (folder / "board.lpf").write_text(pins)
        self.options = [
            device.flag,
            *("--package", device.package, "--speed", str(speed), "--placer", placer, "--freq", f"{freq:g}"),
            *("--timing-allow-fail", *(("--lpf", "board.lpf") if self.pins else ("--lpf-allow-unconstrained",))),
        ]

    def whole(self, seed):
        """Start to place and route."""
        return self._start(seed, *self._netlist(seed), *self._results(seed))

    def place(self, seed):
        """Start to place."""
        return self._start(seed, *self._netlist(seed), "--no-route", "--write", f"placed-{seed}.json")

    def route(self, seed):
        """Start to route what `place` left."""
        placed = ("--json", f"placed-{seed}.json", "--no-pack", "--no-place", "--log", f"route-{seed}.log")
        return self._start(seed, *placed, *self._results(seed))

    def placed(self, seed, status):
        """The attempt that `place` ended in."""
        log = self._log(seed)
        clocks = [(float(asked), float(reached)) for reached, asked in _CLOCK.findall(log)]
        if status or not clocks or not (self.folder / f"placed-{seed}.json").exists():
            return Attempt(seed, None, _error(log))
        return Attempt(seed, None, None, _fastest(clocks))

    def routed(self, seed, status, promise=None):
        """The attempt that `whole`, or `route` of a placement with a `promise`, ended in."""
        report = self.folder / f"report-{seed}.json"
        if status == 0 and report.exists():
            return Attempt(seed, json.loads(report.read_text()), None, promise)
        return Attempt(seed, None, _error(self._log(seed, "route" if promise else "nextpnr")), promise)

    def _start(self, seed, *arguments):
        return nextpnr(self.folder, [*self.options, "--seed", str(seed), *arguments])

    def _netlist(self, seed):
        if self.planned:
            place_block_rams(self.netlist, self.device, seed, self.floorplans)
        (self.folder / f"netlist-{seed}.json").write_text(self.netlist.text())
        return "--json", f"netlist-{seed}.json", "--log", f"nextpnr-{seed}.log"

    def _results(self, seed):
        configuration = ("--textcfg", f"config-{seed}.txt") if self.pins else ()
        return "--report", f"report-{seed}.json", "--detailed-timing-report", *configuration

    def _log(self, seed, program="nextpnr"):
        log = self.folder / f"{program}-{seed}.log"
        return log.read_text() if log.exists() else ""


def _each(seeds, jobs, start, end, progress):
    """What `end(seed, exit status)` says of the process that `start(seed)` gives, for every seed, `jobs` at a time."""
    waiting, running, done = list(seeds), {}, []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                seed = waiting.pop(0)
                running[seed] = start(seed)
            seed = next(iter(running))
            status = running[seed].wait()
            del running[seed]
            done.append(end(seed, status))
            if progress:
                progress(done[-1])
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return done


def _sorted(attempts):
    """Best first; then those that failed, then those that were not routed."""
    return sorted(attempts, key=lambda attempt: (-attempt.fmax, attempt.error is None, -(attempt.promise or 0)))


def _fastest(clocks):
    """MHz of the fastest of the clocks, (MHz asked for, MHz reached), if the others go with it; 0 without clocks."""
    share = min((reached / asked for asked, reached in clocks), default=0)
    return max((asked for asked, _ in clocks), default=0) * share


def _error(log):
    errors = re.findall(r"^ERROR: (.*)$", log, re.M)
    return errors[-1] if errors else "nextpnr ended without a reason; is there enough memory?"
