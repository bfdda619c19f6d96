"""The step tables: what the stages of the core do, compiled from a network by the host, read by the hardware.

Four tables, one per stage. `input` says how a sample is laid out; `forward` has one step per matrix (layers and
classifiers); `backward` one per layer that is walked through or whose winners are looked for; `hidden` one per layer
for the update and the sweep. A step holds every constant the stage needs, so the hardware never multiplies a geometry
out. Fields and their widths stand here once: the hardware builds its layouts, and the host its words, from `fields`.
What becomes of a rule stands in `steps`.
"""

from dataclasses import dataclass

from .errors import BepError
from .layout import place
from .spec import MAX_LAYERS, MAX_RARITY, REINFORCE_BITS
from .steps import DESIRED_ROWS, steps_of

__all__ = ["DESIRED_ROWS", "TABLES", "Program", "compile_program", "encode", "fields", "row_bits"]

TABLES = ("input", "forward", "backward", "hidden")


def _bits(maximum):
    """Bits that hold 0 … maximum."""
    return max(1, int(maximum).bit_length())


def fields(core):
    """Fields of every table, {table: {field: bits}}, for a core. Counts that are never 0 are stored as they are.

    input : segments of a sample; starts, a mask with a one at the first segment of every row slot of layer 1.
    forward, backward, hidden : as `steps` fills them in. With `rules` they end in what the other rules need:
    forward : half of the hidden operands that is read, a layer fills the other one; of a classifier its margin R, and
        the layers that learn where d < R, a bit each.
    backward : scan, whether winners are looked for; select, push, one more than the largest |z| of a wrong and of a
        correct unit that can win, 0 for none; prototype_base, first segment in a row of prototypes; desired_row read,
        sent_row written by the walk.
    hidden : rare, whether steps of an update are taken with probability rate / 2^8.
    And of a recurrent layer:
    input : operand, segments of the first operand, the others being x_2 … x_T.
    forward : repeat, turns; feeds, whether `copies` segments of x_{t+1}, from copy_base of the input store on, go
        before the words of a pass; offset, lane of its first segment at which the outputs begin.
    backward : repeat, turns; recurrent, whether it adds to u, fresh, whether u begins; offset, lane at which its
        desired activations begin; first_chunk, first_segment, where the columns to read begin, first_segments of it.
    hidden : timed, T is not 1; repeat, T; pad, cycles between two steps of a row; beats, words of pre-activations.
    """
    segments = _bits(core.operand_words * core.segments)
    position = _bits(core.segments)
    rows = _bits(core.slots)
    weight = _bits(core.weight_words)
    hidden = _bits(core.hidden_words)
    beats = _bits(core.beats)
    units = _bits(core.max_width)
    fan_in = _bits(core.max_fan_in)
    per_row = _bits(core.operand_words)
    store = _bits(core.store_segments)
    layer = _bits(core.steps - 1)
    tables = {
        "input": {"segments": segments, "starts": core.segments},
        "forward": {
            "last": 1, "classifier": 1, "from_input": 1, "layer": layer,
            "weight_base": weight, "words": weight, "words_per_row": per_row,
            "full_segments": position, "last_segments": position,
            "rows": rows, "last_rows": rows, "fan_in": fan_in,
            "beat_base": beats, "store_base": store, "out_starts": core.segments,
        },
        "backward": {
            "last": 1, "from_prototype": 1, "walk": 1, "layer": layer,
            "beats": beats, "beat_base": beats, "rows": rows, "last_rows": rows,
            "group": units, "group_step": units, "gate": fan_in,
            "weight_base": weight, "words_per_row": per_row,
            "full_segments": position, "last_segments": position,
        },
        "hidden": {
            "last": 1, "from_input": 1, "store_base": store,
            "hidden_base": hidden, "words": hidden, "segments": segments, "beat_stride": hidden,
            "rows": rows, "weight_base": weight, "words_per_row": per_row,
            "single": 1, "spans": 1, "tail": _bits(core.lanes), "threshold": REINFORCE_BITS,
        },
    }  # fmt: skip
    if core.rules:
        size, row = core.stability_bits + 1, _bits(DESIRED_ROWS - 1)
        lane = _bits(core.lanes - 1)
        tables["forward"] |= {"half": 1, "margin": units + 1, "learns": MAX_LAYERS}
        tables["backward"] |= {
            "scan": 1, "select": size, "push": size, "prototype_base": _bits(core.prototype_segments - 1),
            "desired_row": row, "sent_row": row,
        }  # fmt: skip
        tables["hidden"] |= {"rare": 1, "rate": MAX_RARITY}
        tables["input"] |= {"segments": max(segments, store), "operand": segments}
        tables["forward"] |= {"repeat": store, "feeds": 1, "copies": store, "copy_base": store, "offset": lane}
        tables["backward"] |= {
            "repeat": store, "recurrent": 1, "fresh": 1, "offset": lane,
            "first_chunk": _bits(core.operand_words - 1), "first_segment": position, "first_segments": position,
        }  # fmt: skip
        tables["hidden"] |= {"timed": 1, "repeat": store, "pad": 3, "beats": beats}
    return tables


def row_bits(core):
    """Bits of one row of every table."""
    return {table: sum(widths.values()) for table, widths in fields(core).items()}


def encode(core, table, step):
    """One step as an integer, first field lowest.

    Raises
    ------
    BepError
        A value does not fit its field: the network was not placed for this core.
    """
    word = shift = 0
    for name, bits in fields(core)[table].items():
        value = int(step[name])
        if not 0 <= value < 1 << bits:
            raise BepError(f"The step table entry {table}.{name} = {value} does not fit {bits} bits of this core.")
        word |= value << shift
        shift += bits
    return word


@dataclass(frozen=True)
class Program:
    """Compiled steps, {table: [step, …]}, each step a dict of field values; and the layout they follow."""

    tables: dict
    layout: object

    def words(self, core):
        """Every table row as an integer: {table: [int, …]}."""
        return {table: [encode(core, table, step) for step in steps] for table, steps in self.tables.items()}


def compile_program(network, core, thresholds):
    """A rule with its options, for a network on a core, as step tables.

    Raises
    ------
    BepError
        The network does not fit the core, or the core does not know how to train it as the thresholds say.
    """
    if not core.rules:
        _refuse_all_but_bep(network, thresholds)
    layout = place(network, core, local=bool(thresholds.margins))
    tables = steps_of(layout, thresholds)
    for table, steps in tables.items():
        if len(steps) > core.steps:
            raise BepError(
                f"{network} does not fit this core: rare updates of that depth need steps >= {len(steps)}, and the "
                f"core has {core.steps}."
            )
        tables[table] = [{name: step[name] for name in fields(core)[table]} for step in steps]
    return Program(tables=tables, layout=layout)


def _refuse_all_but_bep(network, thresholds):
    asked = {
        "recurrent networks": network.steps,
        "the local rules": thresholds.margins,
        "threshold selection": thresholds.select,
        "rare updates": thresholds.rarity,
    }
    for what, wanted in asked.items():
        if wanted:
            raise BepError(
                f"This core trains with plain BEP only; for {what} build it with rules = 1, or simulate "
                "--core small,rules=1."
            )
