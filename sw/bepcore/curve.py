"""Plots: the training curve of a run, and the look that all plots of this project share."""

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator, PercentFormatter

from . import runs

__all__ = ["COLOURS", "close", "fold_curves", "new_axes", "save", "step_curves", "sweep_dots", "training_curve"]

COLOURS = ("#1f6f8b", "#d1603d", "#6b8e23", "#7d5ba6", "#8c8c8c")


def new_axes(title, across, up, *, size=(7.2, 4.2)):
    """A figure with one pair of axes, titled and labelled; accuracies go up in percent."""
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure, path):
    """Write a figure as PNG, whole or not at all, and close it."""
    try:
        with runs.whole_file(path) as temporary:
            # No software version inside: the same figure gives the same file.
            figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})
    finally:
        plt.close(figure)


def close(figure):
    """Forget a figure that is not saved."""
    plt.close(figure)


def training_curve(path, metrics, *, title, best_epoch=None, test_accuracy=None):
    """Accuracies (left) and trigger rate (right) over the epochs.

    Parameters
    ----------
    path : Path
    metrics : list of bepsw.run.EpochMetrics
    title : str
    best_epoch : int, optional
        Counted from 0; marked.
    test_accuracy : float, optional
        Of the best epoch; drawn beside the mark.
    """
    epochs = [epoch.epoch + 1 for epoch in metrics]
    figure, axes = new_axes(title, "epoch", "accuracy")
    axes.plot(epochs, [epoch.train_accuracy for epoch in metrics], color=COLOURS[0], label="training")
    validation = [epoch.validation_accuracy for epoch in metrics]
    if None not in validation:
        axes.plot(epochs, validation, color=COLOURS[1], label="validation")
    right = axes.twinx()
    right.plot(epochs, [epoch.trigger_rate for epoch in metrics], color=COLOURS[4], linestyle=":", label="trigger rate")
    right.set_ylim(0, 1)
    right.set_ylabel("samples that trigger an update")
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    right.spines["top"].set_visible(False)
    if best_epoch is not None:
        height = validation[best_epoch]
        height = metrics[best_epoch].train_accuracy if height is None else height
        words = "selected" if test_accuracy is None else f"selected: test {100 * test_accuracy:.2f} %"
        axes.plot([best_epoch + 1], [height], "o", color=COLOURS[1], markersize=6, label=words)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles = [*axes.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    save(figure, path)


def fold_curves(path, outcomes, *, title):
    """Training (dotted) and validation accuracy of every fold over the epochs, its selected epoch marked.

    Parameters
    ----------
    path : Path
    outcomes : list of dict
        As `trials.train` gives them, one a fold.
    title : str
    """
    figure, axes = new_axes(title, "epoch", "accuracy")
    for fold, outcome in enumerate(outcomes):
        colour, epochs = COLOURS[fold % len(COLOURS)], range(1, len(outcome["train_curve"]) + 1)
        label = f"fold {fold + 1}: test {100 * outcome['test_accuracy']:.2f} %"
        axes.plot(epochs, outcome["train_curve"], color=colour, linestyle=":", linewidth=1)
        shown = outcome["curve"] or outcome["train_curve"]
        axes.plot(epochs, shown, color=colour, linewidth=1.2, label=label)
        axes.plot([outcome["best_epoch"]], [shown[outcome["best_epoch"] - 1]], "o", color=colour, markersize=5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=9)
    save(figure, path)


def sweep_dots(path, rows, *, title):
    """A line per combination: validation accuracy of every trial (dots), test accuracy (rings), means (bars).

    Parameters
    ----------
    path : Path
    rows : list of (str, list of float or None, list of float)
        Name, validation and test accuracies; the first row is drawn on top.
    title : str
    """
    figure, axes = new_axes(title, "accuracy", "", size=(7.2, 1.6 + 0.3 * len(rows)))
    for height, (_, validation, test) in enumerate(rows):
        for values, colour, mark in ((validation, COLOURS[1], "."), (test, COLOURS[0], "o")):
            if None in values:
                continue
            axes.plot(values, [height] * len(values), mark, color=colour, markersize=6, fillstyle="none", alpha=0.7)
            axes.plot([sum(values) / len(values)], [height], "|", color=colour, markersize=13, markeredgewidth=2)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    handles = [axes.plot([], [], "|", color=colour, markeredgewidth=2)[0] for colour in COLOURS[1::-1]]
    axes.legend(handles, ["validation", "test"], frameon=False, fontsize=8)
    save(figure, path)


def step_curves(path, rows):
    """Accuracy against the number of time steps, a line a gate; every trial is a dot.

    Parameters
    ----------
    path : Path
    rows : list of dict
        With `set` {"nu", "window"} and `test_accuracies`.
    """
    figure, axes = new_axes("ItalyPowerDemand: 24 points cut into T time steps", "time steps T", "test accuracy")
    gates = sorted({row["set"]["nu"] for row in rows}, key=float)
    for gate, colour in zip(gates, COLOURS, strict=False):
        mine = sorted((int(row["set"]["window"]), row["test_accuracies"]) for row in rows if row["set"]["nu"] == gate)
        for steps, values in mine:
            axes.plot([steps] * len(values), values, ".", color=colour, alpha=0.5)
        axes.plot([m[0] for m in mine], [sum(m[1]) / len(m[1]) for m in mine], color=colour, label=f"gate ν = {gate}")
    axes.set_xticks(sorted({int(row["set"]["window"]) for row in rows}))
    axes.legend(frameon=False, fontsize=9)
    save(figure, path)
