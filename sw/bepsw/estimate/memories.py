"""The memories of a core, and what Yosys makes of each on an ECP5: block RAMs or LUT RAM.

The shapes repeat those of the hardware description. The rule is `memory_libmap` of Yosys 0.70 with the ECP5's two
libraries. Every memory of the source says which of the two it wants. Among the shapes of a block RAM (16384×1 …
512×36) it is the one of least cost, where a block RAM costs 128 and a bit of the multiplexer behind memories in a row
1/2; a LUT RAM holds 16×4.
"""

from dataclasses import dataclass
from functools import cache
from itertools import zip_longest

from ..program import DESIRED_ROWS, fields
from ..registers import COUNTERS
from ..spec import MAX_LAYERS
from .sites import index_bits

__all__ = ["Memory", "Use", "hidden_bank", "lut_ram", "memories", "on_block_ram", "stores"]

_DATA_BITS = (1, 2, 4, 9, 18, 36)
_ADDRESS_BITS = 14  # of a block RAM one bit wide
_BYTE = 9
_BLOCK_COST, _MUX_COST = 128, 0.5
_LUT_DEPTH, _LUT_BITS = 16, 4
_DEEPEST = 2048  # words of one memory of the H bank, or of pre-activations
_HIDDEN_GROUP = 18
_EVENT_BITS = 48  # of a counter of events
_ENTRIES, _JOBS = 8, 15  # winner entries and row jobs that wait


@dataclass(frozen=True)
class Use:
    """What a memory becomes: `ebr` block RAMs or `ram` LUT RAM cells; behind them `mux` data bits to choose among
    memories in a row, counted once for every memory but the first."""

    ebr: int = 0
    ram: int = 0
    mux: int = 0


@dataclass(frozen=True)
class Memory:
    """One memory of the source.

    name : path. width, depth : bits and words. style : block or distributed (LUT RAM).
    copies : memories of this shape; their names end in _0, _1, … unless it is None, which is one without a number.
    readers : for every read port the bits of a word that it uses, as (first bit, bits) stretches; () for all.
    """

    name: str
    width: int
    depth: int
    style: str
    copies: int | None = None
    readers: tuple = ((),)

    @property
    def names(self):
        """Paths of all copies."""
        return [self.name] if self.copies is None else [f"{self.name}_{i}" for i in range(self.copies)]

    @property
    def count(self):
        """Memories of this shape."""
        return 1 if self.copies is None else self.copies

    @property
    def use(self):
        """`Use` of each of them."""
        if self.style == "block":  # a copy for every read port
            use = on_block_ram(self.width, self.depth)
            return Use(ebr=use.ebr * len(self.readers), mux=use.mux * len(self.readers))
        return lut_ram(self.width, self.depth, self.readers)


@cache
def on_block_ram(width, depth):
    """`Use` of a memory of `depth` words of `width` bits with one read and one write port in block RAMs."""
    found = []
    for log2, unit in enumerate(_DATA_BITS):
        row = -(-depth // (1 << (_ADDRESS_BITS - log2)))
        byte = min(_BYTE, unit)
        padded = -(-width // byte) * byte
        blocks = -(-row * padded // unit)
        mux = (row - 1) * width
        cost = _BLOCK_COST * blocks + _MUX_COST * (mux + (row if row > 1 else 0))
        found.append((cost, log2, Use(ebr=blocks, mux=mux)))
    return min(found)[2]


@cache
def lut_ram(width, depth, readers=((),)):
    """`Use` of the same in LUT RAM; every read port has a copy, without the cells that nobody reads."""
    row = -(-depth // _LUT_DEPTH)
    cells = 0
    for used in readers:
        nibbles = {bit // _LUT_BITS for first, bits in used or ((0, width),) for bit in range(first, first + bits)}
        cells += len(nibbles)
    mux = (row - 1) * width * len(readers)
    return Use(ram=row * cells, mux=mux)


def memories(core):
    """Every `Memory` of a `Core`."""
    events = Memory("registers.counters.totals", _EVENT_BITS, len(COUNTERS), "distributed")
    return [*stores(core), *_tables(core), *_queues(core), events]


def stores(core):
    """Those of them that hold weights and samples, among them all that become block RAMs."""
    return [*_planes(core), *_stores(core)]


def _planes(core):
    """W plane, H bank, and the counters of the walk."""
    yield Memory("weight_plane.segment", core.lanes, 2 << index_bits(core.weight_words), "block", core.segments)
    yield from hidden_bank(core.lanes, core.bits, core.hidden_words)
    columns = core.max_width.bit_length() * core.lanes
    yield Memory("backward.columns.counters", columns, 8, "distributed", -(-core.segments // 8))


def hidden_bank(lanes, bits, words):
    """Memories of `words` H words of so many counters."""
    deepest = min(_DEEPEST, 1 << index_bits(words))
    full, rest = divmod(words, deepest)
    groups, rest_lanes = divmod(lanes, _HIDDEN_GROUP)
    for bank, depth in enumerate([deepest] * full + [rest] * bool(rest)):
        if groups:
            yield Memory(f"hidden_bank.counters_{bank}", _HIDDEN_GROUP * bits, depth, "block", groups)
        if rest_lanes:
            yield Memory(f"hidden_bank.counters_{bank}_{groups}", rest_lanes * bits, depth, "block")


def _stores(core):
    """Activations, operands, pre-activations, winners, prototypes and desired activations."""
    lanes, pairs = core.lanes, core.prototype_segments // 2
    depth = core.contexts << index_bits(core.store_segments)
    yield Memory("input_store", lanes, depth, "block", readers=((), ()) if core.rules else ((),))
    yield Memory("hidden_store", lanes, depth, "block")
    for name, operands in (("input", core.fronts), ("hidden", 2 * core.threads)):
        words = operands * core.operand_words
        yield Memory(f"forward.{name}_operand.segment", lanes, words, "distributed", core.segments)
    z = core.fronts << index_bits(core.beats)
    deepest = min(_DEEPEST, z)
    yield Memory("backward.z_memory", core.slots * core.z_bits, deepest, "block", z // deepest)
    yield Memory("backward.winners", winners_bits(core), core.winner_banks << index_bits(core.beats), "block")
    yield Memory("backward.desired.prototype", lanes, core.classes * pairs, "block", 2)
    if core.rules:
        yield Memory("backward.desired.desired", lanes, DESIRED_ROWS * pairs, "block", 2)
        sums = core.slots * (core.stability_bits + 1)
        yield Memory("backward.stability.sums", sums, 1 << max(1, index_bits(core.beats) - 1), "block")
        yield Memory("backward.history", core.slots, core.winner_banks << index_bits(core.beats), "block")
    else:
        yield Memory("backward.desired.desired", lanes, 2 * pairs, "distributed", 2)


_READERS = {
    "forward": (
        ("words", "words_per_row", "from_input", "weight_base"),
        ("full_segments", "last_segments"),
        ("classifier", "rows", "last_rows", "fan_in", "beat_base", "store_base", "out_starts"),
    ),
    "backward": ((),),
    "hidden": (
        ("store_base", "segments", "single", "spans", "tail", "threshold", "from_input"),
        ("beat_stride", "segments", "words_per_row", "hidden_base", "weight_base", "spans"),
        ("rows", "words", "hidden_base", "weight_base", "segments", "words_per_row", "last"),
    ),
}
"""Fields that each reader of a step table uses; () for all."""

_MORE_READERS = {
    "forward": (
        ("half", "classifier", "last", "repeat", "feeds", "copies", "copy_base"),
        (),
        ("offset",),
        ("last", "margin", "learns"),
    ),
    "backward": ((),),
    "hidden": (("rare", "rate", "timed", "repeat", "pad", "beats"), (), ()),
}
"""What they use as well in cores with `rules`, and one reader more."""


def _tables(core):
    """Step tables, a copy for every reader."""
    for table, readers in _READERS.items():
        if core.rules:
            more = _MORE_READERS[table]
            readers = [(*names, *added) for names, added in zip_longest(readers, more, fillvalue=())]
        first, places = 0, {}
        for name, bits in fields(core)[table].items():
            places[name] = (first, bits)
            first += bits
        stage = "update" if table == "hidden" else table
        stretches = tuple(tuple(places[name] for name in names) for names in readers)
        yield Memory(f"{stage}.table.memory", first, core.steps, "distributed", readers=stretches)


def _queues(core):
    """Queues, the number of places a power of two."""
    context = index_bits(core.contexts)
    for name, bits, depth in (
        ("tokens", context + 7, core.fronts),
        ("updates", context + 2 + core.beats.bit_length() + index_bits(core.winner_banks), core.contexts),
        ("forward.judged_queue", context + 8 + (MAX_LAYERS if core.rules else 0), core.fronts),
        ("forward.result_queue", core.z_bits + 9, 2 * core.fronts),
        ("update.winner_rows.entries", winners_bits(core), _ENTRIES),
        ("update.winner_rows.jobs", job_bits(core), _JOBS),
    ):
        yield Memory(f"{name}.words", bits, 1 << max(1, index_bits(depth)), "distributed")


def winners_bits(core):
    """Bits of an entry of a winner bank."""
    return index_bits(core.steps) + 2 * index_bits(core.beats) + 1 + core.slots * (2 + index_bits(core.slots))


def job_bits(core):
    """Bits of a row job."""
    words = index_bits(core.hidden_words) + index_bits(core.weight_words)
    place = index_bits(core.beats) + index_bits(core.slots) if core.rules else 0
    return index_bits(core.steps) + 2 + words + index_bits(core.segments) + place
