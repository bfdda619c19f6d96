"""Real data on real sizes: identical in every compared bit, every cycle as predicted."""

import json
import os
from pathlib import Path

import pytest

from bepcore import cli

DATA = Path(os.environ.get("BEPCORE_DATA", Path(__file__).parents[3] / "shared" / "data"))
FASHION = DATA / "fashion-mnist"

needs_fashion = pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not here; set BEPCORE_DATA")


def verify(capsys, *arguments):
    """Run `bepcore verify` and return its JSON."""
    status = cli.main(["verify", "--json", *arguments])
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert status == 0, record["difference"]
    assert record["identical"]
    return record


def digits_on(tiny, small):
    """The network of the preset on `small`, and one that fits `tiny`, which other tests have compiled already."""
    fitting = ["--hidden", "24,16", "--gamma", "8", "--binarise", "median"]
    return pytest.mark.parametrize(
        "core", [pytest.param([tiny, *fitting], id="tiny"), pytest.param([small], marks=pytest.mark.slow, id="small")]
    )


@digits_on("tiny", "small")
def test_one_epoch_of_digits(capsys, core):
    record = verify(capsys, "--data", "digits", "--core", *core, "--samples", "1142", "--state-every", "10")
    assert record["samples"] == record["timed"] == 1142


@digits_on("tiny", "small")
def test_digits_online(capsys, core):
    verify(capsys, "--data", "digits", "--core", *core, "--samples", "200", "--online", "--state-every", "5")


@digits_on("tiny,rules=1,steps=14,store_segments=64,prototype_segments=16", "small,rules=1")
def test_digits_by_a_local_rule_with_every_option(capsys, core):
    """The tiny core is that of networks.py."""
    options = ["--rule", "local", "--select", "threshold", "--theta", "0.5", "--push", "0.1", "--rarity", "2"]
    record = verify(capsys, "--data", "digits", "--core", *core, "--samples", "300", *options)
    assert record["timed"] == 300 and record["states"] == 16


@pytest.mark.slow
@needs_fashion
def test_2000_fashion_mnist_samples(capsys):
    arguments = ["--data", "fashion-mnist", "--data-dir", str(DATA), "--hidden", "255,255", "--gamma", "51,51"]
    arguments += ["--batch", "100", "--core", "reference", "--samples", "2000", "--state-every", "10"]
    record = verify(capsys, *arguments)
    assert record["samples"] == record["timed"] == 2000
    assert record["states"] == 3


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "mnist").is_dir(), reason="MNIST is not here; set BEPCORE_DATA")
def test_2000_small_mnist_samples_on_a_small_core(capsys):
    """What a 25F trains to 90 % (`bepcore bench accuracy --only mnist-14x14`)."""
    arguments = ["--data", "mnist-14x14", "--data-dir", str(DATA), "--core", "small", "--samples", "2000"]
    record = verify(capsys, *arguments, "--state-every", "5")
    assert record["samples"] == record["timed"] == 2000
    assert record["states"] == 5


@pytest.mark.slow
@needs_fashion
def test_2000_fashion_mnist_samples_on_the_fastest_core(capsys):
    arguments = ["--data", "fashion-mnist", "--data-dir", str(DATA), "--hidden", "255,255", "--gamma", "51,51"]
    record = verify(capsys, *arguments, "--batch", "100", "--core", "fast", "--samples", "2000", "--state-every", "10")
    assert record["samples"] == record["timed"] == 2000


@pytest.mark.slow
@needs_fashion
def test_2000_fashion_mnist_samples_by_a_local_rule(capsys):
    arguments = ["--data", "fashion-mnist", "--data-dir", str(DATA), "--hidden", "255,255", "--gamma", "51,51"]
    arguments += ["--rule", "local", "--core", "medium,rules=1", "--samples", "2000", "--state-every", "10"]
    record = verify(capsys, *arguments)
    assert record["samples"] == record["timed"] == 2000
    assert record["states"] == 3


@pytest.mark.slow
@needs_fashion
def test_a_whole_fashion_mnist_epoch(capsys):
    arguments = ["--data", "fashion-mnist", "--data-dir", str(DATA), "--hidden", "255,255", "--gamma", "51,51"]
    record = verify(
        capsys, *arguments, "--batch", "100", "--core", "reference", "--samples", "50000", "--state-every", "50"
    )
    assert record["samples"] == 50_000
