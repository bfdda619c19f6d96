"""A core as its registers and streams show it, with the golden model inside: what a host can be tested against.

The memories hold the words that the host wrote. Before samples are worked on they become a `State` and `Thresholds` of
the golden model, and afterwards its state becomes words again.
"""

import dataclasses
import itertools

import numpy as np

from .. import registers
from ..driver_words import hidden_from_words, hidden_to_words, weight_runs, weights_from_runs
from ..golden import FastModel
from ..layout import place
from ..program import fields
from ..registers import READABLE, RUN, TRAIN, WINDOWS
from ..spec import thresholds
from ..target import Counters, State

__all__ = ["CoreModel"]

_LABEL = 63
_CLOSE = 1 << 6
_NAMES = {register.address: register.name for register in registers.REGISTERS}


class CoreModel:
    """A core that knows beforehand which network comes.

    Results of samples are there as soon as somebody looks; the core is idle at every look, but not in mid-sample.

    Parameters
    ----------
    core : Core
    network, training, prototypes
        As in `golden.Model`. Thresholds are taken from the registers and step tables.

    Members
    -------
    lanes : int
    results : list of int, payloads that wait
    """

    def __init__(self, core, network, training, prototypes):
        self.core, self.lanes = core, core.lanes
        self.layout = place(network, core)
        self.model = FastModel(network, training, prototypes, lanes=core.lanes)
        self._pieces = registers.window_pieces(core)
        rows = registers.window_rows(core)
        self._memory = {name: np.zeros((rows[name], self._pieces[name]), np.uint32) for name in WINDOWS}
        self._kept = dict.fromkeys(("CONTROL", "MARGIN", "BATCH", "CLASS_COUNT", "PENDING", "ERRORS"), 0)
        self._select = self._row = self._piece = 0
        self._ahead = None  # who holds what the other has not got yet: "memory", "model" or nobody
        self._beats, self._samples, self._done = [], [], []

    # ---- registers

    def read(self, addr):
        """The word at `addr`; 0 where no register is."""
        self._work()
        name = _NAMES.get(addr, "")
        if name == "WINDOW_DATA":
            return self._pull()
        if name.lower() in registers.CAPABILITIES:
            return getattr(self.core, name.lower())
        counter = name.lower().removesuffix("_high")
        if counter in registers.COUNTERS:
            return getattr(self.model.counters, counter, 0) >> (32 if name.endswith("_HIGH") else 0) & 0xFFFFFFFF
        if name == "PENDING":
            self._fill_memory()
        fixed = {
            "IDENTITY": registers.IDENTITY, "VERSION": registers.VERSION, "STATUS": int(not self._beats),
            "WINDOW_SELECT": self._select, "WINDOW_ADDRESS": self._row,
        }  # fmt: skip
        return fixed.get(name, self._kept.get(name, 0))

    def write(self, addr, value):
        """Write a register; what is no register keeps nothing."""
        self._work()
        name = _NAMES.get(addr, "")
        if name == "COMMAND":
            if value & 1:
                self._beats, self._samples, self._done = [], [], []
            if value & 2:
                self.model.counters = Counters()
        elif name == "WINDOW_SELECT":
            self._select, self._piece = value % len(WINDOWS), 0
        elif name == "WINDOW_ADDRESS":
            self._row, self._piece = value, 0
        elif name == "WINDOW_DATA":
            self._fill_memory()
            self._memory[WINDOWS[self._select]][self._row, self._piece] = value
            self._ahead = "memory"
            self._advance()
        elif name == "ERRORS":
            self._kept[name] &= ~value
        elif name in self._kept:
            self._fill_memory()
            self._kept[name] = value
            self._ahead = "memory"

    def _pull(self):
        self._fill_memory()
        name = WINDOWS[self._select]
        value = int(self._memory[name][self._row, self._piece]) if name in READABLE else 0
        self._advance()
        return value

    def _advance(self):
        self._piece += 1
        if self._piece == self._pieces[WINDOWS[self._select]]:
            self._row, self._piece = self._row + 1, 0

    # ---- samples

    @property
    def results(self):
        self._work()
        return self._done

    def beat(self, data, last):
        """Take one beat of the sample stream."""
        self._beats.append(int(data))
        if not last:
            return
        header, *segments = self._beats
        self._beats = []
        word = sum(segment << (index * self.lanes) for index, segment in enumerate(segments))
        inputs = self.model.network.widths[0]
        raw = np.frombuffer(word.to_bytes(-(-self.lanes * len(segments) // 8), "little"), np.uint8)
        self._samples.append((header, np.unpackbits(raw, bitorder="little")[:inputs]))

    def _work(self):
        """Let the golden model have what has come so far."""
        if not self._samples or not self._kept["CONTROL"] & RUN:
            return
        samples, self._samples = self._samples, []
        self._fill_model()
        bits = np.array([one for _, one in samples])
        if not self._kept["CONTROL"] & TRAIN:
            self._done += [int(prediction) for prediction in self.model.infer(bits)]
            return
        labels = np.array([header & _LABEL for header, _ in samples])
        ends = [index + 1 for index, (header, _) in enumerate(samples) if header & _CLOSE]
        for start, end in itertools.pairwise(sorted({0, *ends, len(samples)})):
            self._train(bits[start:end], labels[start:end], end in ends)
        self._ahead = "model"

    def _train(self, bits, labels, close):
        found = self.model.train(bits, labels, close=close)
        width = self.core.z_bits + 1
        for prediction, margin, triggered in zip(found.prediction, found.margin, found.triggered, strict=True):
            word = int(prediction) | int(triggered) << 6 | (int(margin) & ((1 << width) - 1)) << 8
            self._done.append(word)

    # ---- words and states

    def _fill_model(self):
        """Give the golden model the state and the thresholds that the memories hold, if they are ahead of it."""
        if self._ahead != "memory":
            return
        hidden, weights = [], []
        for matrix in self.layout.layers:
            rows = self._memory["hidden"][matrix.hidden_base : matrix.hidden_base + matrix.hidden_words]
            hidden.append(hidden_from_words(rows, matrix, self.core))
            shape = np.zeros((matrix.rows, matrix.fan_in), bool)
            runs = weight_runs(shape, matrix, self._pieces["weights"])
            weights.append(
                weights_from_runs([self._memory["weights"][row : row + len(run)] for row, run in runs], matrix)
            )
        generator = np.ascontiguousarray(self._memory["generator"], "<u4").view("<u8").ravel().astype(np.uint64)
        self.model.load(State(tuple(hidden), tuple(weights), generator, self._kept["PENDING"]))
        self.model.configure(self._thresholds())
        self._ahead = None

    def _thresholds(self):
        """What the step tables and MARGIN say; the backward table goes from the last layer to the first."""
        depth = len(self.layout.layers)
        backward = [self._step("backward", depth - 1 - index) for index in range(depth)]
        return dataclasses.replace(
            thresholds(self.model.network, self.model.training),
            margin=self._kept["MARGIN"],
            gates=tuple(step["gate"] for step in backward),
            groups=tuple(step["group"] for step in backward),
            reinforce=tuple(self._step("hidden", index)["threshold"] for index in range(depth)),
        )

    def _step(self, table, index):
        word = int.from_bytes(self._memory[f"{table}_table"][index].astype("<u4").tobytes(), "little")
        step = {}
        for name, bits in fields(self.core)[table].items():
            step[name], word = word & ((1 << bits) - 1), word >> bits
        return step

    def _fill_memory(self):
        """Write the golden model's state into the memories, if it is ahead of them."""
        if self._ahead != "model":
            return
        state = self.model.state()
        for matrix, hidden, weights in zip(self.layout.layers, state.hidden, state.weights, strict=True):
            words = hidden_to_words(hidden, matrix, self.core, self._pieces["hidden"])
            self._memory["hidden"][matrix.hidden_base : matrix.hidden_base + matrix.hidden_words] = words
            for row, run in weight_runs(weights, matrix, self._pieces["weights"]):
                self._memory["weights"][row : row + len(run)] = run
        generator = np.ascontiguousarray(state.generator, "<u8").view("<u4")
        self._memory["generator"][:] = generator.reshape(-1, 2)
        self._kept["PENDING"] = state.pending
        self._ahead = None
