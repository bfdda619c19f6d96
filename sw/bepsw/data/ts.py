"""The .ts text format of the UCR and UEA time-series archives: header lines "@…", then one series a line.

    @equalLength true
    @classLabel true up down
    @data
    1.0,2.0,?:0.5,0.1,0.0:up        two channels of three points, the third of the first missing; class "up"

The parser keeps channels and lengths as they come, with NaN for a missing value "?". What the header promises is held
against the lines, so that a line that was cut short is an error and not a shorter series.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import BepError

__all__ = ["read_ts"]


@dataclass
class _Header:
    data: bool = False
    equal_length: bool = False
    labels: tuple[str, ...] = ()


def read_ts(path):
    """All series of a file.

    Returns
    -------
    series : list of lists of float64 arrays
        One array per channel, in file order; the channels of a series are of one length, and every series has the
        same number of them.
    labels : list of str
        One per series.

    Raises
    ------
    BepError
        When the file cannot be read, a line of it makes no sense (saying which), or it breaks a promise of its header.
    """
    header, series, labels = _Header(), [], []
    for number, line in enumerate(map(str.strip, _lines(path)), start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("@"):
            _read_tag(path, line, header)
        elif not header.data:
            raise BepError(
                f"Line {number} of {path} comes before @data; this is not a .ts file, or it lacks that line."
            )
        else:
            channels, label = _read_series(path, number, line, header)
            series.append(channels)
            labels.append(label)
            _compare(path, number, channels, series[0], header)
    if not series:
        raise BepError(f"{path} holds no series; it is empty or cut short.")
    return series, labels


def _lines(path):
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BepError(f"Cannot read {path}: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise BepError(f"{path} is not a text file; a .ts file is.") from None


def _read_tag(path, line, header):
    """Take a header line into `header`."""
    word, *rest = line[1:].split() or [""]
    word, said = word.lower(), rest[0].lower() if rest else ""
    if word == "timestamps" and said == "true":
        raise BepError(f"{path} has time stamps, which are not supported; write the values alone.")
    if word in ("classlabel", "targetlabel") and said == "false":
        raise BepError(f"{path} has no class labels; there is nothing to learn from.")
    if word == "classlabel":
        header.labels = tuple(rest[1:])
    header.equal_length |= word == "equallength" and said == "true"
    header.data |= word == "data"


def _read_series(path, number, line, header):
    *texts, label = line.split(":")
    label = label.strip()
    if not texts or not label:
        raise BepError(f"Line {number} of {path} has no class label after its values.")
    if header.labels and label not in header.labels:
        known = ", ".join(header.labels)
        raise BepError(f"Line {number} of {path} is of the class {label!r}, but @classLabel names {known}.")
    channels = [_values(path, number, text) for text in texts]
    for place, channel in enumerate(channels, start=1):
        if len(channel) != len(channels[0]):
            raise BepError(
                f"Line {number} of {path} has {len(channels[0])} points in channel 1 but {len(channel)} in channel "
                f"{place}; the channels of a series are measured together."
            )
        if np.isnan(channel).all():
            raise BepError(
                f"Line {number} of {path} has nothing but missing values in channel {place}; "
                "there is no value to fill them from, so remove the series or the channel."
            )
    return channels, label


def _values(path, number, text):
    try:
        values = np.array([np.nan if v.strip() == "?" else float(v) for v in text.split(",")])
    except ValueError:
        raise BepError(f"Line {number} of {path} holds something that is not a number.") from None
    if np.isinf(values).any():
        raise BepError(f"Line {number} of {path} holds an infinite value; correct it or write ? for a missing one.")
    return values


def _compare(path, number, channels, first, header):
    """Hold a series against the first one of the file."""
    if len(channels) != len(first):
        raise BepError(
            f"Line {number} of {path} has {len(channels)} channels but the first series has {len(first)}; "
            "every series needs the same."
        )
    if header.equal_length and len(channels[0]) != len(first[0]):
        raise BepError(
            f"Line {number} of {path} has {len(channels[0])} points but the first series has {len(first[0])}, "
            "and the header says @equalLength true; the file is damaged, or that line should say false."
        )
