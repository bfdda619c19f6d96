"""What a netlist needs, in all and by submodule, and whether a device has it."""

from collections import Counter

from bepsw.errors import BepError

from .device import RESOURCES
from .source_names import module_of

__all__ = ["by_module", "check_fit", "count", "does_not_fit"]

_COST = {
    "LUT4": {"comb": 1, "lut": 1},
    "CCU2C": {"comb": 2, "carry": 2},
    "TRELLIS_DPR16X4": {"comb": 6, "ram": 6},  # four LUT sites hold it, two more carry its write port
    "TRELLIS_FF": {"ff": 1},
    "DP16KD": {"ebr": 1},
    "MULT18X18D": {"dsp": 1},
}

_ADVICE = {
    "comb": "fewer segments (or lanes) make the W plane narrower, which is where most logic is",
    "ff": "fewer segments (or lanes) make the W plane narrower, which is where most registers are",
    "dsp": "this core should need none; please report it",
}
_EBR_ADVICE = {
    "hidden_bank": ("hidden_bank", "hidden_words"),
    "weight_plane": ("weight_plane", "segments, lanes or weight_words"),
    "backward": ("backward", "beats, fronts or prototype_segments"),
    "top": ("input_store and hidden_store", "contexts or store_segments"),
}
"""What those block RAMs are for and what they grow with, by the outermost submodule."""

_NAMES = {"comb": "LUT4 sites", "ff": "flip-flops", "ebr": "block RAMs", "dsp": "multipliers"}


def count(netlist):
    """Counter of comb (= lut + carry + ram), ff, ebr, dsp. nextpnr adds some LUT sites where carry chains begin."""
    return sum(by_module(netlist).values(), Counter())


def by_module(netlist, depth=2, inside=""):
    """{submodule: Counter as in `count`}, largest first. Logic on a border counts to one of the two sides.

    inside : path of the core, with a dot at its end, where the top is a larger design; `depth` counts from there.
    """
    parts = {}
    scopes = {scope.removeprefix(inside) for scope in netlist.scopes}
    for name, cell in netlist.cells.items():
        module = module_of(name.removeprefix(inside), scopes, depth)
        parts.setdefault(module, Counter()).update(_COST.get(cell["type"], {}))
    return dict(sorted(parts.items(), key=lambda part: (-part[1]["comb"], -part[1]["ebr"], part[0])))


def check_fit(netlist, device, inside=""):
    """Refuse a netlist that `device` cannot hold; `inside` as for `by_module`.

    Raises
    ------
    BepError
        Names what runs out and the core parameter to reduce.
    """
    parts = by_module(netlist, depth=1, inside=inside)
    needs = sum(parts.values(), Counter())
    for resource in RESOURCES:
        if needs[resource] > getattr(device, resource):
            raise does_not_fit(device, resource, needs[resource], parts)


def does_not_fit(device, resource, needed, parts):
    """The BepError for a core that needs too much of a `resource`; `parts` as from `by_module` at depth 1."""
    advice = _ADVICE.get(resource)
    if resource == "ebr":
        largest = max(parts, key=lambda part: parts[part]["ebr"])
        where, which = _EBR_ADVICE.get(largest, (largest, "its depth"))
        advice = f"most of them ({parts[largest]['ebr']}) are in {where}: reduce {which}"
    return BepError(
        f"The core does not fit the {device.name.upper()}: it needs {needed} of {getattr(device, resource)} "
        f"{_NAMES[resource]}; {advice}, or take a larger device."
    )
