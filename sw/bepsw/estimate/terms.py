"""What the logic and the flip-flops of every submodule grow with, as the hardware description has it.

A term is a count (lanes, adders of so many bits, registers) under a name; `logic` multiplies each with a coefficient,
calibrated from recorded syntheses. Every submodule has the term `fixed` besides. Terms are in LUT sites or flip-flops
where the structure says how many it takes, so that most coefficients are near 1.
"""

from . import terms_backward, terms_forward, terms_update

__all__ = ["OTHERS", "terms"]

OTHERS = "others"


def terms(core):
    """{submodule: ({term: LUT sites}, {term: flip-flops})} of a `Core`."""
    made = {}
    for stage in (terms_forward, terms_backward, terms_update):
        made |= stage.datapath(core) | stage.control(core)
    made |= terms_update.host(core)
    # What the source has and is not described here: whatever it is, it grows with one of these.
    rest = {"lanes": core.lanes, "plane": core.lanes * core.segments, "slots": core.slots}
    made[OTHERS] = rest, rest
    return {name: (logic | {"fixed": 1}, flops | {"fixed": 1}) for name, (logic, flops) in made.items()}
