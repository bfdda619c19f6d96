"""`bepcore bench sequences`: accuracies of recurrent networks on time series, for docs/results.md.

Each case is a `bepcore sweep` that a user can type; with `--validation 0` no epoch is selected. Trials are kept in the
sweep's folder, so that a bench that was stopped goes on; the record holds accuracies only.
"""

from dataclasses import dataclass
from pathlib import Path

from . import options, runs, show, sweep, workers
from .cli import Parser

__all__ = ["BEGIN", "CASES", "END", "add_arguments", "run"]

BEGIN, END = "<!-- begin: bepcore bench sequences -->", "<!-- end: bepcore bench sequences -->"
_TRIALS = "runs/bench-sequences"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One sweep.

    Parameters
    ----------
    words : str
        Arguments of `bepcore sweep`, but for the folder of the data.
    goal : float or None
        Test accuracy that the mean has to reach.
    beside : str
        What others report for the same data.
    """

    words: str
    goal: float | None = None
    beside: str = ""

    @property
    def command(self):
        """What a user types."""
        return f"bepcore sweep {self.words}"


_ITALY = "--task sequence --data ItalyPowerDemand --folds 3 --join --epochs 50 --validation 0"
_GUNPOINT = "--task sequence --data GunPoint --window 4 --r 1 --epochs 100 --validation 0"

CASES = {
    "italy": Case(words=f"{_ITALY} --seeds 0,1,2", goal=0.955, beside="BEP paper 94.65 ± 1.22 %"),
    "gunpoint": Case(
        words=f"{_GUNPOINT} --seeds 0,1,2,3,4", goal=0.907, beside="UCR archive, 1-NN: DTW 90.7 %, Euclidean 91.3 %"
    ),
    "mnist-rows": Case(
        words="--task sequence --data mnist", goal=0.9, beside="BEP paper ≈ 92.5 %, validation, K_s = 1875"
    ),
    "steps": Case(words=f"{_ITALY} --set nu=0.05,0.2,0.5 --set window=2,4,8,12,24"),
}
"""Name → case; "steps" is the plot of accuracy against the number of time steps."""


def add_arguments(parser):
    """Arguments of `bepcore bench sequences`."""
    parser.add_argument("--only", metavar="NAME", action="append", help=f"one of the cases: {', '.join(CASES)}")
    parser.add_argument("--quick", action="store_true", help="two epochs of the first seed: does it work at all")
    parser.add_argument("--out", metavar="FOLDER", help="for record and plot (default: docs/results)")
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder to look for named data in first")
    workers.add_arguments(parser)


def run(args):
    """Train what is missing, then write record, table and plot."""
    screen = show.console(args)
    plans = {name: _plan(args, case) for name, case in options.chosen(args, CASES).items()}
    folder = Path(args.out or ("runs/bench-quick" if args.quick else "docs/results"))
    record = runs.read_json(folder / "sequences.json")
    for name, rows in plans.items():
        wanted = [pair for _, pairs in rows for pair in pairs]
        screen.print(f"{name}: {len(wanted)} trials")
        outcomes, _ = workers.run_trials(wanted, _TRIALS, screen=screen, jobs=args.jobs, scheduler=args.scheduler)
        results = [{k: v for k, v in one.items() if "validation" not in k} for one in sweep.combine(rows, outcomes)]
        record[name] = {"command": CASES[name].command, "data": wanted[0][1].name, "rows": results}
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_json(folder / "sequences.json", record)
    _report(screen, folder, record)
    show.emit(args, record)


def _plan(args, case):
    parser = Parser(prog="bepcore bench sequences")
    sweep.add_arguments(parser)
    asked = parser.parse_args(case.words.split())
    asked.data_dir = args.data_dir
    if args.quick:
        asked.epochs, asked.seeds = 2, (0,)
    return sweep.plan(asked)


def _report(screen, folder, record):
    lines = []
    listing = show.table(None, "case", "network", "trials", "test", numbers=("trials", "test"))
    for name, case in CASES.items():
        for row in record.get(name, {"rows": []})["rows"]:
            spread, swept = show.spread(row["test_accuracies"]), " ".join(f"{k}={v}" for k, v in row["set"].items())
            listing.add_row(f"{name} {swept}", row["network"], str(row["trials"]), spread)
            if not swept:
                goal = "" if case.goal is None else f"{100 * case.goal:.1f} %"
                network, accuracy = f"{record[name]['data']} {row['network']}", f"**{spread}** of {row['trials']}"
                lines.append((network, accuracy, goal, case.beside, f"`{case.command}`"))
    screen.print(listing)
    columns = ("data, network", "test accuracy, mean ± standard deviation", "at least", "others", "command")
    runs.fill_page(folder.parent / "results.md", BEGIN, END, show.markdown(columns, lines))
    if "steps" in record:
        # Imported late: an import of a second, needed once.
        from .curve import step_curves

        step_curves(folder / "steps.png", record["steps"]["rows"])
    screen.print(f"record and plot in {folder}")
