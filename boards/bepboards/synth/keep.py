"""What a build leaves behind."""

from pathlib import Path

__all__ = ["keep"]


def keep(folder, out, files):
    """Leave the logs of `folder`, then `files` ({name: text or bytes}) in their order, in `out`; each appears whole."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    logs = {log.name: log.read_bytes() for log in Path(folder).glob("*.log")}
    for name, content in (logs | files).items():
        part = out / f"{name}.part"
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(out / name)
