"""The cases of `bepcore bench accuracy`: what is trained, with which settings, over which seeds.

A case is a row of the table in docs/results.md. `command` is what a user types for its first seed.
"""

import dataclasses
from dataclasses import dataclass, field

from .presets import preset

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row.

    Parameters
    ----------
    name : str
        For `--only` and the record.
    data : str
    changes : dict
        Settings that differ from the preset of the data.
    seeds : tuple of int
    goal : float or None
        Test accuracy that the mean over the seeds has to reach.
    paper : float or None
        What the BEP paper reports for these widths, read off its figures.
    plot : str
        "curve" for the plot of training curves, "bits" for the plot of accuracy against B, "" for none.
    """

    name: str
    data: str
    changes: dict = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    goal: float | None = None
    paper: float | None = None
    plot: str = ""

    def settings(self, seed):
        """`Settings` of one run."""
        usual = preset(self.data, rule=self.changes.get("rule", "bep"))
        return dataclasses.replace(usual, **self.changes, seed=seed)

    @property
    def command(self):
        """The command line that trains this case with its first seed."""
        words = [f"bepcore train --data {self.data}"]
        for name, value in self.changes.items():
            option = "thermometer" if name == "levels" else name.replace("_", "-")
            words.append(f"--{option} {','.join(map(str, value)) if isinstance(value, tuple) else value}")
        return " ".join(words)


_FASHION = {"data": "fashion-mnist"}
_NARROW = {"hidden": (135, 135), "gamma": (45, 45)}
_WIDE = {"hidden": (525, 525), "gamma": (75, 75)}

CASES = (
    Case(name="digits", data="digits", goal=0.93, plot="curve"),
    Case(name="mnist", data="mnist", goal=0.938, plot="curve"),
    Case(name="mnist-median", data="mnist", changes={"levels": 1}),
    Case(name="mnist-525", data="mnist", changes={**_WIDE, "gamma": (105, 105), "levels": 2}),
    Case(name="mnist-14x14", data="mnist-14x14", goal=0.9),
    Case(name="fashion-135", **_FASHION, changes=_NARROW, paper=0.849),
    Case(name="fashion", **_FASHION, goal=0.846, paper=0.855, plot="curve"),
    Case(name="fashion-525", **_FASHION, changes=_WIDE, paper=0.859),
    Case(name="fashion-local", **_FASHION, changes={"rule": "local"}, goal=0.841),
    Case(name="fashion-135-thermometer", **_FASHION, changes={**_NARROW, "levels": 3}, paper=0.849),
    Case(name="fashion-thermometer", **_FASHION, changes={"levels": 3}, paper=0.855),
    Case(name="fashion-525-thermometer", **_FASHION, changes={**_WIDE, "levels": 3}, paper=0.859),
    Case(name="random-prototypes", data="random-prototypes", goal=0.74, paper=0.78, plot="curve"),
    *(
        Case(name=f"bits-{bits}", **_FASHION, changes={"epochs": 25, "bits": bits}, plot="bits")
        for bits in (4, 5, 6, 7, 8, 10, 12, 16)
    ),
)
