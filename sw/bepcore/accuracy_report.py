"""What `bepcore bench accuracy` leaves: a table for the terminal, the same in Markdown, and two plots."""

from pathlib import Path
from statistics import mean

from . import runs, show

__all__ = ["BEGIN", "END", "markdown", "table", "write"]

BEGIN, END = "<!-- begin: bepcore bench accuracy -->", "<!-- end: bepcore bench accuracy -->"


def table(results):
    """A rich table of result dicts."""
    listing = show.table(
        None, "case", "network", "B", "seeds", "test", "lowest … highest", "validation", "at least", "paper",
        numbers=("B", "seeds", "test", "validation", "at least", "paper"),
    )  # fmt: skip
    for one in results:
        listing.add_row(
            one["name"],
            one["network"],
            str(one["bits"]),
            str(one["seeds"]),
            show.percent(one["test_accuracy"]),
            f"{100 * one['lowest']:.2f} … {100 * one['highest']:.2f}",
            show.percent(one["validation_accuracy"]),
            show.percent(one["goal"]),
            show.percent(one["paper"]),
        )
    return listing


def markdown(cases, record):
    """The table of docs/results.md, one line a case with a record, its command at the end."""
    rows = []
    for case in cases:
        tests, found = _tests(case, record)
        if found:
            spread = f" ({100 * min(tests):.2f} … {100 * max(tests):.2f})" if len(tests) > 1 else ""
            goal, paper = ("" if one is None else f"{100 * one:.1f} %" for one in (case.goal, case.paper))
            accuracy = f"**{100 * mean(tests):.2f} %** of {len(tests)}{spread}"
            network, bits = f"{case.data} {found['network']}", str(found["settings"]["bits"])
            rows.append((network, bits, accuracy, goal, paper, f"`{case.command}`"))
    mean_of_seeds = "test accuracy, mean of seeds (lowest … highest)"
    return show.markdown(("data, network", "B", mean_of_seeds, "at least", "BEP paper", "command"), rows)


def write(folder, cases, record):
    """Plots into `folder`, and the table into results.md above it when that has the two marks for it."""
    # Imported late: an import of a second, needed once.
    from . import curve

    folder = Path(folder)
    _plot_curves(curve, folder / "training.png", [case for case in cases if case.plot == "curve"], record)
    _plot_bits(curve, folder / "bits.png", [case for case in cases if case.plot == "bits"], record)
    runs.fill_page(folder.parent / "results.md", BEGIN, END, markdown(cases, record))


def _tests(case, record):
    found = [record[f"{case.name}/{seed}"] for seed in case.seeds if f"{case.name}/{seed}" in record]
    return [one["test_accuracy"] for one in found], found[0] if found else None


def _plot_curves(curve, path, cases, record):
    figure, axes = curve.new_axes("Validation accuracy while training", "epoch", "validation accuracy")
    drawn = False
    for case, colour in zip(cases, curve.COLOURS, strict=False):
        tests, found = _tests(case, record)
        label = f"{case.data}, {found['network']}: test {100 * mean(tests):.1f} %" if found else None
        for seed in case.seeds:
            if values := record.get(f"{case.name}/{seed}", {}).get("curve"):
                axes.plot(range(1, len(values) + 1), values, color=colour, linewidth=1.2, alpha=0.85, label=label)
                label, drawn = None, True
    axes.set_ylim(0.5, 1)
    axes.legend(frameon=False, fontsize=9)
    curve.save(figure, path) if drawn else curve.close(figure)


def _plot_bits(curve, path, cases, record):
    points = [(case.settings(0).bits, *_tests(case, record)) for case in cases]
    points = [point for point in points if point[2]]
    title = "Fashion-MNIST, 784-255-255: what a wider counter buys"
    figure, axes = curve.new_axes(title, "bits per hidden weight, and memory for all of them", "test accuracy")
    if not points:
        return curve.close(figure)
    for bits, tests, _ in points:
        axes.plot([bits] * len(tests), tests, ".", color=curve.COLOURS[0], alpha=0.6)
    axes.plot([point[0] for point in points], [mean(point[1]) for point in points], color=curve.COLOURS[0])
    labels = [f"{bits}\n{bits * found['hidden_weights'] / 1e6:.1f} Mbit" for bits, _, found in points]
    axes.set_xticks([point[0] for point in points], labels, fontsize=8)
    return curve.save(figure, path)
