"""The cases of `bepcore bench accuracy`: what is trained, with which settings, over which seeds.

A case is a row of the table in docs/results.md. `command` is what a user types for its first seed.
"""

import dataclasses
from dataclasses import dataclass, field

from .settings import preset

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
    plot : str
        "curve" for the plot of training curves, "bits" for the plot of accuracy against B, "" for none.
    """

    name: str
    data: str
    changes: dict = field(default_factory=dict)
    seeds: tuple[int, ...] = (0, 1, 2)
    goal: float | None = None
    plot: str = ""

    def settings(self, seed):
        """`Settings` of one run."""
        return dataclasses.replace(preset(self.data), **self.changes, seed=seed)

    @property
    def command(self):
        """The command line that trains this case with its first seed."""
        words = [f"bepcore train --data {self.data}"]
        for name, value in self.changes.items():
            option = "thermometer" if name == "levels" else name.replace("_", "-")
            words.append(f"--{option} {','.join(map(str, value)) if isinstance(value, tuple) else value}")
        return " ".join(words)


CASES = (
    Case(name="digits", data="digits", goal=0.93, plot="curve"),
    Case(name="mnist", data="mnist", goal=0.938, plot="curve"),
    Case(name="mnist-median", data="mnist", changes={"levels": 1}),
    Case(name="mnist-525", data="mnist", changes={"hidden": (525, 525), "gamma": (105, 105), "levels": 2}),
    Case(name="fashion", data="fashion-mnist", goal=0.846, plot="curve"),
    Case(name="fashion-135", data="fashion-mnist", changes={"hidden": (135, 135), "gamma": (27, 27)}),
    Case(name="fashion-525", data="fashion-mnist", changes={"hidden": (525, 525), "gamma": (105, 105)}),
    Case(name="fashion-thermometer", data="fashion-mnist", changes={"levels": 3}),
    Case(
        name="fashion-525-thermometer",
        data="fashion-mnist",
        changes={"levels": 3, "hidden": (525, 525), "gamma": (105, 105)},
    ),
    Case(name="random-prototypes", data="random-prototypes", goal=0.74, plot="curve"),
    *(
        Case(name=f"bits-{bits}", data="fashion-mnist", changes={"epochs": 25, "bits": bits}, plot="bits")
        for bits in (4, 5, 6, 7, 8, 10, 12, 16)
    ),
)
