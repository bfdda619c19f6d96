"""The least core for a network once lanes, segments and slots are chosen: every depth as the layout needs it."""

from ..core import Core

__all__ = ["LEAST_STEPS", "least_core", "least_depths"]

LEAST_STEPS = 7


def least_depths(network, lanes, segments, slots):
    """Depths of the least `Core`, a dict of its parameters; see `bepsw.layout.place`."""
    fan_ins = [*network.fan_ins, network.widths[-1]]
    rows = [*network.widths[1:], network.classes]
    words = beats = 0
    spans = 1
    for index, (count, fan_in) in enumerate(zip(rows, fan_ins, strict=True)):
        row = -(-fan_in // lanes)
        per_word = max(1, min(slots, segments // row))
        span = -(-row // segments)
        spans = max(spans, span)
        words += -(-count // per_word) * span
        if index < network.layers:
            beats += -(-count // per_word)
    stored = sum(-(-width // lanes) for width in network.widths[1:])
    desired = max(-(-width // lanes) for width in network.widths[1:])
    return {
        "weight_words": max(2, words),
        "hidden_words": max(2, sum(count * -(-fan_in // lanes) for count, fan_in in network.shapes)),
        "max_width": max(2, *network.widths[1:]),
        "max_fan_in": max(2, *network.widths, *network.fan_ins),
        "classes": network.classes,
        "operand_words": spans,
        "beats": max(2, beats),
        "store_segments": max(stored, -(-network.widths[0] // lanes)),
        "prototype_segments": max(2, 1 << (desired - 1).bit_length()),
        "steps": max(LEAST_STEPS, network.layers + 1),
    }


def least_core(network, *, lanes, segments, slots, contexts, threads, **fixed):
    """The least `Core` that holds `network`; `fixed` are parameters that the user has chosen.

    Raises
    ------
    BepError
        A parameter is out of its range.
    """
    depths = least_depths(network, lanes, segments, slots)
    chosen = {"lanes": lanes, "segments": segments, "slots": slots, "contexts": contexts, "threads": threads}
    return Core(**{**depths, **chosen, "bits": network.bits, **fixed})
