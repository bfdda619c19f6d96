"""The host side of a core: load a network, train, read everything back. One driver for simulation and boards.

It works on a *transport*: `read`, `write`, `read_block`, `write_block` of the register bus, `stream` for samples and
results, `wait_idle`; and `read_range` where neighbouring registers can be read together. The simulator's transport and
a board's link look alike.
"""

import numpy as np

from . import registers
from .core import Core
from .driver_words import (
    hidden_from_words,
    hidden_to_words,
    pieces_of,
    sample_beats,
    unrolled_bits,
    weight_runs,
    weights_from_runs,
)
from .errors import BepError
from .program import compile_program
from .registers import ONLINE, RUN, TRAIN, address
from .spec import thresholds as integer_thresholds
from .target import Counters, Results, State

__all__ = ["Driver"]

_CHUNK = 4096  # samples in one stream call


class Driver:
    """A network on a core, as a `Target`.

    Parameters
    ----------
    transport
        Where the core is.
    network : Network
    training : Training
    prototypes : 0/1 array (C, K_L)
        With a local rule one array (C, K_l) for every layer.

    Members
    -------
    core : Core
        What the core says that it was built with.
    log : object or None
        What the transport's last `stream` returned, with the cycle stamps of a simulation.

    Raises
    ------
    BepError
        No core answers, it has another register map, or the network does not fit it.
    """

    def __init__(self, transport, network, training, prototypes):
        training.check(network)
        self.transport, self.network, self.training = transport, network, training
        self.classifiers = [np.asarray(p).astype(bool) for p in (prototypes if training.local else [prototypes])]
        self.core = read_core(transport)
        self.lanes = self.core.lanes
        self.log = None
        self._pieces = registers.window_pieces(self.core)
        self._control = RUN | (ONLINE if training.online else 0)
        transport.write(address("CONTROL"), 0)
        transport.wait_idle()
        transport.write(address("COMMAND"), 2)
        transport.write(address("ERRORS"), (1 << len(registers.ERRORS)) - 1)
        self.configure(integer_thresholds(network, training))
        transport.write(address("BATCH"), training.batch)
        transport.write(address("CLASS_COUNT"), network.classes)
        self._load_classifiers()

    def configure(self, thresholds):
        """Use these `Thresholds` from the next sample on: compile the step tables and write them."""
        program = compile_program(self.network, self.core, thresholds)
        self.layout = program.layout
        self.transport.wait_idle()
        for table, rows in program.words(self.core).items():
            self._write_window(f"{table}_table", 0, pieces_of(rows, self._pieces[f"{table}_table"]))
        self.transport.write(address("MARGIN"), thresholds.margin)

    def load(self, state):
        """Take over a `State`: H bank, W plane, generator and the place in the batch."""
        self.transport.wait_idle()
        for matrix, hidden, weights in zip(self.layout.layers, state.hidden, state.weights, strict=True):
            words = hidden_to_words(hidden, matrix, self.core, self._pieces["hidden"])
            self._write_window("hidden", matrix.hidden_base, words)
            self._write_matrix(matrix, weights)
            self._write_matrix(matrix, hidden >= 0, other=True)
        generator = np.ascontiguousarray(state.generator, dtype="<u8").view("<u4")
        self._write_window("generator", 0, generator)
        self.transport.write(address("PENDING"), state.pending)

    def train(self, bits, labels, *, close=False):
        """Train on samples in order; see `Target.train`."""
        return self._stream(bits, labels, TRAIN, close)

    def infer(self, bits):
        """Predictions, uint8 (n,)."""
        return self._stream(bits, np.zeros(len(bits), np.uint8), 0, False).prediction

    def state(self):
        """The present `State`, read back from the core's memories."""
        self.transport.wait_idle()
        hidden, weights = [], []
        for matrix in self.layout.layers:
            words = self._read_window("hidden", matrix.hidden_base, matrix.hidden_words)
            hidden.append(hidden_from_words(words, matrix, self.core))
            weights.append(self._read_matrix(matrix))
        rows = registers.window_rows(self.core)["generator"]
        generator = np.ascontiguousarray(self._read_window("generator", 0, rows), dtype="<u4").view("<u8").ravel()
        self._check_errors()
        pending = self.transport.read(address("PENDING"))
        return State(tuple(hidden), tuple(weights), generator.astype(np.uint64), pending)

    @property
    def counters(self):
        """`Counters` as the core has them; assign a zeroed one to clear them all."""
        self.transport.wait_idle()
        names = [*registers.COUNTERS]
        words = self._read_range(address(names[0].upper()), 2 * len(names))
        totals = {name: low | high << 32 for name, low, high in zip(names, words[::2], words[1::2], strict=True)}
        return Counters(**{name: totals[name] for name in Counters.__dataclass_fields__})

    @counters.setter
    def counters(self, value):
        if value != Counters():
            raise BepError("The counters of a core can be cleared, not set.")
        self.transport.write(address("COMMAND"), 2)

    def counter(self, name):
        """One of `registers.COUNTERS`, by name."""
        self.transport.wait_idle()
        low = self.transport.read(address(name.upper()))
        return low | self.transport.read(address(f"{name.upper()}_HIGH")) << 32

    def _read_range(self, first, count):
        """The words of neighbouring registers, in one request where the transport can."""
        together = getattr(self.transport, "read_range", None)
        if together:
            return [int(word) for word in together(first, count)]
        return [self.transport.read(first + index) for index in range(count)]

    def _samples(self, bits, labels):
        """Both as arrays, if they are samples of the network."""
        bits, labels = np.asarray(bits), np.asarray(labels)
        if bits.ndim != 2 or bits.shape[1] != self.network.inputs:
            raise BepError(f"Samples must have {self.network.inputs} bits, not an array of shape {bits.shape}.")
        if len(labels) and not (labels.min() >= 0 and labels.max() < self.network.classes):
            raise BepError(f"A label is not a class from 0 to {self.network.classes - 1}.")
        return bits, labels

    def _stream(self, bits, labels, mode, close):
        bits, labels = self._samples(bits, labels)
        self.transport.write(address("CONTROL"), self._control | mode)
        payloads = []
        for start in range(0, len(bits), _CHUNK):
            part = slice(start, start + _CHUNK)
            last = close and start + _CHUNK >= len(bits)
            beats, ends = sample_beats(self._frame(bits[part]), labels[part], last, self.core.lanes)
            self.log = self.transport.stream(beats, ends, len(bits[part]))
            payloads.append(self.log.results)
        self.transport.wait_idle()
        self.transport.write(address("CONTROL"), self._control & ~RUN)
        self._check_errors()
        return self._results(np.concatenate(payloads) if payloads else np.zeros(0, np.uint64))

    def _frame(self, bits):
        unrolled = self.layout.unrolled
        return unrolled_bits(bits, unrolled, self.core.lanes) if unrolled else bits

    def _results(self, payloads):
        bits = self.core.z_bits + 1
        margin = ((payloads >> np.uint64(8)) & np.uint64((1 << bits) - 1)).astype(np.int64)
        margin = np.where(margin >> (bits - 1) & 1, margin - (1 << bits), margin)
        return Results(
            prediction=(payloads & np.uint64(63)).astype(np.uint8),
            margin=margin.astype(np.int32),
            triggered=(payloads >> np.uint64(6) & np.uint64(1)).astype(bool),
        )

    def _load_classifiers(self):
        layout, segments = self.layout, self.core.prototype_segments
        for prototypes, matrix, base in zip(self.classifiers, layout.classifiers, layout.prototype_bases, strict=True):
            for other in (False, True):
                self._write_matrix(matrix, prototypes, other=other)
            for label, row in enumerate(prototypes):
                words, _ = sample_beats(row[None, :], [label], False, self.core.lanes)
                pieces = pieces_of(
                    [int.from_bytes(word.tobytes(), "little") for word in words[1:]], self._pieces["prototypes"]
                )
                self._write_window("prototypes", label * segments + base, pieces)

    def _check_errors(self):
        flags = self.transport.read(address("ERRORS"))
        if flags:
            texts = [text for bit, text in enumerate(registers.ERRORS.values()) if flags >> bit & 1]
            raise BepError(f"The core reports an error: {'; '.join(texts)}.")

    def _window(self, name, row):
        self.transport.write(address("WINDOW_SELECT"), registers.WINDOWS.index(name))
        self.transport.write(address("WINDOW_ADDRESS"), row)

    def _write_window(self, name, row, pieces):
        self._window(name, row)
        self.transport.write_block(address("WINDOW_DATA"), np.asarray(pieces, dtype=np.uint32).ravel())

    def _read_window(self, name, row, rows):
        self._window(name, row)
        pieces = self._pieces[name]
        return self.transport.read_block(address("WINDOW_DATA"), rows * pieces).reshape(rows, pieces)

    def _write_matrix(self, matrix, weights, *, other=False):
        """Write weights into the bank in use, or into the one that is swapped in when the batch ends."""
        first = registers.window_rows(self.core)["weights"] // 2 if other else 0
        for row, pieces in weight_runs(np.asarray(weights, dtype=bool), matrix, self._pieces["weights"]):
            self._write_window("weights", first + row, pieces)

    def _read_matrix(self, matrix):
        pieces = self._pieces["weights"]
        shape = np.zeros((matrix.rows, matrix.fan_in), bool)
        runs = [self._read_window("weights", row, len(run)) for row, run in weight_runs(shape, matrix, pieces)]
        return weights_from_runs(runs, matrix)


def read_core(transport):
    """The `Core` that a transport leads to.

    Raises
    ------
    BepError
        Something else answers, or a core of another version.
    """
    identity = transport.read(address("IDENTITY"))
    if identity != registers.IDENTITY:
        raise BepError(f"This is no bepcore: its identity reads {identity:#010x}, not {registers.IDENTITY:#010x}.")
    version = transport.read(address("VERSION"))
    if version != registers.VERSION:
        raise BepError(f"This core has register map {version}, and this software speaks {registers.VERSION}.")
    return Core(**{name: transport.read(address(name.upper())) for name in registers.CAPABILITIES})
