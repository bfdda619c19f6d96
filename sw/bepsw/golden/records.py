"""What `packed` hands to the `kernels`: named tuples of arrays and numbers, and the columns of the geometry table."""

from collections import namedtuple

__all__ = [
    *("FAN_IN", "ROWS", "WORDS_IN", "WORDS_OUT", "HIDDEN", "PLANE", "TURNED", "ROW", "WORD_IN", "WORD_OUT"),
    *("BIT_IN", "SCORER", "PROTOTYPE", "Limits", "Net", "Trained", "Work"),
]

# columns of the geometry table, one row per layer; the last two say where its classifier lies, −1 for none
FAN_IN, ROWS, WORDS_IN, WORDS_OUT = 0, 1, 2, 3
HIDDEN, PLANE, TURNED, ROW, WORD_IN, WORD_OUT, BIT_IN, SCORER, PROTOTYPE = 4, 5, 6, 7, 8, 9, 10, 11, 12

Net = namedtuple("Net", "geometry steps lanes batch online local prototypes scorers low high")
"""What stays: the classifiers one behind the other, prototypes uint8 (C, K_l) and scorers uint64 (⌈K_l/64⌉, C); low
and high of the counters; the rest as in `Network` and `Training`."""

Trained = namedtuple("Trained", "hidden plane turned changed bank")
"""What training changes, in the layout of `packed`; changed: rows whose W may differ from the sign of k."""

Limits = namedtuple("Limits", "margins gates groups reinforce by_threshold select push rarity")
"""`Thresholds` as int64 arrays (L,); with bep all margins are R, and without push every φ is −1."""

Work = namedtuple(
    "Work",
    "flags words z wanted wanted_words keys winners scores hits open allowed sums padded mask ups "
    "tape_inputs tape_z tape_wanted",
)
"""Scratch: activations of all layers as flags and as words, the same for a*, z, and what the kernels name."""
