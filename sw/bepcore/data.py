"""`bepcore data`: which data sets there are, what is in one, and fetching those that are published."""

import numpy as np

from bepsw import data
from bepsw.data.fetch import SOURCES, fetch
from bepsw.data.images import find_folder

from . import show

__all__ = ["add_arguments", "run"]

_SHADES = " .:-=+*#%@"


def add_arguments(parser):
    """Arguments of `bepcore data`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(parser))
    for name, words in (
        ("list", "the data sets that have a name"),
        ("show", "shapes, classes and one sample of a data set"),
        ("fetch", "download a data set from its public source"),
    ):
        action = actions.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        action.add_argument("--data-dir", metavar="FOLDER", help="folder to look in first, or to fetch into")
        action.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
        if name != "list":
            known = "|".join(SOURCES) if name == "fetch" else "a name, or a .csv, .npz, .ts file or idx folder"
            action.add_argument("name", metavar="DATA", help=known)
        if name == "show":
            action.add_argument("--label", metavar="COLUMN", help="label column of a .csv (default: the last)")


def run(args):
    """Do what `args.action` says."""
    {"list": _list, "show": _show, "fetch": _fetch}[args.action](args)


def _list(args):
    listing = show.table(None, "name", "what", "here")
    found = {}
    for name, words in data.NAMES.items():
        place = "yes" if name not in SOURCES else find_folder(name, args.data_dir)
        found[name] = place is not None
        listing.add_row(name, words, str(place or f"no: bepcore data fetch {name}"))
    for name, path in data.series_files(args.data_dir).items():
        found[name] = True
        listing.add_row(name, "UCR time series", str(path))
    screen = show.console(args)
    screen.print(listing)
    screen.print("Your own .csv, .npz, .ts file, or folder of four idx files, goes by its path.")
    show.emit(args, found)


def _show(args):
    dataset = data.load(args.name, args.data_dir, label=args.label)
    screen = show.console(args)
    screen.print(f"{dataset.name}: {dataset.source}")
    screen.print(
        f"{len(dataset.x_train)} training and {len(dataset.x_test)} test samples of "
        f"{'×'.join(map(str, dataset.shape))} features, {dataset.classes} classes"
    )
    counts = show.table(None, "class", "training", "test", numbers=("training", "test"))
    train, test = (np.bincount(y, minlength=dataset.classes) for y in (dataset.y_train, dataset.y_test))
    for label, *numbers in zip(dataset.labels, train, test, strict=True):
        counts.add_row(label, *map(str, numbers))
    screen.print(counts)
    if len(dataset.shape) == 2 and min(dataset.shape) > 1:
        screen.print(f"The first training sample, of class {dataset.labels[dataset.y_train[0]]}:")
        for line in _picture(dataset.x_train[0].reshape(dataset.shape)):
            screen.print(line, markup=False)
    show.emit(
        args,
        {
            "name": dataset.name,
            "source": dataset.source,
            "training_samples": len(dataset.x_train),
            "test_samples": len(dataset.x_test),
            "features": dataset.x_train.shape[1],
            "shape": list(dataset.shape),
            "classes": list(dataset.labels),
        },
    )


def _picture(image):
    low, high = float(image.min()), float(image.max())
    steps = ((image - low) / ((high - low) or 1) * (len(_SHADES) - 1)).astype(int)
    return ["".join(_SHADES[step] * 2 for step in row).rstrip() for row in steps]


def _fetch(args):
    screen = show.console(args)
    with show.progress(screen, unit="bytes") as bars:
        tasks = {}

        def tick(file, done, total):
            if file not in tasks:
                tasks[file] = bars.add_task(file, note="")
            bars.update(tasks[file], completed=done, total=total)

        folder = fetch(args.name, folder=args.data_dir, progress=tick)
    screen.print(f"{args.name} is in {folder}, checksums right.")
    show.emit(args, {"name": args.name, "folder": str(folder)})
