"""Files of words from people: playbooks (YAML), wildcards (text, YAML), rows (CSV, JSON lines)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from maquette.core.playbook import Playbook, load_playbook
from maquette.errors import TemplateRefused
from maquette.exchange.yamlfile import read_yaml

__all__ = [
    "MAX_ROWS",
    "parse_playbook",
    "read_playbook",
    "read_rows",
    "read_text",
    "read_wildcards",
]

MAX_ROWS = 10_000
MAX_FILE = 10_000_000
_MAX_WILDCARDS = 2_000


def read_text(path: str | Path) -> str:
    """A text file that a person named.

    Raises:
        TemplateRefused: it cannot be read, is too large, or is no UTF-8.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise TemplateRefused(f"there is no file {path}", hint="check the file's path")
        if path.stat().st_size > MAX_FILE:
            raise TemplateRefused(f"{path} is larger than {MAX_FILE // 10**6} MB")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateRefused(f"{path} is not a UTF-8 text: byte {error.start}") from error
    except (OSError, ValueError) as error:
        raise TemplateRefused(f"cannot read {str(path)[:200]!r}: {error}") from error


def parse_playbook(text: str | bytes, what: str = "the playbook") -> Playbook:
    """A playbook from its YAML.

    Raises:
        TemplateRefused: with the line or the place of what is wrong.
    """
    return load_playbook(read_yaml(text, what=what), what)


def read_playbook(path: str | Path) -> Playbook:
    """A playbook from its file.

    Raises:
        TemplateRefused.
    """
    return parse_playbook(read_text(path), Path(path).name)


def read_wildcards(folder: str | Path) -> dict[str, tuple[str, ...]]:
    """The lists of a folder, by name: ``colours/warm.txt`` with an entry a line (``#`` begins a
    comment) is ``colours/warm``; a YAML file of lists adds the names in it to its folder's.

    Raises:
        TemplateRefused.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise TemplateRefused(f"there is no folder {folder}", hint="check the folder's path")
    found: dict[str, tuple[str, ...]] = {}
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".txt", ".yaml", ".yml"})
    if len(paths) > _MAX_WILDCARDS:
        raise TemplateRefused(f"{folder} holds more than {_MAX_WILDCARDS:,} lists")
    for path in paths:
        place = path.relative_to(folder)
        if path.suffix == ".txt":
            lines = (line.strip() for line in read_text(path).splitlines())
            entries = tuple(line for line in lines if line and not line.startswith("#"))
            found[place.with_suffix("").as_posix()] = entries
        else:
            above = place.parent.as_posix()
            lists = read_yaml(read_text(path), what=path.name)
            found |= _lists(lists, "" if above == "." else f"{above}/", path.name)
    return found


def _lists(given: dict[str, Any], before: str, what: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in given.items():
        name = f"{before}{key}"
        if isinstance(value, dict):
            found |= _lists(value, f"{name}/", what)
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            found[name] = tuple(value)
        else:
            raise TemplateRefused(f"{what}, {name}: it is no list of texts")
    return found


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows of a CSV file (its first line names the columns) or of JSON lines (``.jsonl``), as
    values by name. Empty cells are left out, so that defaults count.

    Raises:
        TemplateRefused: with the line of what is wrong.
    """
    path, text = Path(path), read_text(path)
    reader = _json_rows if path.suffix in {".jsonl", ".ndjson"} else _csv_rows
    rows = reader(text, path.name)
    if not rows:
        raise TemplateRefused(f"{path.name} has no rows")
    return rows


def _csv_rows(text: str, what: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [name.strip() for name in next(reader, [])]
        if len(set(head)) < len(head) or not all(head):
            raise TemplateRefused(f"{what}, line 1: every column needs a name of its own")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(head):
                raise TemplateRefused(
                    f"{what}, line {reader.line_num}: {len(cells)} cells for {len(head)} columns",
                    hint='put a text with commas in "quotes"',
                )
            pairs = zip(head, cells, strict=False)
            rows.append({name: cell.strip() for name, cell in pairs if cell.strip()})
            _few(rows, what)
    except csv.Error as error:
        raise TemplateRefused(f"{what}, line {reader.line_num}: {error}") from error
    return rows


def _json_rows(text: str, what: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TemplateRefused(f"{what}, line {number}: it is not JSON") from error
        if not isinstance(found, dict) or any(
            isinstance(value, list | dict) for value in found.values()
        ):
            raise TemplateRefused(f"{what}, line {number}: a row is an object of plain values")
        rows.append({name: str(value) for name, value in found.items() if value not in (None, "")})
        _few(rows, what)
    return rows


def _few(rows: list[dict[str, str]], what: str) -> None:
    if len(rows) > MAX_ROWS:
        raise TemplateRefused(f"{what} has more than {MAX_ROWS:,} rows", hint="part the file")
