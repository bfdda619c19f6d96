"""Between numpy arrays and the words of a core: counters, weights, samples, 32-bit pieces."""

import numpy as np

__all__ = [
    "hidden_from_words", "hidden_to_words", "pieces_of", "sample_beats", "unrolled_bits", "weight_runs",
    "weights_from_runs",
]  # fmt: skip


def pieces_of(rows, pieces):
    """Integers as 32-bit pieces, lowest first: uint32 (len(rows), pieces)."""
    raw = b"".join(int(row).to_bytes(4 * pieces, "little") for row in rows)
    return np.frombuffer(raw, dtype="<u4").reshape(len(rows), pieces)


def _pack(bits, pieces):
    """0/1 array (rows, n) as uint32 (rows, pieces), bit 0 lowest."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    padded = np.zeros((len(bits), 4 * pieces), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view("<u4")


def _unpack(words, count):
    """The lowest `count` bits of uint32 (rows, pieces) as uint8 0/1 (rows, count)."""
    raw = np.ascontiguousarray(words, dtype="<u4").view(np.uint8)
    return np.unpackbits(raw, axis=1, bitorder="little")[:, :count]


def hidden_to_words(hidden, matrix, core, pieces):
    """Counters (K_l, K_{l−1}) as rows of the H bank, uint32 (K_l·s, pieces); unused lanes are 0."""
    padded = np.zeros((matrix.rows, matrix.segments * core.lanes), np.int64)
    padded[:, : matrix.fan_in] = hidden
    lanes = padded.reshape(-1, core.lanes, 1) >> np.arange(core.bits) & 1
    return _pack(lanes.reshape(-1, core.lanes * core.bits).astype(np.uint8), pieces)


def hidden_from_words(words, matrix, core):
    """The inverse of `hidden_to_words`: int16 (K_l, K_{l−1})."""
    bits = _unpack(words, core.lanes * core.bits).reshape(-1, core.lanes, core.bits).astype(np.int64)
    k = bits @ (1 << np.arange(core.bits))
    k = np.where(bits[:, :, -1], k - (1 << core.bits), k)
    return k.reshape(matrix.rows, -1)[:, : matrix.fan_in].astype(np.int16)


def weight_runs(weights, matrix, pieces):
    """Segments of a bool matrix (rows, fan_in), word by word: yields (window row, uint32 (segments, pieces))."""
    lanes = matrix.lanes
    padded = np.zeros((matrix.rows, matrix.segments * lanes), np.uint8)
    padded[:, : matrix.fan_in] = weights
    segments = _pack(padded.reshape(-1, lanes), pieces).reshape(matrix.rows, matrix.segments, pieces)
    if matrix.words_per_row == 1:
        for beat in range(matrix.beats):
            rows = segments[beat * matrix.rows_per_word : (beat + 1) * matrix.rows_per_word]
            yield (matrix.weight_base + beat) << 6, rows.reshape(-1, pieces)
    else:
        for row in range(matrix.rows):
            for word in range(matrix.words_per_row):
                part = segments[row, word * matrix.plane_segments : (word + 1) * matrix.plane_segments]
                yield (matrix.weight_base + row * matrix.words_per_row + word) << 6, part


def weights_from_runs(runs, matrix):
    """The matrix whose segments, in the order of `weight_runs`, are `runs`: bool (rows, fan_in)."""
    segments = np.concatenate(runs)
    bits = _unpack(segments, matrix.lanes).reshape(matrix.rows, -1)
    return bits[:, : matrix.fan_in].astype(bool)


def unrolled_bits(bits, unrolled, lanes):
    """Samples of T steps, (n, T·K_x), as their segments hold them: [x_1 ; s_0], then x_2 … x_T; 0/1 (n, segments·g).

    s_0 is all +1. Each of the T parts begins with a segment; what is over is 0.
    """
    x = np.asarray(bits, dtype=np.uint8).reshape(len(bits), unrolled.steps, unrolled.inputs)
    first = np.zeros((len(x), unrolled.segments * lanes), np.uint8)
    first[:, : unrolled.inputs] = x[:, 0]
    first[:, unrolled.inputs : unrolled.inputs + unrolled.state] = 1
    later = np.zeros((len(x), unrolled.steps - 1, unrolled.copies * lanes), np.uint8)
    later[:, :, : unrolled.inputs] = x[:, 1:]
    return np.concatenate([first, later.reshape(len(x), -1)], axis=1)


def sample_beats(bits, labels, close, lanes):
    """Samples as stream beats.

    Parameters
    ----------
    bits : 0/1 array (n, K_0), or of `unrolled_bits`
    labels : (n,)
    close : bool
        Close the batch after the last sample.
    lanes : int
        g.

    Returns
    -------
    beats : uint8 (n·(1 + s), ⌈g/8⌉), header and segments of every sample
    last : bool (n·(1 + s),)
    """
    bits = np.asarray(bits, dtype=np.uint8)
    count, inputs = bits.shape
    segments = -(-inputs // lanes)
    padded = np.zeros((count, segments * lanes), np.uint8)
    padded[:, :inputs] = bits
    width = -(-lanes // 8)
    beats = np.zeros((count, segments + 1, width), np.uint8)
    beats[:, 1:] = np.packbits(padded.reshape(count, segments, lanes), axis=2, bitorder="little")
    beats[:, 0, 0] = labels
    if close and count:
        beats[-1, 0, 0] |= 1 << 6
    last = np.zeros((count, segments + 1), bool)
    last[:, -1] = True
    return beats.reshape(-1, width), last.ravel()
