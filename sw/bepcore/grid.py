"""The grammar of `bepcore sweep --set`: settings with several values, and all their combinations.

    --set gamma=15,51        two values; one value per layer is written 15/51, as in --set gamma=15,15/51
    --set r=0.3,0.5          with the line above: four combinations
    --set online=true,false

A key is an option of `bepcore train` without its dashes, and a value is checked as that option checks it.
"""

import copy
import itertools

from bepsw.errors import BepError

from . import options
from .cli import Parser

__all__ = ["combinations"]

_NOT_SWEPT = ("seed", "help")


def combinations(args, texts):
    """All combinations of the swept values, each as the arguments of a training.

    Parameters
    ----------
    args : Namespace
        What is the same in all of them.
    texts : list of str
        "KEY=VALUE,VALUE", in the order of the columns; the last one varies fastest.

    Returns
    -------
    list of (dict, Namespace)
        The swept values as text, and the arguments.

    Raises
    ------
    BepError
        On an unknown key, no values, a key or value named twice, a key that is fixed by an option too.
    SystemExit
        On a value that its option does not take; status 2, after the sentence of the option.
    """
    parser = Parser(prog="bepcore sweep", allow_abbrev=False)
    options.add_settings(parser)
    # The private list is the only place where a parser keeps the names of its options.
    known = {action.dest: action for action in parser._actions if action.dest not in _NOT_SWEPT}
    axes = {}
    for text in texts:
        key, values = _axis(text, known)
        if key in axes:
            raise BepError(f"{key} is swept twice; name all its values in one --set.")
        if getattr(args, key, None) is not None:
            raise BepError(f"{key} is both fixed by --{key.replace('_', '-')} and swept; leave one of them out.")
        axes[key] = values
    made = []
    for values in itertools.product(*axes.values()):
        one = copy.copy(args)
        for key, value in zip(axes, values, strict=True):
            setattr(one, key, _parsed(parser, known[key], value))
        made.append((dict(zip(axes, values, strict=True)), one))
    return made


def _axis(text, known):
    key, equals, values = text.partition("=")
    key = key.strip().lstrip("-").replace("-", "_")
    if key == "seed":
        raise BepError("Seeds are swept with --seeds, as in --seeds 0,1,2.")
    if key not in known:
        raise BepError(f"There is no setting {key!r} to sweep; known are {', '.join(known)}.")
    values = [value.strip() for value in values.split(",")] if equals else []
    if not values or "" in values:
        raise BepError(f"--set {text} names no values; write them as --set {key}=VALUE,VALUE.")
    if len(set(values)) < len(values):
        raise BepError(f"--set {text} names a value twice.")
    return key, values


def _parsed(parser, action, value):
    """The value as the option reads it."""
    option = action.option_strings[-1]
    if action.nargs != 0:
        return getattr(parser.parse_args([f"{option}={value}"]), action.dest)
    if value not in ("true", "false"):
        parser.error(f"argument {option}: {value!r} is neither true nor false")
    return value == "true"
