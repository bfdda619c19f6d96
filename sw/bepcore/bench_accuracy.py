"""`bepcore bench accuracy`: trains every case of `accuracy_cases` and writes the table and plots of docs/results.md.

Each run is recorded as soon as it is done, with the settings that it had: a bench that was stopped goes on where it
was, and a case whose settings have changed is trained again.
"""

from pathlib import Path
from statistics import mean

from bepsw import data

from . import accuracy_report, options, prepare, runs, show, trials
from .accuracy_cases import CASES

__all__ = ["add_arguments", "run"]

_RECORD = "accuracy.json"
_QUICK = {"epochs": 3, "samples": 1000}
_KEPT = ("network", "hidden_weights", "test_accuracy", "validation_accuracy", "best_epoch", "curve")


def add_arguments(parser):
    """Arguments of `bepcore bench accuracy`."""
    names = ", ".join(case.name for case in CASES)
    parser.add_argument("--only", metavar="NAME", action="append", help=f"one of the cases: {names}")
    parser.add_argument("--quick", action="store_true", help="a few epochs on a few samples: does it work at all")
    parser.add_argument("--out", metavar="FOLDER", help="for record and plots (default: docs/results)")
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder to look for named data in first")


def run(args):
    """Train what is missing from the record, then write the table and the plots."""
    screen = show.console(args)
    cases = list(options.chosen(args, {case.name: case for case in CASES}).values())
    folder = Path(args.out or ("runs/bench-quick" if args.quick else "docs/results"))
    folder.mkdir(parents=True, exist_ok=True)
    record = runs.read_json(folder / _RECORD)
    jobs = [(case, seed) for case in cases for seed in (case.seeds[:1] if args.quick else case.seeds)]
    loaded = (None, None)
    for case, seed in jobs:
        settings = case.settings(seed)
        if args.quick:
            settings = type(settings).from_dict({**settings.as_dict(), **_QUICK})
        key = f"{case.name}/{seed}"
        # A record of before a setting was there had its default.
        if key in record and type(settings).from_dict(record[key]["settings"]) == settings:
            screen.print(f"{key}: test {show.percent(record[key]['test_accuracy'])} (recorded)")
            continue
        if loaded[0] != case.data:
            loaded = (case.data, data.load(case.data, args.data_dir))
        record[key] = {"settings": settings.as_dict(), **_train(screen, key, settings, loaded[1])}
        runs.write_json(folder / _RECORD, record)
    results = [_result(case, record) for case in cases]
    screen.print(accuracy_report.table(results))
    accuracy_report.write(folder, CASES, record)
    screen.print(f"record and plots in {folder}")
    show.emit(args, {"cases": [{k: v for k, v in r.items() if k != "case"} for r in results]})


def _train(screen, key, settings, dataset):
    trial = trials.Trial(settings=settings)
    samples = len(prepare.split(settings, dataset)[0])
    with show.EpochBars(screen, settings.epochs, samples) as bars:
        outcome = trials.train(trial, dataset, callback=lambda r, m: bars(r, None))
    test, best = outcome["test_accuracy"], outcome["validation_accuracy"]
    screen.print(f"{key}: test {show.percent(test)}, validation {show.percent(best)}")
    return {name: outcome[name] for name in _KEPT}


def _result(case, record):
    runs_of = [record[key] for key in (f"{case.name}/{seed}" for seed in case.seeds) if key in record]
    tests = [one["test_accuracy"] for one in runs_of]
    return {
        "case": case,
        "name": case.name,
        "network": runs_of[0]["network"],
        "bits": case.settings(0).bits,
        "seeds": len(tests),
        "test_accuracy": mean(tests),
        "lowest": min(tests),
        "highest": max(tests),
        "validation_accuracy": mean(one["validation_accuracy"] for one in runs_of),
        "goal": case.goal,
        "paper": case.paper,
    }
