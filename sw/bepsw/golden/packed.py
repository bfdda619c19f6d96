"""The numba engine of `FastModel` (placeholder until the kernels are in)."""

__all__ = ["AVAILABLE", "PackedEngine"]

AVAILABLE = False


class PackedEngine:
    """Not there yet."""
