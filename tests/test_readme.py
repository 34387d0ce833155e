"""What README.md promises is run here, word for word."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from maquette.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def commands(program: str) -> list[list[str]]:
    """Every command line of a program in the shell blocks, as arguments."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    parts = [part for line in lines for part in line.split("&&")]
    words = [shlex.split(part, comments=True) for part in parts]
    return [line for line in words if line and line[0] == program]


def test_every_make_target_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [line[1] for line in commands("make")]
    assert targets == ["studio", "demo", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_the_shell_session_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAQUETTE_ENGINE", "fake")
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path / "home"))
    session = commands("maquette")
    assert len(session) >= 8
    for line in session:
        code = main(line[1:])
        assert code == 0, (line, capsys.readouterr().err)


@pytest.mark.model
def test_the_python_session_runs_on_the_shipped_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path / "home"))
    (session,) = blocks("python")
    assert len([line for line in session.splitlines() if line and "import" not in line]) == 5
    exec(compile(session, "README.md", "exec"), {})  # noqa: S102  (our own text)
    assert "mountains" in capsys.readouterr().out
    assert (tmp_path / "wolf.png").is_file()


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert targets
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert missing == []
