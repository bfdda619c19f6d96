"""Reading data that is good: names, files, splits."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from bepsw import data
from bepsw.data.dataset import Dataset
from bepsw.data.idx import read_idx
from bepsw.data.pooling import pooled
from bepsw.data.table import read_csv, read_samples
from bepsw.errors import BepError


def real_data():
    """Folder of the real data sets, or a skip."""
    folder = Path(os.environ.get("BEPCORE_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
    if not (folder / "mnist").is_dir():
        pytest.skip("no real data here; set BEPCORE_DATA")
    return folder


def write_idx(path, array):
    payload = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(payload) if path.suffix == ".gz" else payload)


def test_digits_are_bundled_with_a_fixed_stratified_split():
    digits = data.load("digits")
    assert digits.x_train.shape == (1442, 64) and digits.x_test.shape == (355, 64)
    assert digits.shape == (8, 8) and digits.classes == 10 and digits.x_train.max() == 16
    assert np.bincount(digits.y_test).min() >= 34
    assert digits.y_test[:10].tolist() == data.load("digits").y_test[:10].tolist()
    assert int(digits.x_train.sum()) + int(digits.x_test.sum()) == 561_718


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_real_image_sets(name):
    images = data.load(name, real_data())
    assert images.x_train.shape == (60_000, 784) and images.x_test.shape == (10_000, 784)
    assert images.x_train.dtype == np.uint8 and images.shape == (28, 28)
    assert np.bincount(images.y_train).size == 10 and len(images.labels) == 10


def test_bepcore_data_is_searched(monkeypatch):
    monkeypatch.setenv("BEPCORE_DATA", str(real_data()))
    assert data.load("GunPoint").x_test.shape == (150, 150)
    assert "ItalyPowerDemand" in data.series_files()
    assert data.load("mnist").classes == 10


def test_a_train_series_file_takes_its_test_file_along():
    path = real_data() / "ucr" / "ItalyPowerDemand_TRAIN.ts"
    italy = data.load(path)
    assert italy.x_train.shape == (67, 24) and italy.x_test.shape == (1029, 24)
    assert italy.shape == (24, 1) and italy.labels == ("1", "2") and set(italy.y_train) == {0, 1}
    assert np.array_equal(data.load(str(path).replace("TRAIN", "TEST")).x_train, italy.x_train)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_of_idx_files(tmp_path, suffix):
    random = np.random.default_rng(0)
    for part, count in (("train", 20), ("t10k", 8)):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{suffix}", random.integers(0, 256, (count, 4, 5), np.uint8))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{suffix}", (np.arange(count) % 3).astype(np.uint8))
    loaded = data.load(tmp_path)
    assert loaded.x_train.shape == (20, 20) and loaded.shape == (4, 5) and loaded.classes == 3


def test_idx_types_are_big_endian(tmp_path):
    (tmp_path / "f").write_bytes(bytes([0, 0, 0x0D, 1]) + struct.pack(">I2f", 2, 1.5, -2.0))
    assert read_idx(tmp_path / "f").tolist() == [1.5, -2.0]


def test_csv_header_and_label_column(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("\ufeffkind,a,b\ncat,1,2\ndog,3,4e-1\n\ncat,5,6\ndog,7,8\n", encoding="utf-8")
    x, labels = read_csv(path, "kind")
    assert labels == ["cat", "dog", "cat", "dog"] and x.tolist() == [[1, 2], [3, 0.4], [5, 6], [7, 8]]
    assert read_csv(path, "1")[1] == labels
    loaded = data.load(path, label="kind")
    assert loaded.labels == ("cat", "dog") and len(loaded.x_train) == len(loaded.x_test) == 2


@pytest.mark.parametrize("header", ["", "a,b,label\n", "0,1,label\n"])
def test_csv_with_numeric_labels(tmp_path, header):
    path = tmp_path / "c.csv"
    path.write_text(header + "1,2,10\n3,4,9\n5,6,10.0\n7,8,9\n")
    x, labels = read_csv(path)
    assert x.shape == (4, 2) and labels == ["10", "9", "10", "9"]
    assert data.load(path).labels == ("9", "10")


def test_csv_without_labels(tmp_path):
    path = tmp_path / "c.csv"
    for header in ("", "a,b\n"):
        path.write_text(header + "1,2\n3,4\n")
        assert read_samples(path, 2).tolist() == [[1, 2], [3, 4]]


def test_npz_with_and_without_a_test_part(tmp_path):
    x, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y)
    np.savez(tmp_path / "b.npz", x_train=x.reshape(20, 3, 1), y_train=y, x_test=x[:4], y_test=y[:4] * 1.0)
    one, two = data.load(tmp_path / "a.npz"), data.load(tmp_path / "b.npz")
    assert len(one.x_train) == 16 and np.bincount(one.y_test).tolist() == [2, 2]
    assert two.x_train.shape == (20, 3) and two.shape == (3, 1) and two.y_test.dtype == np.int64


def test_random_prototypes_are_noisy_copies():
    made = data.load("random-prototypes")
    assert made.x_train.shape == (20_000, 1000) and made.x_test.shape == (3_000, 1000)
    means = np.array([made.x_train[made.y_train == c].mean(axis=0) for c in range(10)])
    flips = np.minimum(means, 1 - means)
    assert abs(flips.mean() - 0.46) < 0.002
    prototypes = means > 0.5
    assert ((made.x_test[:, None] != prototypes[made.y_test][:, None]).mean() - 0.46) < 0.002


def test_validation_split_is_seeded_and_whole():
    first, second = data.split(1000, 0.2, seed=3)
    assert len(second) == 200 and sorted([*first, *second]) == list(range(1000))
    assert np.array_equal(data.split(1000, 200, seed=3)[1], second)
    assert not np.array_equal(data.split(1000, 0.2, seed=4)[1], second)
    assert len(data.split(10, 0)[1]) == 0


def test_holdout_keeps_every_class_on_both_sides():
    y = np.array([0] * 50 + [1] * 2 + [2] * 7)
    train, test = data.holdout(y)
    assert set(y[train]) == set(y[test]) == {0, 1, 2} and len(train) + len(test) == len(y)
    assert np.bincount(y[test]).tolist() == [10, 1, 1]


@pytest.mark.parametrize("shape, sides", [((4, 6), (2, 3)), ((4, 6), (4, 2)), ((6, 6), (1, 1))])
def test_pooled_images_are_means_of_blocks(shape, sides):
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 256, (5, shape[0] * shape[1]), dtype=np.uint8), np.array([0, 1, 1, 0, 1])
    made = pooled(Dataset("pictures", x, y, x[:2], y[:2], 2, shape, "here"), *sides)
    high, wide = shape[0] // sides[0], shape[1] // sides[1]
    assert (
        made.shape == sides
        and made.name == f"pictures-{sides[0]}x{sides[1]}"
        and made.x_test.shape[1] == sides[0] * sides[1]
    )
    for sample, image in zip(made.x_train, x.reshape(5, *shape), strict=True):
        for row in range(sides[0]):
            for column in range(sides[1]):
                block = image[row * high : (row + 1) * high, column * wide : (column + 1) * wide]
                assert sample.reshape(sides)[row, column] == np.float32(block.mean())


@pytest.mark.parametrize("sides", [(3, 2), (2, 4), (8, 12), (0, 2)])
def test_images_that_do_not_divide_are_refused(sides):
    x, y = np.zeros((4, 24), np.uint8), np.array([0, 1, 0, 1])
    with pytest.raises(BepError, match="cannot be cut into"):
        pooled(Dataset("pictures", x, y, x, y, 2, (4, 6), "here"), *sides)
