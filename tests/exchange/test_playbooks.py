"""Playbooks, wildcards and rows from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette.errors import TemplateRefused
from maquette.exchange.playbooks import read_playbook, read_rows, read_text, read_wildcards

ACME = Path(__file__).parents[1] / "core" / "playbook" / "acme.yaml"


def test_a_playbook_file() -> None:
    assert read_playbook(ACME).name == "acme"


def test_a_fault_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("playbook: 1\nname: [\n")
    with pytest.raises(TemplateRefused, match=r"bad\.yaml is not YAML: line 3"):
        read_playbook(path)
    path.write_bytes(b"\xff")
    with pytest.raises(TemplateRefused, match="not a UTF-8"):
        read_text(path)
    for nowhere in (tmp_path / "none.yaml", tmp_path, "a\0b"):
        with pytest.raises(TemplateRefused):
            read_playbook(nowhere)


def test_wildcards_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "colours").mkdir()
    (tmp_path / "colours" / "warm.txt").write_text("# warm ones\nred\n\n 0.5::orange \n")
    (tmp_path / "more.yaml").write_text("season: [summer]\nartists:\n  finnish: [A, B]\n")
    (tmp_path / "notes.md").write_text("x")
    assert read_wildcards(tmp_path) == {
        "colours/warm": ("red", "0.5::orange"),
        "season": ("summer",),
        "artists/finnish": ("A", "B"),
    }
    (tmp_path / "bad.yaml").write_text("season: summer\n")
    with pytest.raises(TemplateRefused, match=r"bad\.yaml, season: it is no list"):
        read_wildcards(tmp_path)
    with pytest.raises(TemplateRefused, match="no folder"):
        read_wildcards(tmp_path / "none")


def test_rows_of_csv_and_json_lines(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text('\ufeffproduct, place\nmug,"table, wooden"\n\nvase,\n', encoding="utf-8")
    assert read_rows(table) == [{"product": "mug", "place": "table, wooden"}, {"product": "vase"}]
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"product": "mug", "n": 3, "x": null}\n\n{"product": "vase"}\n')
    assert read_rows(lines) == [{"product": "mug", "n": "3"}, {"product": "vase"}]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.csv", "", "has no rows"),
        ("r.csv", "a,b\n", "has no rows"),
        ("r.csv", "a,a\n1,2\n", "line 1: every column needs a name"),
        ("r.csv", "a\n1,2\n", "line 2: 2 cells for 1 columns"),
        ("r.csv", 'a\n"x', "line 2"),
        ("r.jsonl", "{", "line 1: it is not JSON"),
        ("r.jsonl", "[1]", "line 1: a row is an object"),
        ("r.jsonl", '{"a": []}', "line 1: a row is an object"),
        ("r.csv", "a\n" + "x\n" * 10_001, "more than 10,000 rows"),
    ],
)
def test_rows_that_cannot_be_read(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TemplateRefused, match=message):
        read_rows(tmp_path / name)
