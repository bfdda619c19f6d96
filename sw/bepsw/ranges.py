"""Refusals of numbers outside their range, one sentence each."""

from .errors import BepError

__all__ = ["one_of", "real", "whole"]


def whole(name, value, low, high):
    """Refuse what is not a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BepError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")


def real(name, value, low, high):
    """Refuse what is not a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise BepError(f"{name} must be a number from {low} to {high}, not {value!r}.")


def one_of(name, value, choices):
    """Refuse what is not among `choices`."""
    if value not in choices:
        raise BepError(f"{name} must be {', '.join(choices[:-1])} or {choices[-1]}, not {value!r}.")
