"""How fast the golden model is, beside the limit that plain matrix products of the same sizes set."""

import time
from itertools import pairwise

import numpy as np

from ..errors import BepError
from ..frame import equiangular_frame
from ..spec import Network, Training
from . import kernels
from .fast import ENGINES, FastModel
from .step import StepModel

__all__ = ["REFERENCE_NETWORK", "REFERENCE_TRAINING", "bench", "float32_baseline"]

REFERENCE_NETWORK = Network(widths=(784, 255, 255), classes=10, bits=8)
REFERENCE_TRAINING = Training(gamma=(51, 51), batch=100)

_LANES = 72
_EARLIER_EPOCHS = 2  # over the same samples, so that all models start from the same, no longer random, state
_NOISE = 0.43  # share of flipped bits that makes the synthetic data trigger about as often as Fashion-MNIST


def bench(network=REFERENCE_NETWORK, training=REFERENCE_TRAINING, *, bits=None, labels=None, seconds=1.0):
    """Training samples per second of every model.

    Parameters
    ----------
    network, training : what to train; the reference network by default.
    bits, labels : uint8 (n, K_0), (n,), optional
        Data; noisy prototypes if not given.
    seconds : float
        Time spent on each model, at least.

    Returns
    -------
    dict, ready for JSON: `network`, `batch`, `gamma`, `online`, `trigger_rate` of the fast model, `engine` (the one
    that "auto" takes), `samples_per_second` of each engine, of `step` and of `float32` (the baseline), and `ratio`:
    `fast_to_step` and `fast_to_float32`, where fast is `engine`.
    """
    if seconds <= 0:
        raise BepError(f"The time for the benchmark must be above 0 seconds, not {seconds}.")
    if bits is None:
        bits, labels = _noisy_prototypes(network, max(10_000, 10 * training.batch))
    prototypes = equiangular_frame(network.classes, network.widths[-1], training.seed)
    engines = [name for name in ENGINES if name != "numba" or kernels.AVAILABLE]
    models = {name: FastModel(network, training, prototypes, lanes=_LANES, engine=name) for name in engines}
    models["step"] = StepModel(network, training, prototypes, lanes=_LANES)
    fast = engines[-1]
    for _ in range(_EARLIER_EPOCHS):
        models[fast].train(bits, labels, close=True)
    state, rates = models[fast].state(), {}
    for name, model in models.items():
        count = min(len(bits), training.batch) if name == "step" else len(bits)
        model.load(state)
        rates[name], triggered = _train_rate(model, bits[:count], labels[:count], seconds)
        if name == fast:
            trigger_rate = triggered
    batch = 1 if training.online else training.batch
    rates["float32"] = _rate(float32_baseline(network, batch), batch, seconds)
    return {
        "network": str(network),
        "batch": training.batch,
        "gamma": list(training.gamma),
        "online": training.online,
        "trigger_rate": trigger_rate,
        "engine": fast,
        "samples_per_second": rates,
        "ratio": {"fast_to_step": rates[fast] / rates["step"], "fast_to_float32": rates[fast] / rates["float32"]},
    }


def float32_baseline(network, batch):
    """The matrix products of one mini-batch and nothing else, as a function to be timed.

    Forward of every layer, scores, walk back through every layer but the first, and the outer products of a dense
    update: what a plain float32 numpy trainer cannot do without.
    """
    rng = np.random.default_rng(0)
    widths = network.widths
    signs = lambda *shape: rng.choice(np.array([-1, 1], np.float32), shape)  # noqa: E731
    weights = [signs(rows, fan_in) for fan_in, rows in pairwise(widths)]
    activations = [signs(batch, width) for width in widths]
    prototypes = signs(network.classes, widths[-1])

    def products(_count):
        for a, w in zip(activations, weights, strict=False):
            a @ w.T
        activations[-1] @ prototypes.T
        for a, w in zip(activations[:1:-1], weights[:0:-1], strict=True):
            a @ w
        for a, below in zip(activations[1:], activations, strict=False):
            a.T @ below

    return products


def _train_rate(model, bits, labels, seconds):
    """Samples per second of a model, and the share of them that triggered."""
    before = model.counters.triggered, model.counters.samples
    rate = _rate(lambda count: model.train(bits, labels), len(bits), seconds)
    triggered, samples = model.counters.triggered - before[0], model.counters.samples - before[1]
    return rate, triggered / samples


def _rate(train, count, seconds):
    """Samples per second of `train(count)`, after a first call that compiles and warms up."""
    train(count)
    done, start = 0, time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        train(count)
        done += count
    return done / passed


def _noisy_prototypes(network, count):
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 2, (network.classes, network.widths[0]))
    labels = rng.integers(0, network.classes, count)
    noise = rng.random((count, network.widths[0])) < _NOISE
    return (centres[labels] ^ noise).astype(np.uint8), labels
