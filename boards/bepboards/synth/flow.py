"""The whole way: core parameters, synthesis, place and route, figures."""

import dataclasses
import json
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bepsw.errors import BepError

from . import report as reports
from .device import RESOURCES
from .harness import add_harness
from .keep import keep
from .place_route import place_and_route
from .resources import by_module, check_fit, count, does_not_fit
from .synthesis import synthesise
from .technology import ECP5
from .toolchain import versions

__all__ = ["Build", "build_core", "refusal"]

_LIKELY_FULL = 0.93  # of the LUT sites: from there on nextpnr often finds no legal placement


@dataclass(frozen=True)
class Build:
    """A routed core.

    core : Core. device : Device. speed : grade.
    netlist : Counter of the synthesised core by kind; modules : the same by submodule.
    used : resources after packing, without the harness.
    fmax : MHz. seed : which gave it; fmax_by_seed : of all that were routed (None: failed).
    promise_by_seed : MHz before routing of all that were placed first, see `place_and_route`; {} without `routes`.
    path : critical `report.Path`. slow : registers within 10 % of it, by submodule.
    technology, folded, unregistered : see `Synthesis`.
    minutes : of the whole run. versions : of the tools.
    """

    core: object
    device: object
    speed: int
    netlist: dict
    modules: dict
    used: dict
    fmax: float
    seed: int
    fmax_by_seed: dict
    promise_by_seed: dict
    path: reports.Path
    slow: dict
    technology: str
    folded: int
    unregistered: dict | None
    minutes: float
    versions: dict

    def as_dict(self):
        """Everything as plain values, for JSON."""
        record = dataclasses.asdict(self)
        record["device"] = self.device.name
        record["available"] = {name: getattr(self.device, name) for name in RESOURCES}
        return record


def build_core(
    core,
    device,
    *,
    speed=6,
    freq=160.0,
    seeds=(1,),
    jobs=1,
    placer=None,
    floorplans=1,
    routes=None,
    technology=ECP5,
    out=None,
    say=lambda text: None,
):
    """Synthesise, place and route `core` for `device`.

    Parameters
    ----------
    placer : of nextpnr; floorplans : starts for every seed; routes : how many of the placed seeds to route; see
        `place_and_route`.
    out : folder for report, netlist (without harness) and logs; nothing is kept when None.
    say : called with a line of progress.

    Raises
    ------
    BepError
        A tool is missing or fails, or the core does not fit.
    """
    began, tools = time.monotonic(), versions()
    with tempfile.TemporaryDirectory(prefix="bep-synth-") as folder:
        say("synthesising …")
        made = synthesise(core, folder, technology)
        check_fit(made.netlist, device)
        modules = by_module(made.netlist)
        needs, gates = count(made.netlist), made.netlist.text()
        say(f"{needs['comb']} LUT sites, {needs['ff']} flip-flops, {needs['ebr']} block RAMs; placing and routing …")
        harness = add_harness(made.netlist)
        attempts = place_and_route(
            made.netlist,
            device,
            folder,
            speed=speed,
            freq=freq,
            seeds=seeds,
            jobs=jobs,
            placer=placer,
            floorplans=floorplans,
            routes=routes,
            progress=lambda attempt: say(f"seed {attempt.seed}: {attempt.outcome}"),
        )
        best = attempts[0]
        if best.report is None:
            raise refusal(best, folder, device, made.netlist)
        used = reports.utilisation(best.report)
        used["comb"] -= harness["luts"]
        used["ff"] -= harness["flops"]
        build = Build(
            core=core,
            device=device,
            speed=speed,
            netlist=dict(needs),
            modules={module: dict(cells) for module, cells in modules.items()},
            used=used,
            fmax=round(best.fmax, 1),
            seed=best.seed,
            fmax_by_seed={a.seed: round(a.fmax, 1) if a.report else None for a in attempts if a.report or a.error},
            promise_by_seed={a.seed: round(a.promise, 1) for a in attempts if a.promise},
            path=reports.critical_path(best.report),
            slow=reports.slow_endpoints(best.report, made.netlist.scopes),
            technology=made.technology,
            folded=made.folded,
            unregistered=made.unregistered,
            minutes=round((time.monotonic() - began) / 60, 1),
            versions=tools,
        )
        if out is not None:
            report = json.dumps(build.as_dict(), indent=2) + "\n"
            keep(folder, out, {"report.json": report, "netlist.json": gates})
    return build


def refusal(attempt, folder, device, netlist, inside=""):
    """The sentence for a core that nextpnr could not place or route; `inside` as for `by_module`."""
    log = Path(folder, f"nextpnr-{attempt.seed}.log")
    text = log.read_text() if log.exists() else ""
    for resource, kind in reports.KINDS.items():
        used = re.search(rf"{kind}:\s*(\d+)/", text)
        share = _LIKELY_FULL if resource == "comb" else 1.0
        if used and int(used[1]) > share * getattr(device, resource):
            return does_not_fit(device, resource, int(used[1]), by_module(netlist, depth=1, inside=inside))
    return BepError(f"nextpnr could not place and route the core: {attempt.error.rstrip('.')}.")
