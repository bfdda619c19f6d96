"""Where a training run starts: initial counters and the complete initial `State`."""

import numpy as np

from ..errors import BepError
from ..generator import seed_bank
from ..spec import counter_range
from ..target import State

__all__ = ["DEFAULT_SPREAD", "init_hidden", "initial_state"]

DEFAULT_SPREAD = 4
"""Small counters change sign after few updates, so the first epochs learn faster than from a wide start."""

_PURPOSE = 0x48  # keeps the stream apart from that of other users of the same seed


def init_hidden(network, seed, spread=DEFAULT_SPREAD, *, symmetric=False):
    """Initial counters: k uniform in [−spread, spread − 1], so h = 2k+1 is symmetric about zero.

    A random W_ss is chaotic: it forgets its state, and W_ssᵀ, along which errors walk back, is no way back. A symmetric
    one is its own transpose, and its states settle.

    Parameters
    ----------
    network : Network
    seed : int
    spread : int
        Power of two, at most 2^(B−1); 1 gives h = ±1.
    symmetric : bool
        H_ss, the last K_1 columns of a recurrent layer, starts as its own transpose: what lies below its diagonal is
        mirrored. For recurrent networks only.

    Returns
    -------
    tuple of int16 arrays (K_l, fan-in). The raw words of PCG64 are used, which numpy keeps the same from
    version to version.

    Raises
    ------
    BepError
        When the spread does not fit B bits, or a feed-forward network is to start symmetric.
    """
    low, _ = counter_range(network.bits)
    if isinstance(spread, bool) or not isinstance(spread, int) or not 1 <= spread <= -low or spread & (spread - 1):
        raise BepError(
            f"The spread of the initial weights must be a power of two from 1 to {-low} "
            f"with {network.bits} bits per weight, not {spread!r}."
        )
    if symmetric and not network.steps:
        raise BepError(f"Only a recurrent network can start symmetric, and {network} is none; leave out --symmetric.")
    hidden = []
    for layer, (rows, fan_in) in enumerate(network.shapes, start=1):
        raw = np.random.PCG64([seed, _PURPOSE, layer]).random_raw(rows * fan_in)
        uniform = (raw & np.uint64(2 * spread - 1)).astype(np.int32) - spread
        hidden.append(uniform.astype(np.int16).reshape(rows, fan_in))
    if symmetric:
        recurrent = hidden[0][:, network.widths[0] :]
        recurrent[:] = np.tril(recurrent) + np.tril(recurrent, -1).T
    return tuple(hidden)


def initial_state(network, training, *, lanes, spread=None, symmetric=False):
    """The `State` before the first sample: random counters, W = (k ≥ 0), the generator freshly seeded.

    `spread` and `symmetric` as for `init_hidden`; the spread falls back to `DEFAULT_SPREAD`, or less where B bits hold
    less.
    """
    if spread is None:
        spread = min(DEFAULT_SPREAD, -counter_range(network.bits)[0])
    hidden = init_hidden(network, training.seed, spread, symmetric=symmetric)
    return State(
        hidden=hidden,
        weights=tuple(k >= 0 for k in hidden),
        generator=seed_bank(training.seed, lanes),
        pending=0,
    )
