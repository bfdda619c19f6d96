"""`bepcore bench golden`: training samples a second of the golden model, beside two things to hold it against."""

from bepsw.errors import BepError
from bepsw.golden.bench import REFERENCE_NETWORK, REFERENCE_TRAINING, bench

from . import show
from .prepare import prepare
from .presets import preset

__all__ = ["add_arguments", "run"]

_WHAT = {
    "numba": "fast model on packed words",
    "numpy": "fast model on matrix products",
    "step": "stepping model, the reference",
    "float32": "the same matrix products in float32, nothing else",
}


def add_arguments(parser):
    """Arguments of `bepcore bench golden`."""
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="time for each model (default: 3)")
    parser.add_argument("--data", metavar="DATA", help="named data; noisy prototypes when left out")
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder to look for named data in first")


def run(args):
    """Measure and print."""
    screen = show.console(args)
    network, training, data = REFERENCE_NETWORK, REFERENCE_TRAINING, {}
    if args.data:
        settings = preset(args.data)
        prepared = prepare(_with_folder(settings, args.data_dir))
        network, training = prepared.network, settings.training()
        data = {"bits": prepared.train.bits[:10_000], "labels": prepared.train.labels[:10_000]}
    elif args.data_dir:
        raise BepError("--data-dir needs --data.")
    record = bench(network, training, seconds=args.seconds, **data)
    rates = record["samples_per_second"]
    listing = show.table(
        f"{network}, batch {training.batch}, {show.percent(record['trigger_rate'])} triggered, "
        f"data: {args.data or 'noisy prototypes'}",
        "model",
        "samples/s",
        "of float32",
        "what",
        numbers=("samples/s", "of float32"),
    )
    for name, rate in sorted(rates.items(), key=lambda item: -item[1]):
        listing.add_row(name, f"{rate:,.0f}", f"{rate / rates['float32']:.2f} ×", _WHAT[name])
    screen.print(listing)
    screen.print(
        f"{record['engine']} is {record['ratio']['fast_to_step']:.0f} times as fast as the stepping model and "
        f"{record['ratio']['fast_to_float32']:.1f} times as fast as float32 matrix products."
    )
    show.emit(args, {**record, "data": args.data or "noisy prototypes"})


def _with_folder(settings, folder):
    return settings if folder is None else type(settings).from_dict({**settings.as_dict(), "data_dir": folder})
