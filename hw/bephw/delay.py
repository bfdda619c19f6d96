"""Delay lines: carry a control value beside the datapath that it belongs to."""

from amaranth.hdl import Signal, Value, ValueCastable

__all__ = ["delay"]


def delay(m, value, cycles, *, name):
    """`value`, `cycles` clock cycles later, through registers named `name_1 …`.

    A view (a `data.Layout` value) comes back as a view of the same layout. Registers reset to 0, so that a
    valid flag is low until something was sent.
    """
    shape = value.shape() if isinstance(value, ValueCastable) else Value.cast(value).shape()
    for cycle in range(1, cycles + 1):
        register = Signal(shape, name=f"{name}_{cycle}")
        m.d.sync += register.eq(value)
        value = register
    return value
