"""Reading data that is bad: each case is one plain sentence, and never a traceback of numpy or zlib."""

import gzip
import http.server
import os
import shutil
import struct
import threading

import numpy as np
import pytest

from bepsw import data
from bepsw.data import fetch
from bepsw.errors import BepError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    """A good folder of idx files, for a test to spoil."""
    for part, count in (("train", 20), ("t10k", 8)):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(np.ones((count, 2, 2), np.uint8)))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx((np.arange(count) % 3).astype(np.uint8)))
    assert data.load(tmp_path).classes == 3
    return tmp_path


def spoil_gzip(path, place, value):
    """A gzip file with one byte changed."""
    packed = bytearray(gzip.compress(np.random.default_rng(0).bytes(500), mtime=0))
    packed[place] = value
    path.write_bytes(bytes(packed))


@pytest.mark.parametrize(
    "name, spoil, words",
    [
        (IMAGES, lambda p: p.write_bytes(p.read_bytes()[:-3]), "cut short: its header promises 80 bytes .* 77 follow"),
        (IMAGES, lambda p: p.write_bytes(p.read_bytes()[:9]), "ends inside its header"),
        (IMAGES, lambda p: p.write_bytes(p.read_bytes() + b"x"), "too long"),
        (IMAGES, lambda p: p.write_bytes(b""), "is empty"),
        (IMAGES, lambda p: p.write_bytes(b"\x89PNG" + bytes(99)), "not an idx file"),
        (IMAGES, lambda p: p.write_bytes(idx(np.ones(20, np.uint8))), "holds 1-dimensional data where 3"),
        (IMAGES, lambda p: p.write_bytes(gzip.compress(p.read_bytes())[:-12]), "cut short"),
        (IMAGES, lambda p: spoil_gzip(p, 100, 0), "damaged"),  # only the checksum tells
        (IMAGES, lambda p: spoil_gzip(p, 10, 7), "damaged"),  # a kind of block that does not exist
        (IMAGES, lambda p: p.unlink(), "not of a known kind|no train-images"),
        (IMAGES, lambda p: p.write_bytes(idx(np.ones((0, 2, 2), np.uint8))), "0 training samples but 20"),
        (LABELS, lambda p: p.write_bytes(idx(np.ones(19, np.uint8))), "20 training samples but 19 training labels"),
        (LABELS, lambda p: p.write_bytes(idx(np.ones(20, np.uint8))), "label 2 of test sample 3 .* out of range"),
        (LABELS, lambda p: p.write_bytes(idx(np.zeros(20, np.uint8))), "holds 1 class;"),
        (LABELS, lambda p: p.write_bytes(idx(np.full(20, 200, np.uint8))), "needs 2 to 64"),
        ("t10k-images-idx3-ubyte", lambda p: p.write_bytes(idx(np.ones((8, 3, 3), np.uint8))), "4 features .* have 9"),
        ("t10k-labels-idx1-ubyte", lambda p: p.unlink(), "has no t10k-labels-idx1-ubyte"),
    ],
)
def test_spoiled_idx(folder, name, spoil, words):
    spoil(folder / name)
    with pytest.raises(BepError, match=words):
        data.load(folder)


def test_labels_of_a_named_set_must_be_below_ten(folder):
    (folder / LABELS).write_bytes(idx(np.full(20, 11, np.uint8)))
    with pytest.raises(BepError, match=r"label 11 of training sample 1 .* 0 to 9"):
        data.load("mnist", folder)


@pytest.mark.parametrize(
    "text, words",
    [
        ("1,2,0\n3,nan,1\n", "Line 2, column 2 .* 'nan', not a finite number"),
        ("1,2,0\n3,inf,1\n", "Line 2, column 2 .* 'inf'"),
        ("nan,2,0\n3,4,1\n", "Line 1, column 1"),
        ("a,b,label\n1,2,0\n3,x,1\n", "Line 3, column 2 .* 'x'"),
        ("1,2,0\n3,,1\n", "Line 2, column 2 .* ''"),
        ("1,2,0\n3,4\n", "Line 2 .* has 2 columns but the first has 3"),
        ("", "is empty"),
        ("\n\n", "holds no samples"),
        ("a,b,label\n", "header but no samples"),
        ("1\n2\n", "single column"),
        ("1,2,0\n3,4,0\n", "1 class;"),
        ("1,2,0\n3,4,0\n5,6,7\n", "class '7' .* single sample .sample 3."),
        ("1,2,nan\n3,4,0\n5,6,1\n", "nan for a class label"),
        ("1,2,\n3,4,0\n5,6,1\n", "Line 1 .* nothing for a class label"),
    ],
)
def test_spoiled_csv(tmp_path, text, words):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(BepError, match=words):
        data.load(path)


def test_csv_column_counts_as_in_the_file_when_the_label_comes_first(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("a,1,2\nb,3,NaN\n")
    with pytest.raises(BepError, match="Line 2, column 3"):
        data.load(path, label="1")
    with pytest.raises(BepError, match="no column 'kind'"):
        data.load(path, label="kind")


def test_csv_that_is_not_text(tmp_path):
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BepError, match="not a text file"):
        data.load(tmp_path / "c.csv")


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"x": np.eye(4)}, "must hold x_train"),
        ({}, "it holds nothing"),
        ({"x": np.eye(4), "y": np.array([0, 1, 0])}, "4 samples but 3 labels"),
        ({"x": np.eye(4), "y": np.array([0, 1, -1, 1])}, "label -1 of sample 3"),
        ({"x": np.eye(4), "y": np.array([0, 1, 64, 1])}, "label 64 of sample 3"),
        ({"x": np.eye(4), "y": np.array([0, 1, 0.5, 1])}, "one whole number a sample"),
        ({"x": np.eye(4), "y": np.array(list("abab"))}, "one whole number a sample"),
        ({"x": np.array([list("ab")] * 4), "y": np.array([0, 1, 0, 1])}, "must be numbers"),
        ({"x": np.full((4, 2), np.nan), "y": np.array([0, 1, 0, 1])}, "not a finite number"),
        ({"x": np.zeros((4, 0)), "y": np.array([0, 1, 0, 1])}, "no training samples"),
        ({"x": np.eye(4), "y": np.zeros(4, int)}, "1 class;"),
        ({"x": np.eye(4), "y": np.ones(4, int)}, "belong to one class"),
        ({"x": np.array([[None] * 2] * 4), "y": np.array([0, 1, 0, 1])}, "plain arrays"),
    ],
)
def test_spoiled_npz(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(BepError, match=words):
        data.load(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_npz_that_is_none(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BepError, match=r"not an .npz file"):
        data.load(tmp_path / "a.npz")


def test_unknown_names_and_missing_files(tmp_path, monkeypatch):
    monkeypatch.setenv("BEPCORE_CACHE", str(tmp_path))
    monkeypatch.delenv("BEPCORE_DATA", raising=False)
    with pytest.raises(BepError, match="no data set 'minst'; known are digits, mnist"):
        data.load("minst")
    with pytest.raises(BepError, match=r"Cannot read .*gone.csv: No such file"):
        data.load(tmp_path / "gone.csv")
    with pytest.raises(BepError, match=r"gone.npz: no such file"):
        data.load(tmp_path / "gone.npz")
    with pytest.raises(BepError, match=r"not on this machine .* 'bepcore data fetch mnist'"):
        data.load("mnist")
    with pytest.raises(BepError, match=r"data folder .* does not exist"):
        data.load("mnist", tmp_path / "gone")
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(BepError, match="not of a known kind"):
        data.load(tmp_path / "a.txt")


@pytest.mark.parametrize("share", [-0.1, 100, 100.5, 99.5, 1e9])
def test_validation_shares_that_make_no_sense(share):
    with pytest.raises(BepError, match="validation share"):
        data.split(100, share)


@pytest.fixture
def server(tmp_path):
    """A web server over a folder of four small gzipped files; yields (address, folder)."""
    root = tmp_path / "site"
    root.mkdir()
    for stem in data.images.FILES.values():
        (root / f"{stem}.gz").write_bytes(gzip.compress(stem.encode()))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(root))

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}/", root
        web.shutdown()


def test_fetch_keeps_only_what_has_the_right_checksum(server, tmp_path, monkeypatch):
    address, root = server
    sums = {part: fetch._digest(root / f"{stem}.gz") for part, stem in data.images.FILES.items()}
    monkeypatch.setitem(fetch._SHA256, "mnist", dict(sums))
    seen = []
    target = fetch.fetch("mnist", folder=tmp_path, source=address, progress=lambda *step: seen.append(step))
    assert sorted(os.listdir(target)) == sorted(f"{stem}.gz" for stem in data.images.FILES.values())
    assert len(seen) == 4 and all(done == total for _, done, total in seen)
    (target / f"{IMAGES}.gz").write_bytes(b"spoiled on disk")
    (root / f"{IMAGES}.gz").write_bytes(gzip.compress(b"spoiled at the source"))
    with pytest.raises(BepError, match="does not have the checksum"):
        fetch.fetch("mnist", folder=tmp_path, source=address)
    assert len(os.listdir(target)) == 4


def test_fetch_without_a_network(tmp_path):
    with pytest.raises(BepError, match=r"Could not download .* from 127.0.0.1 .*by hand"):
        fetch.fetch("fashion-mnist", folder=tmp_path, source="http://127.0.0.1:9/")
    assert os.listdir(tmp_path / "fashion-mnist") == []
    with pytest.raises(BepError, match="nothing to fetch for 'digits'; known are"):
        fetch.fetch("digits", folder=tmp_path)


def test_fetch_of_a_file_that_is_gone(server, tmp_path):
    address, root = server
    shutil.rmtree(root)
    with pytest.raises(BepError, match=r"Could not download .*File not found"):
        fetch.fetch("mnist", folder=tmp_path, source=address)
