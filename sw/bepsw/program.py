"""The step tables: what the stages of the core do, compiled from a network by the host, read by the hardware.

Four tables, one per stage. `input` says how a sample is laid out; `forward` has one step per matrix (layers,
then the classifier); `backward` one per layer from the last to the first; `hidden` one per layer for the update
and the sweep. A step holds every constant the stage needs, so the hardware never multiplies a geometry out.
Fields and their widths stand here once: the hardware builds its layouts, and the host its words, from `fields`.
"""

from dataclasses import dataclass

from .errors import BepError
from .layout import place
from .spec import REINFORCE_BITS

__all__ = ["TABLES", "Program", "compile_program", "encode", "fields", "row_bits"]

TABLES = ("input", "forward", "backward", "hidden")


def _bits(maximum):
    """Bits that hold 0 … maximum."""
    return max(1, int(maximum).bit_length())


def fields(core):
    """Fields of every table, {table: {field: bits}}, for a core. Counts that are never 0 are stored as they are.

    input: segments of a sample; starts, a mask with a one at the first segment of every row slot of layer 1.
    forward: see `_forward_step`; backward: `_backward_step`; hidden: `_hidden_step`.
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
    return {
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


def _starts(matrix):
    """Mask of the segments at which a row slot begins: where an operand's first segment is copied to."""
    return sum(1 << (slot * matrix.segments) for slot in range(matrix.rows_per_word))


def _forward_step(layout, index):
    matrices = [*layout.layers, layout.classifier]
    matrix, last = matrices[index], index == len(layout.layers)
    return {
        "last": last, "classifier": last, "from_input": index == 0, "layer": index,
        "weight_base": matrix.weight_base, "words": matrix.words, "words_per_row": matrix.words_per_row,
        "full_segments": matrix.full_segments, "last_segments": matrix.last_segments,
        "rows": matrix.rows_per_word, "last_rows": matrix.last_rows, "fan_in": matrix.fan_in,
        "beat_base": matrix.beat_base, "store_base": matrix.store_base,
        "out_starts": 0 if last else _starts(matrices[index + 1]),
    }  # fmt: skip


def _backward_step(layout, index, thresholds):
    matrix = layout.layers[index]
    group = thresholds.groups[index]
    return {
        "last": index == 0, "from_prototype": index == len(layout.layers) - 1, "walk": index > 0, "layer": index,
        "beats": matrix.beats, "beat_base": matrix.beat_base,
        "rows": matrix.rows_per_word, "last_rows": matrix.last_rows,
        "group": group, "group_step": matrix.rows_per_word % group, "gate": thresholds.gates[index],
        "weight_base": matrix.weight_base, "words_per_row": matrix.words_per_row,
        "full_segments": matrix.full_segments, "last_segments": matrix.last_segments,
    }  # fmt: skip


def _hidden_step(layout, index, thresholds):
    matrix = layout.layers[index]
    return {
        "last": index == len(layout.layers) - 1, "from_input": index == 0,
        "store_base": 0 if index == 0 else layout.layers[index - 1].store_base,
        "hidden_base": matrix.hidden_base, "words": matrix.hidden_words, "segments": matrix.segments,
        "beat_stride": matrix.rows_per_word * matrix.segments, "rows": matrix.rows_per_word,
        "weight_base": matrix.weight_base, "words_per_row": matrix.words_per_row,
        "single": matrix.segments == 1, "spans": matrix.words_per_row > 1,
        "tail": matrix.tail, "threshold": thresholds.reinforce[index],
    }  # fmt: skip


def _refuse_what_no_core_does(network, thresholds):
    asked = {
        "recurrent networks": network.steps,
        "the local rules": thresholds.margins,
        "threshold selection": thresholds.select,
        "rare updates": thresholds.rarity,
    }
    for what, wanted in asked.items():
        if wanted:
            raise BepError(f"No core trains with {what} yet; use the golden model for that.")


def compile_program(network, core, thresholds):
    """BEP for an MLP as step tables.

    Raises
    ------
    BepError
        The network does not fit the core, or the core does not know how to train it as the thresholds say.
    """
    _refuse_what_no_core_does(network, thresholds)
    layout = place(network, core)
    depth = network.layers
    return Program(
        tables={
            "input": [{"segments": layout.input_segments, "starts": _starts(layout.layers[0])}],
            "forward": [_forward_step(layout, index) for index in range(depth + 1)],
            "backward": [_backward_step(layout, index, thresholds) for index in reversed(range(depth))],
            "hidden": [_hidden_step(layout, index, thresholds) for index in range(depth)],
        },
        layout=layout,
    )
