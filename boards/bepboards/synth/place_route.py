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


@dataclass(frozen=True)
class Attempt:
    """One run of nextpnr: its `seed`, and its `report` as nextpnr wrote it, or None with the `error` it ended with."""

    seed: int
    report: dict | None
    error: str | None

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
        clocks = self.clocks.values()
        share = min((reached / asked for asked, reached in clocks), default=0)
        return max((asked for asked, _ in clocks), default=0) * share

    @property
    def outcome(self):
        """In words: the clock that was reached, or why there is none."""
        return f"{self.fmax:.1f} MHz" if self.report else self.error


def place_and_route(
    netlist, device, folder, *, speed, freq, seeds, jobs=1, placer=None, floorplans=1, progress=None, pins=None
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
    progress : called with every finished `Attempt`.
    pins : constraints (.lpf) of a board; then the configuration for ecppack is left in config-SEED.txt.

    Raises
    ------
    BepError
        nextpnr is missing.
    """
    folder, used = Path(folder), count(netlist)
    placer = placer or ("static" if used["comb"] >= min(_LARGE, _FULL * device.comb) else "heap")
    planned = placer == "static" and device.block_ram_sites and used["ebr"] >= device.ebr // 2
    if pins is not None:
        (folder / "board.lpf").write_text(pins)
    waiting, running, done = list(seeds), {}, []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                seed = waiting.pop(0)
                if planned:
                    place_block_rams(netlist, device, seed, floorplans)
                (folder / f"netlist-{seed}.json").write_text(netlist.text())
                running[seed] = nextpnr(folder, _arguments(device, speed, freq, seed, placer, pins is not None))
            seed = next(iter(running))
            status = running[seed].wait()
            del running[seed]
            done.append(_attempt(folder, seed, status))
            if progress:
                progress(done[-1])
    finally:
        for process in running.values():
            process.kill()
            process.wait()
        for left in folder.glob("netlist-*.json"):
            left.unlink()
    return sorted(done, key=lambda attempt: -attempt.fmax)


def _arguments(device, speed, freq, seed, placer, pins):
    board = ["--lpf", "board.lpf", "--textcfg", f"config-{seed}.txt"] if pins else ["--lpf-allow-unconstrained"]
    return [
        device.flag,
        *("--package", device.package, "--speed", str(speed)),
        *("--json", f"netlist-{seed}.json", "--report", f"report-{seed}.json", "--detailed-timing-report"),
        *("--placer", placer, "--seed", str(seed), "--freq", f"{freq:g}", "--timing-allow-fail", *board),
        *("--log", f"nextpnr-{seed}.log"),
    ]


def _attempt(folder, seed, status):
    report, log = folder / f"report-{seed}.json", folder / f"nextpnr-{seed}.log"
    if status == 0 and report.exists():
        return Attempt(seed, json.loads(report.read_text()), None)
    errors = re.findall(r"^ERROR: (.*)$", log.read_text() if log.exists() else "", re.M)
    return Attempt(seed, None, errors[-1] if errors else "nextpnr ended without a reason; is there enough memory?")
