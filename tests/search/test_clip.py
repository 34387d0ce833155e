"""The CLIP beside a model, as the training writes it, is read; torch waits for the first look."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from training.clip.network import build

from maquette import Settings, Studio
from maquette.core.picture import encode_png
from maquette.engines.fake import FakeEngine
from maquette.engines.registry import load_engine
from maquette.errors import ModelRefused
from maquette.search import Clip, Encoder, files_of, has_clip
from maquette.search.clip import crops
from maquette.studio.encoders import can_look, encoder_for

pytest.importorskip("skia")

from training.clip.train import export
from training.tokenizer import LENGTH, train_tokenizer

NOISE = np.random.default_rng(3).integers(0, 255, (6, 96, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained one."""
    place = tmp_path_factory.mktemp("clip")
    words = train_tokenizer(["a red mug on a table", "a calm sea"], place / "tokenizer")
    torch.manual_seed(0)
    model = build(len(words), LENGTH, vision=(32, 1), text=(32, 1))
    export(model, place / "tokenizer", place / "clip", {"steps": 0})
    return place / "clip"


def test_it_is_read_and_its_vectors_have_length_one(folder: Path) -> None:
    assert has_clip(folder)
    assert not has_clip(folder.parent)
    clip = Clip(folder, "a" * 64)
    assert isinstance(clip, Encoder)
    images = [Image.fromarray(each) for each in NOISE]
    seen = clip.pictures(images)
    assert seen.shape == (6, clip.width)
    assert np.allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-5)
    assert np.allclose(clip.pictures(images[2:3])[0], seen[2], atol=1e-5)
    said = clip.words("a red mug on a table " * 30)
    assert said.shape == (clip.width,)
    assert np.isclose(np.linalg.norm(said), 1, atol=1e-5)


def test_it_sees_what_stock_transformers_see(folder: Path) -> None:
    from transformers import CLIPModel, CLIPTokenizer

    settings = json.loads((folder / "preprocessor_config.json").read_text())
    side, image = settings["crop_size"]["height"], Image.fromarray(NOISE[0])
    small = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), np.float32)
    pixels = torch.from_numpy((small / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]
    ids = CLIPTokenizer.from_pretrained(folder)("a red mug", return_tensors="pt").input_ids
    with torch.inference_mode():
        both = CLIPModel.from_pretrained(folder, dtype=torch.float32)(
            input_ids=ids, pixel_values=pixels
        )
    clip = Clip(folder, "a" * 64)
    assert np.allclose(clip.pictures([image])[0], both.image_embeds[0].numpy(), atol=1e-4)
    assert np.allclose(clip.words("a red mug"), both.text_embeds[0].numpy(), atol=1e-4)


def test_a_picture_finds_itself(folder: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", engine="pixels", clip=folder)
    with Studio(tmp_path / "project", create=True, settings=settings) as studio:
        made = [studio.import_picture(encode_png(Image.fromarray(each)))[0] for each in NOISE]
        for version in made[1], made[4]:
            best = studio.find(like=version).matches
            assert (best[0].entry.version, best[0].score) == (version, 1)
            assert len(best) == 6
            assert best[1].score < 1
        said = [match.score for match in studio.find("a calm sea", limit=4).matches]
        assert len(said) <= 4
        assert said == sorted(said, reverse=True)


def test_the_model_s_own_comes_before_that_of_the_settings(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = Settings(home=tmp_path / "home", engine="fake", clip=tmp_path)
    engine = FakeEngine(["a", "red", "mug"], "", 0)
    assert can_look(engine, named)
    monkeypatch.setattr(engine, "card", SimpleNamespace(folder=folder.parent), raising=False)
    own = encoder_for(engine, named)
    assert isinstance(own, Clip)
    elsewhere = tmp_path / "clip"
    shutil.copytree(folder, elsewhere)
    pixels = load_engine("pixels")
    assert not can_look(pixels, named)
    assert encoder_for(pixels, named.model_copy(update={"clip": elsewhere})).digest == own.digest
    weights = elsewhere / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-2] + b"\x00\x01")
    assert encoder_for(pixels, named.model_copy(update={"clip": elsewhere})).digest != own.digest
    # It knows the words that its model knows.
    with Studio(tmp_path / "project", create=True, settings=named) as studio:
        monkeypatch.setattr(studio, "engine", lambda: engine)
        assert studio.find("a red submarine").unknown == ("submarine",)


def test_every_part_of_a_long_picture_counts() -> None:
    wide = Image.new("RGB", (250, 100), "red")
    wide.paste("blue", (0, 0, 20, 100))
    squares = crops(wide)
    assert [square.size for square in squares] == [(100, 100)] * 3
    assert squares[0].getpixel((5, 5)) == (0, 0, 255)
    assert len(crops(wide.rotate(90, expand=True))) == 3
    assert len(crops(Image.new("RGB", (64, 64)))) == 1
    assert crops(Image.new("RGBA", (64, 64)))[0].getpixel((3, 3)) == (255, 255, 255)
    assert crops(Image.new("RGB", (4096, 2048)))[1].size == (512, 512)
    assert len(crops(Image.new("RGB", (9000, 1)))) == 6


def test_one_that_cannot_be_read_says_so(folder: Path, tmp_path: Path) -> None:
    for file in files_of(folder):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(ModelRefused):
        Clip(tmp_path, "b" * 64).words("a mug")
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(ModelRefused):
        Clip(tmp_path, "b" * 64)


def test_torch_waits_for_the_first_look(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from maquette.search import Clip;"
        " import maquette.studio; Clip(Path(sys.argv[1]), 'a' * 64);"
        " sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == 0
