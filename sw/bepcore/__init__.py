"""The command line of Bepcore; the only package that imports all the others."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("bepcore")
