"""`bepcore program`: the step tables that a network and a rule become on a core, for people and for programs.

With a board and a bitstream the command programs the board instead.
"""

import dataclasses
import re

from bepsw.errors import BepError
from bepsw.program import compile_program
from bepsw.spec import REINFORCE_BITS, Network, thresholds

from . import options, program_board, show
from .settings import Settings

__all__ = ["add_arguments", "run"]

_CLASSES = 10


def add_arguments(parser):
    """Arguments of `bepcore program`."""
    parser.add_argument(
        "--network", metavar="K-K-K", default="784-255-255", help="widths from the input on (default: 784-255-255)"
    )
    parser.add_argument("--classes", type=int, default=_CLASSES, metavar="N", help=f"classes (default: {_CLASSES})")
    parser.add_argument("--bits", type=int, metavar="B", help="bits of a hidden-weight counter (default: the core's)")
    parser.add_argument(
        "--core",
        metavar=options.CORE,
        default="reference",
        help="core (default: reference); small,rules=1 for any rule",
    )
    parser.add_argument("--show", action="store_true", help="list every step, not only what the network takes")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on stdout")
    options.add_rule(parser)
    program_board.add_arguments(parser)


def run(args):
    """Compile; print what the network takes, and with --show the steps."""
    if args.board is not None or args.file is not None or args.flash:
        return program_board.run(args)
    core = options.core_of(args.core)
    network = _network(args, core)
    rule = options.given(args, [field.name for field in dataclasses.fields(Settings)])
    training = Settings(data="", **rule | {"hidden": network.widths[1:], "bits": network.bits}).training()
    limits = thresholds(network, training)
    program = compile_program(network, core, limits)
    screen = show.console(args)
    screen.print(f"{network}, {network.classes} classes, trained with {training.rule} on the core {args.core}")
    taken = _taken(program.layout, core)
    listing = show.table("What it takes", "of the core", "taken", "there", numbers=("taken", "there"))
    for name, count in taken.items():
        listing.add_row(name, str(count), str(getattr(core, name)))
    screen.print(listing)
    if args.show:
        for table in (_forward, _backward, _hidden):
            screen.print(table(program))
    show.emit(
        args,
        {
            "network": str(network),
            "classes": network.classes,
            "rule": training.rule,
            "core": core.as_dict(),
            "taken": taken,
            "thresholds": dataclasses.asdict(limits),
            "tables": {
                name: [{field: int(value) for field, value in step.items()} for step in steps]
                for name, steps in program.tables.items()
            },
            "words": {name: [hex(word) for word in words] for name, words in program.words(core).items()},
        },
    )
    return 0


def _network(args, core):
    parts = re.fullmatch(r"(?:(\d+)[x×])?(\d+(?:-\d+)+)", args.network)
    if parts is None:
        raise BepError(f"{args.network!r} is not a network; write its widths such as 784-255-255.")
    widths = tuple(int(width) for width in parts[2].split("-"))
    bits = core.bits if args.bits is None else args.bits
    return Network(widths=widths, classes=args.classes, bits=bits, steps=int(parts[1] or 0))


def _taken(layout, core):
    """Words of each memory that the network takes, by the core parameter that bounds them."""
    matrices = [*layout.layers, *layout.classifiers]
    prototypes = [
        base + matrix.segments for base, matrix in zip(layout.prototype_bases, layout.classifiers, strict=True)
    ]
    if layout.unrolled:
        prototypes.append(layout.unrolled.segments - layout.unrolled.full)
    return {
        "weight_words": max(matrix.weight_base + matrix.words for matrix in matrices),
        "hidden_words": sum(matrix.hidden_words for matrix in layout.layers),
        "beats": layout.beats,
        "store_segments": layout.store_segments,
        "operand_words": max(matrix.words_per_row for matrix in matrices),
        "prototype_segments": max(prototypes),
    }


def _span(first, count):
    return f"{first} … {first + count - 1}"


def _name(program, step):
    """Layer or classifier of a forward step, counted from 1."""
    layout = program.layout
    for name, matrices in (("layer", layout.layers), ("classifier", layout.classifiers)):
        for index, matrix in enumerate(matrices):
            if matrix.weight_base == step["weight_base"]:
                number = index + 1 if name == "layer" else len(layout.layers) - len(layout.classifiers) + index + 1
                return f"{name} {number}"
    return "?"


def _forward(program):
    """One row per pass."""
    columns = ("pass", "of", "reads W words", "rows a word", "words a row", "operand", "then")
    listing = show.table("Forward, for every sample", *columns, numbers=columns[:1])
    for number, step in enumerate(program.tables["forward"]):
        half = f"half {int(step['half'])}" if "half" in step else f"half {number % 2}"
        operand = f"{int(step['fan_in'])} bits, " + ("the sample" if step["from_input"] else half)
        if not step["classifier"]:
            then = f"z to beat {step['beat_base']} on, signs to segment {step['store_base']} on"
            if step.get("feeds"):
                then += f" behind x, {step['copies']} segments from {step['copy_base']} of the sample on"
        else:
            margin = step.get("margin", "R")
            layers = [layer + 1 for layer in range(len(program.layout.layers)) if step.get("learns", -1) >> layer & 1]
            then = f"d < {margin}: {_layers(layers)}" + ("; d and prediction are the result" if step["last"] else "")
        words = _span(step["weight_base"], step["words"])
        listing.add_row(
            str(number),
            _times(_name(program, step), step),
            words,
            str(step["rows"]),
            str(step["words_per_row"]),
            operand,
            then,
        )
    return listing


def _times(name, step):
    repeat = step.get("repeat", 1)
    return name if repeat == 1 else f"{name}, {repeat} times"


def _layers(layers):
    if len(layers) == 1:
        return f"layer {layers[0]} learns"
    return f"layers {layers[0]} to {layers[-1]} learn"


def _backward(program):
    """One row per layer that is scanned or walked through."""
    columns = ("step", "layer", "a*", "who updates", "sends back")
    listing = show.table("Backward, for every sample that triggered", *columns, numbers=columns[:1])
    for number, step in enumerate(program.tables["backward"]):
        source = f"prototype, segment {step.get('prototype_base', 0)} on" if step["from_prototype"] else "sent back"
        above = "s* of the step before" if step.get("recurrent") else f"a* of layer {step['layer']}"
        rows = f"rows with |z| ≤ {step['gate']}, to {above}" if step["walk"] else "–"
        terms = program.layout.layers[step["layer"]].fan_in
        if step.get("recurrent"):
            terms *= program.layout.unrolled.steps
        listing.add_row(str(number), _times(str(step["layer"] + 1), step), source, _chosen(step, terms), rows)
    return listing


def _chosen(step, terms):
    """Which units of a layer update, in words."""
    if not step.get("scan", 1):
        return "–"
    size = "|u|" if step.get("recurrent") else "|z|"
    chosen = "every wrong unit" if step["group"] == 1 else f"weakest wrong unit of every {step['group']}"
    if step.get("select", terms + 1) <= terms:
        chosen += f" with {size} ≤ {step['select'] - 1}"
    if step.get("push"):
        chosen += f", correct ones with {size} ≤ {step['push'] - 1}"
    return chosen


def _hidden(program):
    """One row per layer."""
    columns = ("layer", "H words", "words a row", "last word", "activations", "a step is taken", "reinforced")
    listing = show.table("Update, and sweep at the end of a batch", *columns, numbers=columns[:1])
    for number, step in enumerate(program.tables["hidden"]):
        source = "the sample" if step["from_input"] else f"segment {step['store_base']} on"
        source += f", {step['repeat']} times" if step.get("repeat", 1) > 1 else ""
        taken = f"once in {(1 << 8) // step['rate']}" if step.get("rare") else "always"
        probability = step["threshold"] / (1 << REINFORCE_BITS)
        listing.add_row(
            str(number + 1), _span(step["hidden_base"], step["words"]), str(step["segments"]), f"{step['tail']} lanes",
            source, taken, f"with p = {probability:.2g}",
        )  # fmt: skip
    return listing
