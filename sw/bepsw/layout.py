"""Where a network lies in a core: rows per word, words, beats, base addresses; and whether it fits.

A row of K bits takes s = ⌈K/g⌉ segments. If s ≤ S a W word holds R = min(slots, S // s) rows; if not, a row
spans ⌈s/S⌉ words. A *beat* is the rows that complete together: R rows of one word, or one row of several.

A recurrent layer keeps the pre-activations and the operands of all its T steps. A sample is then sent as the whole
operand of the first step, [x_1 ; s_0], and after it x_2 … x_T, each from a new segment on.
"""

from dataclasses import dataclass

from .errors import BepError

__all__ = ["Layout", "Matrix", "Unrolled", "place"]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """One weight matrix in the core (a trained layer or the classifier). All counts, no bytes.

    rows, fan_in : its shape.
    segments : s, segments of a row.
    rows_per_word : R.
    words_per_row : W words that a row spans.
    weight_base, hidden_base, beat_base, store_base : first W word, H word, pre-activation word of a sample,
        hidden-activation segment of a sample; store_base of a recurrent layer is that of s_T.
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
class Unrolled:
    """The T steps of a recurrent layer 1.

    steps : T.
    inputs, state : K_x and K_s.
    segments : of an operand [x_t ; s_{t−1}].
    full : of them, those that hold nothing but input bits.
    copies : segments of x_t, ⌈K_x/g⌉.
    offset : lane of segment `full` at which the state begins, K_x mod g.
    """

    steps: int
    inputs: int
    state: int
    segments: int
    full: int
    copies: int
    offset: int

    @property
    def sample_segments(self):
        """Segments of a sample: [x_1 ; s_0], then x_2 … x_T."""
        return self.segments + (self.steps - 1) * self.copies

    @property
    def stored_segments(self):
        """Segments of the operands of the steps 2 … T."""
        return (self.steps - 1) * self.segments


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A network placed in a core.

    layers : [0] is layer 1. classifiers : of the last layer, or with a local rule of every layer.
    prototype_bases : first segment of each classifier's prototypes in a row of prototype memory; even.
    input_segments : of a sample. unrolled : `Unrolled` of a recurrent layer 1, or None.
    """

    layers: tuple[Matrix, ...]
    classifiers: tuple[Matrix, ...]
    prototype_bases: tuple[int, ...]
    input_segments: int
    unrolled: Unrolled | None = None

    @property
    def classifier(self):
        """Of the last layer."""
        return self.classifiers[-1]

    @property
    def beats(self):
        """Pre-activation words of a sample."""
        again = (self.unrolled.steps - 1) * self.layers[0].beats if self.unrolled else 0
        return again + sum(matrix.beats for matrix in self.layers)

    @property
    def store_segments(self):
        """Segments of a sample that are kept: of its input, or of what follows from it, whichever is more."""
        last = self.layers[-1]
        return max(self.input_segments, last.store_base - (-last.rows // last.lanes))


def _unroll(network, lanes):
    if not network.steps:
        return None
    inputs, fan_in = network.widths[0], network.fan_ins[0]
    return Unrolled(
        steps=network.steps, inputs=inputs, state=network.widths[1], segments=-(-fan_in // lanes),
        full=inputs // lanes, copies=-(-inputs // lanes), offset=inputs % lanes,
    )  # fmt: skip


def _depth(network):
    """Rows of the forward table: layers and classifier, and up to three for a recurrent layer."""
    return network.layers + 1 + (min(network.steps, 3) - 1 if network.steps else 0)


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
    unrolled = _unroll(network, core.lanes)
    need("classes", network.classes, "the classifier")
    need("max_width", max(network.widths[1:]), "the widest layer")
    need("max_fan_in", max(*network.fan_ins, network.widths[-1]), "the largest fan-in")
    need("steps", network.layers * 2 if local else _depth(network), "the depth")
    weight = hidden = beat = store = 0
    matrices = []
    judged = network.widths[1:] if local else network.widths[-1:]
    for rows, fan_in in [*network.shapes, *((network.classes, width) for width in judged)]:
        times = network.steps if unrolled and not matrices else 1
        segments = -(-fan_in // core.lanes)
        spanning = segments > core.segments
        store += (times - 1) * segments  # operands of the later steps
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
            beat += times * matrix.beats
            store += -(-rows // core.lanes)
            need("prototype_segments", -(-rows // core.lanes), f"a layer of {rows} units")
    sample = matrices[0].segments
    if unrolled:
        sample = unrolled.sample_segments
        need("prototype_segments", unrolled.segments - unrolled.full, f"a state of {unrolled.state} units")
    need("weight_words", weight, "the W plane")
    need("hidden_words", hidden, "the H bank")
    need("beats", beat, "the pre-activation memory")
    need("store_segments", max(store, sample), "the activation store")
    # Rows of prototypes begin in the even one of two banks.
    lengths = [2 * -(-width // (2 * core.lanes)) for width in judged]
    if local:
        need("prototype_segments", sum(lengths), "a classifier of every layer")
    return Layout(
        layers=tuple(matrices[: network.layers]),
        classifiers=tuple(matrices[network.layers :]),
        prototype_bases=tuple(sum(lengths[:index]) for index in range(len(lengths))),
        input_segments=sample,
        unrolled=unrolled,
    )
