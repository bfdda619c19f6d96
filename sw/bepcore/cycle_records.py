"""What `bepcore bench cycles` has put on record, for tables of builds."""

from pathlib import Path

from . import runs

__all__ = ["rates", "recorded"]


def recorded(folder, name):
    """The record cycles-NAME.json in a folder; empty where there is none."""
    return runs.read_json(Path(folder) / f"cycles-{name}.json", again="count the cycles again")


def rates(counted, hertz):
    """Samples a second by a record of cycles, at a clock: training in its last epoch, and inference."""
    return {
        "training_rate": round(hertz / counted["epochs"][-1]["cycles"]),
        "inference_rate": round(hertz / counted["inference_cycles"]),
    }
