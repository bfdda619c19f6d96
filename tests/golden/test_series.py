"""Time series: the .ts format, gaps, lengths, halves that belong together; good files and bad ones."""

import numpy as np
import pytest

from bepsw import data
from bepsw.data.series import fill_missing, rectangle, stretch
from bepsw.data.ts import read_ts
from bepsw.errors import BepError


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_format_with_comments_tags_channels_lengths_and_gaps(tmp_path):
    path = write(
        tmp_path / "s.ts",
        *("# comment", "@problemName s", "@equalLength false", "@classLabel true a b"),
        *("@data", "1,2,?:4,5,6:a", "", "1,2:3,4e-1:b"),
    )
    series, labels = read_ts(path)
    assert labels == ["a", "b"] and [len(c) for c in series[1]] == [2, 2] and series[1][1].tolist() == [3, 0.4]
    assert np.isnan(series[0][0][2]) and series[0][1].tolist() == [4, 5, 6]


def test_channels_of_a_point_stand_together(tmp_path):
    loaded = data.load(write(tmp_path / "s.ts", "@data", *["1,2,3:4,5,6:a"] * 5, *["1,2,3:4,5,6:b"] * 5))
    assert loaded.shape == (3, 2) and loaded.x_train[0].tolist() == [1, 4, 2, 5, 3, 6]
    assert len(loaded.x_train) == 8 and len(loaded.x_test) == 2 and not loaded.stretched


def test_missing_values_lie_on_a_line_between_their_neighbours_and_are_held_at_the_ends():
    nan = np.nan
    assert fill_missing(np.array([nan, 2, nan, nan, 8, nan, nan])).tolist() == [2, 2, 4, 6, 8, 8, 8]
    assert fill_missing(np.array([nan, 3.0])).tolist() == [3, 3]
    whole = np.array([1.0, 5.0])
    assert fill_missing(whole) is whole


@pytest.mark.parametrize("length, points", [(5, 9), (9, 5), (2, 7), (7, 2), (1, 4), (6, 6)])
def test_stretching_reads_a_straight_line_where_it_is(length, points):
    """A line stays a line, with both its ends."""
    made = stretch(np.linspace(3, 11, length), points)
    assert len(made) == points
    assert np.allclose(made, np.linspace(3, 11, points) if length > 1 else 3)


def test_unequal_series_are_stretched_to_the_longest_training_series(tmp_path):
    write(tmp_path / "s_TRAIN.ts", "@data", "0,4:0,8:a", "0,1,2,3,4:9,9,?,9,9:b")
    write(tmp_path / "s_TEST.ts", "@data", "0,0,2,2,4,4,6,6,8:1,1,1,1,1,1,1,1,1:b", "7:5:a")
    loaded = data.load(tmp_path / "s_TRAIN.ts")
    assert loaded.shape == (5, 2) and loaded.stretched
    assert loaded.x_train[0].reshape(5, 2).T.tolist() == [[0, 1, 2, 3, 4], [0, 2, 4, 6, 8]]
    assert loaded.x_train[1].reshape(5, 2).T.tolist() == [[0, 1, 2, 3, 4], [9] * 5]
    assert loaded.x_test[0].reshape(5, 2).T[0].tolist() == [0, 2, 4, 6, 8]
    assert loaded.x_test[1].tolist() == [7, 5] * 5
    longer = data.load(tmp_path / "s_TRAIN.ts", points=9)
    assert longer.shape == (9, 2) and longer.x_test[0, ::2].tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8]


def test_a_file_alone_is_stretched_too_and_says_so(tmp_path):
    loaded = data.load(write(tmp_path / "s.ts", "@data", *["1,2:a"] * 5, *["1,2,3:b"] * 5))
    assert loaded.shape == (3, 1) and loaded.stretched and not loaded.own_test
    assert loaded.x_train[0].tolist() == [1, 1.5, 2]


def test_rectangle_keeps_values_that_fit_exactly():
    x = np.random.default_rng(0).normal(size=(6, 2, 7))
    assert np.array_equal(rectangle(list(x), 7).reshape(6, 7, 2), x.transpose(0, 2, 1))


@pytest.mark.parametrize(
    "text, words",
    [
        ("@data\n1,2:a\n1,b:b\n", "Line 3 .* not a number"),
        ("@data\n1,2:a\n1,:b\n", "Line 3 .* not a number"),
        ("@data\n1,2:a\n1,inf:b\n", "Line 3 .* infinite"),
        ("@equalLength true\n@data\n1,2:a\n1,2,3:b\n", "Line 4 .* has 3 points but the first series has 2"),
        ("@data\n1,2:a\n?,?:b\n", "Line 3 .* nothing but missing values in channel 1"),
        ("@data\n1,2:1,2:a\n1,2:NaN,nan:b\n", "Line 3 .* nothing but missing values in channel 2"),
        ("@data\n1,2:a\n1,2:3,4:b\n", "Line 3 .* 2 channels but the first series has 1"),
        ("@data\n1,2:1,2:a\n1,2:3:b\n", "Line 3 .* 2 points in channel 1 but 1 in channel 2"),
        ("@data\n1,2\n", "no class label"),
        ("@data\n1,2:\n", "no class label"),
        ("@classLabel true a b\n@data\n1,2:a\n1,2:c\n", "Line 4 .* class 'c', but @classLabel names a, b"),
        ("1,2:a\n", "before @data"),
        ("@problemName s\n@classLabel true a b\n1,2:a\n", "Line 3 .* before @data; .* or it lacks that line"),
        ("@data\n", "no series"),
        ("@\n", "no series"),
        ("", "no series"),
        ("@timeStamps true\n@data\n1,2:a\n", "time stamps"),
        ("@classLabel false\n@data\n1,2\n", "no class labels"),
        ("@data\n1,2:a\n1,3:a\n", "1 class;"),
    ],
)
def test_spoiled_series(tmp_path, text, words):
    (tmp_path / "s.ts").write_text(text)
    with pytest.raises(BepError, match=words):
        data.load(tmp_path / "s.ts")


def test_series_that_are_no_text_or_not_there(tmp_path):
    (tmp_path / "s.ts").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BepError, match="not a text file"):
        data.load(tmp_path / "s.ts")
    with pytest.raises(BepError, match=r"Cannot read .*gone.ts: No such file"):
        data.load(tmp_path / "gone.ts")


def test_series_pairs_must_match(tmp_path):
    train, test = tmp_path / "s_TRAIN.ts", tmp_path / "s_TEST.ts"
    train.write_text("@data\n1,2:a\n3,4:b\n")
    with pytest.raises(BepError, match=r"s_TEST.ts is missing"):
        data.load(train)
    test.write_text("@data\n1,2:c\n")
    with pytest.raises(BepError, match="class 'c'"):
        data.load(train)
    test.write_text("@data\n1,2,3:a\n1,2:a\n")
    with pytest.raises(BepError, match=r"have 2 points each but .* has one of 3"):
        data.load(train)
    test.write_text("@data\n1,2:1,2:a\n")
    with pytest.raises(BepError, match=r"have 1 channels but those of .* have 2"):
        data.load(train)
