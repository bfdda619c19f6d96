"""Compiled primitives on 64 bits a word: popcount, packing, XNOR products. The one module that touches numba.

When numba is missing, `AVAILABLE` is False, the kernels stay plain functions, and nobody may call them. numba's cache
of `kernels` does not notice a change here, in `moves`, `records` or `generator`: after one, remove the `__pycache__`
of this folder.
"""

import numpy as np

try:
    from numba import njit
    from numba.core import types
    from numba.extending import intrinsic

    AVAILABLE = True
except ImportError:  # the numpy engine serves without it
    AVAILABLE = False

    def njit(*_args, **_options):
        """Stand-in that leaves the kernels as plain, never called functions."""
        return lambda function: function

    def intrinsic(function):
        """Stand-in for numba's."""
        return function


__all__ = ["AVAILABLE", "bits_at", "first_largest", "lowest_bit", "njit", "pack", "popcount", "products"]


@intrinsic
def popcount(typingctx, word):
    """Set bits of a uint64."""
    return types.uint64(types.uint64), lambda context, builder, signature, args: builder.ctpop(args[0])


@intrinsic
def lowest_bit(typingctx, word):
    """Index of the lowest set bit of a uint64 that is not zero."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), generate


@njit(cache=True)
def pack(flags, words):
    """Flags of 0 and 1, uint8 (K,), into words; the rest of the last word is zero."""
    one = np.uint64(1)
    for w in range(words.size):
        word = np.uint64(0)
        base = 64 * w
        for b in range(min(64, flags.size - base)):
            word |= (np.uint64(flags[base + b]) & one) << np.uint64(b)
        words[w] = word


@njit(cache=True)
def products(words, plane, length, z):
    """z[j] = 2·popcount(XNOR(words, column j of plane)) − length."""
    z[:] = length
    for w in range(words.size):
        word = words[w]
        row = plane[w]
        for j in range(z.size):
            z[j] -= np.int64(2) * np.int64(popcount(word ^ row[j]))


@njit(cache=True)
def first_largest(scores):
    """argmax, ties to the lowest index."""
    best = 0
    for c in range(1, scores.size):
        if scores[c] > scores[best]:
            best = c
    return best


@njit(cache=True)
def bits_at(words, start):
    """64 bits of a flat little-endian bit string."""
    word, shift = start >> 6, np.uint64(start & 63)
    low = words[word] >> shift
    return low | (words[word + 1] << (np.uint64(63) - shift)) << np.uint64(1)
