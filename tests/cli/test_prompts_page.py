"""docs/prompts.md is true: its tables are the code's, its commands and code run as they stand."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from maquette.cli.handbook import PROMPTS, write_prompts
from maquette.exchange.yamlfile import read_yaml

from .conftest import Maquette

PAGE = PROMPTS.read_text(encoding="utf-8")
ACME = Path(__file__).parents[1] / "core" / "playbook" / "acme.yaml"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_tables_are_the_codes() -> None:
    assert write_prompts(PAGE) == PAGE, "run 'make docs'"
    assert "| `--ar`, `--aspect` | width to height | W:H |" in PAGE


def test_the_playbook_is_the_one_that_is_tested() -> None:
    (shown,) = blocks("yaml")
    assert read_yaml(shown, what="page") == read_yaml(ACME.read_text(), what="tests")


def test_the_commands_run(maquette: Maquette, place: Path) -> None:
    (place / "acme.yaml").write_text(blocks("yaml")[0])
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) >= 13
    for line in lines:
        words = shlex.split(line)
        if words[0] == "printf":
            (place / words[-1]).write_text(words[1].encode().decode("unicode_escape"))
            continue
        assert words[0] == "maquette"
        said = maquette(*words[1:])
        assert said.code == 0, (line, said.err)
    assert (place / "acme.html").is_file()


def test_the_code_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "acme.yaml").write_text(blocks("yaml")[0])
    (code,) = blocks("python")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "prompts.md", "exec"), {})  # noqa: S102  (our own text)
    assert out.getvalue() == ("acme 1.2 2 {'product': 'lamp'} ('Acme red', 'studio backdrop')\n")
