"""From a rule to steps: what every stage does with a placed network, before it is cut to the fields of a core.

    BEP          forward   layer 1 … layer L, classifier
                 backward  L … 2: walk and scan; 1: scan
    BEP, rarely  backward  L … 2: walk; 1 … L: scan, because random words are drawn from the first layer on
    local        forward   layer 1, classifier 1, layer 2, classifier 2, …
                 backward  1 … L: scan, each layer with a* from its own prototypes
    BEP-TT       as BEP, layer 1 unrolled in time (`unroll`)

A rule is nothing but its tables: another order of these steps, or another source of a*, needs no other hardware.
"""

from . import unroll
from .network import MAX_LAYERS
from .training import MAX_RARITY

__all__ = ["DESIRED_ROWS", "steps_of"]

DESIRED_ROWS = 8
"""Desired activations that a core of every rule keeps of a sample, a power of two: one row for each hidden layer, and
two for the steps of a recurrent one."""


def steps_of(layout, thresholds):
    """{table: [step, …]}, each step with the fields of a core of every rule (`bepsw.program.fields`)."""
    depth = range(len(layout.layers))
    if thresholds.margins:
        forward = [(index, classifier) for index in depth for classifier in (False, True)]
        backward = [_backward_step(layout, index, thresholds) for index in depth]
    else:
        forward = [*((index, False) for index in depth), (depth[-1], True)]
        walk = [index for index in reversed(depth) if index]
        if thresholds.rarity:
            backward = [_backward_step(layout, index, thresholds, walk=True, scan=False) for index in walk]
            backward += [_backward_step(layout, index, thresholds) for index in depth]
        else:
            backward = [_backward_step(layout, index, thresholds, walk=index > 0) for index in reversed(depth)]
    steps = [
        (_classifier_step if classifier else _layer_step)(layout, index, thresholds) for index, classifier in forward
    ]
    hidden = [_hidden_step(layout, index, thresholds) for index in depth]
    if layout.unrolled:
        _unroll(layout, steps, backward, hidden)
    backward[-1]["last"] = 1
    steps[-1]["last"] = 1
    first = layout.layers[0]
    return {
        "input": [{"segments": layout.input_segments, "starts": _starts(first), "operand": first.segments}],
        "forward": [step | {"layer": number} for number, step in enumerate(steps)],
        "backward": backward,
        "hidden": hidden,
    }


def _unroll(layout, steps, backward, hidden):
    """Put the rows of the time steps, in place, where layer 1 has its step."""
    for step in steps[1:]:
        step["half"] = (step["half"] + layout.unrolled.steps - 1) % 2
    above, steps[0]["out_starts"] = steps[0]["out_starts"], _starts(layout.layers[0])
    steps[:1] = unroll.forward(steps[0], above, layout)
    at = next(number for number, step in enumerate(backward) if step["layer"] == 0)
    backward[at : at + 1] = unroll.backward(backward[at], layout, (DESIRED_ROWS - 2, DESIRED_ROWS - 1))
    hidden[0] = unroll.hidden(hidden[0], layout)


def _starts(matrix):
    """Mask of the segments at which a row slot begins: where an operand's first segment is copied to."""
    return sum(1 << (slot * matrix.segments) for slot in range(matrix.rows_per_word))


def _pass(matrix):
    """What every pass over a matrix needs."""
    return {
        "last": 0,
        "weight_base": matrix.weight_base, "words": matrix.words, "words_per_row": matrix.words_per_row,
        "full_segments": matrix.full_segments, "last_segments": matrix.last_segments,
        "rows": matrix.rows_per_word, "last_rows": matrix.last_rows, "fan_in": matrix.fan_in,
        "beat_base": matrix.beat_base, "store_base": matrix.store_base,
        "repeat": 1, "feeds": 0, "copies": 0, "copy_base": 0, "offset": 0,
    }  # fmt: skip


def _layer_step(layout, index, thresholds):
    matrix = layout.layers[index]
    # Its classifier and the layer above read the same operand, and their rows are equally long.
    above = layout.layers[index + 1] if index + 1 < len(layout.layers) else layout.classifier
    return _pass(matrix) | {
        "classifier": 0, "from_input": index == 0, "out_starts": _starts(above),
        "half": index % 2, "margin": 0, "learns": 0,
    }  # fmt: skip


def _classifier_step(layout, index, thresholds):
    local = bool(thresholds.margins)
    return _pass(layout.classifiers[index if local else 0]) | {
        "classifier": 1, "from_input": 0, "out_starts": 0,
        "half": (index + 1) % 2,
        "margin": thresholds.margins[index] if local else thresholds.margin,
        "learns": 1 << index if local else (1 << MAX_LAYERS) - 1,
    }  # fmt: skip


def _backward_step(layout, index, thresholds, *, walk=False, scan=True):
    matrix = layout.layers[index]
    local = bool(thresholds.margins)
    from_prototype = local or index == len(layout.layers) - 1
    group = 1 if thresholds.select else thresholds.groups[index]
    terms = matrix.fan_in * (layout.unrolled.steps if layout.unrolled and index == 0 else 1)
    return {
        "last": 0, "from_prototype": from_prototype, "walk": walk, "layer": index,
        "beats": matrix.beats, "beat_base": matrix.beat_base,
        "rows": matrix.rows_per_word, "last_rows": matrix.last_rows,
        "group": group, "group_step": matrix.rows_per_word % group, "gate": thresholds.gates[index],
        "weight_base": matrix.weight_base, "words_per_row": matrix.words_per_row,
        "full_segments": matrix.full_segments, "last_segments": matrix.last_segments,
        "scan": scan,
        "select": 1 + min(thresholds.select[index] if thresholds.select else terms, terms),
        "push": 1 + min(thresholds.push[index], terms) if thresholds.push else 0,
        "prototype_base": layout.prototype_bases[index if local else 0] if from_prototype else 0,
        "desired_row": index, "sent_row": index - 1 if walk else 0,
        "repeat": 1, "recurrent": 0, "fresh": 0, "offset": 0, "first_chunk": 0, "first_segment": 0,
        "first_segments": matrix.full_segments if matrix.words_per_row > 1 else matrix.last_segments,
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
        "rare": thresholds.rarity > 0, "rate": 1 << (MAX_RARITY - thresholds.rarity) if thresholds.rarity else 0,
        "timed": 0, "repeat": 1, "pad": 0, "beats": 0,
    }  # fmt: skip
