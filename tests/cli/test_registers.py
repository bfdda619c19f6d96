"""`bepcore registers`, and the page that it made."""

import json
from pathlib import Path

from bepcore import cli
from bepcore.registers import dataset_page, page

PAGE = Path(__file__).parents[2] / "docs" / "registers.md"


def test_the_page_in_docs_is_the_table_in_the_source():
    assert PAGE.read_text(encoding="utf-8") == page()


def test_so_is_that_of_the_data_set():
    assert PAGE.with_name("dataset-registers.md").read_text(encoding="utf-8") == dataset_page()


def test_the_page_can_be_written_anywhere(tmp_path):
    assert cli.main(["registers", "--core", "tiny", "--out", str(tmp_path / "map.md")]) == 0
    assert "| 0x32 | WINDOW_DATA | rw |" in (tmp_path / "map.md").read_text(encoding="utf-8")


def test_json(capsys):
    assert cli.main(["registers", "--json"]) == 0
    assert [0, "IDENTITY", "r"] in json.loads(capsys.readouterr().out)["registers"]
    assert cli.main(["registers", "--dataset", "--json"]) == 0
    assert [0x4003, "COMMAND", "w"] in json.loads(capsys.readouterr().out)["registers"]
