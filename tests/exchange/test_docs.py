"""The handbook's page on signing says what is so."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from maquette.exchange.keys import load_identity

PAGE = Path(__file__).parents[2] / "docs" / "signing.md"


def test_its_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_identity(tmp_path)
    monkeypatch.chdir(tmp_path / "local")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    exec(compile(example, "signing.md", "exec"), {})  # noqa: S102 - our own page
    assert not load_identity(tmp_path / "local" / "signing").local


def test_it_names_the_files_that_are_there(tmp_path: Path) -> None:
    load_identity(tmp_path / "signing")
    page = PAGE.read_text("utf-8")
    for folder, _, files in os.walk(tmp_path / "signing"):
        for name in files:
            assert (Path(folder) / name).relative_to(tmp_path).as_posix() in page
