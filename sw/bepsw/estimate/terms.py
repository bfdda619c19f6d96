"""What the logic and the flip-flops of every submodule grow with: one function a submodule, as the source describes it.

A term is a count (lanes, adders of so many bits, registers) under a name; `logic` multiplies each with a coefficient,
calibrated from recorded syntheses. Every submodule has the term `fixed` besides. Terms are in LUT sites or flip-flops
where the structure says how many it takes, so that most coefficients are near 1.
"""

from ..generator import LEVELS, bank_size
from ..program import row_bits
from ..registers import window_pieces
from .memories import job_bits, winners_bits
from .sites import adder, multiply, mux, popcount, popcount_registers, prefix_adders

__all__ = ["OTHERS", "terms"]

OTHERS = "others"

_TURNS = 8  # segments that share a LUT RAM of column counters


def terms(core):
    """{submodule: ({term: LUT sites}, {term: flip-flops})} of a `Core`."""
    made = {}
    for build in (_forward, _forward_control, _backward, _backward_control, _update, _update_control, _host):
        made |= build(core)
    # What the source has and is not described here: whatever it is, it grows with one of these.
    rest = {"lanes": core.lanes, "plane": core.lanes * core.segments, "slots": core.slots}
    made[OTHERS] = rest, rest
    return {name: (logic | {"fixed": 1}, flops | {"fixed": 1}) for name, (logic, flops) in made.items()}


def _bits(count):
    """Bits of an index below `count`."""
    return (count - 1).bit_length()


def _forward(core):
    lanes, segments, slots, z = core.lanes, core.segments, core.slots, core.z_bits
    count, wide = lanes.bit_length(), core.max_fan_in.bit_length()
    levels, prefixes = _bits(segments), prefix_adders(segments)
    choices = sum(mux(segments // (slot + 1)) for slot in range(slots))
    passed = segments * levels - prefixes
    row = 2 * core.slots * lanes.bit_length()
    address = _bits(core.weight_words)
    return {
        "weight_plane": (
            {"lanes": lanes * segments, "address": segments * address, "segments": segments},
            {"address": 2 * segments * address, "lanes": 2 * lanes * segments, "segments": segments},
        ),
        "forward.pre_activation": (
            {
                "popcount": segments * popcount(lanes),
                "prefix": prefixes * adder(wide),
                "select": wide * choices,
                "rows": slots * (adder(wide) + adder(z)),
            },
            {
                "popcount": segments * popcount_registers(lanes),
                "prefix": (prefixes * wide) + passed * (count + wide) // 2,
                "rows": slots * (3 * wide + z),
            },
        ),
        "forward.input_operand": (
            {"lanes": lanes * segments, "depth": lanes * segments * _rows(core.contexts * core.operand_words)},
            {"lanes": lanes * segments},
        ),
        "forward.hidden_operand": (
            {"segments": segments, "depth": lanes * segments * _rows(2 * core.threads * core.operand_words)},
            {"lanes": lanes * segments},
        ),
        "forward.packer": ({"lanes": lanes, "slots": slots, "shift": row}, {"lanes": 2 * lanes, "slots": slots}),
    }


def _rows(depth):
    """LUT RAMs in a row for `depth` words, less the first."""
    return -(-depth // 16) - 1


def _forward_control(core):
    slots, z, segments = core.slots, core.z_bits, core.segments
    tag = _bits(core.threads) + _bits(core.contexts) + _bits(core.steps) + _bits(core.beats)
    queue = _bits(core.contexts)
    candidate = z + 7
    return {
        "forward": ({"slots": slots, "segments": segments, "tag": tag}, {"segments": segments, "tag": tag}),
        "forward.judge": (
            {"slots": slots, "compare": (slots - 1) * adder(z), "choose": (slots - 1) * candidate, "z": adder(z)},
            {"slots": slots * (candidate + z + 8), "tree": (slots - 1) * candidate, "z": z},
        ),
        "forward.issue": (
            {"address": _bits(core.weight_words), "threads": core.threads, "tag": core.threads * tag},
            {"address": 2 * _bits(core.weight_words), "threads": core.threads, "tag": tag},
        ),
        "forward.admission": ({"contexts": queue}, {"contexts": queue}),
        "forward.table": ({"steps": _bits(core.steps)}, {}),
        "forward.fill": ({"segments": segments}, {"segments": segments}),
        "forward.result_queue": ({"contexts": queue}, {"contexts": queue, "z": z}),
        "forward.judged_queue": ({"contexts": queue}, {"contexts": queue}),
        "tokens.words": ({"contexts": queue}, {"contexts": queue}),
        "updates.words": ({"contexts": queue}, {"contexts": queue, "beats": _bits(core.beats)}),
        "loader": ({"segments": _bits(segments)}, {"segments": _bits(segments), "contexts": queue}),
        "loader.fill": ({"segments": segments}, {"segments": segments}),
    }


def _backward(core):
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
                "segments": 3 * segments,
            },
        ),
        "backward": (
            {"size": 2 * slots * adder(z), "beats": _bits(core.beats)},
            {"size": slots * (2 * z + 6), "beats": _bits(core.beats), "address": _bits(core.weight_words)},
        ),
        "backward.desired": (
            {"lanes": lanes, "shift": slots * lanes, "segments": core.prototype_segments},
            {"lanes": lanes, "slots": slots, "segments": _bits(core.prototype_segments)},
        ),
    }


def _backward_control(core):
    slots, z = core.slots, core.z_bits
    units, levels = core.max_width.bit_length(), _bits(slots)
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
            {"scan": slots * (levels + 1) * candidate, "units": units, "beats": _bits(core.beats) * (levels + 2)},
        ),
        "backward.issue": ({"row": issue, "slots": _bits(slots)}, {"row": issue}),
        "backward.table": ({"row": issue}, {}),
    }


def _update(core):
    lanes, bits = core.lanes, core.bits
    lanes8 = -(-lanes // 8) * 8
    banks = -(-core.hidden_words // 2048)
    job = job_bits(core)
    return {
        "update.engine": (
            {
                "generators": 64 * bank_size(lanes),
                "levels": LEVELS * lanes,
                "counters": lanes * (adder(bits) + 8),
                "saturations": popcount(lanes),
                "job": job,
            },
            {
                "generators": 64 * bank_size(lanes),
                "levels": LEVELS * lanes8 * 3 // 2,
                "counters": lanes * (2 * bits + 10),
                "saturations": popcount_registers(lanes),
                "job": 6 * job,
            },
        ),
        "hidden_bank": ({"words": lanes * bits, "choose": lanes * bits * max(0, banks - 2)}, {"words": lanes * bits}),
    }


def _update_control(core):
    slots, hidden, weight = core.slots, _bits(core.hidden_words), _bits(core.weight_words)
    beats, job, entry = _bits(core.beats), job_bits(core), winners_bits(core)
    position = _bits(core.segments)
    products = multiply(beats, beats, hidden) + multiply(_bits(slots), 6, hidden) + multiply(4, beats, weight)
    return {
        "update": ({}, {}),
        "update.table": ({"row": row_bits(core)["hidden"]}, {}),
        "update.winner_rows": (
            {"entry": entry, "job": job, "products": products, "slots": slots},
            {"entry": entry, "job": job, "products": beats * hidden + beats * weight // 2},
        ),
        "update.sweep_rows": (
            {"hidden": hidden, "weight": weight + position},
            {"hidden": hidden, "weight": weight + position},
        ),
    }


def _host(core):
    pieces = window_pieces(core)
    widest = 32 * max(pieces.values())
    return {
        "window": (
            {"row": widest, "hidden": core.lanes * core.bits, "lanes": core.lanes},
            {"row": core.lanes * core.bits, "table": max(row_bits(core).values())},
        ),
        "registers": ({}, {"units": core.max_width.bit_length()}),
        "top": ({"lanes": core.lanes, "address": _bits(core.weight_words) + _bits(core.hidden_words)}, {}),
    }
