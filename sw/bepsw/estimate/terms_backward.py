"""Terms of the backward stage; see `terms`."""

from ..program import row_bits
from .sites import adder, index_bits, mux

__all__ = ["control", "datapath", "stability"]

_TURNS = 8  # segments that share a LUT RAM of column counters


def datapath(core):
    """Column counters, row values, desired activations."""
    lanes, segments, slots, z = core.lanes, core.segments, core.slots, core.z_bits
    wide = core.max_width.bit_length()
    groups = -(-segments // _TURNS)
    pour = sum(mux(min(_TURNS, segments - low)) for low in range(0, segments, _TURNS))
    return {
        "backward.columns": (
            {
                "lanes": lanes * segments,
                "pour": 4 * lanes * pour,
                "wide": groups * lanes * adder(wide + 1),
                "read": lanes * (2 * adder(wide) + wide * mux(groups)),
                "slots": 2 * sum(mux(min(slots, i + 1)) for i in range(segments)),
            },
            {
                "lanes": 3 * lanes * segments,
                "wide": groups * lanes * (2 * wide + 8),
                "read": lanes * (2 * wide + 2),
                "segments": segments * (3 + index_bits(slots)),
            },
        ),
        "backward": (
            {"size": 2 * slots * adder(z), "beats": index_bits(core.beats)},
            {"size": slots * (2 * z + 6), "beats": index_bits(core.beats), "address": index_bits(core.weight_words)},
        ),
        "backward.desired": (
            {"lanes": lanes, "shift": slots * lanes, "segments": core.prototype_segments},
            {"lanes": lanes, "slots": slots, "segments": index_bits(core.prototype_segments)},
        ),
    }


def control(core):
    """Winners, the order of the stage, its table."""
    slots, z = core.slots, core.z_bits
    units, levels = core.max_width.bit_length(), index_bits(slots)
    candidate = z + 1 + levels
    scanned = sum(slots - (1 << level) for level in range(levels))
    repeats = sum(
        1 for group in range(1, slots) for rest in range(1, group + 1) for slot in range(rest, slots)
        if slot % group == rest - 1
    )  # fmt: skip
    issue = row_bits(core)["backward"]
    return {
        "backward.scan": (
            {
                "compare": (scanned + slots) * adder(z - 1),
                "choose": (scanned + slots) * candidate,
                "repeats": repeats,
                "units": adder(units),
            },
            {"scan": slots * (levels + 1) * candidate, "units": units, "beats": index_bits(core.beats) * (levels + 2)},
        ),
        "backward.issue": ({"row": issue, "slots": index_bits(slots)}, {"row": issue}),
        "backward.table": ({"row": issue}, {}),
    }


def stability(core):
    """LUT sites and flip-flops of the sums over time that a core of every rule has: counted, without calibration."""
    z, u = core.z_bits, core.stability_bits + 1
    return core.slots * (adder(z) + z + 2 * adder(u)), core.slots * (z + 2 * u + 1)
