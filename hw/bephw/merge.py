"""Merge words of which all but one are 0: cheaper than a multiplexer where a register can be held at 0."""

from itertools import zip_longest

__all__ = ["merge"]


def merge(words):
    """Bitwise or of one or more values, as a tree; combinational."""
    words = list(words)
    while len(words) > 1:
        words = [a | b for a, b in zip_longest(words[::2], words[1::2], fillvalue=0)]
    return words[0]
