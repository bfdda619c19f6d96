"""Terms of the update stage, of the H bank, and of what the host reaches; see `terms`."""

from ..generator import LEVELS, bank_size
from ..program import row_bits
from ..registers import window_pieces
from .memories import job_bits, winners_bits
from .sites import adder, index_bits, multiply, popcount, popcount_registers

__all__ = ["control", "datapath", "host"]


def datapath(core):
    """Counters, generator, H bank."""
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


def control(core):
    """Row jobs and tables."""
    slots, hidden, weight = core.slots, index_bits(core.hidden_words), index_bits(core.weight_words)
    beats, job, entry = index_bits(core.beats), job_bits(core), winners_bits(core)
    position = index_bits(core.segments)
    products = multiply(beats, beats, hidden) + multiply(index_bits(slots), 6, hidden) + multiply(4, beats, weight)
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


def host(core):
    """Registers, window, and what lies between the stages."""
    pieces = window_pieces(core)
    widest = 32 * max(pieces.values())
    return {
        "window": (
            {"row": widest, "hidden": core.lanes * core.bits, "lanes": core.lanes},
            {"row": core.lanes * core.bits, "table": max(row_bits(core).values())},
        ),
        "registers.counters": ({"lanes": core.lanes.bit_length()}, {"lanes": core.lanes.bit_length()}),
        "registers": ({}, {"units": core.max_width.bit_length()}),
        "top": ({"lanes": core.lanes, "address": index_bits(core.weight_words) + index_bits(core.hidden_words)}, {}),
    }
