"""Download of MNIST and Fashion-MNIST from where their makers publish them, checked before it counts."""

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import BepError
from .idx import read_bytes
from .images import FILES, NAMED, cache_folder

__all__ = ["SOURCES", "fetch"]

SOURCES = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}

# Of the unpacked idx files: the packed ones differ from mirror to mirror in name and date.
_SHA256 = {
    "mnist": {
        "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}

_SECONDS = 30
_BLOCK = 1 << 16


def fetch(name, *, folder=None, source=None, progress=None):
    """Download one data set into `folder` (default: the cache); files that are there and right are kept.

    Parameters
    ----------
    name : str
        "mnist" or "fashion-mnist".
    folder : Path, optional
        Gets a subfolder `name`.
    source : str, optional
        Another address to fetch from, ending in "/".
    progress : callable (file name, bytes so far, bytes in all or None), optional

    Returns
    -------
    Path
        The folder that holds the four files.

    Raises
    ------
    BepError
        On an unknown name, no network, a checksum that is wrong, a folder that cannot be written.
    """
    if name not in NAMED:
        raise BepError(f"There is nothing to fetch for {name!r}; known are {' and '.join(sorted(NAMED))}.")
    target = Path(folder or cache_folder()) / name
    source = source or SOURCES[name]
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BepError(f"Cannot create the folder {target}: {error.strerror}.") from None
    for part, stem in FILES.items():
        path = target / f"{stem}.gz"
        if not (path.exists() and _digest(path) == _SHA256[name][part]):
            _download(source + path.name, path, _SHA256[name][part], name, progress)
    return target


def _digest(path):
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except BepError:
        return None


def _download(url, path, wanted, name, progress):
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            _copy(url, file, path.name, name, progress)
        if _digest(temporary) != wanted:
            raise BepError(f"{url} does not have the checksum it should; nothing was kept, try again later.")
        os.replace(temporary, path)
    except OSError as error:
        raise BepError(f"Cannot write {path}: {error.strerror}.") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _copy(url, file, label, name, progress):
    try:
        # An opener of its own: the shared one keeps the proxies of its first use for ever.
        with urllib.request.build_opener().open(url, timeout=_SECONDS) as reply:
            total = int(reply.headers.get("Content-Length") or 0) or None
            done = 0
            while block := reply.read(_BLOCK):
                file.write(block)
                done += len(block)
                if progress:
                    progress(label, done, total)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise BepError(
            f"Could not download {label} from {urlsplit(url).hostname} ({reason}); put the four {name} files into a "
            "folder by hand and name it with --data-dir or BEPCORE_DATA."
        ) from None
