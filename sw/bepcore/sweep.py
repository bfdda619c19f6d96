"""`bepcore sweep`: every combination of some settings over some seeds, on all cores or on a cluster.

Every finished trial is a small file in the sweep's folder, so that an interrupted sweep, started again, trains what is
missing; a larger sweep in the same folder takes over what both have in common. The table is sorted by validation
accuracy; test accuracy stands beside it and chooses nothing.
"""

import dataclasses
from pathlib import Path
from statistics import mean, stdev

from bepsw import data
from bepsw.errors import BepError

from . import grid, options, runs, show, trials, workers
from .presets import DEFAULT_DATA, from_arguments

__all__ = ["add_arguments", "combine", "plan", "run"]


def add_arguments(parser):
    """Arguments of `bepcore sweep`."""
    parser.epilog = (
        "Example: bepcore sweep --data digits --set gamma=8,16/32 --set r=0.3,0.5 --seeds 0,1,2. "
        "KEY is an option of 'bepcore train'; a value per layer is written with slashes."
    )
    options.add_settings(parser)
    group = parser.add_argument_group("sweep")
    group.add_argument("--set", action="append", default=[], metavar="KEY=V,V", help="values of one setting")
    group.add_argument("--seeds", type=options.sizes, metavar="N,N", help="seeds of every combination (default: 0)")
    group.add_argument("--folds", type=int, default=0, metavar="K", help="cross-validate every trial, as 'bepcore cv'")
    group.add_argument("--join", action="store_true", help="cut the folds from training and test part together")
    group.add_argument("--out", metavar="FOLDER", help="for trials, table and plot (default: runs/sweep-DATA)")
    group.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    workers.add_arguments(parser)


def run(args):
    """Check every trial, run those that are missing, print and leave one table and one plot."""
    screen = show.console(args)
    rows = plan(args)
    wanted = [pair for _, pairs in rows for pair in pairs]
    names = ", ".join(sorted({dataset.name for _, dataset in wanted}))
    folder = Path(args.out or f"runs/sweep-{names.replace(', ', '-')[:80]}")
    screen.print(f"combinations: {len(rows)}, trials: {len(wanted)}, folder: {folder}")
    outcomes, recorded = workers.run_trials(wanted, folder, screen=screen, jobs=args.jobs, scheduler=args.scheduler)
    results = combine(rows, outcomes)
    if all(None not in one["validation_accuracies"] for one in results):
        results.sort(key=lambda one: -one["validation_accuracy"])
    _leave(folder, names, results)
    screen.print(_table(results))
    screen.print(f"{recorded} of {len(wanted)} trials were there already; table and plot in {folder}")
    show.emit(args, {"folder": str(folder), "trials": len(wanted), "recorded": recorded, "rows": results})


def plan(args):
    """What the arguments of a sweep ask for, checked: a list of (swept values, list of (`Trial`, `Dataset`)).

    Raises
    ------
    BepError
        When any of the trials could not be done.
    """
    if args.join and not args.folds:
        raise BepError("--join is for cross-validation; it needs --folds.")
    loaded = {}
    return [(values, _trials(one, _seeds(args), loaded)) for values, one in grid.combinations(args, args.set)]


def combine(rows, outcomes):
    """A dict of means, deviations and accuracies for every row of a `plan`; `outcomes` are those of all its trials."""
    iterator = iter(outcomes)
    return [_result(values, [next(iterator) for _ in pairs]) for values, pairs in rows]


def _seeds(args):
    if args.seeds is not None and args.seed is not None:
        raise BepError("--seed and --seeds exclude each other.")
    seeds = args.seeds or (args.seed or 0,)
    if len(set(seeds)) < len(seeds):
        raise BepError("--seeds names a seed twice.")
    return seeds


def _trials(args, seeds, loaded):
    """Checked pairs (`Trial`, `Dataset`) of one combination; data that is new goes into `loaded`."""
    key = (args.data or DEFAULT_DATA, args.data_dir, args.label)
    if key not in loaded:
        loaded[key] = data.load(key[0], args.data_dir, label=args.label)
    dataset, pairs = loaded[key], []
    for seed in seeds:
        settings = dataclasses.replace(from_arguments(args, dataset), seed=seed)
        if args.folds:
            made = trials.folds_of(settings, dataset, args.folds, args.join)
        else:
            made = [trials.Trial(settings=settings)]
            trials.check(made[0], dataset)
        pairs += [(trial, dataset) for trial in made]
    return pairs


def _result(values, outcomes):
    tests = [outcome["test_accuracy"] for outcome in outcomes]
    validations = [outcome["validation_accuracy"] for outcome in outcomes]
    known = None not in validations
    return {
        "set": values,
        "network": outcomes[0]["network"],
        "trials": len(outcomes),
        "validation_accuracy": mean(validations) if known else None,
        "validation_std": stdev(validations) if known and len(validations) > 1 else None,
        "test_accuracy": mean(tests),
        "test_std": stdev(tests) if len(tests) > 1 else None,
        "validation_accuracies": validations,
        "test_accuracies": tests,
    }


def _table(results):
    keys = list(results[0]["set"])
    columns = (*keys, "network", "trials", "validation", "test")
    listing = show.table(None, *columns, numbers=columns[-3:])
    for one in results:
        accuracies = (show.spread(one[f"{part}_accuracies"]) for part in ("validation", "test"))
        listing.add_row(*one["set"].values(), one["network"], str(one["trials"]), *accuracies)
    return listing


def _leave(folder, name, results):
    columns = ("network", "trials", "validation_accuracy", "validation_std", "test_accuracy", "test_std")
    lines = [[*one["set"].values(), *(one[column] for column in columns)] for one in results]
    runs.write_csv(folder / "sweep.csv", lines, [*results[0]["set"], *columns])
    # Imported late: an import of a second, needed once.
    from .curve import sweep_dots

    dots = [
        (" ".join(f"{key}={value}" for key, value in one["set"].items()) or one["network"],
         one["validation_accuracies"], one["test_accuracies"])
        for one in results
    ]  # fmt: skip
    sweep_dots(folder / "sweep.png", dots, title=f"Sweep over {name}")
