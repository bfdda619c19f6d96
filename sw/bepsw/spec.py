"""What is trained and how, in exact integers: network, training settings, thresholds.

The real-valued hyperparameters of the papers (r, nu, p_r, theta) are turned here, once, into the integers that the
golden model and the hardware compare against, so that no floating point is left where the two could differ.
"""

from .integers import REINFORCE_BITS, Thresholds, thresholds
from .network import MAX_LAYERS, Network, counter_range, divisors
from .training import MAX_RARITY, RULES, SELECTIONS, Training

__all__ = [
    "MAX_LAYERS",
    "MAX_RARITY",
    "REINFORCE_BITS",
    "RULES",
    "SELECTIONS",
    "Network",
    "Thresholds",
    "Training",
    "counter_range",
    "divisors",
    "thresholds",
]
