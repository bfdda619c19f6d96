"""Compiled simulations, kept by the content they were made from.

An entry is a folder that appears in one rename after everything in it is complete; a build that was interrupted leaves
only a folder with `.part` in its name, which the next one with the same key throws away. A lock lets one process build
while others that want the same wait.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from bepsw.errors import BepError

__all__ = ["cache_folder", "content_key", "entry"]


def cache_folder():
    """Folder for compiled simulations: `$BEPCORE_CACHE` or `~/.cache/bepcore`."""
    return Path(os.environ.get("BEPCORE_CACHE") or Path.home() / ".cache" / "bepcore").expanduser().absolute()


def content_key(*texts):
    """Key of the given texts: different texts have different keys."""
    total = hashlib.sha256()
    for text in texts:
        total.update(hashlib.sha256(text.encode()).digest())
    return total.hexdigest()[:32]


def entry(key, fill):
    """The folder of `key`, and whether it was there already; if not, `fill(folder)` makes its content.

    Raises
    ------
    BepError
        When the cache cannot be written, or from `fill`; then no entry appears.
    """
    folder = cache_folder() / "sim" / key
    if folder.is_dir():
        return folder, True
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_suffix(".lock")):
            if folder.is_dir():
                return folder, True
            for stale in folder.parent.glob(f"{key}.part*"):
                shutil.rmtree(stale, ignore_errors=True)
            part = Path(tempfile.mkdtemp(prefix=f"{key}.part", dir=folder.parent))
            try:
                fill(part)
                part.rename(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise BepError(
            f"Cannot keep a compiled simulation in {folder.parent} ({error.strerror}); set BEPCORE_CACHE to a folder"
            " with room that can be written."
        ) from error
    return folder, False


@contextlib.contextmanager
def _locked(path):
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
