"""The time steps of a recurrent layer: three rows of a table, for t = 1, for all t between, and for t = T.

The row between is taken T − 2 times, a *turn* each. From turn to turn pre-activations lie one behind the other in the
z memory, operands in the hidden store, and copies of x_{t+1} go on where the last ones stopped; backward the same
downwards. The halves of the operand store, and two rows of desired activations, alternate.
"""

__all__ = ["HIDDEN_LATENCY", "backward", "forward", "hidden"]

HIDDEN_LATENCY = 8
"""Cycles from the issue of an H word until another issue of it sees what the first one left."""


def _rows(steps, first, middle, last):
    """The rows that there are: the one at the end alone, or first and last, and what repeats between them."""
    if steps == 1:
        return [last]
    return [first, middle | {"repeat": steps - 2}, last] if steps > 2 else [first, last]


def forward(step, above, layout):
    """Rows of the forward table; `step` is that of a feed-forward layer over [x ; s], `above` its `out_starts`.

    Every step but the last fills the operand of the next one: `copies` segments of x_{t+1}, from `copy_base` of the
    input store on, and behind them its own outputs, from lane `offset` on.
    """
    unrolled, beats, starts = layout.unrolled, layout.layers[0].beats, step["out_starts"]
    steps, segments = unrolled.steps, unrolled.segments
    feeding = {
        "out_starts": starts, "feeds": 1, "copies": unrolled.copies, "offset": unrolled.offset, "copy_base": segments,
        "store_base": 0,
    }  # fmt: skip
    first = step | feeding
    middle = first | {
        "from_input": 0, "half": 1, "beat_base": beats, "copy_base": segments + unrolled.copies, "store_base": segments,
    }  # fmt: skip
    last = step | {
        "out_starts": above, "from_input": steps == 1, "half": (steps - 1) % 2, "beat_base": (steps - 1) * beats,
    }  # fmt: skip
    return _rows(steps, first, middle, last)


def backward(step, layout, rows):
    """Rows of the backward table; `step` is that of a feed-forward layer 1, `rows` two rows of desired activations.

    Every step adds to u; all but that of t = 1 walk to the state columns of W_1, that of t = 1 looks for winners. What
    a walk sends back begins at lane `offset` of its first segment, as the state does in an operand.
    """
    unrolled, matrix = layout.unrolled, layout.layers[0]
    steps, beats, one, other = unrolled.steps, matrix.beats, *rows
    chunk, segment = divmod(unrolled.full, matrix.plane_segments) if matrix.words_per_row > 1 else (0, unrolled.full)
    final = chunk == matrix.words_per_row - 1
    step = step | {
        "recurrent": 1,
        "first_chunk": chunk,
        "first_segment": segment,
        "first_segments": (matrix.last_segments if final else matrix.full_segments) - segment,
    }
    first = step | {"walk": 1, "scan": 0, "fresh": 1, "beat_base": (steps - 1) * beats, "sent_row": one}
    middle = first | {
        "fresh": 0, "from_prototype": 0, "prototype_base": 0, "offset": unrolled.offset,
        "beat_base": (steps - 2) * beats, "desired_row": one, "sent_row": other,
    }  # fmt: skip
    last = step if steps == 1 else middle | {"walk": 0, "scan": 1, "beat_base": 0, "desired_row": rows[steps % 2]}
    return _rows(steps, first, middle, last | {"fresh": steps == 1})


def hidden(step, layout):
    """The row of the hidden table: a winner's H words are stepped T times, `pad` cycles apart where they are few."""
    unrolled = layout.unrolled
    pad = max(0, HIDDEN_LATENCY - unrolled.segments)
    return step | {
        "timed": unrolled.steps > 1, "repeat": unrolled.steps, "pad": pad, "beats": layout.layers[0].beats,
    }  # fmt: skip
