"""Teaching on the command line: a dataset, a training, what came of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import Maquette

from maquette.cli.records import KEYS


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures with captions beside them, and a copy of the first without."""
    home = tmp_path / "pictures"
    home.mkdir()
    rng = np.random.default_rng(1)
    for number in range(5):
        pixels = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / f"{number}.png")
        (home / f"{number}.txt").write_text(f"a mascot on hill {number}")
    Image.open(home / "0.png").save(home / "copy.bmp")
    return home


def test_a_dataset_is_curated_taught_and_told_of(
    maquette: Maquette, folder: Path, models: Path
) -> None:
    said = maquette("curate", "pim", folder, "--subject", "mascot", "--drop", 5, "--json")
    assert said.code == 0, said.err
    assert all(record.keys() == KEYS["curate"].keys() for record in said.records)
    first, copy = said.records[0], said.records[5]
    assert first["reads"] == "a pim mascot on hill 0" and first["told"] == "file"
    assert not copy["used"] and copy["remarks"][0]["message"] == "the same as 1"
    assert [record["used"] for record in said.records] == [True] * 4 + [False] * 2
    shown = maquette("curate", "pim", "--caption", "2=a mascot by the sea")
    assert "sea" in shown.out and "4 of 6 pictures teach 'pim' (mascot)" in shown.out

    done = maquette("train", "pim", "--steps", 4, "--licence", "CC-BY-4.0", "--json")
    assert done.code == 0, done.err
    assert done.record.keys() == KEYS["train"].keys()
    assert done.record["path"] == str(models / "loras" / "pim")
    assert "by the sea" in done.record["guide"] and "CC-BY-4.0" in done.record["guide"]
    listed = maquette("trainings", "pim", "--json").record
    assert listed.keys() == KEYS["trainings"].keys()
    assert listed["done"] and listed["examples"] == 4 and listed["step"] == 4
    assert maquette("trainings", "--guide").out.startswith("# pim")
    assert "pim" in maquette("trainings").out
    assert "4 of 6" in maquette("trainings", "--datasets").out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("train", "nobody"), 49, "no dataset"),
        (("curate", "Not A Name"), 49, "cannot name a dataset"),
        (("curate", "pim", "nowhere.png"), 10, "no file, no folder and no version"),
        (("curate", "pim", "--caption", "sea"), 2, "N="),
        (("curate", "pim", "--drop", "3"), 13, "has no picture 3"),
        (("trainings", "deadbeef"), 49, "no training begins"),
    ],
)
def test_what_cannot_be_is_one_line(
    maquette: Maquette, arguments: tuple[str, ...], code: int, message: str
) -> None:
    maquette("init")
    said = maquette(*arguments)
    assert said.code == code and message in said.err
    assert "Traceback" not in said.err


def test_identical_pictures_teach_nothing(maquette: Maquette, tmp_path: Path) -> None:
    home = tmp_path / "same"
    home.mkdir()
    pixels = np.random.default_rng(2).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    for number in range(20):
        Image.fromarray(pixels).save(home / f"{number}.png")
    said = maquette("train", home)
    assert said.code == 49
    assert "1 of 20 pictures can be learned from (19 the same as another)" in said.err


def test_what_cannot_be_written_for_others_is_said(maquette: Maquette, tmp_path: Path) -> None:
    said = maquette("export-adapter", "pim", "-o", tmp_path / "a.safetensors")
    assert said.code != 0 and "the engine 'fake' takes no adapters" in said.err
    assert not (tmp_path / "a.safetensors").exists()
