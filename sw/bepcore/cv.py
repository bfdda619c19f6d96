"""`bepcore cv`: k-fold cross-validation, in one table, one plot and one record.

The samples are cut into k stratified folds by the seed; each fold is tested on once by a network that was trained on
the others. Of those others the validation share selects the epoch, or nothing does (`--validation 0`: the last epoch
counts); the binarisation is fitted on what is trained on and on nothing else. The folds are cut from the training
part alone, so that a test part stays untouched, or with `--join` from both together. Data without a test part of its
own is always used whole. "±" is the sample standard deviation over the folds.
"""

from pathlib import Path
from statistics import mean, stdev

from bepsw import data

from . import options, runs, show, trials, workers
from .presets import DEFAULT_DATA, from_arguments

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Arguments of `bepcore cv`."""
    options.add_settings(parser)
    group = parser.add_argument_group("cross-validation")
    group.add_argument("--folds", type=int, default=3, metavar="K", help="folds (default: 3)")
    group.add_argument("--join", action="store_true", help="cut the folds from training and test part together")
    group.add_argument("--out", metavar="FOLDER", help="for record and plot (default: runs/cv-DATA)")
    group.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    workers.add_arguments(parser)


def run(args):
    """Train every fold that is not done yet; show and leave the outcome."""
    screen = show.console(args)
    dataset = data.load(args.data or DEFAULT_DATA, args.data_dir, label=args.label)
    settings = from_arguments(args, dataset)
    folds = trials.folds_of(settings, dataset, args.folds, args.join)
    folder = Path(args.out or f"runs/cv-{dataset.name}")
    wanted = [(fold, dataset) for fold in folds]
    outcomes, recorded = workers.run_trials(wanted, folder, screen=screen, jobs=args.jobs, scheduler=args.scheduler)
    record = _record(settings, dataset, folds, outcomes, folder, recorded)
    _leave(folder, dataset, record, outcomes)
    _conclude(screen, dataset, record, outcomes)
    show.emit(args, record)


def _record(settings, dataset, folds, outcomes, folder, recorded):
    tests = [outcome["test_accuracy"] for outcome in outcomes]
    return {
        "data": dataset.name,
        "network": outcomes[0]["network"],
        "hidden_weights": outcomes[0]["hidden_weights"],
        "folds": len(folds),
        "joined": folds[0].join,
        "samples": len(data.pool(dataset, folds[0].join)[1]),
        "epochs": settings.epochs,
        "seed": settings.seed,
        "test_accuracy": mean(tests),
        "test_std": stdev(tests),
        "test_accuracies": tests,
        "validation_accuracies": [outcome["validation_accuracy"] for outcome in outcomes],
        "best_epochs": [outcome["best_epoch"] for outcome in outcomes],
        "recorded": recorded,
        "folder": str(folder),
    }


def _leave(folder, dataset, record, outcomes):
    runs.write_json(folder / "summary.json", record)
    # Imported late: an import of a second, needed once.
    from .curve import fold_curves

    title = f"{dataset.name}, {record['network']}, {record['folds']} folds, seed {record['seed']}"
    fold_curves(folder / "folds.png", outcomes, title=title)


def _conclude(screen, dataset, record, outcomes):
    pool = "training and test part together" if record["joined"] and dataset.own_test else "the training part"
    screen.print(
        f"{dataset.name} ({dataset.source}): {record['samples']} samples, "
        f"{pool if dataset.own_test else 'all there are'}, network {record['network']}"
    )
    names = ("fold", "test", "validation", "training", "epoch")
    listing = show.table(None, *names, numbers=names[1:])
    for fold, outcome in enumerate(outcomes, start=1):
        accuracies = (outcome[f"{part}_accuracy"] for part in ("test", "validation", "train"))
        listing.add_row(str(fold), *map(show.percent, accuracies), str(outcome["best_epoch"]))
    columns = ([outcome[f"{part}_accuracy"] for outcome in outcomes] for part in ("test", "validation", "train"))
    listing.add_row("mean ± std", *map(show.spread, columns), "")
    screen.print(listing)
    screen.print(f"record and plot in {record['folder']}")
