"""Forward pass, walk back and choice of rows for many samples at once, as matrix products (the numpy engine).

Activations and weights are ±1 in float32; every z is an integer of at most 2^16, which float32 holds exactly. What
is (n, K_l) for a feed-forward layer is (n, T, K_1) for a recurrent layer 1.
"""

import numpy as np

__all__ = ["choose_rows", "final", "forward", "signs", "walk_back"]


def signs(bits):
    """Bits as ±1, float32."""
    result = bits.astype(np.float32)
    result *= 2
    result -= 1
    return result


def final(a):
    """What the layer above sees, (n, K_l): a_l, or s_T of a recurrent layer."""
    return a[:, -1] if a.ndim == 3 else a


def forward(weights, steps, bits):
    """Inputs, z and a of every layer, as lists; `StepModel.forward` for bits (n, inputs)."""
    inputs, z, a = [], [], []
    for layer, matrix in enumerate(weights):
        if layer == 0 and steps:
            below, pre = _unroll(matrix, signs(bits).reshape(len(bits), steps, -1))
        else:
            below = final(a[-1]) if a else signs(bits)
            pre = below @ matrix.T
        inputs.append(below)
        z.append(pre)
        a.append(signs(pre >= 0))
    return inputs, z, a


def _unroll(matrix, x):
    """[x_t ; s_{t−1}], (n, T, K_0+K_1), and z_t, (n, T, K_1); s_0 is all +1."""
    count, steps, width = x.shape
    inputs = np.empty((count, steps, matrix.shape[1]), dtype=np.float32)
    z = np.empty((count, steps, len(matrix)), dtype=np.float32)
    inputs[:, :, :width] = x
    inputs[:, 0, width:] = 1
    for t in range(steps):
        z[:, t] = inputs[:, t] @ matrix.T
        if t + 1 < steps:
            inputs[:, t + 1, width:] = signs(z[:, t] >= 0)
    return inputs, z


def walk_back(weights, steps, z, top, gates):
    """a* of every layer, ±1, from a*_L = `top`, (n, K_L); `StepModel.walk_back`."""
    desired = [top]
    for layer in range(len(z) - 1, 0, -1):
        desired.insert(0, _send_back(weights[layer], z[layer], gates[layer], desired[0]))
    if steps:
        through_time = [desired[0]]
        recurrent = weights[0][:, weights[0].shape[1] - len(weights[0]) :]
        for t in range(steps - 1, 0, -1):
            through_time.insert(0, _send_back(recurrent, z[0][:, t], gates[0], through_time[0]))
        desired[0] = np.stack(through_time, axis=1)
    return desired


def _send_back(matrix, z, gate, desired):
    return signs((desired * (np.abs(z) <= gate)) @ matrix >= 0)


def choose_rows(z, desired, group, select, push):
    """The rows that each sample updates, bool (n, K_l); `StepModel.pick_winners`.

    Parameters
    ----------
    select, push : int or None
        θ_l and φ_l; None where they are not in force.
    """
    if z.ndim == 3:
        stability = (z * desired).sum(axis=1, dtype=np.float64)
        wrong, size = stability < 0, np.abs(stability)
    else:
        wrong, size = (z >= 0) != (desired > 0), np.abs(z)
    if select is not None:
        chosen = wrong & (size <= select)
        return chosen if push is None else chosen | (~wrong & (size <= push))
    cost = np.where(wrong, size, np.inf).reshape(len(z), -1, group)
    best = cost.argmin(axis=2)[:, :, np.newaxis]  # the first of equals, hence the lowest index
    chosen = np.zeros(cost.shape, dtype=bool)
    np.put_along_axis(chosen, best, np.take_along_axis(cost, best, axis=2) < np.inf, axis=2)
    return chosen.reshape(len(z), -1)
