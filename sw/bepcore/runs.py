"""The run folder: what a training run leaves behind, every file of it whole at any moment.

settings.json     what was asked for, all defaults filled in
metrics.csv       one line an epoch
checkpoint.npz    everything that resuming and inference need
summary.json      the outcome, once training is done
curve.png         accuracy and trigger rate over the epochs
"""

import contextlib
import csv
import dataclasses
import io
import json
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path

from bepsw.checkpoint import load_checkpoint
from bepsw.errors import BepError

__all__ = [
    *("CHECKPOINT", "SETTINGS", "fill_page", "folder_for_files", "new_folder", "open_run", "read_json"),
    *("whole_file", "write_csv", "write_json", "write_metrics", "write_text"),
]

CHECKPOINT = "checkpoint.npz"
SETTINGS = "settings.json"


@contextmanager
def new_folder(path, name):
    """A new run folder: `path`, or runs/NAME-001 and so on when it is None.

    It is removed again when the block fails before there is a checkpoint, so that a mistake leaves nothing behind.

    Raises
    ------
    BepError
        When the folder holds a run already, or cannot be written.
    """
    if path is None:
        stem = re.sub(r"[^\w.-]", "_", name) or "run"
        taken = [int(p.name.rpartition("-")[2]) for p in Path("runs").glob(f"{stem}-[0-9][0-9][0-9]")]
        path = Path("runs") / f"{stem}-{max(taken, default=0) + 1:03d}"
    path = Path(path)
    if (path / CHECKPOINT).exists():
        raise BepError(f"{path} holds a run already; go on with --resume {path}, or give --out another folder.")
    created = [parent for parent in (path, *path.parents) if not parent.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise BepError(f"Cannot write into the run folder {path}: {error.strerror}.") from None
    try:
        yield path
    finally:
        if not (path / CHECKPOINT).exists():
            (path / SETTINGS).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                for folder in created:
                    folder.rmdir()


def folder_for_files(path):
    """The folder that a command writes its files into; it need not exist yet.

    Raises
    ------
    BepError
        When it is a file.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise BepError(f"{path} is a file; name a folder with --out.")
    return path


def open_run(path):
    """The run in a folder, or in a checkpoint file.

    Returns
    -------
    (folder, run) : Path, bepsw.run.Run

    Raises
    ------
    BepError
        When there is none, it is damaged, or another program wrote it.
    """
    path = Path(path)
    if path.is_dir():
        path = path / CHECKPOINT
        if not path.is_file():
            raise BepError(f"{path.parent} holds no run: it has no {CHECKPOINT}.")
    run = load_checkpoint(path)
    if not {"settings", "binariser", "labels"} <= run.notes.keys():
        raise BepError(f"{path} was not written by 'bepcore train': its data settings are missing.")
    return path.parent, run


@contextmanager
def whole_file(path):
    """The block writes a file under the name that it is given; then that replaces `path`, whole or not at all.

    Raises
    ------
    BepError
        When it cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise BepError(f"Cannot write {path}: {error.strerror}.") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write a text file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def fill_page(path, begin, end, text):
    """Replace what stands between two marks of a page, where there is such a page and it has them."""
    path = Path(path)
    if path.is_file() and begin in (page := path.read_text(encoding="utf-8")) and end in page:
        write_text(path, f"{page.split(begin)[0]}{begin}\n{text}\n{end}{page.split(end)[1]}")


def write_json(path, record):
    """`record` as JSON."""
    write_text(path, json.dumps(record, indent=2) + "\n")


def read_json(path, again="measure everything again"):
    """The object in a file of ours; an empty one where there is no file.

    Raises
    ------
    BepError
        When the file is damaged; `again` says what there is to do without it.
    """
    path = Path(path)
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise BepError(f"{path} is damaged; remove it to {again}.") from None


def write_csv(path, rows, columns):
    """Rows of values under a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_metrics(folder, metrics):
    """metrics.csv of a list of `EpochMetrics`; epochs count from 1, as on the terminal."""
    rows = []
    for epoch in metrics:
        record = dataclasses.asdict(epoch)
        record["epoch"] += 1
        record["gamma"] = " ".join(map(str, epoch.gamma))
        rows.append([f"{value:.6f}" if isinstance(value, float) else value for value in record.values()])
    write_csv(Path(folder) / "metrics.csv", rows, [f.name for f in dataclasses.fields(metrics[0])] if metrics else [])
