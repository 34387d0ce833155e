"""Controls, references, LoRAs and learned words as people ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tests.engines.conditions.adapters import write_control, write_ip, write_lora, write_t2i
from tests.engines.conditions.joint_adapters import write_flux_ip
from tests.engines.making import photo
from tests.engines.tiny import build
from tests.engines.tiny_families import build_family

from maquette.core.picture import decode_picture
from maquette.core.recipe import Control, Embedding, Lora, Reference
from maquette.errors import (
    MaskRefused,
    ModelMissing,
    ModelRefused,
    PictureRefused,
    RecipeRefused,
    SettingRefused,
    VersionUnknown,
)
from maquette.settings import Settings
from maquette.studio import Studio
from maquette.studio.engines import Engines
from maquette.studio.steering import Likeness, Structure

BOAT = "a red boat on the sea"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: one of SD's shape with adapters, one without."""
    root = tmp_path_factory.mktemp("models")
    model = build(root / "sd", "sd15")
    build(root / "bare", "postcard")
    write_lora(model, root / "loras" / "ink.safetensors")
    write_lora(root / "bare", root / "loras" / "other.safetensors")
    (root / "loras" / "old.ckpt").write_bytes(b"\x80\x02nothing good")
    whole = (root / "loras" / "ink.safetensors").read_bytes()
    (root / "loras" / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (root / "loras" / "text.safetensors").write_text("hello")
    (root / "embeddings").mkdir()
    save_file({"emb_params": torch.ones(2, 32)}, root / "embeddings" / "teamstyle.safetensors")
    write_control(model, root / "control" / "canny-net")
    write_control(model, root / "control" / "depth-net", seed=8)
    write_t2i(model, root / "t2i" / "sketch-t2i")
    write_ip(model, root / "ip-adapters" / "likeness")
    return root


@pytest.fixture(scope="module")
def engines(models: Path) -> Engines:
    return Engines(Settings(models=models), "diffusers", str(models / "sd"))


@pytest.fixture
def studio(tmp_path: Path, models: Path, engines: Engines) -> Any:
    settings = Settings(models=models)
    with Studio(tmp_path / "p", create=True, settings=settings, engines=engines) as opened:
        yield opened


def made(studio: Studio, prompt: str = BOAT, **more: Any) -> Any:
    asked = {"steps": 2, "seed": 1, "size": (64, 64), **more}
    (version,) = studio.generate(prompt, **asked)
    return version


def kinds(version: Any) -> list[str]:
    return [each.kind for each in version.recipe.conditionings]


def test_everything_at_once_and_again(studio: Studio, tmp_path: Path) -> None:
    photo(seed=2).save(tmp_path / "map.png")
    first = made(studio)
    version = made(
        studio,
        f"{BOAT}, teamstyle <lora:ink:0.5>",
        control=[{"condition": "canny", "image": str(tmp_path / "map.png"), "end": 0.5}],
        reference=[Likeness("style", first, strength=0.7)],
        embedding=["teamstyle"],
    )
    assert sorted(kinds(version)) == ["control", "embedding", "lora", "reference"]
    assert version.parents == (first.id,)
    assert "<lora:ink:0.5>" in version.recipe.prompt.text
    [lora] = [c for c in version.recipe.conditionings if isinstance(c, Lora)]
    assert (lora.name, lora.weight, lora.text_weight) == ("ink", 0.5, None)
    [reference] = [c for c in version.recipe.conditionings if isinstance(c, Reference)]
    assert reference.adapter is not None and reference.adapter.name == "likeness"
    assert reference.image == first.image
    assert studio.replay(version).verdict == "exact"


def test_a_weight_by_name_counts_before_the_tag(studio: Studio) -> None:
    version = made(studio, f"{BOAT} <lora:ink:0.5:0.1>", lora={"ink": 0.9})
    [lora] = version.recipe.conditionings
    assert (lora.weight, lora.text_weight) == (0.9, None)
    version = made(studio, f"{BOAT} <lora:ink:0.5:0.1>")
    [lora] = version.recipe.conditionings
    assert (lora.weight, lora.text_weight) in {(0.1, 0.5), (0.5, 0.1)}


def test_a_map_is_made_of_a_picture_of_any_size(studio: Studio) -> None:
    first = made(studio)
    version = made(studio, control=[Structure("canny", "@", make=True)])
    [control] = version.recipe.conditionings
    assert isinstance(control, Control)
    assert version.parents == (first.id,)
    image = decode_picture(studio.blobs.get(control.image))
    assert image.size == (64, 64)
    assert set(np.unique(np.asarray(image))) <= {0, 255}
    made(studio, control=[Structure("canny", photo(200, 90), make=True)])


def test_edits_keep_loras_and_words_but_not_maps(studio: Studio) -> None:
    first = made(
        studio,
        f"{BOAT}, teamstyle",
        lora={"ink": 0.5},
        embedding=["teamstyle"],
        control=[Structure("canny", photo())],
    )
    (varied,) = studio.vary(first, steps=2, seed=3)
    assert sorted(kinds(varied)) == ["embedding", "lora"]
    (without,) = studio.vary(first, steps=2, seed=3, lora={"ink": 0.0})
    assert [c.weight for c in without.recipe.conditionings if isinstance(c, Lora)] == [0.0]
    mask = Image.new("L", (64, 64))
    mask.paste(255, (8, 8, 40, 40))
    edit = studio.inpaint(first, mask, steps=2, control=[Structure("depth", photo(seed=5))])
    assert sorted(kinds(edit)) == ["control", "embedding", "lora"]
    wide = studio.outpaint(
        first, right=64, steps=2, control=[Structure("scribble", photo(128, 64))]
    )
    assert "control" in kinds(wide)
    assert studio.picture(wide).size == (128, 64)


def test_reference_attention_where_there_is_no_network(tmp_path: Path, models: Path) -> None:
    bare = Engines(Settings(models=tmp_path), "diffusers", str(models / "bare"))
    with Studio(tmp_path / "q", create=True, engines=bare) as studio:
        version = made(studio, reference=[Likeness("style", photo())])
        [reference] = version.recipe.conditionings
        assert reference.adapter is None
        with pytest.raises(RecipeRefused, match="no network for canny"):
            made(studio, control=[Structure("canny", photo())])


@pytest.mark.parametrize(
    ("asked", "error", "why"),
    [
        ({"lora": ["nowhere"]}, ModelMissing, "no LoRA 'nowhere'"),
        ({"lora": ["other"]}, RecipeRefused, "does not go with this model"),
        ({"lora": ["old"]}, ModelRefused, "pickled"),
        ({"lora": ["cut"]}, ModelRefused, "cut short"),
        ({"lora": ["text"]}, ModelRefused, "no safetensors"),
        ({"lora": ["teamstyle"]}, ModelRefused, "no LoRA: its kind is embedding"),
        ({"lora": {"ink": 50.0}}, SettingRefused, "weight"),
        ({"lora": ["/nowhere/ink.safetensors"]}, ModelMissing, "no file"),
        ({"embedding": ["teamstyle"]}, SettingRefused, "does not say"),
        ({"control": [{"condition": "canny", "image": photo(32, 64)}]}, SettingRefused, "32x64"),
        ({"control": [{"condition": "magic", "image": photo()}]}, SettingRefused, "no control"),
        ({"control": [{"condition": "pose", "image": photo()}]}, RecipeRefused, "network for pose"),
        (
            {"control": [{"condition": "pose", "image": photo(), "adapter": "canny-net"}]},
            RecipeRefused,
            "reads canny, not pose",
        ),
        (
            {"control": [{"condition": "canny", "image": photo(), "start": 0.8, "end": 0.2}]},
            SettingRefused,
            "ends before it starts",
        ),
        (
            {"control": [{"condition": "canny", "image": photo(), "strength": 9}]},
            SettingRefused,
            "strength",
        ),
        ({"control": [{"condition": "canny", "image": "no.png"}]}, VersionUnknown, "neither"),
        (
            {"control": [{"condition": "canny", "image": photo(), "what": 1}]},
            SettingRefused,
            "nothing is called 'what'",
        ),
        (
            {"control": [{"condition": "depth", "image": photo(), "make": True}]},
            ModelMissing,
            "no network here reads the depth",
        ),
        ({"reference": [{"role": "mood", "image": photo()}]}, SettingRefused, "no reference"),
        ({"reference": [{"role": "face", "image": photo()}]}, PictureRefused, "no face"),
        (
            {"reference": [{"role": "style", "image": photo(), "mask": Image.new("L", (9, 9))}]},
            MaskRefused,
            "9x9",
        ),
        (
            {"reference": [{"role": "style", "image": photo(), "adapter": "canny-net"}]},
            ModelRefused,
            "no IP-Adapter",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(
    studio: Studio, asked: dict[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        made(studio, **asked)
    assert studio.log() == []


def test_the_nearest_that_can_is_named(studio: Studio) -> None:
    with pytest.raises(RecipeRefused) as refused:
        made(studio, control=[{"condition": "tile", "image": photo()}])
    assert "canny, depth, scribble" in refused.value.hint
    with pytest.raises(ModelMissing) as missing:
        made(studio, f"{BOAT} <lora:inc:1>")
    assert "ink" in missing.value.hint


def test_the_fake_engine_takes_none(tmp_path: Path) -> None:
    with (
        Studio(tmp_path / "f", create=True, engine="fake") as studio,
        pytest.raises(RecipeRefused, match="takes no LoRAs"),
    ):
        studio.generate(BOAT, lora=["ink"])


def test_an_embedding_by_another_word(studio: Studio) -> None:
    version = made(studio, f"{BOAT} in zork", embedding={"teamstyle": "zork"})
    [embedding] = version.recipe.conditionings
    assert isinstance(embedding, Embedding)
    assert embedding.word == "zork"


def test_two_pictures_are_looked_at_without_the_adapter_that_is_there(studio: Studio) -> None:
    first = made(studio)
    version = made(
        studio,
        reference=[
            Likeness("style", first, strength=0.4, adapter="attention"),
            Likeness("style", photo(seed=3), strength=0.6, adapter="attention"),
        ],
    )
    assert [each.adapter for each in version.recipe.conditionings] == [None, None]
    assert studio.replay(version).verdict == "exact"


def test_a_transformer_without_an_ip_adapter_says_so_before_anything_is_kept(
    tmp_path: Path,
) -> None:
    root = tmp_path / "models"
    build_family(root / "flux", "flux")
    settings = Settings(models=root)
    own = Engines(settings, "diffusers", str(root / "flux"))
    with Studio(tmp_path / "p", create=True, settings=settings, engines=own) as studio:
        with pytest.raises(RecipeRefused, match="no network for a reference") as refused:
            made(studio, reference=[Likeness("style", photo())])
        assert "IP-Adapter of its family" in refused.value.hint
        (why,) = studio.orders.lacking([], [{"role": "style"}])[1]
        assert "no network for a reference" in why
        write_flux_ip(root / "flux", root / "ip-adapters" / "likeness")
        told = made(studio, reference=[Likeness("style", photo(), end=0.5)])
        [reference] = told.recipe.conditionings
        assert (reference.adapter.name, reference.end) == ("likeness", 0.5)
        assert studio.replay(told).verdict == "exact"


class TestFilling:
    """A network that looks at what surrounds a hole: in an edit, without a picture of its own."""

    def test_in_edits(self, studio: Studio, models: Path, tmp_path: Path) -> None:
        boat = made(studio)
        net = str(write_control(models / "sd", tmp_path / "sd15_inpaint", seed=9))
        hole = studio.mask(boat, box=(16, 16, 32, 32))
        told: Any = [{"condition": "inpaint", "adapter": net, "end": 0.5}]
        version = studio.inpaint(boat, hole, "a moon", control=told, steps=2, seed=2)
        (found,) = version.recipe.conditionings
        assert isinstance(found, Control)
        assert (found.condition, found.image, found.end) == ("inpaint", boat.image, 0.5)
        assert found.adapter.name == "sd15_inpaint"
        assert version.parents == (boat.id,)
        wide = studio.outpaint(boat, right=16, control=told, steps=2)
        assert kinds(wide) == ["control"]
        assert studio.replay(version).verdict == "exact"

    def test_what_is_refused(self, studio: Studio) -> None:
        boat = made(studio)
        with pytest.raises(SettingRefused, match="nothing is filled here"):
            made(studio, control=[Structure("inpaint")])
        hole = studio.mask(boat, box=(16, 16, 32, 32))
        with pytest.raises(SettingRefused, match="takes no map"):
            studio.inpaint(boat, hole, "a moon", control=[Structure("inpaint", boat)])
        with pytest.raises(SettingRefused, match="there is no map for canny"):
            made(studio, control=[Structure("canny")])
        with pytest.raises(RecipeRefused, match="no network for inpaint"):
            studio.inpaint(boat, hole, "a moon", control=[Structure("inpaint")])
