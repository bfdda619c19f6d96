"""`bepcore bench synth`: routed builds of docs/results.md, recorded in docs/results/synth.json.

A build is repeated when its design, its tools or its settings have changed since it was recorded; so a bench that was
stopped goes on where it was. Seeds that a build has more than its record are added to it.
"""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from bepsw.core import preset
from bepsw.errors import BepError

from . import cycle_records, options, runs, show

__all__ = ["CASES", "add_arguments", "markdown", "run"]

_RECORD = "synth.json"
BEGIN, END = "<!-- begin: bepcore bench synth -->", "<!-- end: bepcore bench synth -->"


@dataclass(frozen=True)
class Case:
    """One build: a preset, what differs from it, the device and the seeds.

    cycles : name of the record of `bepcore bench cycles` for this core, docs/results/cycles-NAME.json; "" for none.
    floorplans : starts of the floorplan for every seed.
    """

    name: str
    core: str
    device: str
    changes: dict = field(default_factory=dict)
    seeds: tuple = (1, 2, 3)
    freq: float = 160.0
    technology: str = "ecp5"
    cycles: str = ""
    floorplans: int = 1

    @property
    def command(self):
        """How a user gets the same build."""
        changes = "".join(f" --{name.replace('_', '-')} {value}" for name, value in self.changes.items())
        seeds = ",".join(map(str, self.seeds)) + ("" if self.freq == 160 else f" --freq {self.freq:g}")
        rest = "" if self.technology == "ecp5" else f" --technology {self.technology}"
        rest += "" if self.floorplans == 1 else f" --floorplans {self.floorplans}"
        return f"bepcore synth --core {self.core}{changes} --device {self.device} --seeds {seeds}{rest}"


_PLANNED = {"seeds": (1, 2, 3, 4), "freq": 150.0, "floorplans": 8}
_REFERENCE = _PLANNED | {"seeds": (1,)}

CASES = (
    Case("tiny", "tiny", "25f", seeds=(1, 2)),
    Case("small", "small", "25f", seeds=(1, 2)),
    Case("small-neutral", "small", "25f", seeds=(1, 2), technology="neutral"),
    Case("small-narrow", "small", "25f", {"segments": 4}, seeds=(1, 2)),
    Case("small-wide", "small", "45f", {"segments": 16}, seeds=(1,)),
    Case("medium", "medium", "85f", seeds=(1, 2), freq=150.0, cycles="medium"),
    Case("medium-planned", "medium", "85f", cycles="medium", **_PLANNED),
    Case("medium-rules", "medium", "85f", {"rules": 1}, cycles="medium-rules", **_PLANNED),
    Case("reference", "reference", "85f", cycles="reference", **_REFERENCE),
    Case("reference-rules", "reference", "85f", {"rules": 1}, cycles="reference-rules", **_REFERENCE),
    Case("fast", "fast", "85f", seeds=(1,), cycles="fast"),
)


def add_arguments(parser):
    """Arguments of `bepcore bench synth`."""
    names = ", ".join(case.name for case in CASES)
    parser.add_argument("--only", metavar="NAME", action="append", help=f"one of the builds: {names}")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="seeds at a time (default: 2)")
    parser.add_argument(
        "--out", metavar="FOLDER", default="docs/results", help="for the record (default: docs/results)"
    )


def run(args):
    """Build what is missing from the record, then print the table and put it into results.md."""
    cases = options.chosen(args, {case.name: case for case in CASES}, "build")
    if args.jobs < 1:
        raise BepError(f"--jobs must be at least 1, not {args.jobs}.")
    screen, folder = show.console(args), Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    record = runs.read_json(folder / _RECORD, again="repeat every build")
    for case in cases.values():
        key = _key(case)
        have = _known(record.get(case.name), key, case.seeds)
        left = tuple(seed for seed in case.seeds if str(seed) not in have.get("fmax_by_seed", ()))
        if not left:
            screen.print(f"{case.name}: {have['fmax']} MHz (recorded)")
            continue
        rest = f", of which {','.join(map(str, left))}" if have else ""
        screen.print(f"[bold]{case.name}[/bold]: {case.command}{rest}")
        made = {"key": key, "command": case.command, **_build(replace(case, seeds=left), args.jobs, screen)}
        # Another bench may have added builds meanwhile.
        record = runs.read_json(folder / _RECORD, again="repeat every build") | {case.name: _joined(have, made)}
        runs.write_json(folder / _RECORD, record)
    _rate(record, folder)
    screen.print(_table(record))
    runs.fill_page(folder.parent / "results.md", BEGIN, END, markdown(record))
    show.emit(args, record)


def _known(record, key, seeds):
    """What a build's record says, if it is of this `key` and of no seed but `seeds`; {} otherwise."""
    same = record and record["key"] == key and set(record["fmax_by_seed"]) <= set(map(str, seeds))
    return record if same else {}


def _joined(one, other):
    """Records of two builds of a core with different seeds, as one: that of the faster, with the clocks of both.

    `one` may be {}; the command is that of `other`.
    """
    if not one:
        return other
    clocks = {str(seed): mhz for build in (one, other) for seed, mhz in build["fmax_by_seed"].items()}
    both = {
        "command": other["command"],
        "fmax_by_seed": dict(sorted(clocks.items(), key=lambda clock: -(clock[1] or 0))),
        "minutes": round(one["minutes"] + other["minutes"], 1),
    }
    return max(one, other, key=lambda build: build["fmax"]) | both


def _key(case):
    """Changes when the build would, with any seed."""
    from bepboards.synth.synthesis import TOP
    from bepboards.synth.toolchain import versions
    from bephw.export import to_rtlil
    from bephw.trainer import Trainer

    design = to_rtlil(Trainer(preset(case.core, **case.changes)), TOP)
    settings = repr((replace(case, seeds=()), sorted(versions().items())))
    return hashlib.sha256((settings + design).encode()).hexdigest()[:16]


def _build(case, jobs, screen):
    from bepboards.synth.device import find_device
    from bepboards.synth.flow import build_core
    from bepboards.synth.technology import find_technology

    build = build_core(
        preset(case.core, **case.changes),
        find_device(case.device),
        freq=case.freq,
        seeds=case.seeds,
        jobs=jobs,
        technology=find_technology(case.technology),
        floorplans=case.floorplans,
        say=lambda text: screen.print(text, style="dim"),
    )
    found = build.as_dict()
    found["slow"] = sorted({register for module in build.slow.values() for register in module})[:20]
    return found


def _rate(record, folder):
    """Samples a second of 784-255-255 where the cycles of the same core are on record."""
    for case in CASES:
        counted = cycle_records.recorded(folder, case.cycles) if case.cycles and case.name in record else {}
        if counted:
            one, epoch = record[case.name], counted["epochs"][-1]
            if counted["core"] != one["core"]:
                raise BepError(f"The cycles of {case.cycles} are another core's; run bepcore bench cycles again.")
            one |= {"cycles": epoch["cycles"], "over_roofline": epoch["over_roofline"]}
            one |= cycle_records.rates(counted, one["fmax"] * 1e6)
    if record:
        runs.write_json(folder / _RECORD, record)


_COLUMNS = ("build", "device", "W lanes", "H lanes", "COMB", "FF", "EBR", "MHz", "seeds", "training/s", "inference/s")


def _rows(record):
    for case in CASES:
        if case.name in record:
            one = record[case.name]
            core, used, have = one["core"], one["used"], one["available"]
            lanes = core["lanes"] * core["segments"]
            shares = (show.share(used[name], have[name]) for name in ("comb", "ff", "ebr"))
            spread = " ".join(str(mhz) for mhz in one["fmax_by_seed"].values())
            rates = (f"{one[name]:,}" if name in one else "" for name in ("training_rate", "inference_rate"))
            first = case.name, one["device"], str(lanes), str(core["lanes"])
            yield case, (*first, *shares, str(one["fmax"]), spread, *rates)


def _table(record):
    listing = show.table(None, *_COLUMNS, numbers=_COLUMNS[2:])
    for _, row in _rows(record):
        listing.add_row(*row)
    return listing


def markdown(record):
    """The table of docs/results.md."""
    return show.markdown((*_COLUMNS, "command"), ((*row, f"`{case.command}`") for case, row in _rows(record)))
