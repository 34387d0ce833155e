"""Adapters at hand, told from their files."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.engines.conditions.adapters import (
    write_control,
    write_ip,
    write_lora,
    write_t2i,
)
from tests.engines.making import digest, draw, photo, recipe
from tests.engines.tiny import build

from maquette.core.recipe import Reference
from maquette.core.value import ModelRef
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions import Catalogue, prepare
from maquette.engines.diffusers.conditions.catalogue import digest_of_adapter, recognise
from maquette.engines.diffusers.conditions.headers import read_header
from maquette.engines.diffusers.samplers import build_scheduler
from maquette.errors import ModelMissing, ModelRefused


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    model = build(root / "sd", "sd15")
    write_lora(model, root / "loras" / "ink.safetensors")
    write_lora(model, model / "adapters" / "ink.safetensors", seed=5)
    (root / "loras" / "evil.ckpt").write_bytes(b"\x80\x04nothing")
    (root / "embeddings").mkdir()
    save_file(
        {"emb_params": torch.ones(2, 32)},
        root / "embeddings" / "team.safetensors",
        metadata={"modelspec.license": "CC0-1.0", "modelspec.trigger_phrase": "team style"},
    )
    write_control(model, root / "control" / "my-openpose")
    (root / "control" / "my-openpose" / "ADAPTER.json").write_text(
        json.dumps({"conditions": ["pose"], "licence": "Apache-2.0"})
    )
    write_control(model, root / "control" / "four", channels=8)
    write_t2i(model, root / "t2i" / "some-lineart")
    write_ip(model, root / "ip-adapters" / "ip")
    (root / "control" / "empty").mkdir()
    return root


@pytest.fixture(scope="module")
def engine(models: Path) -> DiffusersEngine:
    return create(models / "sd", models=models, threads=1)


def test_what_there_is(engine: DiffusersEngine) -> None:
    found = {(each.kind, each.name): each for each in engine.adapters()}
    assert set(found) == {
        ("lora", "ink"),
        ("embedding", "team"),
        ("control", "my-openpose"),
        ("control", "four"),
        ("t2i-adapter", "some-lineart"),
        ("ip-adapter", "ip"),
    }
    assert all(each.misfit == "" for each in found.values())
    assert "adapters" in found["lora", "ink"].path  # the model's own come first
    assert found["embedding", "team"].licence == "CC0-1.0"
    assert found["embedding", "team"].trigger == "team style"
    assert found["control", "my-openpose"].conditions == ("pose",)
    assert found["control", "my-openpose"].licence == "Apache-2.0"
    assert found["control", "four"].conditions == (
        *("canny", "lineart", "scribble"),
        *("depth", "pose", "tile"),
    )
    assert found["t2i-adapter", "some-lineart"].conditions == ("lineart",)
    assert "style" in found["ip-adapter", "ip"].roles
    assert engine._parts is None


def test_names_paths_and_kinds(engine: DiffusersEngine, models: Path) -> None:
    assert engine.find_adapter("INK.safetensors", "lora").name == "ink"
    path = models / "loras" / "ink.safetensors"
    assert engine.find_adapter(str(path), "lora").path == str(path.resolve())
    with pytest.raises(ModelRefused, match="no LoRA: its kind is embedding"):
        engine.find_adapter("team", "lora")
    with pytest.raises(ModelRefused, match="pickled"):
        engine.find_adapter("evil", "lora")
    with pytest.raises(ModelMissing) as missing:
        engine.find_adapter("nothing", "control", "t2i-adapter")
    assert "four" in missing.value.hint and "some-lineart" in missing.value.hint


def test_digests_name_bytes_wherever_they_lie(tmp_path: Path, models: Path) -> None:
    one = recognise(models / "control" / "four")
    assert one is not None
    other = tmp_path / "elsewhere"
    other.mkdir()
    for file in Path(one.path).iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    (other / "sheet.png").write_bytes(b"a picture beside it")
    moved = recognise(other)
    assert moved is not None
    assert digest_of_adapter(moved) == digest_of_adapter(one)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "act_fn": "relu"}))
    assert digest_of_adapter(moved) != digest_of_adapter(one)


def test_one_given_by_its_path_is_found_by_digest(
    engine: DiffusersEngine, models: Path, tmp_path: Path
) -> None:
    path = write_lora(models / "sd", tmp_path / "far.safetensors", seed=77)
    ref = engine.name_adapter(engine.find_adapter(str(path), "lora"))
    from maquette.core.recipe import Lora

    told = Lora(name=ref.name, digest=ref.digest)
    assert draw(engine, recipe(engine, steps=1).change(conditionings=(told,)))
    assert isinstance(ref, ModelRef) and ref.name == "far"


def test_one_given_by_its_path_is_found_by_another_process(models: Path, tmp_path: Path) -> None:
    path, notes = tmp_path / "far.safetensors", tmp_path / "notes"
    write_lora(models / "sd", path, seed=78)
    engine = create(models / "sd", models=models, notes=notes)
    ref = engine.name_adapter(engine.find_adapter(str(path), "lora"))
    engine.name_adapter(engine.find_adapter("ink", "lora"))
    assert [note.name for note in notes.iterdir()] == [ref.digest], "only what lies elsewhere"
    asked = (
        "import sys; from maquette.engines.diffusers import create;"
        "from maquette.engines.diffusers.conditions import Catalogue;"
        "from maquette.core.value import ModelRef;"
        "engine = create(sys.argv[1], notes=__import__('pathlib').Path(sys.argv[2]));"
        "ref = ModelRef(name='far', digest=sys.argv[3]);"
        "print(Catalogue(engine.card).by_digest(ref, 'lora').path)"
    )
    command = [sys.executable, "-c", asked, str(models / "sd"), str(notes), ref.digest]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(path.resolve())
    path.write_bytes((models / "loras" / "ink.safetensors").read_bytes())
    with pytest.raises(ModelMissing, match="not at hand"):
        Catalogue(engine.card).by_digest(ref, "lora")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 10) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"nope",
        struct.pack("<Q", 17) + b'{"a":{"shape":1}}',
        struct.pack("<Q", 57) + b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}  ',
        b"PK\x03\x04" + bytes(64),
    ],
)
def test_damaged_files_are_refused_plainly(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    with pytest.raises(ModelRefused):
        read_header(file)


def test_an_ip_adapter_without_its_encoder(tmp_path: Path, models: Path) -> None:
    whole = load_file(models / "ip-adapters" / "ip" / "ip-adapter.safetensors")
    alone = tmp_path / "ip-adapter.safetensors"
    save_file(whole, alone)
    for each in (alone, tmp_path):
        with pytest.raises(ModelMissing, match="lacks its image_encoder") as missing:
            recognise(each)
        assert "CLIP" in missing.value.hint


def test_what_lies_beside_as_an_image_encoder_is_looked_at(tmp_path: Path, models: Path) -> None:
    folder = tmp_path / "ip"
    shutil.copytree(models / "ip-adapters" / "ip", folder)
    encoder = folder / "image_encoder"
    whole = (encoder / "model.safetensors").read_bytes()
    assert recognise(folder) is not None
    (encoder / "model.safetensors").write_bytes(whole[:-9])
    with pytest.raises(ModelRefused, match="cut short"):
        recognise(folder)
    (encoder / "model.safetensors").unlink()
    (encoder / "pytorch_model.bin").write_bytes(b"\x80\x04nothing")
    with pytest.raises(ModelRefused, match="pickled"):
        recognise(folder)
    (encoder / "model.safetensors").write_bytes(whole)
    assert recognise(folder) is not None, "a pickled one beside it is not read"


def test_several_ip_adapters_beside_one_image_encoder(tmp_path: Path, models: Path) -> None:
    """As published: a folder of adapters with the encoder that they share."""
    home = tmp_path / "ip-adapters" / "models"
    shutil.copytree(models / "ip-adapters" / "ip", home)
    (home / "ip-adapter.safetensors").rename(home / "ip-adapter_sd15.safetensors")
    whole = load_file(home / "ip-adapter_sd15.safetensors")
    save_file({k: v * 0.5 for k, v in whole.items()}, home / "ip-adapter_sd15_light.safetensors")
    engine = create(models / "sd", models=tmp_path)
    found = [each for each in engine.adapters() if each.kind == "ip-adapter"]
    assert [each.name for each in found] == ["ip-adapter_sd15", "ip-adapter_sd15_light"]
    assert not any(each.misfit for each in found)
    digests = {digest_of_adapter(each) for each in found}
    (home / "ip-adapter_sd15.safetensors").rename(home / "ip-adapter_else.safetensors")
    found = [each for each in engine.adapters() if each.kind == "ip-adapter"]
    assert {digest_of_adapter(each) for each in found} == digests, "whatever it is called"
    assert len(digests) == 2 and engine.find_adapter("ip-adapter_sd15_light", "ip-adapter")
    (home / "image_encoder" / "config.json").write_text(
        (home / "image_encoder" / "config.json").read_text() + " "
    )
    assert not digests & {digest_of_adapter(each) for each in found}, "the encoder counts too"
    image = photo(seed=12)
    drawn = [
        draw(
            engine,
            recipe(engine, steps=2).change(
                conditionings=(
                    Reference(role="style", image=digest(image), adapter=engine.name_adapter(each)),
                )
            ),
            {digest(image): image},
        )[0].image
        for each in found
    ]
    assert drawn[0].tobytes() != drawn[1].tobytes()


def test_flux_redux_is_named(tmp_path: Path) -> None:
    file = tmp_path / "flux1-redux-dev.safetensors"
    save_file({f"redux_{way}.weight": torch.zeros(4, 4) for way in ("up", "down")}, file)
    with pytest.raises(ModelRefused, match="Redux") as refused:
        recognise(file)
    assert "XLabs" in refused.value.hint


class TestDrafts:
    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        model = build(tmp_path / "tiny", "postcard")
        folder = model / "adapters" / "draft"
        write_lora(model, folder / "pytorch_lora_weights.safetensors", text=False)
        (folder / "scheduler").mkdir()
        (folder / "scheduler" / "scheduler_config.json").write_text(
            json.dumps({"_class_name": "LCMScheduler", "original_inference_steps": 40})
        )
        return model

    def test_the_quality_draft_uses_it(self, model: Path, tmp_path: Path) -> None:
        from maquette.studio import Studio

        with Studio(tmp_path / "p", create=True, engine="diffusers", model=model) as studio:
            (version,) = studio.generate("a boat", quality="draft", seed=1)
            sampling: Any = version.recipe.sampling
            assert (sampling.sampler, sampling.steps, sampling.guidance) == ("lcm", 4, 1.0)
            [lora] = version.recipe.conditionings
            assert lora.name == "draft"
            final = studio.refine(version, way="seed", steps=2)
            assert final.recipe.conditionings == ()
            (other,) = studio.generate("a boat", quality="draft", seed=1, sampler="ddim")
            assert other.recipe.conditionings == ()
            assert other.recipe.sampling and other.recipe.sampling.guidance > 1
            (pulled,) = studio.generate("a boat", quality="draft", seed=1, guidance=3)
            assert pulled.recipe.conditionings == ()
            (without,) = studio.generate("a boat", negative="a mug", quality="draft", seed=1)
            assert without.recipe.conditionings == (), "guidance built in heeds no negative prompt"
            assert without.recipe.sampling and without.recipe.sampling.guidance > 1

    def test_its_sampler_is_its_own(self, model: Path) -> None:
        engine = create(model, threads=1)
        preset = engine.capabilities().presets["draft"]
        asked = recipe(engine, sampler="lcm", steps=4, guidance=1.0)
        asked = asked.change(conditionings=preset.loras)
        parts = engine.parts()
        with prepare(parts, asked, {}).around(parts) as given:
            scheduler = build_scheduler("lcm", given.scheduler)
            assert scheduler.config.original_inference_steps == 40
        assert build_scheduler("lcm", parts.scheduler).config.original_inference_steps == 50
        settings = model / "adapters" / "draft" / "scheduler" / "scheduler_config.json"
        settings.write_text(json.dumps({"original_inference_steps": 8}))
        changed = create(model).capabilities().presets["draft"].loras
        assert changed[0].digest != preset.loras[0].digest

    def test_one_that_learned_guidance_keeps_the_sampler(self, model: Path) -> None:
        use = {"steps": 6, "guidance_scale": 1.0, "scheduler": "DPMSolverMultistepScheduler"}
        (model / "adapters" / "draft" / "draft.json").write_text(json.dumps({"use": use}))
        preset = create(model).capabilities().presets["draft"]
        assert (preset.sampler, preset.steps, preset.guidance) == ("dpm++", 6, 1.0)
        assert len(preset.loras) == 1

    def test_a_damaged_one_is_left_out(self, model: Path) -> None:
        (model / "adapters" / "draft" / "pytorch_lora_weights.safetensors").write_bytes(b"x")
        preset = create(model).capabilities().presets["draft"]
        assert preset.sampler != "lcm" and preset.loras == ()
