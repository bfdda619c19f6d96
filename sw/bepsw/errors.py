"""The one exception that reaches a user: its text is a plain sentence that says what to do."""

__all__ = ["BepError"]


class BepError(ValueError):
    """Bad input, a geometry that does not fit, a broken file, a missing tool.

    The command line prints the text and exits with status 2; library users catch it as a `ValueError`.
    """
