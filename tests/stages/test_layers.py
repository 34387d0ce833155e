"""Layers of a version's line: together exactly the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage

from maquette.errors import ExportRefused
from maquette.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path / "room", create=True, engine="fake")


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def test_a_picture_and_its_edits_become_layers(studio: Studio, tmp_path: Path) -> None:
    [first] = studio.generate("a wolf", seed=1)
    box = studio.mask(first, box=(10, 10, 40, 30))
    second = studio.inpaint(first, box, "a moon", seed=2)
    third = studio.retouch(
        second, exposure=0.5, mask=studio.mask(second, polygon=[(0, 60), (50, 60), (0, 110)])
    )
    done = studio.export_layers(third, tmp_path / "wolf.psd")
    assert done.bytes == (tmp_path / "wolf.psd").stat().st_size and len(done.layers) == 3
    file = PSDImage.open(tmp_path / "wolf.psd")
    assert [layer.name for layer in file] == list(done.layers)
    assert not file[0].has_mask() and file[2].has_mask()
    assert file[1].bbox == (10, 10, 50, 40) and done.layers[1].endswith("a moon")
    assert np.array_equal(pixels(file.composite(force=True)), pixels(studio.picture(third)))


def test_work_before_another_size_is_left_out(studio: Studio, tmp_path: Path) -> None:
    [first] = studio.generate("a wolf", seed=1)
    large = studio.upscale(first, 2)
    last = studio.retouch(large, contrast=0.5)
    assert len(studio.export_layers(last, tmp_path / "wolf.psd").layers) == 2


def test_with_transparency_each_is_whole_and_the_last_is_shown(
    studio: Studio, tmp_path: Path
) -> None:
    clear = Image.new("RGBA", (40, 30), (200, 0, 0, 100))
    clear.save(tmp_path / "clear.png")
    first, _ = studio.import_picture(tmp_path / "clear.png")
    second = studio.retouch(first, exposure=0.5)
    studio.export_layers(second, tmp_path / "clear.psd")
    assert [layer.visible for layer in PSDImage.open(tmp_path / "clear.psd")] == [False, True]


def test_it_is_written_as_psd_and_nothing_else(studio: Studio, tmp_path: Path) -> None:
    [first] = studio.generate("a wolf", seed=1)
    with pytest.raises(ExportRefused):
        studio.export_layers(first, tmp_path / "wolf.png")


def test_prompts_can_be_left_out(studio: Studio, tmp_path: Path) -> None:
    [first] = studio.generate("a secret wolf", seed=1)
    studio.export_layers(first, tmp_path / "wolf.psd", prompts=False)
    data = (tmp_path / "wolf.psd").read_bytes()
    assert b"secret" not in data and "secret".encode("utf-16-be") not in data
    assert b"trainedAlgorithmicMedia" in data, "the mark of its origin stays"


def test_a_retouched_file_comes_back_as_a_child(studio: Studio, tmp_path: Path) -> None:
    [first] = studio.generate("a wolf", seed=1)
    studio.export_layers(first, tmp_path / "wolf.psd")
    child, _ = studio.import_picture(tmp_path / "wolf.psd", of=first)
    assert child.parents == (first.id,) and child.recipe.prompt == first.recipe.prompt
    assert np.array_equal(pixels(studio.picture(child)), pixels(studio.picture(first)))
    released = studio.export(child, tmp_path / "back.png")
    verdict = studio.verify(released.path)
    assert verdict.state == "trusted"
    assert [action.action for action in verdict.actions] == ["c2pa.created", "c2pa.edited"]
