"""The handbook's page on finishing says what is so: its examples run, its numbers hold."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image
from tests.engines import nets

from maquette.cli import main
from maquette.core.detail import BLOCK, FAITHFUL
from maquette.core.pixel_tasks import Retouch
from maquette.critics.faithful import ALIKE, STRETCHED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "retouch.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAQUETTE_ENGINE", "fake")
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "nets"))
    nets.save(nets.compact(), tmp_path / "nets" / "upscalers" / "soft.safetensors")
    Image.new("RGBA", (40, 30), "red").save(tmp_path / "sticker.png")
    return tmp_path


def test_its_commands_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line]
    assert len(lines) >= 13
    for _ in range(3):
        assert main(["generate", "a lone wolf under a full moon", "--quality", "draft"]) == 0
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        code = main(words)
        # A restorer is somebody's file: without one the command says so.
        expected = 20 if words[0] == "restore" else 0
        assert code == expected, (line, capsys.readouterr().err)
        if words[0] == "upscale":
            assert main(["rollback", "@~1"]) == 0  # the next lines speak of the small picture


def test_its_python_runs(place: Path) -> None:
    (example,) = blocks("python")
    exec(compile(example, "retouch.md", "exec"), {})  # noqa: S102 - our own page


def test_its_numbers_are_the_codes() -> None:
    assert f"below {FAITHFUL:g} dB in a place of {BLOCK} source pixels" in PAGE
    assert f"below {ALIKE:g}, or stretched by more than {STRETCHED:.0%}" in PAGE


def test_it_names_every_number_of_a_retouch() -> None:
    table = PAGE.partition("| number |")[2].partition("\n\n")[0]
    named = {"curves": "curve", "swatches": "swatch"}
    for name in Retouch.model_fields.keys() - {"kind", "image", "mask", "match"}:
        assert f"`{named.get(name, name)}`" in table, name


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    assert (ROOT / "productions" / "logo-on-a-mug" / "brief.yaml").is_file()
