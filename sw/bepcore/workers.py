"""Many trials at once: on the cores of this machine, or with the same call on a cluster, through joblib.

Each outcome is kept as soon as it comes in, by the process that the user started. Workers of a cluster need no disk;
those of this machine leave checkpoints of long trials beside the outcomes.
"""

import contextlib
import signal
import warnings
from pathlib import Path

from bepsw.errors import BepError
from bepsw.signals import answered

from . import show, trials

__all__ = ["add_arguments", "run_trials"]

_PATIENCE = 10
"""Seconds to wait for a scheduler, and for its first worker."""


def add_arguments(parser):
    """--jobs and --scheduler."""
    group = parser.add_argument_group("workers")
    group.add_argument("--jobs", type=int, metavar="N", help="trials at a time (default: one a core)")
    group.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="use the workers of this dask scheduler instead")


def run_trials(wanted, folder, *, screen, jobs=None, scheduler=None):
    """Outcomes of all trials, in order; those that are kept in `folder` are read, the others trained and kept.

    Parameters
    ----------
    wanted : list of (Trial, Dataset)
        The data whole; trials of the same data share one object.
    folder : Path
    screen : rich Console
    jobs : int, optional
        Trials at a time; one a core if not given.
    scheduler : str, optional
        Address of a dask scheduler.

    Returns
    -------
    (outcomes, recorded) : list of dict, int
        As `trials.train` returns them, and how many were there already.

    Raises
    ------
    BepError
        When the scheduler cannot be reached, or a worker dies.
    KeyboardInterrupt
        After an interruption, saying how much is done.
    """
    if jobs is not None and jobs < 1:
        raise BepError(f"The number of --jobs must be at least 1, not {jobs}.")
    datasets = {id(dataset): dataset for _, dataset in wanted}
    digests = {key: trials.dataset_digest(dataset) for key, dataset in datasets.items()}
    files = [trials.file_of(folder, trial, digests[id(dataset)]) for trial, dataset in wanted]
    outcomes = [trials.load(file) for file in files]
    missing = [index for index, outcome in enumerate(outcomes) if outcome is None]
    recorded = len(wanted) - len(missing)
    if not missing:
        return outcomes, recorded
    with _backend(jobs, scheduler, len(missing), list(datasets.values())) as parallel:
        (Path(folder) / "trials").mkdir(parents=True, exist_ok=True)
        kept = [None if scheduler else trials.checkpoint_of(file).absolute() for file in files]
        results = parallel((i, *wanted[i], kept[i]) for i in missing)
        try:
            with show.progress(screen, unit="trials") as bars:
                task = bars.add_task("training", total=len(wanted), completed=recorded, note="")
                for index, outcome in results:
                    trials.store(files[index], wanted[index][0], outcome)
                    outcomes[index] = outcome
                    bars.update(task, advance=1, note=f"last: test {show.percent(outcome['test_accuracy'])}")
        except KeyboardInterrupt:
            with warnings.catch_warnings(action="ignore"):  # joblib warns of the trials that are given up
                results.close()
            done = sum(file.is_file() for file in files)
            raise KeyboardInterrupt(
                f"Interrupted with {done} of {len(wanted)} trials done; the same command goes on with the others."
            ) from None
    return outcomes, recorded


@contextlib.contextmanager
def _backend(jobs, scheduler, count, scattered):
    """A function (iterable of arguments of `_train`) → iterator over (index, outcome), as they finish."""
    # Imported late: half a second that a command line with a mistake in it need not take.
    from joblib import Parallel, cpu_count, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    def run(work):
        calls = (delayed(_train)(*item) for item in work)
        # Locally no queue beyond what runs: the pool that an interruption kills may stumble over it, with a traceback.
        ahead = "n_jobs" if scheduler is None else "2*n_jobs"
        # Workers that are started here inherit that Ctrl-C is not for them, but for the process that the user started.
        with answered(signal.SIGINT, signal.SIG_IGN):
            return Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=ahead)(calls)

    try:
        if scheduler is None:
            with parallel_config(backend="loky", n_jobs=min(jobs or cpu_count(), count), inner_max_num_threads=1):
                yield run
        else:
            with (
                _client(scheduler) as client,
                parallel_config(
                    backend="dask",
                    n_jobs=jobs or -1,
                    client=client,
                    scatter=scattered,
                    wait_for_workers_timeout=_PATIENCE,
                ),
            ):
                yield run
    except TerminatedWorkerError:
        raise BepError(
            "A worker process was killed, most likely for want of memory; try fewer --jobs. Finished trials are kept."
        ) from None


@contextlib.contextmanager
def _client(address):
    try:
        from dask.distributed import Client
    except ImportError:
        raise BepError("--scheduler needs dask; install it with: pip install 'bepcore[cluster]'") from None
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise BepError(f"The dask scheduler at {address} cannot be reached ({error}).") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise BepError(f"The dask scheduler at {address} has no workers; start some with 'dask worker'.") from None
        yield client


def _train(index, trial, dataset, checkpoint):
    return index, trials.train(trial, dataset, checkpoint=checkpoint)
