"""What is built once: the capacities of a trainer core, its presets, and its JSON form."""

import dataclasses
from dataclasses import dataclass

from .errors import BepError

__all__ = ["PRESETS", "Core", "preset"]


@dataclass(frozen=True, kw_only=True)
class Core:
    """Build parameters of one bitstream; every network that fits runs on it without a rebuild.

    Parameters
    ----------
    lanes : int
        g, bits of a segment: the unit of activations, of the W plane and (as counters) of an H word. 8 … 144.
    segments : int
        S, segments of a W word; the W plane is S·g bits wide.
    slots : int
        Rows that one W word can hold at most, ≤ S.
    bits : int
        B, bits of a hidden-weight counter.
    weight_words, hidden_words : int
        Words of the W plane (of S·g bits, each twice: the bank in use and the one that learns) and of the H bank (of
        g counters).
    max_width, max_fan_in : int
        Largest layer and largest fan-in; they fix the width of row counters and of pre-activations.
    classes : int
        Largest number of classes.
    contexts : int
        Samples between the sample stream and their retirement, a power of two.
    threads : int
        Samples whose forward passes are interleaved, 1 to 4, fewer than `fronts`.
    operand_words : int
        W words that one row may span: depth of the operand store per layer.
    beats : int
        Pre-activation words per sample (a word holds the rows of one W word).
    store_segments : int
        Segments of input, and segments of hidden activations, kept per sample.
    prototype_segments : int
        Segments per prototype row and per desired activation; a power of two.
    steps : int
        Entries of each step table.
    fronts : int
        Those of them that the update stage has not got yet, a power of two; cut to `contexts`. The others wait while
        the update stage sweeps.
    rules : int
        What the core can train: 0, feed-forward networks with BEP; 1, every rule (BEP-TT, the local rules, and the
        options of selection and of rare updates).
    """

    lanes: int = 36
    segments: int = 8
    slots: int = 4
    bits: int = 8
    weight_words: int = 512
    hidden_words: int = 2048
    max_width: int = 512
    max_fan_in: int = 1024
    classes: int = 64
    contexts: int = 4
    threads: int = 2
    operand_words: int = 4
    beats: int = 256
    store_segments: int = 32
    prototype_segments: int = 16
    steps: int = 8
    fronts: int = 8
    rules: int = 0

    def __post_init__(self):
        ranges = {
            "lanes": (8, 144),
            "segments": (1, 64),
            "slots": (1, 16),
            "bits": (2, 16),
            "weight_words": (2, 1 << 16),
            "hidden_words": (2, 1 << 20),
            "max_width": (2, 1 << 16),
            "max_fan_in": (2, 1 << 16),
            "classes": (2, 64),
            "contexts": (2, 64),
            "threads": (1, 4),
            "operand_words": (1, 64),
            "beats": (2, 1 << 14),
            "store_segments": (1, 1 << 12),
            "prototype_segments": (2, 1 << 10),
            "steps": (7, 16),
            "fronts": (2, 16),
            "rules": (0, 1),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise BepError(f"The core parameter {name} must be a whole number from {low} to {high}, not {value!r}.")
        if self.slots > min(self.segments, self.lanes):
            raise BepError(f"The core parameter slots ({self.slots}) cannot exceed segments or lanes.")
        for name in ("contexts", "fronts", "prototype_segments"):
            value = getattr(self, name)
            if value & (value - 1):
                raise BepError(f"The core parameter {name} must be a power of two, not {value}.")
        object.__setattr__(self, "fronts", min(self.fronts, self.contexts))
        if self.threads >= self.fronts:
            raise BepError(f"The core parameter threads ({self.threads}) must be below fronts ({self.fronts}).")

    @property
    def width(self):
        """S·g, bits of a W word."""
        return self.lanes * self.segments

    @property
    def winner_banks(self):
        """Samples whose winners can wait for the update stage: what fits 1024 words of memory, 2 to 8."""
        return min(8, max(2, 1024 >> (self.beats - 1).bit_length()))

    @property
    def z_bits(self):
        """Bits of a signed pre-activation."""
        return self.max_fan_in.bit_length() + 1

    @property
    def stability_bits(self):
        """Bits of |u|, the sum of as many pre-activations as there can be time steps."""
        return (self.max_fan_in * self.store_segments).bit_length() if self.rules else self.z_bits - 1

    def as_dict(self):
        """Parameters as a plain dict, for the JSON sidecar and the checkpoint."""
        return dataclasses.asdict(self)


PRESETS = {
    # Small enough for Icarus, odd enough to meet every corner: rows that span words and words that hold rows.
    "tiny": Core(
        lanes=8, segments=4, slots=4, weight_words=256, hidden_words=1024, max_width=64, max_fan_in=128,
        contexts=8, fronts=4, operand_words=4, beats=256, store_segments=16, prototype_segments=8,
    ),
    # 50 000 hidden weights at B = 8 on an ECP5-25F.
    "small": Core(
        lanes=36, segments=8, slots=4, weight_words=256, hidden_words=2048, max_width=512, max_fan_in=1024,
        contexts=16, fronts=4, operand_words=4, beats=256, store_segments=32, prototype_segments=16,
    ),
    # 784-255-255 on an ECP5-85F with room to spare: 864 W lanes, 8192 words of 36 counters.
    "medium": Core(
        lanes=36, segments=24, slots=3, weight_words=512, hidden_words=8192, max_width=512, max_fan_in=1024,
        contexts=32, fronts=8, threads=3, operand_words=1, beats=512, store_segments=32, prototype_segments=16,
    ),
    # 784-255-255 on an ECP5-85F: 1584 W lanes, 4096 words of 72 counters.
    "reference": Core(
        lanes=72, segments=22, slots=5, weight_words=256, hidden_words=4096, max_width=1024, max_fan_in=1024,
        contexts=32, fronts=8, threads=3, operand_words=1, beats=256, store_segments=32, prototype_segments=16,
    ),
    # The same network as fast as an ECP5-85F allows: 2376 W lanes; hardly larger networks fit.
    "fast": Core(
        lanes=66, segments=36, slots=9, weight_words=128, hidden_words=4080, max_width=264, max_fan_in=1023, classes=16,
        contexts=32, fronts=8, threads=3, operand_words=1, beats=128, store_segments=16, prototype_segments=4,
    ),
}  # fmt: skip
"""Named cores: `tiny` for tests, `small` for a 25F, `medium`, `reference` and `fast` for an 85F."""


def preset(name, **changes):
    """The preset `name` with some parameters changed.

    Raises
    ------
    BepError
        Unknown preset, or parameters that make no sense.
    """
    if name not in PRESETS:
        raise BepError(f"There is no core preset {name!r}; the presets are {', '.join(PRESETS)}.")
    return dataclasses.replace(PRESETS[name], **changes)
