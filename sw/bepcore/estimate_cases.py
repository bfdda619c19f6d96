"""The syntheses that estimates are fitted to and compared with."""

from dataclasses import dataclass, field

from bepsw.core import preset

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """One synthesis: a preset, what differs from it, and whether it is kept out of the calibration."""

    name: str
    core: str
    changes: dict = field(default_factory=dict)
    held_out: bool = False

    def build(self):
        """The `Core`."""
        return preset(self.core, **self.changes)


def _case(name, core, held_out=False, **changes):
    return Case(name, core, changes, held_out)


_TIGHT = {"steps": 7, "classes": 10, "operand_words": 1}

CASES = (
    _case("tiny", "tiny"),
    _case("tiny-one-segment", "tiny", segments=1, slots=1, threads=1, contexts=2, classes=10),
    _case("tiny-six-bits", "tiny", lanes=16, segments=6, slots=2, bits=6, contexts=8, threads=1, steps=12),
    _case("tiny-nine-slots", "tiny", lanes=9, segments=9, slots=9, bits=5),
    _case(
        "tiny-deep", "tiny", weight_words=4096, hidden_words=16384, beats=4096, max_width=8192, max_fan_in=8192,
        operand_words=32, store_segments=512, prototype_segments=128, classes=10,
    ),
    _case("small", "small"),
    _case("small-narrow", "small", segments=4),
    _case("small-24x12", "small", lanes=24, segments=12, slots=3, threads=3, classes=10, max_width=256, beats=128),
    _case("small-18x16", "small", lanes=18, segments=16, slots=1, bits=4, threads=3),
    _case("small-12x24", "small", lanes=12, segments=24, slots=8, contexts=8),
    _case("small-28x14", "small", lanes=28, segments=14, slots=7, operand_words=2, threads=3, contexts=8),
    _case("small-50x5", "small", lanes=50, segments=5, slots=5, bits=12, steps=16),
    _case("small-72x6", "small", lanes=72, segments=6, slots=2, operand_words=2),
    _case("small-144x3", "small", lanes=144, segments=3, slots=2, operand_words=2),
    _case("small-36x16", "small", segments=16, slots=8),
    _case("reference", "reference"),
    _case("reference-64x13", "reference", lanes=64, segments=13, slots=3, operand_words=1, max_width=256,
          max_fan_in=784, classes=10),
    _case("reference-wide", "reference", segments=22),
    _case("20x7", "tiny", True, lanes=20, segments=7, slots=3, bits=10, classes=20),
    _case("32x10", "small", True, lanes=32, segments=10, slots=5, threads=3, contexts=8, operand_words=3),
    _case("100x4", "small", True, lanes=100, segments=4, slots=2, operand_words=2),
    _case("48x12", "reference", True, lanes=48, segments=12, slots=6, bits=6),
    _case(
        "196-128-128", "small", True, lanes=28, segments=21, slots=4, weight_words=126, hidden_words=1664,
        max_width=128, max_fan_in=196, contexts=8, threads=3, beats=64, store_segments=10, prototype_segments=8,
        **_TIGHT,
    ),
    _case(
        "784-255-255", "reference", True, lanes=66, segments=36, slots=9, weight_words=116, hidden_words=4080,
        max_width=255, max_fan_in=784, contexts=8, beats=114, store_segments=12, prototype_segments=4, **_TIGHT,
    ),
)  # fmt: skip
"""Narrow and wide, shallow and deep, few slots and many; the last ones are what a search has found."""
