"""Delay lines: carry a control value beside the datapath that it belongs to."""

from amaranth.hdl import Signal, Value, ValueCastable

__all__ = ["delay"]


def delay(m, value, cycles, *, name):
    """`value`, `cycles` clock cycles later, through registers named `name_1 …`.

    A view (a `data.Layout` value) comes back as a view of the same layout. Registers start at 0 and have no reset, so
    that no reset net reaches across the chip: the core's reset lasts until every delay line has run empty.
    """
    shape = value.shape() if isinstance(value, ValueCastable) else Value.cast(value).shape()
    for cycle in range(1, cycles + 1):
        register = Signal(shape, name=f"{name}_{cycle}", reset_less=True)
        m.d.sync += register.eq(value)
        value = register
    return value
