"""Terms of the forward stage, of the queues around it, and of the loader; see `terms`."""

from .sites import adder, index_bits, mux, popcount, popcount_registers, prefix_adders

__all__ = ["control", "datapath"]

_AT_ONCE = 8  # prefix sums that one stage of a row's selection joins


def datapath(core):
    """W plane, pre-activations, operands, packer."""
    lanes, segments, slots, z = core.lanes, core.segments, core.slots, core.z_bits
    count, wide = lanes.bit_length(), core.max_fan_in.bit_length()
    levels, prefixes = index_bits(segments), prefix_adders(segments)
    choices = sum(mux(segments // (slot + 1)) for slot in range(slots))
    picks = sum(segments // (slot + 1) + wide * -(-segments // (slot + 1) // _AT_ONCE) for slot in range(slots))
    passed = segments * levels - prefixes
    row = 2 * core.slots * lanes.bit_length()
    address = index_bits(core.weight_words)
    return {
        "weight_plane": (
            {"lanes": lanes * segments, "address": segments * address, "segments": segments},
            {"address": 2 * segments * address, "lanes": 2 * lanes * segments, "write": lanes, "segments": segments},
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
                "select": picks,
                "rows": slots * (3 * wide + z),
            },
        ),
        "forward.input_operand": (
            {"lanes": lanes * segments, "depth": lanes * segments * _rows(core.fronts * core.operand_words)},
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


def control(core):
    """Issue, verdicts, tables and queues."""
    slots, z, segments = core.slots, core.z_bits, core.segments
    tag = index_bits(core.threads) + index_bits(core.contexts) + index_bits(core.steps) + index_bits(core.beats)
    queue = index_bits(core.contexts)
    candidate = z + 7
    return {
        "forward": ({"slots": slots, "segments": segments, "tag": tag}, {"segments": segments, "tag": tag}),
        "forward.judge": (
            {"slots": slots, "compare": (slots - 1) * adder(z), "choose": (slots - 1) * candidate, "z": adder(z)},
            {"slots": slots * (candidate + z + 8), "tree": (slots - 1) * candidate, "z": z},
        ),
        "forward.issue": (
            {"address": index_bits(core.weight_words), "threads": core.threads, "tag": core.threads * tag},
            {"address": 2 * index_bits(core.weight_words), "threads": core.threads, "tag": tag},
        ),
        "forward.admission": ({"contexts": queue}, {"contexts": queue}),
        "forward.table": ({"steps": index_bits(core.steps)}, {}),
        "forward.fill": ({"segments": segments}, {"segments": segments}),
        "forward.result_queue": ({"contexts": queue}, {"contexts": queue, "z": z}),
        "forward.judged_queue": ({"contexts": queue}, {"contexts": queue}),
        "tokens": ({"contexts": queue}, {"contexts": queue}),
        "updates": ({"contexts": queue}, {"contexts": queue, "beats": index_bits(core.beats)}),
        "loader": ({"segments": index_bits(segments)}, {"segments": index_bits(segments), "contexts": queue}),
        "loader.fill": ({"segments": segments}, {"segments": segments}),
    }
