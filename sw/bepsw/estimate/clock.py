"""Clock of a routed core from how much logic it has and how full the device is: a class, not a figure.

A path of this core is bound by wires, and these grow with the area: so many ns for a doubling of the logic, so many
more as the device fills up. The line goes through the routed builds on record; its error is what they scatter.
"""

import math
from dataclasses import dataclass

__all__ = ["CLASSES", "Clock", "clock", "fit_clock"]

CLASSES = (50, 75, 100, 125, 150)
"""MHz that an estimate is rounded down to."""

_SPEED = {6: 1.0, 7: 1.14, 8: 1.34}  # ratio of LUT and wire delays in Project Trellis' tables
_DOUBLING, _FILL = 0.5, 1.0  # ns: from prototypes of 128 to 828 lanes; used until there are routed builds enough
_FEW = 5  # builds below which only the base is fitted
_LEAST_ERROR = 0.1  # seeds of placement alone scatter as much
_REFERENCE = 8192  # LUT sites at which a doubling counts as none


@dataclass(frozen=True)
class Clock:
    """mhz : most likely. error : relative, one sided. at_least : the class that is safe, None below the lowest."""

    mhz: float
    error: float

    @property
    def at_least(self):
        """Largest of `CLASSES` that is safe."""
        safe = self.mhz * (1 - self.error)
        return max((mhz for mhz in CLASSES if mhz <= safe), default=None)


def clock(comb, device, speed, table):
    """`Clock` of a core of `comb` LUT sites on a device; `table` as from `fit_clock`."""
    ns = table["base"] + table["doubling"] * _size(comb) + table["fill"] * comb / device.comb
    return Clock(1000 / ns * _SPEED[speed], table["error"])


def _size(comb):
    return max(0.0, math.log2(comb / _REFERENCE))


def fit_clock(builds):
    """The line through routed builds.

    Parameters
    ----------
    builds : list of (LUT sites, share of the device, speed grade, MHz)

    Returns
    -------
    dict
        base, doubling, fill in ns, error, and the number of builds.
    """
    points = [(_size(comb), share, 1000 / mhz * _SPEED[speed]) for comb, share, speed, mhz in builds]
    best = None
    slopes = [(_DOUBLING, _FILL)] if len(points) < _FEW else [(d / 20, f / 5) for d in range(41) for f in range(31)]
    for doubling, fill in slopes:
        bases = [ns - doubling * size - fill * share for size, share, ns in points]
        base = sum(bases) / len(bases)
        scatter = max(abs(b - base) / ns for b, (_, _, ns) in zip(bases, points, strict=True))
        if best is None or scatter < best[0]:
            best = scatter, base, doubling, fill
    scatter, base, doubling, fill = best
    # A line through as few points as it has coefficients says nothing of the next.
    error = max(_LEAST_ERROR, 1.5 * scatter, 0.2 if len(points) < _FEW else 0)
    return {
        "base": round(base, 3),
        "doubling": doubling,
        "fill": fill,
        "error": round(error, 3),
        "builds": len(points),
    }
