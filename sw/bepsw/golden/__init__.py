"""The golden model: what the hardware must equal, bit for bit."""

from .fast import ENGINES, FastModel
from .start import DEFAULT_SPREAD, init_hidden, initial_state
from .step import StepModel
from .trace import SampleTrace

__all__ = [
    "DEFAULT_SPREAD",
    "ENGINES",
    "FastModel",
    "SampleTrace",
    "StepModel",
    "init_hidden",
    "initial_state",
]
