"""A network and how it trains, told on the command line without data: what speeds are worked out for."""

from bepsw.errors import BepError
from bepsw.estimate.rate import cycles, inference_cycles
from bepsw.spec import Network

from . import options
from .settings import Settings

__all__ = ["add_arguments", "check", "network", "rates", "training"]

_CLASSES = 10


def add_arguments(parser):
    """--network and its training; --classes and --bits are parameters of the core as well."""
    parser.add_argument("--network", metavar="K-K-K", help="widths from the input on, such as 784-255-255")
    group = parser.add_argument_group("training")
    group.add_argument("--batch", type=int, default=100, metavar="N", help="samples per mini-batch (default: 100)")
    group.add_argument("--online", action="store_true", help="update W after every sample")
    group.add_argument("--gamma", type=options.sizes, metavar="G,G", help="group sizes, one a layer or one for all")
    group.add_argument(
        "--trigger-rate", type=float, default=0.4, metavar="SHARE", help="samples that train (default: 0.4)"
    )


def check(args):
    """Refuse a share that is none."""
    if not 0 <= args.trigger_rate <= 1:
        raise BepError(f"--trigger-rate must be a share from 0 to 1, not {args.trigger_rate:g}.")


def network(args, bits):
    """The `Network` of --network."""
    try:
        widths = tuple(int(width) for width in args.network.split("-"))
    except ValueError:
        raise BepError(f"{args.network!r} is not a network; write its widths such as 784-255-255.") from None
    return Network(widths=widths, classes=_CLASSES if args.classes is None else args.classes, bits=bits)


def training(args, network):
    """The `Training` of `network`."""
    settings = Settings(hidden=network.widths[1:], gamma=args.gamma, batch=args.batch, online=args.online)
    training = settings.training()
    training.check(network)
    return training


def rates(args, core, mhz):
    """Samples a second of --network on `core` at `mhz`, and the cycles behind them, as plain values."""
    model = network(args, core.bits)
    how = training(args, model)
    trained, inferred = cycles(model, core, how, args.trigger_rate), inference_cycles(model, core, how)
    return {
        "network": args.network,
        "cycles": round(trained.training, 1),
        "inference_cycles": round(inferred, 1),
        "training_rate": round(mhz * 1e6 / trained.training),
        "inference_rate": round(mhz * 1e6 / inferred),
    }
