"""What a person sees: one console, progress bars, tables; and the JSON object that a program reads.

With `--json` everything for people goes to stderr, so that stdout holds JSON and nothing else.
"""

import json
import sys
import time
from statistics import mean, stdev

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

__all__ = ["EpochBars", "console", "emit", "markdown", "percent", "progress", "rate", "share", "spread", "table"]


class _Console(Console):
    def on_broken_pipe(self):
        # Left alone, rich ends the process with status 1, which is what a difference found by `verify` gives.
        raise BrokenPipeError


def console(args):
    """The console for people: stdout, or stderr when stdout belongs to JSON."""
    stream = sys.stderr if getattr(args, "json", False) else sys.stdout
    # Not for a terminal, so nothing to fit into: a path in a log must not be folded.
    width = None if stream.isatty() else 160
    return _Console(file=stream, highlight=False, soft_wrap=True, width=width)


def emit(args, record):
    """Print `record` as one line of JSON on stdout when --json was given."""
    if getattr(args, "json", False):
        print(json.dumps(record), file=sys.stdout, flush=True)


def progress(screen, *, unit=""):
    """A progress display with a bar, a count and the time left; a column `note` shows what the task last said."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(compact=True),
        console=screen,
        # A log file wants lines, not bars.
        disable=not screen.is_terminal,
        transient=True,
    )


def table(title, *columns, numbers=()):
    """An empty rich table; the columns named in `numbers` are set flush right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", header_style="dim", overflow="fold")
    return made


def markdown(columns, rows):
    """A table in Markdown; rows of text, one a column."""
    lines = [f"| {' | '.join(row)} |" for row in (columns, *rows)]
    return "\n".join([lines[0], "|---" * len(columns) + "|", *lines[1:]])


def percent(value):
    """0.9437 as 94.37 %; a dash for None."""
    return "–" if value is None else f"{100 * value:.2f} %"


def share(used, have):
    """A cell of a table: what is used of a resource, and its part of all there is."""
    return f"{used} ({100 * used / have:.0f} %)"


def spread(values):
    """0.94 and 0.96 as 95.00 ± 1.41 %: mean and sample standard deviation; a dash when a value is None."""
    if None in values:
        return "–"
    if len(values) == 1:
        return percent(values[0])
    return f"{100 * mean(values):.2f} ± {100 * stdev(values):.2f} %"


def rate(value):
    """Samples a second, in thousands from 10 000 on."""
    return f"{value / 1000:.1f} k samples/s" if value >= 10_000 else f"{value:.0f} samples/s"


class EpochBars:
    """Progress of `bepsw.fit.fit`: two bars on a terminal, some lines in a log. Call it as the fit's callback.

    Parameters
    ----------
    screen : rich Console
    epochs, samples : int
        In all, and per epoch.
    """

    def __init__(self, screen, epochs, samples):
        self._screen, self._epochs, self._samples = screen, epochs, samples
        self._every = max(1, epochs // 20)
        self._bars = progress(screen)
        self._begin = self._last = None

    def __enter__(self):
        self._bars.start()
        self._epoch = self._bars.add_task("epochs ", total=self._epochs, note="")
        self._sample = self._bars.add_task("samples", total=self._samples, note="")
        return self

    def __exit__(self, *_):
        self._bars.stop()

    @property
    def rate(self):
        """Training samples a second, validation included; None when there was too little to tell.

        Counted from the end of the first chunk: what the first call compiles is not the speed of training.
        """
        if self._begin is None or self._last[1] == self._begin[1]:
            return None
        return round((self._last[1] - self._begin[1]) / (self._last[0] - self._begin[0]))

    def __call__(self, run, metrics):
        """After a chunk (`metrics` None) or an epoch."""
        self._last = time.perf_counter(), run.progress.epoch * self._samples + run.progress.sample
        self._begin = self._begin or self._last
        if metrics is None:
            self._bars.update(self._epoch, completed=run.progress.epoch)
            self._bars.update(self._sample, completed=run.progress.sample)
            return
        best = run.progress.best_accuracy
        note = "" if best is None else f"best validation {percent(best)}"
        self._bars.update(self._epoch, completed=run.progress.epoch, note=note)
        done = metrics.epoch + 1
        if not self._screen.is_terminal and (done % self._every == 0 or done == self._epochs):
            self._screen.print(
                f"epoch {done}/{self._epochs}: training {percent(metrics.train_accuracy)}, "
                f"validation {percent(metrics.validation_accuracy)}, "
                f"triggered {percent(metrics.trigger_rate)}"
            )
