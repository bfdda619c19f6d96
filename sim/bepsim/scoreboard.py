"""Hardware against golden model: everything that the contract names, after every batch, and where it first differs."""

from dataclasses import dataclass

import numpy as np

from bepsw.cycles import CycleModel
from bepsw.target import Counters

__all__ = ["Mismatch", "Report", "Scoreboard"]


class Mismatch(AssertionError):
    """The first difference, as a sentence: sample, and layer, unit, weight or which output."""


@dataclass
class Report:
    """How much was compared and found equal.

    samples, batches : trained. results : predictions, with margins and trigger flags. weights : k and W values.
    states : comparisons of the whole state (k, W, generator, place in the batch). cycles : clock cycles of the core,
    and `timed` samples whose result cycle was predicted.
    """

    samples: int = 0
    batches: int = 0
    results: int = 0
    weights: int = 0
    states: int = 0
    cycles: int = 0
    timed: int = 0


class Scoreboard:
    """Drive a core and a golden model with the same samples and compare them.

    Parameters
    ----------
    driver : bepsw.driver.Driver
    model : a golden model with the same network, settings and lanes
        Both get the model's state.
    timed : bool
        Compare cycles with the cycle model too; only without stalls.
    state_every : int
        Batches between two comparisons of the whole state.

    Members
    -------
    report : Report
    """

    def __init__(self, driver, model, *, timed=True, state_every=1):
        self.driver, self.model = driver, model
        self.timed, self.state_every = timed, state_every
        self.report = Report()
        self.cycle_model = CycleModel(model.network, driver.core, model.training, model.thresholds)
        driver.load(model.state())
        driver.counters = Counters()
        model.counters = Counters()
        self._compare_state("before the first sample")

    def train(self, bits, labels, *, close=False, progress=None):
        """Train both, batch by batch; `progress` is called with the number of samples done.

        Raises
        ------
        Mismatch
        """
        done = 0
        while done < len(bits):
            pending = self.model.state().pending if done == 0 else 0
            part = slice(done, min(len(bits), done + self.model.training.batch - pending))
            self._batch(bits[part], labels[part], close and part.stop == len(bits), pending)
            done = part.stop
            if progress:
                progress(done)
        if self.report.batches % self.state_every:
            self._compare_state(f"after sample {self.report.samples - 1}")

    def train_stepwise(self, bits, labels):
        """Train both sample by sample and compare the whole state after each.

        Raises
        ------
        Mismatch
        """
        for index in range(len(bits)):
            sample = slice(index, index + 1)
            self._results(
                self.driver.train(bits[sample], labels[sample]), self.model.train(bits[sample], labels[sample])
            )
            self.report.samples += 1
            self._compare_state(f"after sample {self.report.samples - 1}")

    def infer(self, bits):
        """Classify with both.

        Raises
        ------
        Mismatch
        """
        self._equal("prediction", self.driver.infer(bits), self.model.infer(bits))
        self.report.results += len(bits)

    def _batch(self, bits, labels, close, pending):
        keep = self.model.state() if self.report.batches % self.state_every == 0 else None
        cycles = self.driver.counter("cycles")
        found = self.driver.train(bits, labels, close=close)
        expected = self.model.train(bits, labels, close=close)
        self._results(found, expected)
        if self.timed:
            self._timing(expected, pending, close, cycles)
        self.report.samples += len(bits)
        self.report.batches += 1
        if self.report.batches % self.state_every:
            return
        try:
            self._compare_state(f"after sample {self.report.samples - 1}")
        except Mismatch:
            if keep is not None:
                self._locate(keep, bits, labels)
            raise

    def _locate(self, before, bits, labels):
        """Repeat a batch whose state came out different, sample by sample, to name the first sample."""
        self.driver.load(before)
        self.model.load(before)
        self.driver.counters = self.model.counters = Counters()
        self.report.samples -= len(bits)
        self.train_stepwise(bits, labels)

    def _results(self, found, expected):
        for name in ("prediction", "margin", "triggered"):
            self._equal(name, getattr(found, name), getattr(expected, name))
        self.report.results += len(found.prediction)

    def _equal(self, name, found, expected):
        different = np.flatnonzero(np.asarray(found) != np.asarray(expected))
        if different.size:
            first = different[0]
            raise Mismatch(
                f"Sample {self.report.samples + first}: the {name} is {found[first]} in the core and "
                f"{expected[first]} in the golden model."
            )

    def _timing(self, expected, pending, close, cycles_before):
        winners = self.model.winner_counts
        use = self.cycle_model.run(self.model.layer_triggers, winners, pending=pending, close=close)
        log = self.driver.log
        self._equal("cycle of the result", log.result_cycle - log.beat_cycle[0], use.results)
        taken = self.driver.counter("cycles") - cycles_before
        if taken != use.cycles:
            raise Mismatch(
                f"Samples {self.report.samples} to {self.report.samples + len(winners) - 1}: the core took {taken} "
                f"cycles, the cycle model says {use.cycles}."
            )
        self.report.cycles += taken
        self.report.timed += len(winners)

    def _compare_state(self, when):
        found, expected = self.driver.state(), self.model.state()
        for what, mine, golden in (("k", found.hidden, expected.hidden), ("W", found.weights, expected.weights)):
            for layer, (a, b) in enumerate(zip(mine, golden, strict=True), start=1):
                different = np.argwhere(a != b)
                if len(different):
                    unit, weight = different[0]
                    raise Mismatch(
                        f"{when[0].upper()}{when[1:]}: {what} of layer {layer}, unit {unit}, weight {weight} is "
                        f"{a[unit, weight]} in the core and {b[unit, weight]} in the golden model "
                        f"({len(different)} differ in this layer)."
                    )
        if not np.array_equal(found.generator, expected.generator):
            raise Mismatch(f"{when[0].upper()}{when[1:]}: the random generators differ.")
        if found.pending != expected.pending:
            raise Mismatch(f"{when[0].upper()}{when[1:]}: {found.pending} samples are pending, not {expected.pending}.")
        counters = self.driver.counters
        if counters != self.model.counters:
            raise Mismatch(f"{when[0].upper()}{when[1:]}: the core counts {counters}, the model {self.model.counters}.")
        self.report.states += 1
        self.report.weights += sum(k.size for k in expected.hidden)
