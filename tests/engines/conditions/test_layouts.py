"""A LoRA in Kohya's layout: the same picture, and diffusers reads the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.engines.conditions.adapters import ref, write_lora
from tests.engines.making import array, draw, recipe
from tests.engines.tiny import build

from maquette import Settings, Studio
from maquette.core.recipe import Lora
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.errors import ExportRefused, ModelMissing, RecipeRefused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build(tmp_path_factory.mktemp("models") / "tiny", "sd15")
    write_lora(model, model / "adapters" / "one.safetensors")
    return model


@pytest.fixture(scope="module")
def engine(folder: Path) -> DiffusersEngine:
    return create(folder, threads=1)


@pytest.fixture
def kohya(engine: DiffusersEngine, folder: Path) -> Path:
    file = folder / "adapters" / "one-kohya.safetensors"
    file.write_bytes(engine.written(engine.find_adapter("one", "lora"), "kohya"))
    return file


def test_it_draws_the_same_picture(engine: DiffusersEngine, folder: Path, kohya: Path) -> None:
    def drawn(name: str) -> torch.Tensor:
        digest = ref(folder / "adapters" / f"{name}.safetensors").digest
        asked = recipe(engine).change(conditionings=(Lora(name=name, digest=digest, weight=0.7),))
        return torch.from_numpy(array(draw(engine, asked)[0].image))

    own, other = drawn("one"), drawn("one-kohya")
    assert torch.equal(own, other)
    assert not torch.equal(own, torch.from_numpy(array(draw(engine, recipe(engine))[0].image)))


def test_its_names_are_kohyas_and_its_alpha_is_said(kohya: Path) -> None:
    with safe_open(kohya, "pt") as stored:
        names, about = list(stored.keys()), stored.metadata()
    assert all(name.startswith(("lora_unet_", "lora_te_text_model_encoder_")) for name in names)
    assert {name.split(".", 1)[1] for name in names} == {
        "lora_down.weight",
        "lora_up.weight",
        "alpha",
    }
    assert about["ss_network_module"] == "networks.lora"
    assert float(about["ss_network_alpha"]) == float(about["ss_network_dim"])


def test_diffusers_reads_the_same_numbers_from_it(folder: Path, kohya: Path) -> None:
    from diffusers.loaders import StableDiffusionLoraLoaderMixin

    found, alphas = StableDiffusionLoraLoaderMixin.lora_state_dict(
        kohya.parent, weight_name=kohya.name, local_files_only=True
    )
    mine = load_file(folder / "adapters" / "one.safetensors")
    assert len(found) == len(mine) and alphas and set(alphas.values()) == {3.0}
    for part, end in (("lora_A", "down.weight"), ("lora_B", "up.weight")):
        theirs = [value for key, value in found.items() if key.endswith(end)]
        for name, value in mine.items():
            if part in name:
                assert any(torch.equal(value, other) for other in theirs), name


def test_written_again_it_stays_as_it_is(engine: DiffusersEngine, kohya: Path) -> None:
    again = engine.written(engine.find_adapter(str(kohya), "lora"), "kohya")
    assert again == kohya.read_bytes()


def test_from_python(folder: Path, kohya: Path, tmp_path: Path) -> None:
    settings = Settings(threads=1, home=tmp_path / "home")
    with Studio(tmp_path / "p", create=True, model=folder, settings=settings) as studio:
        file = studio.export_adapter("one", tmp_path / "out" / "one.safetensors")
        assert file.read_bytes() == kohya.read_bytes()
        with pytest.raises(ExportRefused, match="no layout 'webui'"):
            studio.export_adapter("one", tmp_path / "a.safetensors", layout="webui")
        with pytest.raises(ExportRefused, match=r"written as 'a\.pt'"):
            studio.export_adapter("one", tmp_path / "a.pt")
        with pytest.raises(ModelMissing):
            studio.export_adapter("nobody", tmp_path / "a.safetensors")
    fake = settings.model_copy(update={"engine": "fake"})
    with (
        Studio(tmp_path / "q", create=True, settings=fake) as studio,
        pytest.raises(RecipeRefused, match="takes no adapters"),
    ):
        studio.export_adapter("one", tmp_path / "a.safetensors")


def test_another_models_is_refused(engine: DiffusersEngine, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"unet.mid.lora_A.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(ExportRefused, match="made for another model"):
        engine.written(engine.find_adapter(str(file), "lora"), "kohya")
