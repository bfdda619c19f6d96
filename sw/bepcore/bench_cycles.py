"""`bepcore bench cycles`: clock cycles a training sample takes on a core, from the exact cycle model and real triggers.

The golden model trains; which samples trigger, and with how many winners, then decides the cycles. No simulation runs
here: every co-simulation asserts that the model's cycles are those of the hardware.
"""

import dataclasses

from bepsw import data
from bepsw.cycles import CycleModel
from bepsw.errors import BepError
from bepsw.fit import epoch_order
from bepsw.golden import FastModel
from bepsw.run import new_run
from bepsw.spec import thresholds

from . import options, runs, show
from .prepare import prepare
from .presets import from_arguments

__all__ = ["add_arguments", "run"]

_DATA = "fashion-mnist"
_COLUMNS = (
    *("epoch", "triggered", "cycles a sample", "passes", "walks", "waiting", "updates", "sweep", "W port", "H port"),
    *("over roofline", "samples/s"),
)
_OVERRIDES = ("segments", "slots", "threads", "contexts", "lanes", "weight_words", "hidden_words")


def add_arguments(parser):
    """Arguments of `bepcore bench cycles`."""
    options.add_data(parser, default=_DATA)
    options.add_network(parser)
    options.add_rule(parser)
    group = parser.add_argument_group("core")
    group.add_argument("--core", metavar=options.CORE, default="reference", help="core (default: reference)")
    for name in _OVERRIDES:
        group.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=f"{name} of the core")
    group.add_argument("--epochs", type=int, default=3, metavar="N", help="epochs to train and count (default: 3)")
    group.add_argument("--mhz", type=float, default=100.0, help="clock for the samples a second (default: 100)")
    group.add_argument("--out", metavar="FILE", help="write the JSON record here too")


def run(args):
    """Train in the golden model, count the cycles of every epoch, print where they go.

    The W port serves passes and walks and waits the rest of the time; beside it the H port serves updates and sweeps.
    """
    if args.epochs < 1:
        raise BepError(f"--epochs must be at least 1, not {args.epochs}.")
    name = args.data or _DATA
    args.data, epochs, args.epochs = name, args.epochs, None
    dataset = data.load(name, args.data_dir, label=args.label)
    settings = from_arguments(args, dataset)
    core = options.core_of(args.core, bits=settings.bits, **options.given(args, _OVERRIDES))
    settings = dataclasses.replace(settings, lanes=core.lanes)
    prepared = prepare(settings, dataset)
    network, training = prepared.network, settings.training()
    cycles = CycleModel(network, core, training, thresholds(network, training))
    state = new_run(network, training, lanes=core.lanes, notes={})
    model = FastModel(network, training, state.prototypes, lanes=core.lanes)
    screen = show.console(args)
    table = show.table(
        f"{network} on {name}, batch {training.batch}; {core.width} W lanes in {core.segments} segments, "
        f"{core.threads} samples interleaved",
        *_COLUMNS,
        numbers=_COLUMNS[1:],
    )
    rows, error = [], 1.0
    with show.progress(screen, unit="epochs") as bars:
        task = bars.add_task("counting", total=epochs, note="")
        for epoch in range(epochs):
            row, error = _epoch(model, cycles, prepared.train, training, epoch, error, args.mhz)
            rows.append(row)
            bars.update(task, completed=epoch + 1)
            table.add_row(str(epoch + 1), show.percent(row["trigger_rate"]), *_numbers(row))
    screen.print(table)
    use = cycles.run([False] * 1000, [[0] * network.layers] * 1000, train=False)
    inference = use.cycles / 1000
    screen.print(
        f"inference {inference:.1f} cycles a sample: {args.mhz * 1e6 / inference:,.0f} samples/s at {args.mhz:g} MHz"
    )
    record = {
        "network": str(network),
        "data": name,
        "batch": training.batch,
        "core": core.as_dict(),
        "mhz": args.mhz,
        "epochs": rows,
        "inference_cycles": inference,
    }
    if args.out:
        runs.write_json(args.out, record)
    show.emit(args, record)


def _epoch(model, cycles, train, training, epoch, error, mhz):
    """Train one epoch and count its cycles: the row, and the training error for the next one."""
    model.configure(thresholds(model.network, training, error=error))
    order = epoch_order(training.seed, epoch, len(train))
    results = model.train(train.bits[order], train.labels[order], close=True)
    use = cycles.run(model.layer_triggers, model.winner_counts, close=True)
    count = len(train)
    row = {
        "trigger_rate": float(results.triggered.mean()),
        "cycles": use.cycles / count,
        "passes": use.forward / count,
        "walks": use.walk / count,
        "waiting": (use.cycles - use.forward - use.walk) / count,
        "updates": use.update / count,
        "sweep": use.sweep / count,
        "weight_port": (use.forward + use.walk) / use.cycles,
        "hidden_port": (use.update + use.sweep) / use.cycles,
        "over_roofline": use.cycles / use.roofline,
        "samples_per_second": mhz * 1e6 * count / use.cycles,
    }
    return row, float((results.prediction != train.labels[order]).mean())


def _numbers(row):
    counts = (f"{row[name]:.1f}" for name in ("cycles", "passes", "walks", "waiting", "updates", "sweep"))
    ports = (f"{100 * row[name]:.0f} %" for name in ("weight_port", "hidden_port"))
    return (*counts, *ports, f"{row['over_roofline']:.2f} ×", f"{row['samples_per_second']:,.0f}")
