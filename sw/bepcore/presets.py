"""Where the settings of a new run come from: the preset of its data, changed by what the user gave."""

import dataclasses
import os
from pathlib import Path

from bepsw.errors import BepError

from .options import core_of, given
from .settings import Settings

__all__ = ["DEFAULT_DATA", "LOCAL", "PRESETS", "SEQUENCES", "from_arguments", "preset"]

PRESETS = {
    # 49 152 hidden weights: what an ECP5-25F holds at 8 bits. Chosen by validation accuracy over six seeds.
    "digits": {
        "levels": 4,
        "hidden": (128, 128),
        "gamma": (32, 16),
        "r": 0.8,
        "nu": 0.2,
        "batch": 20,
        "epochs": 40,
        "validation": 0.2,
    },
    "mnist": {"levels": 3, "gamma": (51, 51), "r": 0.4, "nu": 1.0, "epochs": 60, "validation": 10_000},
    # Fits an ECP5-25F; chosen by validation accuracy.
    "mnist-14x14": {
        "levels": 2,
        "hidden": (96, 96),
        "gamma": (24, 24),
        "gate": False,
        "epochs": 40,
        "validation": 10_000,
    },
    "fashion-mnist": {"gamma": (51, 51), "p_r": 0.2, "spread": 2, "epochs": 40, "validation": 10_000},
    "random-prototypes": {
        "hidden": (525, 525),
        "gamma": (35, 105),
        "r": 0.7,
        "nu": 1.0,
        "p_r": 0.2,
        "batch": 200,
        "epochs": 25,
        "validation": 1_000,
    },
}
"""Settings that differ from the defaults for data that is known; the command line overrides them one by one."""

LOCAL = {
    # A margin at every layer: with that of BEP, 0.5, half of all samples still train where most are known.
    "fashion-mnist": {"r": 0.2},
}
"""What the rule local changes in `PRESETS`."""

SEQUENCES = {
    # 28 rows of an image: a winner takes 28 steps at once, so that W has to turn slowly, over wide counters that sweeps
    # hold off zero, to be looked at after every sample, and at last in few rows. docs/sequences.md has what was tried.
    "mnist": {
        "window": 28,
        "levels": 3,
        "expand": 510,
        "hidden": (1800,),
        "gamma": (15,),
        "bits": 16,
        "spread": 1024,
        "symmetric": True,
        "r": 0.2,
        "nu": 0.042,
        "p_r": 1.0,
        "online": True,
        "batch": 20,
        "epochs": 40,
        "patience": 1,
        "validation": 10_000,
    },
}
"""As `PRESETS`, for data taken as sequences."""


DEFAULT_DATA = "digits"

_THERMOMETER = 8
"""Bits of a thermometer when none are named."""


def preset(data, samples=60_000, features=784, task="vector", rule="bep"):
    """Default `Settings` for a data set: by its name, or else by the number of its training samples and features.

    Few samples want small batches and many epochs, few features a thermometer; these are rules of thumb. Of a
    sequence, `features` are the channels of a point; every step is expanded, because input of few bits would be drowned
    by the state, and the gate is wide, because what it stops on each step back never reaches the first ones. The named
    presets are those of multi-layer perceptrons.
    """
    if data in PRESETS and task == "vector":
        local = LOCAL.get(data, {}) if rule == "local" else {}
        return Settings(data=data, **PRESETS[data] | local)
    if data in SEQUENCES and task == "sequence":
        return Settings(data=data, task=task, **SEQUENCES[data])
    size = {"batch": min(100, max(10, samples // 50)), "epochs": min(200, max(30, 100_000 // samples))}
    if task == "sequence":
        return Settings(data=data, task=task, levels=10 if features < 16 else 1, expand=255, nu=0.2, **size)
    return Settings(data=data, levels=1 if features >= 256 else 4, **size)


def from_arguments(args, dataset):
    """`Settings` of a new run on a loaded `Dataset`: the preset of the data, changed by what the user gave.

    Raises
    ------
    BepError
        When arguments contradict each other or make no sense.
    """
    name = args.data or DEFAULT_DATA
    if os.path.exists(name) and name not in PRESETS:
        name = str(Path(name).resolve())
    changes = given(args, [field.name for field in dataclasses.fields(Settings) if field.name != "data"])
    if "hidden" in changes:
        changes.setdefault("gamma", None)
    if args.data_dir is not None:
        changes["data_dir"] = str(Path(args.data_dir).resolve())
    changes.setdefault("lanes", core_of(args.core).lanes)
    samples, features = dataset.x_train.shape
    if args.task == "sequence":
        features //= dataset.shape[0]
    base = preset(name, samples, features, args.task or "vector", args.rule or "bep")
    changes["levels"] = _levels(args, base.levels)
    settings = dataclasses.replace(base, **changes)
    if "theta" in changes and settings.select != "threshold":
        raise BepError("--theta is the threshold of --select threshold; add that or leave --theta out.")
    return settings


def _levels(args, usual):
    bits = args.thermometer
    if args.binarise == "median" and bits not in (None, 1):
        raise BepError("A median threshold gives one bit a feature; leave out --thermometer or --binarise median.")
    if args.binarise == "median":
        return 1
    if bits is not None:
        return bits
    return _THERMOMETER if args.binarise == "thermometer" and usual == 1 else usual
