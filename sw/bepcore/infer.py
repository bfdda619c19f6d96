"""`bepcore infer`: classify data with a trained network; accuracy where the labels are known, predictions in a file."""

from pathlib import Path

import numpy as np

from bepsw import data
from bepsw.data.arrays import read_npz
from bepsw.data.table import read_samples
from bepsw.errors import BepError
from bepsw.sequence import restore

from . import options, runs, show
from .settings import Settings
from .targets import add_target, open_target

__all__ = ["add_arguments", "run"]


def add_arguments(parser):
    """Arguments of `bepcore infer`."""
    parser.add_argument("trained", metavar="RUN", help="run folder, or a checkpoint file")
    parser.add_argument("--data", metavar="DATA", help="as for train (default: the data of the run)")
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder to look for named data in first")
    parser.add_argument("--label", metavar="COLUMN", help="label column of a .csv: name or number (default: the last)")
    parser.add_argument("--unlabelled", action="store_true", help="the .csv has no label column; the .npz holds x only")
    parser.add_argument(
        "--part",
        choices=("test", "train", "all"),
        help="default: test, or all where there is no test part",
    )
    parser.add_argument("--samples", type=int, metavar="N", help="the first N samples only")
    parser.add_argument("--out", metavar="FILE", help="write the predictions to this .csv")
    add_target(parser, "classifies")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options.add_simulator(parser)


def run(args):
    """Classify, report, write."""
    screen = show.console(args)
    _, state = runs.open_run(args.trained)
    names = state.notes["labels"]
    x, y = _unlabelled(args, state) if args.unlabelled else _labelled(args, state)
    if args.samples is not None:
        if not 1 <= args.samples <= len(x):
            raise BepError(f"There are {len(x)} samples; --samples must be 1 to {len(x)}, not {args.samples}.")
        x, y = x[: args.samples], None if y is None else y[: args.samples]
    bits = restore(state.notes["binariser"])(x)
    with open_target(args.target, state, core=args.core, simulator=args.sim) as target:
        target.load(state.best_state or state.state)
        prediction = target.infer(bits)
    record = {"samples": len(x), "network": str(state.network), "run": args.trained}
    if y is not None:
        record["accuracy"] = float(np.mean(prediction == y))
        screen.print(f"accuracy [bold]{show.percent(record['accuracy'])}[/bold] on {len(x)} samples")
        screen.print(_per_class(names, prediction, y))
    else:
        screen.print(f"{len(x)} samples classified")
    if args.out:
        _write(args.out, names, prediction, y)
        record["predictions"] = args.out
        screen.print(f"predictions in {args.out}")
    elif y is None:
        screen.print(" ".join(names[p] for p in prediction[:50]) + (" …" if len(x) > 50 else ""), markup=False)
    show.emit(args, record)


def _labelled(args, state):
    """Features and labels, the labels numbered as the network numbers its classes."""
    settings, label = Settings.from_dict(state.notes["settings"]), args.label
    if args.data is None and label is None:
        label = settings.label
    name = args.data or settings.data
    # Where training stretched series of unequal length, these are stretched to the same length.
    points = state.notes.get("points")
    dataset = data.load(name, args.data_dir or settings.data_dir, label=label, points=points)
    usual = "test" if dataset.own_test or str(Path(name).resolve()) == settings.data else "all"
    part = args.part or usual
    parts = ("train", "test") if part == "all" else (part,)
    x = np.concatenate([getattr(dataset, f"x_{part}") for part in parts])
    y = np.concatenate([getattr(dataset, f"y_{part}") for part in parts])
    names = state.notes["labels"]
    unknown = [name for name in dataset.labels if name not in names]
    if unknown:
        raise BepError(f"{dataset.source} has a class {unknown[0]!r}, which the network was not trained on.")
    return x, np.array([names.index(name) for name in dataset.labels])[y]


def _unlabelled(args, state):
    if args.data is None or args.part or args.label:
        raise BepError("--unlabelled needs --data with a .csv or .npz file, and neither --part nor --label.")
    path = Path(args.data)
    if path.suffix == ".npz":
        found = read_npz(path)
        if "x" not in found or found["x"].ndim < 2 or found["x"].dtype.kind not in "buif":
            raise BepError(f"{path} must hold an array x of numbers, one sample a row.")
        return found["x"].reshape(len(found["x"]), -1), None
    return read_samples(path, restore(state.notes["binariser"]).features), None


def _per_class(names, prediction, y):
    listing = show.table(None, "class", "samples", "right", "most often taken for", numbers=("samples", "right"))
    for index, name in enumerate(names):
        mine = prediction[y == index]
        if not len(mine):
            continue
        wrong = mine[mine != index]
        other = "" if not len(wrong) else names[int(np.bincount(wrong).argmax())]
        listing.add_row(name, str(len(mine)), show.percent(float(np.mean(mine == index))), other)
    return listing


def _write(path, names, prediction, y):
    columns = ["sample", "prediction"] + ([] if y is None else ["label"])
    rows = [
        [number, names[p]] + ([] if y is None else [names[y[number - 1]]])
        for number, p in enumerate(prediction, start=1)
    ]
    runs.write_csv(path, rows, columns)
