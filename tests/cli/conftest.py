"""A project of its own for every test, the fake engine, and the command line as a function."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from maquette.cli import main
from maquette.studio import Studio

WOLF = "a wolf under a full moon, misty forest"


@dataclass(frozen=True)
class Said:
    """What one call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        (only,) = self.records
        return only


Maquette = Callable[..., Said]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with nothing of the person's own in reach."""
    folder = tmp_path / "postcards"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("PROJECT", "MODEL", "MODELS", "THREADS", "DEBUG"):
        monkeypatch.delenv(f"MAQUETTE_{name}", raising=False)
    monkeypatch.setenv("MAQUETTE_ENGINE", "fake")
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def maquette(capfd: pytest.CaptureFixture[str]) -> Maquette:
    """``maquette("log", "--json")`` runs the command line in this process."""

    def run(*arguments: object) -> Said:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one version in it, to be copied: making one takes a moment."""
    folder = tmp_path_factory.mktemp("drawn")
    with Studio(folder, create=True, engine="fake") as studio:
        studio.generate(WOLF, seed=7)
    return folder


@pytest.fixture
def wolf(maquette: Maquette, drawn: Path, place: Path) -> dict[str, Any]:
    """A project with one version in it; its record."""
    shutil.copytree(drawn, place, dirs_exist_ok=True)
    return maquette("log", "--json").record
