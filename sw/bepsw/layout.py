"""Where a network lies in a core: rows per word, words, beats, base addresses; and whether it fits.

A row of K bits takes s = ⌈K/g⌉ segments. If s ≤ S a W word holds R = min(slots, S // s) rows; if not, a row
spans ⌈s/S⌉ words. A *beat* is the rows that complete together: R rows of one word, or one row of several.
"""

from dataclasses import dataclass

from .errors import BepError

__all__ = ["Layout", "Matrix", "place"]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """One weight matrix in the core (a trained layer or the classifier). All counts, no bytes.

    rows, fan_in : its shape.
    segments : s, segments of a row.
    rows_per_word : R.
    words_per_row : W words that a row spans.
    weight_base, hidden_base, beat_base, store_base : first W word, H word, pre-activation word of a sample,
        hidden-activation segment of a sample.
    lanes, plane_segments : g and S of the core.
    """

    rows: int
    fan_in: int
    segments: int
    rows_per_word: int
    words_per_row: int
    weight_base: int
    hidden_base: int
    beat_base: int
    store_base: int
    lanes: int
    plane_segments: int

    @property
    def beats(self):
        return -(-self.rows // self.rows_per_word)

    @property
    def words(self):
        return self.beats * self.words_per_row

    @property
    def hidden_words(self):
        return self.rows * self.segments

    @property
    def last_rows(self):
        """Rows in the last beat."""
        return self.rows - (self.beats - 1) * self.rows_per_word

    @property
    def full_segments(self):
        """Segments that a row fills in each of its words but the last."""
        return min(self.segments, self.plane_segments)

    @property
    def last_segments(self):
        """Segments that a row fills in its last word."""
        return self.segments - (self.words_per_row - 1) * self.plane_segments

    @property
    def tail(self):
        """Used lanes of a row's last segment."""
        return self.fan_in - (self.segments - 1) * self.lanes

    def place_of(self, row, segment):
        """(W word, segment position in it) of one segment of one row."""
        if self.words_per_row == 1:
            beat, slot = divmod(row, self.rows_per_word)
            return self.weight_base + beat, slot * self.segments + segment
        word, position = divmod(segment, self.plane_segments)
        return self.weight_base + row * self.words_per_row + word, position


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A network placed in a core.

    layers : [0] is layer 1. classifiers : of the last layer, or with a local rule of every layer.
    prototype_bases : first segment of each classifier's prototypes in a row of prototype memory; even.
    input_segments : of a sample.
    """

    layers: tuple[Matrix, ...]
    classifiers: tuple[Matrix, ...]
    prototype_bases: tuple[int, ...]
    input_segments: int

    @property
    def classifier(self):
        """Of the last layer."""
        return self.classifiers[-1]


def place(network, core, *, local=False):
    """Place `network` in `core`; `local` with a classifier for every layer.

    Raises
    ------
    BepError
        One sentence: what does not fit, and which parameter would make it fit.
    """

    def need(name, wanted, what):
        if wanted > getattr(core, name):
            raise BepError(
                f"{network} with {network.classes} classes does not fit this core: {what} needs {name} >= {wanted}, "
                f"and the core has {getattr(core, name)}."
            )

    if network.bits != core.bits:
        raise BepError(
            f"The network has {network.bits} bits per hidden weight and the core {core.bits}; build it with bits = "
            f"{network.bits}."
        )
    need("classes", network.classes, "the classifier")
    need("max_width", max(network.widths[1:]), "the widest layer")
    need("max_fan_in", max(network.widths), "the largest fan-in")
    need("steps", network.layers * 2 if local else network.layers + 1, "the depth")
    weight = hidden = beat = store = 0
    matrices = []
    shapes = list(zip(network.widths[1:], network.widths[:-1], strict=True))
    judged = network.widths[1:] if local else network.widths[-1:]
    for rows, fan_in in [*shapes, *((network.classes, width) for width in judged)]:
        segments = -(-fan_in // core.lanes)
        spanning = segments > core.segments
        matrix = Matrix(
            rows=rows,
            fan_in=fan_in,
            segments=segments,
            rows_per_word=1 if spanning else min(core.slots, core.segments // segments),
            words_per_row=-(-segments // core.segments),
            weight_base=weight,
            hidden_base=hidden,
            beat_base=beat,
            store_base=store,
            lanes=core.lanes,
            plane_segments=core.segments,
        )
        matrices.append(matrix)
        weight += matrix.words
        need("operand_words", matrix.words_per_row, f"a row of {fan_in} inputs")
        if len(matrices) <= network.layers:
            hidden += matrix.hidden_words
            beat += matrix.beats
            store += -(-rows // core.lanes)
            need("prototype_segments", -(-rows // core.lanes), f"a layer of {rows} units")
    need("weight_words", weight, "the W plane")
    need("hidden_words", hidden, "the H bank")
    need("beats", beat, "the pre-activation memory")
    need("store_segments", max(store, matrices[0].segments), "the activation store")
    # Rows of prototypes begin in the even one of two banks.
    lengths = [2 * -(-width // (2 * core.lanes)) for width in judged]
    if local:
        need("prototype_segments", sum(lengths), "a classifier of every layer")
    return Layout(
        layers=tuple(matrices[: network.layers]),
        classifiers=tuple(matrices[network.layers :]),
        prototype_bases=tuple(sum(lengths[:index]) for index in range(len(lengths))),
        input_segments=matrices[0].segments,
    )
