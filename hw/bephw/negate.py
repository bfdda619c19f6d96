"""A sign put on a number in one carry chain: −z = ~z + 1."""

__all__ = ["absolute", "negate_if"]


def negate_if(negative, z):
    """−z where `negative`, else z; combinational, modulo 2 to the width of z."""
    return (z ^ negative.replicate(len(z))) + negative


def absolute(z):
    """|z|, combinational."""
    return negate_if(z[-1], z)
