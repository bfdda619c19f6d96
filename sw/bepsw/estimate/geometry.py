"""Geometries worth trying for a network: lanes, segments and slots, in the order of a bound on their cycles.

Nothing here has to be exact: the bound on cycles and those on resources must only never be too high, or a good core
would be passed over.
"""

import numpy as np

from ..errors import BepError
from .least_core import least_core
from .logic import resources, total
from .memories import hidden_bank, on_block_ram

__all__ = ["geometries", "in_flight", "useful_lanes"]

_CONTEXTS, _THREADS, _FRONTS = 8, 4, 8  # of the first try: so many samples in flight that the ports are what binds
_LANES, _SEGMENTS = range(8, 145), range(1, 65)
_SLOTS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16)
_BLOCK_WIDTH = 36
_STORES, _OTHER_BLOCKS = 4, 2  # activations and prototypes as wide as a segment; pre-activations and winners
_SLACK = 0.95  # of the logic between two geometries that are estimated, which is not quite a straight line


def geometries(network, training, trigger_rate, device, share, fixed):
    """[(least cycles a sample, {lanes, segments, slots, contexts, fronts, threads})], fewest cycles first.

    Parameters
    ----------
    share : {resource: share of the device that may be used}; what takes more for certain is left out.
    fixed : core parameters that must be as they are.
    """
    lanes = [fixed["lanes"]] if "lanes" in fixed else useful_lanes(network)
    segments = [fixed["segments"]] if "segments" in fixed else _SEGMENTS
    slots = [fixed["slots"]] if "slots" in fixed else _SLOTS
    g, s, r = (axis.ravel() for axis in np.meshgrid(lanes, segments, slots, indexing="ij"))
    possible = (r <= s) & (r <= g)
    g, s, r = g[possible], s[possible], r[possible]
    fits = _fits(network, device, share, fixed, lanes, g, s, r)
    g, s, r = g[fits], s[fits], r[fits]
    bound = _least_cycles(network, training, trigger_rate, g, s, r)
    flight = in_flight(fixed)
    # Of geometries with the same bound the smaller one first.
    order = np.lexsort((r, g * s, bound))
    return [(float(bound[i]), {"lanes": int(g[i]), "segments": int(s[i]), "slots": int(r[i]), **flight}) for i in order]


def in_flight(fixed, contexts=_CONTEXTS, threads=_THREADS):
    """{contexts, fronts, threads} near these numbers and in accord with each other and with what is fixed."""
    if "threads" in fixed:
        threads, contexts = fixed["threads"], max(contexts, _CONTEXTS)
    contexts = fixed.get("contexts", max(contexts, fixed.get("fronts", 0)))
    fronts = min(fixed.get("fronts", _FRONTS), contexts)
    threads = threads if "threads" in fixed else max(1, min(threads, fronts - 1))
    return {"contexts": contexts, "fronts": fronts, "threads": threads}


def useful_lanes(network):
    """Lane counts none of which could be smaller without a row or a layer taking one segment more."""
    found = {}
    for lanes in _LANES:
        found.setdefault(tuple(-(-bits // lanes) for bits in (*network.fan_ins, *network.widths[1:])), lanes)
    return list(found.values())


def _matrices(network, g, s, r):
    """(rows, segments of a row, W words) of every matrix; arrays."""
    fan_ins = [*network.fan_ins, network.widths[-1]]
    for count, fan_in in zip([*network.widths[1:], network.classes], fan_ins, strict=True):
        row = -(-fan_in // g)
        yield count, row, -(-count // np.maximum(1, np.minimum(r, s // row))) * -(-row // s)


def _least_cycles(network, training, trigger_rate, g, s, r):
    """The busiest stage of a sample: passes and walks, updates and the sweep, or the loading; arrays."""
    passes, walk, update, sweep = (np.zeros(len(g)) for _ in range(4))
    for index, (count, row, words) in enumerate(_matrices(network, g, s, r)):
        passes += words + 1
        if index < network.layers:
            walk += words * (index > 0)
            update += count // training.gamma[index] * row
            sweep += count * row
    load = -(-network.widths[0] // g) + 1
    return np.maximum.reduce([passes + trigger_rate * walk, trigger_rate * update + sweep / training.batch, load])


def _fits(network, device, share, fixed, lanes, g, s, r):
    """False where a device is too small for certain; arrays."""
    fits = np.ones(len(g), bool)
    weights = sum(words for _, _, words in _matrices(network, g, s, r))
    address = np.maximum(1, np.ceil(np.log2(weights))).astype(int)
    for one in lanes:
        here = g == one
        words = sum(rows * -(-fan_in // one) for rows, fan_in in network.shapes)
        hidden = sum(memory.count * memory.use.ebr for memory in hidden_bank(one, network.bits, max(2, words)))
        segment = np.array([on_block_ram(one, 2 << bits).ebr for bits in range(address.max(initial=0) + 1)])
        blocks = hidden + s * segment[address] + _STORES * -(-one // _BLOCK_WIDTH) + _OTHER_BLOCKS
        fits &= ~here | (blocks <= share["ebr"] * device.ebr)
        few, many = (_narrow(network, fixed, one, segments) for segments in (8, 16))
        if few is not None and many is not None:
            slope = (many - few) / 8
            fits &= ~here | (_SLACK * (few + slope * (s - 8)) <= share["comb"] * device.comb)
    return fits


def _narrow(network, fixed, lanes, segments):
    """LUT sites of the least core with so many segments; None where there is none."""
    choice = {"lanes": lanes, "segments": segments, "slots": 1, **in_flight(fixed, 2, 1)}
    kept = {name: value for name, value in fixed.items() if name not in choice}
    try:
        return total(resources(least_core(network, **choice, **kept)))["comb"]
    except BepError:
        return None
