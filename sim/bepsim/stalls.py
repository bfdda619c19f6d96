"""Random pauses on the streams, to show that back-pressure loses and changes nothing."""

from dataclasses import dataclass

from bepsw.errors import BepError

__all__ = ["NO_STALLS", "Stalls"]


@dataclass(frozen=True)
class Stalls:
    """Pauses, the same for the same seed, in both simulators.

    seed : 0 … 2³¹ − 1.
    p_sample : probability, each clock, that the next beat is not offered yet. A beat once offered stays.
    p_result : probability, each clock, that no result is taken.
    """

    seed: int = 0
    p_sample: float = 0.0
    p_result: float = 0.0

    def __post_init__(self):
        if not 0 <= self.seed < 1 << 31:
            raise BepError(f"The seed of the stalls must be a whole number from 0 to 2147483647, not {self.seed!r}.")
        for name in ("p_sample", "p_result"):
            if not 0 <= getattr(self, name) <= 0.99:
                raise BepError(f"The stall probability {name} must be from 0 to 0.99, not {getattr(self, name)!r}.")

    def command(self):
        """The bench inputs that switch these stalls on."""
        return {"seed": self.seed, "p_sample": int(self.p_sample * 65536), "p_result": int(self.p_result * 65536)}


NO_STALLS = Stalls()
