"""`bepcore verify`: co-simulate the hardware against the golden model on real samples; exit 1 on any difference."""

import dataclasses
import resource
import time
from functools import partial

from bepsw import data
from bepsw.errors import BepError
from bepsw.fit import FitData
from bepsw.golden import FastModel
from bepsw.permutation import hardware_order
from bepsw.program import compile_program
from bepsw.run import new_run
from bepsw.spec import thresholds

from . import options, show
from .prepare import prepare
from .presets import DEFAULT_DATA, from_arguments

__all__ = ["add_arguments", "run"]

_DEFAULT_SAMPLES = 500


def add_arguments(parser):
    """Arguments of `bepcore verify`."""
    options.add_data(parser)
    options.add_network(parser)
    options.add_rule(parser)
    options.add_simulator(parser)
    group = parser.add_argument_group("comparison")
    group.add_argument("--epochs", type=int, default=1, metavar="N", help="passes over the samples (default: 1)")
    group.add_argument("--state-every", type=int, default=1, metavar="N", help="compare all weights every N batches")
    group.add_argument("--stepwise", action="store_true", help="compare all weights after every sample")
    options.add_order(group, ("as they are given", "replayed from a memory by the hardware"))
    group.add_argument("--waves", metavar="FILE", help="write waveforms to this file (slow)")
    group.add_argument("--json", action="store_true", help="end with one JSON object on stdout")


def run(args):
    """Co-simulate and compare; returns 1 on a difference."""
    # Imported late: the help text needs neither Amaranth nor a simulator.
    from bepsim.scoreboard import Mismatch, Scoreboard
    from bepsim.stored import open_replaying
    from bepsim.target import open_simulated

    for name in ("epochs", "state_every"):
        if getattr(args, name) < 1:
            raise BepError(f"--{name.replace('_', '-')} must be at least 1, not {getattr(args, name)}.")
    dataset = data.load(args.data or DEFAULT_DATA, args.data_dir, label=args.label)
    epochs, args.epochs = args.epochs, None
    settings = from_arguments(args, dataset)
    core = options.core_of(args.core, bits=settings.bits)
    settings = dataclasses.replace(settings, lanes=core.lanes)
    if settings.samples is None:
        settings = dataclasses.replace(settings, samples=_default_samples(dataset, settings))
    prepared = prepare(settings, dataset)
    network = prepared.network
    compile_program(network, core, thresholds(network, settings.training()))  # refuse before minutes of building
    state = new_run(network, settings.training(), lanes=core.lanes, **settings.start)
    stored = settings.order == "hardware"
    opened = partial(open_replaying, data=_only_training(prepared)) if stored else open_simulated
    screen = show.console(args)
    bits, labels = prepared.train.bits, prepared.train.labels
    screen.print(f"{dataset.name}: {len(bits)} samples, network {network}, core {args.core} on {args.sim}")
    screen.print("generating and compiling the core (minutes the first time, then kept) …")
    began, difference = time.perf_counter(), None
    with opened(state, core, simulator=args.sim, waves=args.waves) as driver:
        built = _children_seconds()
        model = FastModel(network, settings.training(), state.prototypes, lanes=core.lanes)
        started = time.perf_counter()
        try:
            board = Scoreboard(driver, model, timed=not stored, state_every=args.state_every)
            with show.progress(screen, unit="samples") as bars:
                task = bars.add_task("comparing", total=epochs * len(bits), note="")
                for epoch in range(epochs):
                    order = slice(None)
                    if stored:
                        driver.begin(epoch)
                        order = hardware_order(settings.seed, epoch, len(bits))
                    moved = lambda n, e=epoch: bars.update(task, completed=e * len(bits) + n)  # noqa: E731
                    _epoch(board, args, bits[order], labels[order], moved)
            board.infer(prepared.test.bits[:_DEFAULT_SAMPLES])
        except Mismatch as mismatch:
            difference = str(mismatch)
        seconds, simulated = time.perf_counter() - started, driver.transport.cycle()
    simulating = _children_seconds() - built  # the simulator has ended
    record = {
        "identical": difference is None,
        "difference": difference,
        **(dataclasses.asdict(board.report) if difference is None else {}),
        "data": settings.data,
        "network": str(network),
        "order": settings.order,
        "core": args.core,
        "simulator": args.sim,
        "seconds": round(seconds, 1),
        "seconds_with_build": round(time.perf_counter() - began, 1),
        "simulated_cycles": simulated,
        "simulator_cpu_seconds": round(simulating, 1),
    }
    _conclude(screen, record)
    show.emit(args, record)
    return 0 if difference is None else 1


def _only_training(prepared):
    """What lies in the memory."""
    part, none = prepared.train, slice(0)
    return FitData(part.bits, part.labels, part.bits[none], part.labels[none])


def _children_seconds():
    """CPU seconds of all programs that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _epoch(board, args, bits, labels, progress):
    if not args.stepwise:
        board.train(bits, labels, progress=progress)
        return
    for index in range(len(bits)):
        board.train_stepwise(bits[index : index + 1], labels[index : index + 1])
        progress(index + 1)


def _default_samples(dataset, settings):
    """Some hundreds, but not more than there are."""
    held = settings.validation if settings.validation >= 1 else settings.validation * len(dataset.x_train)
    return min(_DEFAULT_SAMPLES, len(dataset.x_train) - int(held) - 1)


def _conclude(screen, record):
    if not record["identical"]:
        screen.print(f"[bold red]different[/bold red]: {record['difference']}")
        return
    per_sample = record["cycles"] / record["timed"] if record["timed"] else 0
    screen.print(
        f"compared {record['results']} predictions (with margins and trigger flags while training), {record['states']} "
        f"times the whole state: {record['weights']} counters k and as many W bits, the generator, all event counters"
    )
    if record["timed"]:
        screen.print(
            f"compared the cycle of {record['timed']} results with the cycle model: {record['cycles']} cycles in all, "
            f"{per_sample:.1f} a sample"
        )
    rate = record["simulated_cycles"] / max(record["simulator_cpu_seconds"], 0.1) / 1000
    screen.print(
        f"{record['simulated_cycles']} cycles simulated, reading the state included: {rate:.0f} thousand a CPU second"
    )
    screen.print(f"[bold green]identical[/bold green] ({record['seconds']} s)")
