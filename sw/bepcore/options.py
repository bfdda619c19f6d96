"""Arguments that several commands share, and how their text is read."""

import argparse
import dataclasses
import re

from bepsw.core import Core, preset
from bepsw.errors import BepError
from bepsw.permutation import ORDERS
from bepsw.spec import RULES, SELECTIONS

__all__ = [
    *("PARAMETERS", "add_data", "add_network", "add_order", "add_parameters", "add_rule", "add_schedule"),
    *("add_settings", "add_simulator", "chosen", "core_from", "core_of", "given", "sizes"),
]

CORE = "PRESET[,PARAMETER=N]"
"""How a core is named where its parameters have no arguments of their own."""

PARAMETERS = tuple(field.name for field in dataclasses.fields(Core))
"""Core parameters, where each has an argument of its own."""


def sizes(text):
    """A list of whole numbers, "255,255" or "255/255", as a tuple."""
    try:
        return tuple(int(part) for part in re.split("[,/]", text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers such as 255,255") from None


def add_data(parser, default="digits"):
    """--data and what goes with reading and binarising it. A default of None means: as the data's preset says."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data", metavar="DATA", help=f"a name, a .csv, .npz, .ts file or idx folder (default: {default})"
    )
    group.add_argument("--data-dir", metavar="FOLDER", help="folder to look for named data in first")
    group.add_argument("--label", metavar="COLUMN", help="label column of a .csv: name or number (default: the last)")
    group.add_argument("--task", choices=("vector", "sequence"), help="a sample is a vector or a sequence of them")
    group.add_argument("--window", type=int, metavar="T", help="cut a sequence into T time steps (default: 8)")
    group.add_argument("--samples", type=int, metavar="N", help="train on N of the training samples only")
    group.add_argument("--validation", type=float, metavar="SHARE", help="validation share, or from 1 on a count")
    group.add_argument("--binarise", choices=("median", "thermometer"), help="features to bits")
    group.add_argument("--thermometer", type=int, metavar="N", help="thermometer of N bits a feature")
    group.add_argument("--expand", type=int, metavar="N", help="expand to N random signs of sums, a step; 0 for none")


def add_network(parser):
    """--hidden and --bits."""
    group = parser.add_argument_group("network")
    group.add_argument("--hidden", type=sizes, metavar="K,K", help="widths of the hidden layers")
    group.add_argument("--bits", type=int, metavar="B", help="bits of a hidden-weight counter (default: 8)")
    group.add_argument("--spread", type=int, metavar="N", help="initial counters from −N to N−1, a power of two")
    group.add_argument("--symmetric", action="store_true", default=None, help="start with W_ss as its own transpose")


def add_rule(parser):
    """The settings of the learning rule."""
    group = parser.add_argument_group("learning")
    group.add_argument("--rule", choices=RULES, help="learning rule (default: bep)")
    group.add_argument("--batch", type=int, metavar="N", help="samples per mini-batch")
    group.add_argument(
        "--online", action="store_true", default=None, help="update W after every sample; reinforce every --batch"
    )
    group.add_argument("--r", type=float, help="margin below which a sample trains, in widths of the last layer")
    group.add_argument("--nu", type=float, help="gate: |z| up to NU × fan-in is sent back")
    group.add_argument("--no-gate", dest="gate", action="store_const", const=False, help="send every row back")
    group.add_argument("--gamma", type=sizes, metavar="G,G", help="group sizes, one a layer or one for all")
    group.add_argument("--select", choices=SELECTIONS, help="update the weakest wrong unit a group, or all below THETA")
    group.add_argument("--theta", type=float, help="threshold of --select threshold, in roots of the fan-in (0.25)")
    group.add_argument(
        "--push", type=float, metavar="PHI", help="update correct units below PHI as well (default: off)"
    )
    group.add_argument("--rarity", type=int, metavar="N", help="take a step of an update once in 2^N times, N up to 8")
    group.add_argument("--p-r", type=float, metavar="P", help="reinforcement strength, 0 for off")
    group.add_argument("--seed", type=int, metavar="N", help="seed of everything random (default: 0)")


def add_schedule(parser):
    """How long to train, in which order, and the lanes whose random bits are used."""
    group = parser.add_argument_group("schedule")
    group.add_argument("--epochs", type=int, metavar="N", help="epochs in all")
    group.add_argument("--patience", type=int, metavar="N", help="grow the groups after N epochs without gain")
    add_order(group)
    group.add_argument("--lanes", type=int, metavar="N", help="lanes of the core whose random bits are used")


def add_order(group, texts=("the host's", "that in which a board replays them from its memory")):
    """--order; `texts` say what the two are."""
    group.add_argument(
        "--order", choices=ORDERS, help=f"order of the samples in an epoch: {', or '.join(texts)} (default: host)"
    )


def add_settings(parser):
    """Every argument that becomes a setting, for commands that train in the golden model only."""
    for add in (add_data, add_network, add_rule, add_schedule):
        add(parser)
    parser.set_defaults(core="small")


def add_simulator(parser, core="small"):
    """--sim and --core."""
    group = parser.add_argument_group("core")
    group.add_argument("--sim", choices=("verilator", "icarus"), default="verilator", help="simulator")
    group.add_argument(
        "--core", metavar=CORE, default=core, help=f"core that trains (default: {core}); small,rules=1 for every rule"
    )


def add_parameters(parser, title="parameters that differ from the preset (see bepsw.core.Core)", notes=None):
    """An argument for every core parameter; `notes` are help texts, {parameter: text}."""
    group = parser.add_argument_group(title)
    for name in PARAMETERS:
        group.add_argument(f"--{name.replace('_', '-')}", type=int, metavar="N", help=(notes or {}).get(name))


def core_from(args, name):
    """The preset `name`, changed by what `add_parameters` added."""
    return preset(name, **given(args, PARAMETERS))


def core_of(text, **changes):
    """The `Core` that `text` names, "small" or "small,rules=1,steps=12", with `changes` on top.

    Raises
    ------
    BepError
        Unknown preset or parameter, or parameters that make no sense.
    """
    name, *parameters = text.split(",")
    core, asked = preset(name), {}
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key not in core.as_dict() or not value.strip().isdecimal():
            raise BepError(
                f"{parameter!r} is no parameter of a core; write --core {name},PARAMETER=N, the parameters being "
                f"{', '.join(core.as_dict())}."
            )
        asked[key] = int(value)
    return preset(name, **asked | changes)


def chosen(args, cases, kind="case"):
    """{name: case} of what --only names; of all `cases`, a dict as well, where it names none.

    Raises
    ------
    BepError
        There is no such case.
    """
    for name in args.only or ():
        if name not in cases:
            raise BepError(f"There is no {kind} {name!r}; the {kind}s are {', '.join(cases)}.")
    return {name: cases[name] for name in args.only or cases}


def given(args, names):
    """{name: value} of the arguments that the user gave."""
    return {name: getattr(args, name) for name in names if getattr(args, name, None) is not None}
