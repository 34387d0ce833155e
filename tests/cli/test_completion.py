"""Tab completion of ids and names: what is typed so far goes on, and nothing ever fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from maquette.core.finding import Finding
from maquette.studio import Studio

from .conftest import Maquette


def complete(*typed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "maquette"],
        env={
            **__import__("os").environ,
            "_MAQUETTE_COMPLETE": "complete_bash",
            "COMP_WORDS": " ".join(("maquette", *typed)),
            "COMP_CWORD": str(len(typed)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_commands() -> None:
    assert complete("heat") == ["heatmap"]


def test_versions(wolf: dict[str, Any]) -> None:
    assert complete("show", wolf["version"][:3]) == [wolf["version"][:10]]
    assert complete("show", wolf["version"][:12]) == [wolf["version"]]
    assert complete("compare", "@", wolf["version"][:1]) == [wolf["version"][:10]]


def test_versions_of_a_named_project(wolf: dict[str, Any], place: Path, tmp_path: Path) -> None:
    named = ("--project", str(place), "show", wolf["version"][:3])
    assert complete(*named) == [wolf["version"][:10]]


def test_findings(wolf: dict[str, Any], place: Path) -> None:
    with Studio(place) as studio:
        finding = Finding(critic="t", name="weak-moon", message="m", severity="note", score=0.1)
        studio.records.add_findings(wolf["version"], [finding])
    assert complete("apply", "@", "weak") == ["weak-moon"]
    assert complete("apply", "nonsense", "weak") == []


def test_without_a_project(place: Path) -> None:
    assert complete("show", "ab") == []
    assert list(place.iterdir()) == []


def test_with_a_broken_project(place: Path) -> None:
    (place / ".maquette").mkdir()
    (place / ".maquette" / "records.sqlite").write_bytes(b"broken")
    assert complete("show", "ab") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(maquette: Maquette, shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    said = maquette("--show-completion", shell)
    assert said.code == 0
    assert "_MAQUETTE_COMPLETE" in said.out
