"""The data set in a board's memory, from the host's side: put it there, have it replayed, train with it.

A sample is a header word (its label in bits 0 to 5) and the ⌈K_0/16⌉ words of its bits, bit 0 lowest, the last one
filled up with zeros: nothing depends on the core. Sample i begins at word i·2^stride, with the smallest stride that
holds it.
"""

import functools

import numpy as np

from . import dataset_registers as registers
from .dataset_registers import READY, REPLAY, REPLAYING, STOP, address
from .driver import Driver
from .errors import BepError
from .registers import RUN, TRAIN
from .registers import address as core_address

__all__ = ["Store", "StoredDriver", "sample_words", "stride_of"]

_SHUFFLE, _CLOSE, _TALLY = 1, 2, 4
_LOOKS = 100  # at a memory that starts up, which takes it less than a millisecond
_PART = 256  # samples between two calls of `progress`
_SPOTS = 16  # samples that are read back after loading


def stride_of(inputs):
    """log2 of the 16-bit words from one sample of `inputs` bits to the next, at least 1."""
    return max(1, (-(-inputs // 16)).bit_length())


def sample_words(bits, labels):
    """Samples as they lie in the memory, uint16 (n, 1 + ⌈K_0/16⌉).

    bits : 0/1 array (n, K_0); labels : (n,).
    """
    bits = np.asarray(bits, dtype=np.uint8)
    words = np.zeros((len(bits), 2 * (1 + -(-bits.shape[1] // 16))), np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="little")
    words[:, 2 : 2 + packed.shape[1]] = packed
    words[:, 0] = labels
    return words.view("<u2")


class Store:
    """A board's memory behind a transport.

    Parameters
    ----------
    transport
        As `Driver` has it.

    Raises
    ------
    BepError
        No such memory answers, it has another table of registers, or does not get ready.
    """

    def __init__(self, transport):
        self.transport = transport
        identity = transport.read(address("IDENTITY"))
        if identity != registers.IDENTITY:
            raise BepError(f"This board has no memory for a data set; where it would answer stands {identity:#x}.")
        version = transport.read(address("VERSION"))
        if version != registers.VERSION:
            raise BepError(f"The board's memory has registers {version}, and this software speaks {registers.VERSION}.")
        self.words = 1 << transport.read(address("ADDRESS_BITS"))
        self._wait_ready()
        transport.write(address("ERRORS"), (1 << len(registers.ERRORS)) - 1)  # of another host

    def load(self, bits, labels, first=0, progress=None):
        """Write samples from place `first` on; `progress(n)` is called when n more are on their way.

        Raises
        ------
        BepError
            They do not fit the memory, or it is not ready.
        """
        words = sample_words(bits, labels)
        stride = stride_of(np.shape(bits)[1])
        room = self.words >> stride
        if first + len(words) > room:
            raise BepError(
                f"{first + len(words)} samples of {np.shape(bits)[1]} bits do not fit the board's memory, "
                f"which holds {room}; use fewer."
            )
        places = np.zeros((len(words), 1 << stride), "<u2")  # with what lies between two samples: one block, no seeking
        places[:, : words.shape[1]] = words
        self.transport.write(address("ADDRESS"), first << stride)
        for start in range(0, len(places), _PART):
            part = places[start : start + _PART]
            self.transport.write_block(address("DATA"), part.view("<u4").ravel())
            if progress:
                progress(len(part))
        self.transport.write(address("INPUTS"), np.shape(bits)[1])
        self.transport.write(address("STRIDE"), stride)
        self._check()

    def read(self, first, count):
        """Samples as they are in the memory: bits uint8 (count, K_0), labels uint8 (count,)."""
        inputs, stride = (self.transport.read(address(name)) for name in ("INPUTS", "STRIDE"))
        self.transport.write(address("ADDRESS"), first << stride)
        pairs = self.transport.read_block(address("DATA"), count << stride >> 1)
        self._check()
        raw = np.ascontiguousarray(pairs, dtype="<u4").view(np.uint8).reshape(count, 2 << stride)
        bits = np.unpackbits(raw[:, 2:], axis=1, bitorder="little")[:, :inputs]
        return bits, raw[:, 0] & 63

    def replay(self, first, length, *, base, count, order=None, close=False, tally=False):
        """Start to replay the samples at positions first … first + length − 1 of the range base … base + count − 1.

        order : (seed, epoch) of `permutation.hardware_order`, or None for the order in which they are stored.
        close : close the batch after the last one.
        tally : results are counted on the board and do not come to the host.
        """
        seed, epoch = order or (0, 0)
        mode = (_SHUFFLE if order else 0) | (_CLOSE if close else 0) | (_TALLY if tally else 0)
        values = dict(MODE=mode, SEED=seed, EPOCH=epoch, BASE=base, COUNT=count, FIRST=first, LENGTH=length)
        for name, value in values.items():
            self.transport.write(address(name), value)
        self.transport.write(address("COMMAND"), REPLAY)
        self._check()

    def stop(self):
        """End the replay in progress after the sample that the core is taking."""
        self.transport.write(address("COMMAND"), STOP)

    def active(self):
        """Whether a replay is running."""
        return bool(self.transport.read(address("STATUS")) & REPLAYING)

    def sent(self):
        """Samples sent since the last replay began."""
        return self.transport.read(address("SENT"))

    def starved(self):
        """Cycles of the last replay in which the core waited for the memory."""
        return self.transport.read(address("STARVED"))

    def judged(self):
        """Results of the samples of the last replay."""
        return self.transport.read(address("JUDGED"))

    def wrong(self):
        """Those of them whose prediction was not the label."""
        return self.transport.read(address("WRONG"))

    def _wait_ready(self):
        for _ in range(_LOOKS):
            if self.transport.read(address("STATUS")) & READY:
                return
        raise BepError("The board's memory does not get ready; reset the board.")

    def _check(self):
        flags = self.transport.read(address("ERRORS"))
        if flags:
            self.transport.write(address("ERRORS"), flags)
            texts = [text for bit, text in enumerate(registers.ERRORS.values()) if flags >> bit & 1]
            raise BepError(f"The board's memory reports an error: {'; '.join(texts)}.")


class StoredDriver(Driver):
    """A `Driver` of a core whose data set lies in the board's memory. `fit` uses it when the run's order is hardware's.

    Members
    -------
    store : Store
    stored : int or None
        Digest of the `FitData` in the memory.
    """

    def __init__(self, transport, network, training, prototypes):
        super().__init__(transport, network, training, prototypes)
        self.store = Store(transport)
        self.stored = None
        self._trained = self._validated = 0

    def put(self, data, progress=None):
        """Write the training and then the validation samples of a `FitData`, and read some of them back.

        progress : function, optional
            `progress(n)` is called when n more samples are on their way.

        Raises
        ------
        BepError
            They are not of the network, do not fit the memory, or do not come back as they were written.
        """
        self.stored = None
        self._trained, self._validated = len(data.train_labels), len(data.validation_labels)
        first = 0
        for part in ((data.train_bits, data.train_labels), (data.validation_bits, data.validation_labels)):
            bits, labels = self._samples(*part)
            bits = self._frame(bits)
            if len(bits):
                self.store.load(bits, labels, first, progress)
                self._look_back(bits, labels, first)
                first += len(bits)
        self.stored = data.digest()

    def _look_back(self, bits, labels, first):
        for index in np.unique(np.linspace(0, len(bits) - 1, _SPOTS).astype(int)).tolist():
            found = self.store.read(first + index, 1)
            if not (np.array_equal(found[0][0], bits[index]) and found[1][0] == labels[index]):
                raise BepError(
                    f"Sample {first + index} came back from the board's memory with other bits than were written; "
                    "without --order hardware the memory is not used."
                )

    def train_stored(self, epoch, first, length, *, close=False):
        """Train on positions first … first + length − 1 of an epoch, in its `hardware_order`.

        Returns
        -------
        wrong, triggered : int
            Samples that were predicted wrongly, and those that updated. Single results stay on the board: a serial
            line would hold the core up.
        """
        before = self.counter("triggered")
        order = self.training.seed, epoch
        wrong = self._replay(TRAIN, first, length, base=0, count=self._trained, order=order, close=close)
        return wrong, self.counter("triggered") - before

    def infer_stored(self):
        """How many of the validation samples are predicted wrongly."""
        return self._replay(0, 0, self._validated, base=self._trained, count=self._validated)

    def _replay(self, mode, first, length, **how):
        """Replay and wait until all is done; wrong predictions."""
        self.transport.write(core_address("CONTROL"), self._control | mode)
        self.store.replay(first, length, tally=True, **how)
        wait = functools.partial(self.transport.wait_idle, moved=self.store.judged)
        wait()  # for the core; on a board it can be idle before the first sample has come
        while self.store.active():
            wait()
        wait()
        self.transport.write(core_address("CONTROL"), self._control & ~RUN)
        self._check_errors()
        judged = self.store.judged()
        if judged != length:
            raise BepError(f"The core judged {judged} of {length} samples of the board's memory; load the core anew.")
        return self.store.wrong()
