"""`bepcore train`: train a network in the golden model or in a simulated core, in a run folder that can be resumed."""

import dataclasses
import json
import time
from pathlib import Path

import numpy as np

from bepsw import data
from bepsw.errors import BepError, LinkLost
from bepsw.fit import fit

from . import options, runs, show
from .prepare import prepare
from .presets import DEFAULT_DATA, from_arguments
from .settings import Settings
from .targets import SIMULATED, add_target, open_target

__all__ = ["add_arguments", "run"]

_REPLAYED = 20_000  # samples that a board replays at a time: some tenths of a second

_MAY_CHANGE = {"epochs", "data_dir"}
"""Settings that a resumed run may be given anew; any other would make it another run."""


def add_arguments(parser):
    """Arguments of `bepcore train`."""
    parser.epilog = "What is left out follows the data; settings.json in the run folder says what was taken."
    options.add_data(parser)
    options.add_network(parser)
    options.add_rule(parser)
    options.add_schedule(parser)
    group = parser.add_argument_group("run")
    add_target(group, "trains")
    group.add_argument("--out", metavar="RUN", help="run folder (default: the next free runs/DATA-NNN)")
    group.add_argument("--resume", metavar="RUN", help="go on with the run in this folder")
    group.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options.add_simulator(parser)


def run(args):
    """Train, select by validation accuracy, test, and leave everything in the run folder."""
    if args.resume:
        folder, settings, state = _resumed(args)
        _train(args, folder, settings, prepare(settings), state)
        return
    dataset = data.load(args.data or DEFAULT_DATA, args.data_dir, label=args.label)
    settings = from_arguments(args, dataset)
    prepared = prepare(settings, dataset)
    state = prepared.new_run(settings)
    with runs.new_folder(args.out, prepared.dataset.name) as folder:
        runs.write_json(folder / runs.SETTINGS, settings.as_dict())
        _train(args, folder, settings, prepared, state)


def _train(args, folder, settings, prepared, state):
    screen = show.console(args)
    _introduce(screen, settings, prepared, state, folder)
    train, test = prepared.train, prepared.test
    with open_target(args.target, state, core=args.core, simulator=args.sim) as target:
        stores = hasattr(target, "put")
        if settings.order == "hardware":
            screen.print(f"order of the hardware, from {'the memory of the board' if stores else 'the host'}")
        try:
            if stores:
                _put(screen, target, prepared.fit_data)
            with show.EpochBars(screen, settings.epochs, len(train)) as bars:
                # A simulated core takes seconds for a batch: look at the keyboard after each.
                chunk = settings.batch if args.target in SIMULATED else _REPLAYED if stores else None
                path = folder / runs.CHECKPOINT
                fit(target, state, prepared.fit_data, epochs=settings.epochs, path=path, callback=bars, chunk=chunk)
            target.load(state.best_state or state.state)
            accuracy = float(np.mean(target.infer(test.bits) == test.labels))
        except LinkLost as lost:
            if (folder / runs.CHECKPOINT).is_file():
                raise LinkLost(f"{str(lost).rstrip('.')}; go on with: bepcore train --resume {folder}") from None
            raise
        except KeyboardInterrupt:
            if not (folder / runs.CHECKPOINT).is_file():
                raise KeyboardInterrupt("Interrupted before the first checkpoint; nothing was kept.") from None
            _leave(folder, settings, state)
            raise KeyboardInterrupt(
                f"Interrupted in epoch {state.progress.epoch + 1}; go on with: bepcore train --resume {folder}"
            ) from None
    summary = {**_summary(args, settings, state, accuracy, folder), "samples_per_second": bars.rate}
    runs.write_json(folder / "summary.json", summary)
    _leave(folder, settings, state, accuracy)
    _conclude(screen, summary)
    show.emit(args, summary)


def _put(screen, target, data):
    """Write the samples into the memory of a board."""
    samples = len(data.train_labels) + len(data.validation_labels)
    began = time.perf_counter()
    with show.progress(screen, unit="samples") as bars:
        task = bars.add_task("loading", total=samples, note="")
        target.put(data, progress=lambda n: bars.advance(task, n))
    screen.print(f"{samples} samples written into the memory of the board in {time.perf_counter() - began:.1f} s")


def _resumed(args):
    """Folder, settings and state of the run to go on with."""
    folder, state = runs.open_run(args.resume)
    settings = Settings.from_dict(state.notes["settings"])
    _check_folder(folder, settings)
    fresh = options.given(args, ["binarise", "thermometer", "out", *(f.name for f in dataclasses.fields(Settings))])
    for name in fresh:
        if name not in _MAY_CHANGE:
            raise BepError(f"--{name.replace('_', '-')} cannot change in a resumed run; start a new one to change it.")
    if "data_dir" in fresh:
        fresh["data_dir"] = str(Path(fresh["data_dir"]).resolve())
    settings = dataclasses.replace(settings, **fresh)
    state.notes["settings"] = settings.as_dict()
    return folder, settings, state


def _check_folder(folder, settings):
    """Refuse a checkpoint that was put into the folder of another run."""
    path = folder / runs.SETTINGS
    if not path.is_file():
        return
    try:
        asked = Settings.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, OSError):
        raise BepError(f"{path} is damaged; remove it to go on with what the checkpoint says.") from None
    for field in dataclasses.fields(Settings):
        wanted, found = getattr(asked, field.name), getattr(settings, field.name)
        if field.name not in _MAY_CHANGE and wanted != found:
            raise BepError(
                f"The checkpoint in {folder} is of another run: its {field.name} is {found}, "
                f"settings.json says {wanted}."
            )


def _introduce(screen, settings, prepared, state, folder):
    dataset, network = prepared.dataset, state.network
    screen.print(
        f"{dataset.name} ({dataset.source}): {len(prepared.train)} training, {len(prepared.validation)} validation, "
        f"{len(prepared.test)} test samples of {_bits(network)} bits"
    )
    if warning := prepared.binariser.warning():
        screen.print(f"Note: {warning}")
    mode = "online, reinforced every" if settings.online else "batch"
    screen.print(
        f"network {network}, {network.classes} classes, {network.hidden_weights} hidden weights, {network.bits} bits; "
        f"{settings.rule}, gamma {','.join(map(str, state.progress.groups))}, {mode} {settings.batch}"
    )
    if state.progress.epoch or state.progress.sample:
        screen.print(f"Going on in epoch {state.progress.epoch + 1} of {settings.epochs}.")
    screen.print(f"run folder {folder}")


def _bits(network):
    """Bits of a sample, as people read them."""
    return f"{network.steps} steps × {network.widths[0]}" if network.steps else f"{network.inputs}"


def _summary(args, settings, state, test, folder):
    progress = state.progress
    best = progress.metrics[progress.best_epoch] if progress.metrics else None
    return {
        "test_accuracy": test,
        "validation_accuracy": best.validation_accuracy if best else None,
        "train_accuracy": best.train_accuracy if best else None,
        "trigger_rate": best.trigger_rate if best else None,
        "best_epoch": best.epoch + 1 if best else None,
        "epochs": progress.epoch,
        "data": settings.data,
        "network": str(state.network),
        "classes": state.network.classes,
        "bits": state.network.bits,
        "hidden_weights": state.network.hidden_weights,
        "seed": settings.seed,
        "target": args.target,
        "run": str(folder),
    }


def _leave(folder, settings, state, test=None):
    """Write what shows how training went, as far as it went."""
    metrics = state.progress.metrics
    if not metrics:
        return
    runs.write_metrics(folder, metrics)
    # Imported late: an import of a second, needed once.
    from .curve import training_curve

    title = f"{Path(settings.data).stem}, {state.network}, {state.network.bits} bits, seed {settings.seed}"
    training_curve(folder / "curve.png", metrics, title=title, best_epoch=state.progress.best_epoch, test_accuracy=test)


def _conclude(screen, summary):
    speed = f", {show.rate(summary['samples_per_second'])}" if summary["samples_per_second"] else ""
    screen.print(
        f"test accuracy [bold]{show.percent(summary['test_accuracy'])}[/bold], "
        f"validation {show.percent(summary['validation_accuracy'])} "
        f"(epoch {summary['best_epoch']} of {summary['epochs']}{speed})"
    )
