"""LUT sites of the small structures that the core is made of, as Yosys and nextpnr lay them out on an ECP5.

They are the measures that the terms of `terms` count in; how well they fit is left to calibrated coefficients.
"""

from ..cycles import popcount_latency

__all__ = ["adder", "index_bits", "multiply", "mux", "popcount", "popcount_registers", "prefix_adders"]

_SHORT = 4  # bits up to which Yosys builds an adder of LUTs
_CHAIN_ENDS = 4  # LUT sites that nextpnr adds to a carry chain


def index_bits(count):
    """Bits of an index below `count`."""
    return (count - 1).bit_length()


def adder(bits):
    """An adder, subtractor or comparison of two numbers: a carry chain, two bits a cell, with a cell at either end."""
    return 2 * -(-bits // 2) + _CHAIN_ENDS if bits > _SHORT else max(0, 2 * bits - 1)


def mux(inputs):
    """LUT4s that choose one of `inputs` bits."""
    return max(0, -(-2 * (inputs - 1) // 3)) if inputs > 2 else inputs - 1


def _split(width):
    """Halves of a counted vector; one bit more rides on the carry."""
    half = (width - 1) // 2
    return half, width - 1 - half


def popcount(width):
    """The tree of `bephw.popcount` over `width` bits, the logic in front of its bits left out."""
    if width <= 3:
        return (0, 0, 2, 2)[width]
    left, right = _split(width)
    # The bit that rides on the carry lengthens the chain by one.
    return popcount(left) + popcount(right) + adder(width.bit_length() + 1)


def popcount_registers(width):
    """Flip-flops of the same, delays of the shorter half and of the carried bits included."""
    if width <= 3:
        return width.bit_length()
    left, right = _split(width)
    late = popcount_latency(right)
    delays = (late - popcount_latency(left)) * left.bit_length() + late
    return popcount_registers(left) + popcount_registers(right) + delays + width.bit_length()


def prefix_adders(segments):
    """Adders of a Sklansky prefix sum over `segments` numbers."""
    levels = (segments - 1).bit_length()
    return sum(1 for level in range(levels) for i in range(segments) if i >> level & 1)


def multiply(a_bits, b_bits, out_bits):
    """`bephw.multiply`: a tree of adders over the partial products."""
    sites, terms = 0, min(a_bits, out_bits)
    while terms > 1:
        sites += terms // 2 * adder(out_bits)
        terms -= terms // 2
    return sites + a_bits * b_bits // 4
