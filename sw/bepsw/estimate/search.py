"""The best core for a network on a device: the most training samples a second, then the least logic.

Geometries are taken in the order of a bound on their cycles, so that the search ends where no bound can beat what was
found; then a climb over all parameters, until no neighbour is better.
"""

from dataclasses import dataclass

from ..errors import BepError
from ..layout import place
from .clock import clock
from .geometry import geometries, in_flight, useful_lanes
from .least_core import least_core
from .logic import blocks, clock_table, resources, total
from .rate import Rate, cycles

__all__ = ["FILL", "Design", "Search"]

FILL = {"comb": 0.9, "ff": 0.9, "ebr": 1.0}
"""Shares of a device that a core found by the search may take: beyond, placement often finds no legal solution."""

_FLIGHTS = ((2, 1), (4, 1), (4, 2), (4, 3), (8, 2), (8, 3), (8, 4), (16, 3), (16, 4))  # contexts, threads
_TRIED = 24  # geometries whose cycles are counted before the climb
_NAMES = {"comb": "LUT sites", "ff": "flip-flops", "ebr": "block RAMs"}
_CHOSEN = ("lanes", "segments", "slots", "contexts", "fronts", "threads")


@dataclass(frozen=True)
class Design:
    """One core with its figures.

    core : Core. parts : {submodule: resources}; used : in all. rate : `Rate`. clock : `Clock`.
    """

    core: object
    parts: dict
    used: dict
    rate: Rate
    clock: object

    @property
    def samples_per_second(self):
        """Training samples a second."""
        return self.clock.mhz * 1e6 / self.rate.training

    @property
    def order(self):
        """What the search maximises: samples a second to three digits, then less logic."""
        return float(f"{self.samples_per_second:.3g}"), -self.used["comb"]


class Search:
    """Search for `network`, trained as `training` says, on `device`.

    Parameters
    ----------
    trigger_rate : share of the samples that train.
    speed : grade.
    fixed : core parameters that must stay as they are.
    """

    def __init__(self, network, training, device, *, trigger_rate, speed=6, fixed=None):
        self.network, self.training, self.device = network, training, device
        self.trigger_rate, self.speed, self.fixed = trigger_rate, speed, dict(fixed or {})
        if "fronts" in self.fixed and "contexts" in self.fixed:  # cut as the core does
            self.fixed["fronts"] = min(self.fixed["fronts"], self.fixed["contexts"])
        self._made = {}

    def run(self):
        """[Design], best first: the winner and the runners-up, each of other lanes or segments.

        Raises
        ------
        BepError
            Nothing fits; the sentence names the resource that runs out.
        """
        fastest = clock(1, self.device, self.speed, clock_table()).mhz * 1e6
        choices = geometries(self.network, self.training, self.trigger_rate, self.device, FILL, self.fixed)
        best, tried = 0.0, 0
        for bound, choice in choices:
            if tried == _TRIED or fastest / bound < best:
                break
            if design := self.design(**choice):
                tried += 1
                best = max(best, design.samples_per_second)
        if not tried:
            raise self._refusal()
        self._climb(max(self._found(), key=lambda design: design.order))
        apart = {}
        for design in sorted(self._found(), key=lambda design: design.order, reverse=True):
            apart.setdefault((design.core.lanes, design.core.segments), design)
        return list(apart.values())

    def neighbours(self, core):
        """Choices one step from a core: of lanes, segments, slots, or of the samples in flight."""
        now = {name: getattr(core, name) for name in _CHOSEN}
        steps = [("lanes", step) for step in (-2, -1, 1, 2)]
        steps += [(name, step) for name in ("segments", "slots", "threads") for step in (-1, 1)]
        made = [{**now, name: now[name] + step} for name, step in steps]
        lanes = sorted({*useful_lanes(self.network), now["lanes"]})
        at = lanes.index(now["lanes"])
        made += [{**now, "lanes": other} for other in lanes[max(0, at - 1) : at + 2]]
        fixed = {name: value for name, value in self.fixed.items() if name in _CHOSEN}
        fronts = {name: value for name, value in fixed.items() if name == "fronts"}
        made += [{**now, **in_flight(fronts, contexts, threads)} for contexts, threads in _FLIGHTS]
        for contexts in (now["contexts"] * 2, now["contexts"] // 2):
            made.append({**now, "contexts": contexts, "fronts": min(now["fronts"], contexts)})
        made += [{**now, "fronts": fronts} for fronts in (now["fronts"] * 2, now["fronts"] // 2)]
        return [
            choice
            for choice in made
            if choice != now
            and choice["threads"] < choice["fronts"] <= choice["contexts"]
            and fixed.items() <= choice.items()
        ]

    def design(self, **choice):
        """`Design` with these lanes, segments, slots, contexts, fronts and threads; None where it does not fit."""
        key = tuple(choice[name] for name in _CHOSEN)
        if key not in self._made:
            self._made[key] = self._design(choice)
        return self._made[key]

    def _design(self, choice):
        try:
            core = least_core(self.network, **{**choice, **self.fixed})
            # Block RAMs first: they run out most often, and are quick to count.
            if blocks(core) > FILL["ebr"] * self.device.ebr:
                return None
            parts = resources(core)
            used = total(parts)
            if any(used[name] > share * getattr(self.device, name) for name, share in FILL.items()):
                return None
            rate = cycles(self.network, core, self.training, self.trigger_rate)
        except BepError:
            return None
        return Design(core, parts, used, rate, clock(used["comb"], self.device, self.speed, clock_table()))

    def _found(self):
        return [design for design in self._made.values() if design is not None]

    def _climb(self, design):
        while True:
            around = [self.design(**choice) for choice in self.neighbours(design.core)]
            best = max((d for d in around if d is not None), key=lambda d: d.order, default=design)
            if best.order <= design.order:
                return
            design = best

    def _refusal(self):
        """The sentence for a network that no core of this device can hold."""
        least, error = None, None
        for lanes in [self.fixed["lanes"]] if "lanes" in self.fixed else useful_lanes(self.network):
            for segments in (1, 4, 16):
                choice = {"lanes": lanes, "segments": segments, "slots": 1, **in_flight(self.fixed, 2, 1)}
                try:
                    core = least_core(self.network, **{**choice, **self.fixed})
                    parts = resources(core)
                    place(self.network, core)
                except BepError as refused:
                    error = error or refused
                    continue
                used = total(parts)
                over = max((used[n] / (share * getattr(self.device, n)), n) for n, share in FILL.items())
                if least is None or over[0] < least[0][0]:
                    least = over, used, parts
        if least is None:
            return error
        (_, name), used, parts = least
        largest = max(parts, key=lambda part: parts[part][name])
        allowed = int(FILL[name] * getattr(self.device, name))
        return BepError(
            f"{self.network} with {self.network.classes} classes does not fit the {self.device.name.upper()}: the "
            f"least core needs {used[name]} {_NAMES[name]}, of which {parts[largest][name]} are in {largest}, and "
            f"{allowed} can be used; take fewer bits a weight, a smaller network or a larger device."
        )
