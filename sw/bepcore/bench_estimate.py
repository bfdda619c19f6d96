"""`bepcore bench estimate`: estimates beside syntheses and routed builds, recorded in docs/results/estimate.json.

With --calibrate the coefficients of the estimates are fitted first, to the cases that are not held out, and the
clock to the routed builds of docs/results/synth.json. A synthesis is repeated when its design or the tools have
changed since it was recorded; so a bench that was stopped goes on where it was.
"""

import hashlib
import json
import tempfile
from pathlib import Path

from bepboards.synth.device import find_device
from bepsw.core import Core
from bepsw.errors import BepError
from bepsw.estimate import logic
from bepsw.estimate.calibrate import fit
from bepsw.estimate.clock import clock, fit_clock

from . import options, runs, show
from .estimate_cases import CASES

__all__ = ["BEGIN", "END", "add_arguments", "markdown", "rows", "run"]

_RECORD, _ROUTED = "estimate.json", "synth.json"
BEGIN, END = "<!-- begin: bepcore bench estimate -->", "<!-- end: bepcore bench estimate -->"


def add_arguments(parser):
    """Arguments of `bepcore bench estimate`."""
    parser.add_argument("--only", metavar="NAME", action="append", help="synthesise one case, of those in the table")
    parser.add_argument("--calibrate", action="store_true", help="fit the coefficients of the estimates anew")
    parser.add_argument(
        "--recorded", action="store_true", help="synthesise nothing: go by the record, be the hardware what it may"
    )
    parser.add_argument(
        "--out", metavar="FOLDER", default="docs/results", help="for the record (default: docs/results)"
    )


def run(args):
    """Synthesise what is missing from the record, fit if asked to, print the table and put it into results.md."""
    cases = options.chosen(args, {case.name: case for case in CASES})
    screen, folder = show.console(args), Path(args.out)
    record = runs.read_json(folder / _RECORD, again="repeat every synthesis")
    if not args.recorded:
        folder.mkdir(parents=True, exist_ok=True)
        for case in cases.values():
            _synthesise(case, record, folder / _RECORD, screen)
    record = {case.name: record[case.name] for case in CASES if case.name in record}
    if not record:
        raise BepError(f"There is no record in {folder}; leave out --recorded.")
    routed = runs.read_json(folder / _ROUTED, again="repeat every synthesis")
    # Estimates are of cores with the technology of the ECP5.
    routed = {name: one for name, one in routed.items() if one.get("technology", "ecp5") == "ecp5"}
    if args.calibrate:
        _calibrate(record, routed, screen)
    found = rows(record, routed)
    screen.print(_table(found))
    runs.fill_page(folder.parent / "results.md", BEGIN, END, markdown(found))
    show.emit(args, {"cases": found})


def _synthesise(case, record, path, screen):
    """Bring one case of the record up to date."""
    # Imported late: neither --recorded nor the help text needs Amaranth.
    from bepboards.synth.census import census
    from bepboards.synth.synthesis import TOP, synthesise_rtlil
    from bepboards.synth.toolchain import versions
    from bephw.export import to_rtlil
    from bephw.trainer import Trainer

    core = case.build()
    design = to_rtlil(Trainer(core), TOP)
    key = hashlib.sha256((repr(sorted(versions().items())) + design).encode()).hexdigest()[:16]
    if record.get(case.name, {}).get("key") == key:
        screen.print(f"{case.name} (recorded)", style="dim")
        return
    screen.print(f"{case.name}: {core.segments} segments of {core.lanes} lanes", style="dim")
    with tempfile.TemporaryDirectory(prefix="bep-synth-") as work:
        made = synthesise_rtlil(design, work)
    record[case.name] = {"key": key, "core": core.as_dict(), **census(made.netlist)}
    lines = (f"{json.dumps(name)}: {json.dumps(one)}" for name, one in record.items())
    runs.write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def _calibrate(record, routed, screen):
    """Fit, and write the coefficients into the package."""
    used = [record[case.name] for case in CASES if case.name in record and not case.held_out]
    if not used:
        raise BepError("Every recorded case is held out; synthesise others before --calibrate.")
    builds = [
        (one["used"]["comb"], one["used"]["comb"] / one["available"]["comb"], one["speed"], one["fmax"])
        for one in routed.values()
    ]
    tables = {"clock": fit_clock(builds) if builds else logic.clock_table(), "terms": fit(used)}
    runs.write_json(logic.COEFFICIENTS, tables)
    logic.reload()
    screen.print(f"fitted to {len(used)} syntheses and {len(builds)} routed builds")


def rows(record, routed):
    """[{name, kind, comb, ff, ebr, mhz, comb_estimate, …}] of syntheses and routed builds.

    kind : calibration, held out or routed. mhz : of routed builds only.
    """
    held_out = {case.name for case in CASES if case.held_out}
    found = []
    for name, one in record.items():
        cells = one["modules"].values()
        real = {kind: sum(cell.get(kind, 0) for cell in cells) for kind in ("comb", "ff", "ebr")}
        kind = "held out" if name in held_out else "calibration"
        found.append({"name": name, "kind": kind, **real, **_estimate(one["core"])})
    for name, one in routed.items():
        estimate = _estimate(one["core"])
        mhz = clock(estimate["comb_estimate"], find_device(one["device"]), one["speed"], logic.clock_table()).mhz
        real = {kind: one["used"][kind] for kind in ("comb", "ff", "ebr")}
        found.append(
            {"name": name, "kind": "routed", **real, **estimate, "mhz": one["fmax"], "mhz_estimate": round(mhz, 1)}
        )
    return found


def _estimate(core):
    used = logic.total(logic.resources(Core(**core)))
    return {f"{kind}_estimate": used[kind] for kind in ("comb", "ff", "ebr")}


_COLUMNS = ("core", "kind", "COMB", "estimate", "FF", "estimate ", "EBR", "estimate  ", "MHz", "estimate   ")


def _cells(row):
    cells = [row["name"], row["kind"]]
    for kind in ("comb", "ff"):
        real, estimate = row[kind], row[f"{kind}_estimate"]
        cells += [str(real), f"{estimate} ({100 * (estimate / real - 1):+.1f} %)"]
    cells += [str(row["ebr"]), str(row["ebr_estimate"])]
    return [*cells, *(str(row.get(name, "")) for name in ("mhz", "mhz_estimate"))]


def _table(found):
    listing = show.table(None, *_COLUMNS, numbers=_COLUMNS[2:])
    for row in found:
        listing.add_row(*_cells(row))
    return listing


def markdown(found):
    """The table of docs/results.md."""
    return show.markdown([column.strip() for column in _COLUMNS], map(_cells, found))
