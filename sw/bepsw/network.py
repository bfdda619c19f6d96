"""What is trained: the geometry of a network, feed-forward or with a recurrent first layer."""

from dataclasses import dataclass

from .errors import BepError
from .ranges import whole

__all__ = ["MAX_LAYERS", "Network", "counter_range", "divisors"]

MAX_LAYERS = 6
_MAX_CLASSES = 64
_MAX_WIDTH = 1 << 16
_MAX_STEPS = 1 << 12


@dataclass(frozen=True, kw_only=True)
class Network:
    """A binary network: a multi-layer perceptron, or with `steps` a recurrent cell followed by feed-forward layers.

    A recurrent network reads T vectors x_t of K_0 bits. Its first layer is s_t = sign(W_1 [x_t ; s_{t−1}]), the K_0
    input bits first and then the K_1 state bits, s_0 all +1; the layers after it see s_T only.

    Parameters
    ----------
    widths : tuple of int
        (K_0, …, K_L); 1 ≤ L ≤ 6, every width at least 1. With `steps`, K_0 is K_x and K_1 is K_s.
    classes : int
        C, 2 … 64; the fixed classifier is C×K_L.
    bits : int
        B, bits of a hidden-weight counter, 2 … 16.
    steps : int
        T, 1 … 4096 steps of a sequence; 0 for a multi-layer perceptron.

    Raises
    ------
    BepError
        When a value makes no sense.
    """

    widths: tuple[int, ...]
    classes: int
    bits: int = 8
    steps: int = 0

    def __post_init__(self):
        object.__setattr__(self, "widths", tuple(self.widths))
        if not 2 <= len(self.widths) <= MAX_LAYERS + 1:
            raise BepError(f"A network has 1 to {MAX_LAYERS} hidden layers, not {len(self.widths) - 1}.")
        for index, width in enumerate(self.widths):
            whole(f"Width K_{index}", width, 1, _MAX_WIDTH)
        whole("The number of classes", self.classes, 2, _MAX_CLASSES)
        whole("Bits per hidden weight", self.bits, 2, 16)
        whole("The number of time steps", self.steps, 0, _MAX_STEPS)
        whole("The fan-in of the recurrent layer", self.fan_ins[0], 1, _MAX_WIDTH)

    @property
    def layers(self):
        """L, the number of trained layers."""
        return len(self.widths) - 1

    @property
    def inputs(self):
        """Bits of a sample: K_0, or T·K_0, step after step."""
        return self.widths[0] * max(1, self.steps)

    @property
    def fan_ins(self):
        """Columns of every weight matrix: K_{l−1}, and K_0 + K_1 for a recurrent first layer."""
        recurrent = self.widths[1] if self.steps else 0
        return (self.widths[0] + recurrent, *self.widths[1:-1])

    @property
    def shapes(self):
        """(rows, columns) of every H_l."""
        return tuple(zip(self.widths[1:], self.fan_ins, strict=True))

    @property
    def hidden_weights(self):
        """Number of trained weights, the sum of rows·columns."""
        return sum(rows * fan_in for rows, fan_in in self.shapes)

    def __str__(self):
        return (f"{self.steps}×" if self.steps else "") + "-".join(map(str, self.widths))


def counter_range(bits):
    """Lowest and highest value of a counter k of `bits` bits."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def divisors(n):
    """All divisors of n, ascending: the group sizes a layer of n units can have."""
    return [d for d in range(1, n + 1) if n % d == 0]
