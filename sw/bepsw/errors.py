"""The exceptions that reach a user: their text is a plain sentence that says what to do."""

__all__ = ["BepError", "LinkLost"]


class BepError(ValueError):
    """Bad input, a geometry that does not fit, a broken file, a missing tool.

    The command line prints the text and exits with status 2; library users catch it as a `ValueError`.
    """


class LinkLost(BepError):
    """The conversation with a board has ended; what it has learned since its state was last read is as good as lost."""
