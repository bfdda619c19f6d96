"""A `Run` in a file: one `.npz` with the arrays and, inside it, the rest as JSON.

It is written under a temporary name in the same folder, flushed to the disk and then renamed, so that there is a
whole checkpoint under its name at every moment: the old one or the new one.

    meta                                   JSON text as uint8
    prototypes                             bool (C, K_L); prototypes_1 … prototypes_L with a local rule
    state_hidden_1 …, state_weights_1 …, state_generator        the `State` where the run stands
    best_hidden_1 …, best_weights_1 …, best_generator           the `State` of the best epoch, if there is one
"""

import json
import os
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .errors import BepError
from .golden.base import check_classifiers, check_state
from .permutation import ORDERS
from .run import EpochMetrics, Progress, Run
from .spec import Network, Training
from .target import State

__all__ = ["VERSION", "load_checkpoint", "save_checkpoint"]

VERSION = 1
_KIND = "bepcore checkpoint"


def save_checkpoint(path, run):
    """Write `run` to `path`, or raise a `BepError` and leave what was there."""
    path = Path(path)
    arrays = {"meta": np.frombuffer(json.dumps(_meta(run)).encode(), dtype=np.uint8)}
    if run.training.local:
        arrays.update({f"prototypes_{layer}": p for layer, p in enumerate(run.prototypes, start=1)})
    else:
        arrays["prototypes"] = run.prototypes
    _put_state(arrays, "state", run.state)
    if run.best_state is not None:
        _put_state(arrays, "best", run.best_state)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with open(temporary, "wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        kept = "; the previous one is intact" if path.is_file() else ""
        raise BepError(f"The checkpoint {path} could not be written ({error.strerror or error}){kept}.") from error


def load_checkpoint(path, network=None):
    """The `Run` in `path`.

    Parameters
    ----------
    network : Network, optional
        The network that it must be of.

    Raises
    ------
    BepError
        When the file is missing, incomplete, of another version or of another network.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            arrays = {name: arrays[name] for name in arrays.files}
        meta = json.loads(arrays["meta"].tobytes())
        if meta["kind"] != _KIND:
            raise ValueError(meta["kind"])
        version = meta["version"]
    except OSError as error:
        raise BepError(f"The checkpoint {path} could not be read ({error.strerror or error}).") from error
    except _BROKEN as error:
        raise BepError(_broken(path)) from error
    if version != VERSION:
        raise BepError(f"The checkpoint {path} has format {version}, this version reads format {VERSION}.")
    try:
        run = _run(meta, arrays)
    except _BROKEN as error:
        raise BepError(_broken(path)) from error
    if network is not None and run.network != network:
        raise BepError(f"The checkpoint {path} is of {_describe(run.network)}, not of {_describe(network)}.")
    return run


_BROKEN = (ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def _broken(path):
    return f"{path} is not a complete checkpoint; start the run anew or use a copy that is whole."


def _describe(network):
    return f"a network {network} with {network.classes} classes and {network.bits} bits"


def _meta(run):
    return {
        "kind": _KIND,
        "version": VERSION,
        "network": asdict(run.network),
        "training": asdict(run.training),
        "lanes": run.lanes,
        "patience": run.patience,
        "pending": run.state.pending,
        "progress": asdict(run.progress),
        "order": run.order,
        "data_digest": run.data_digest,
        "notes": run.notes,
    }


def _run(meta, arrays):
    network, training = Network(**meta["network"]), Training(**meta["training"])
    training.check(network)
    progress = Progress(**meta["progress"])
    progress.groups = tuple(progress.groups)
    progress.metrics = [EpochMetrics(**{**row, "gamma": tuple(row["gamma"])}) for row in progress.metrics]
    run = Run(
        network=network,
        training=training,
        lanes=meta["lanes"],
        prototypes=_take_prototypes(arrays, network, training),
        patience=meta["patience"],
        state=_take_state(arrays, "state", network, meta["pending"]),
        progress=progress,
        best_state=_take_state(arrays, "best", network, 0) if "best_generator" in arrays else None,
        order=meta.get("order", "host"),  # files of before had no other
        data_digest=meta["data_digest"],
        notes=meta["notes"],
    )
    if run.order not in ORDERS:
        raise ValueError(run.order)
    for state in filter(None, (run.state, run.best_state)):
        check_state(state, network, training, run.lanes)
    return run


def _take_prototypes(arrays, network, training):
    if training.local:
        found = tuple(arrays[f"prototypes_{layer}"] for layer in range(1, network.layers + 1))
    else:
        found = arrays["prototypes"]
    if any(p.dtype != bool for p in (found if training.local else (found,))):
        raise ValueError("prototypes")
    check_classifiers(found, network, training)
    return found


def _put_state(arrays, name, state):
    for layer, (hidden, weights) in enumerate(zip(state.hidden, state.weights, strict=True), start=1):
        arrays[f"{name}_hidden_{layer}"] = hidden
        arrays[f"{name}_weights_{layer}"] = np.packbits(weights, axis=1)
    arrays[f"{name}_generator"] = state.generator


def _take_state(arrays, name, network, pending):
    layers = range(1, network.layers + 1)
    return State(
        hidden=tuple(arrays[f"{name}_hidden_{layer}"] for layer in layers),
        weights=tuple(
            np.unpackbits(arrays[f"{name}_weights_{layer}"], axis=1, count=network.fan_ins[layer - 1]).astype(bool)
            for layer in layers
        ),
        generator=arrays[f"{name}_generator"],
        pending=pending,
    )
