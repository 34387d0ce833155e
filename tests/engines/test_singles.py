"""Checkpoints in one file: recognised, converted, and drawn with as their folders are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.engines.making import array, draw, recipe
from tests.engines.single_files import spoil, write_single
from tests.engines.tiny import build
from tests.engines.tiny_families import build_family

from maquette.engines.diffusers import create
from maquette.engines.diffusers.conditions.headers import read_header
from maquette.engines.diffusers.models import find_model, list_models, read_model
from maquette.engines.diffusers.singles import recognise
from maquette.errors import ModelMissing, ModelRefused

CASES = {
    "sd": ("sd", {}),
    "sdxl": ("sdxl", {}),
    "sd3": ("sd3", {}),
    "sd3-no-t5": ("sd3", {"t5": False}),
    "sd3.5": ("sd3", {"dual": (0, 1)}),
    "flux-dev": ("flux", {}),
    "flux-schnell": ("flux", {"guided": False}),
}


def folder_of(where: Path, case: str) -> tuple[Path, str]:
    family, how = CASES[case]
    made = build(where, "sd15") if family == "sd" else build_family(where, family, **how)
    return made, family


@pytest.mark.parametrize("case", CASES)
def test_a_file_draws_what_its_folder_draws(tmp_path: Path, case: str) -> None:
    folder, family = folder_of(tmp_path / "whole", case)
    file = write_single(folder, tmp_path / "tiny.safetensors", family)
    one, other = create(file, threads=1), create(folder, threads=1)
    assert one.card.family == other.card.family == family
    assert one.card.ref.name == "tiny-file" and one.card.ref.digest != other.card.ref.digest
    how = {"sampler": one.capabilities().samplers[-1], "guidance": 3.0}
    (ours,) = draw(one, recipe(one, "a red (boat:1.4) on the sea", **how))
    (theirs,) = draw(other, recipe(other, "a red (boat:1.4) on the sea", **how))
    assert abs(array(ours.image) - array(theirs.image)).max() <= 1
    assert ours.trace is not None and theirs.trace is not None
    assert abs(ours.trace.maps - theirs.trace.maps).max() < 1e-4


@pytest.mark.parametrize("case", ["sd3.5", "flux-dev", "flux-schnell"])
def test_shapes_correct_the_facts(tmp_path: Path, case: str) -> None:
    """Depth, doubled attention and guidance are read from the file itself."""
    folder, family = folder_of(tmp_path / "whole", case)
    file = write_single(folder, tmp_path / "tiny.safetensors", family)
    told = json.loads(file.with_suffix(".json").read_text())
    for key in ("num_layers", "num_single_layers", "guidance_embeds", "dual_attention_layers"):
        told["configs"]["transformer"].pop(key, None)
    told["configs"]["transformer"].pop("qk_norm", None)
    file.with_suffix(".json").write_text(json.dumps(told))
    config = read_model(file).configs["transformer"]
    expected = json.loads((folder / "transformer" / "config.json").read_text())
    for key in ("num_layers", "num_single_layers", "guidance_embeds", "qk_norm"):
        assert config.get(key) == expected.get(key)
    assert config.get("dual_attention_layers", []) == expected.get("dual_attention_layers", [])


def test_a_transformer_alone_takes_the_rest_from_a_folder(tmp_path: Path) -> None:
    folder, _ = folder_of(tmp_path / "whole", "flux-dev")
    rest = ("vae", "text_encoder", "text_encoder_2")
    file = write_single(folder, tmp_path / "tiny.safetensors", "flux", without=rest)
    bare = {
        name.removeprefix("model.diffusion_model."): each for name, each in load_file(file).items()
    }
    save_file(bare, file)
    spoil(file, base=None)
    told = json.loads(file.with_suffix(".json").read_text())
    del told["base"]
    file.with_suffix(".json").write_text(json.dumps(told))
    one, other = create(file, threads=1), create(folder, threads=1)
    assert one.card.base == folder
    (ours,), (theirs,) = draw(one, recipe(one)), draw(other, recipe(other))
    assert abs(array(ours.image) - array(theirs.image)).max() <= 1


class TestFound:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        folder = build(tmp_path / "base", "sd15")
        return write_single(folder, tmp_path / "mine.safetensors", "sd")

    def test_by_name_and_in_the_list(self, file: Path) -> None:
        assert find_model("mine", file.parent) == file
        assert find_model("mine.safetensors", file.parent) == file
        names = [card.ref.name for card in list_models(file.parent)]
        assert "tiny-file" in names and "base" in names

    def test_the_digest_is_of_the_file_and_of_what_it_was_taken_for(self, file: Path) -> None:
        first = read_model(file).ref.digest
        spoil(file, scheduler={"prediction_type": "v_prediction"})
        assert read_model(file).ref.digest != first

    def test_a_base_of_the_same_family_goes_first(self, file: Path, tmp_path: Path) -> None:
        build_family(tmp_path / "a-flux", "flux")
        told = json.loads(file.with_suffix(".json").read_text())
        del told["base"]
        file.with_suffix(".json").write_text(json.dumps(told))
        assert read_model(file, tmp_path).base == tmp_path / "base"

    def test_no_base_at_all(self, file: Path, tmp_path: Path) -> None:
        alone = tmp_path / "alone"
        alone.mkdir()
        moved = file.rename(alone / "mine.safetensors")
        with pytest.raises(ModelMissing, match="tokenizer") as missing:
            read_model(moved)
        assert "mine.json" in missing.value.hint


class TestRefused:
    def test_unknown_tensors(self, tmp_path: Path) -> None:
        file = tmp_path / "odd.safetensors"
        save_file({"x": torch.zeros(1)}, file)
        with pytest.raises(ModelRefused, match="no family"):
            create(file)

    @pytest.mark.parametrize(
        ("name", "what"),
        [("lora_unet_down.lora_up.weight", "LoRA"), ("control_model.x", "ControlNet")],
    )
    def test_adapters_are_no_models(self, tmp_path: Path, name: str, what: str) -> None:
        file = tmp_path / "odd.safetensors"
        save_file({name: torch.zeros(1)}, file)
        with pytest.raises(ModelRefused, match=what):
            create(file)

    def test_truncated(self, tmp_path: Path) -> None:
        folder = build(tmp_path / "base", "sd15")
        file = write_single(folder, tmp_path / "mine.safetensors", "sd")
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(ModelRefused, match="cut short"):
            create(file)

    def test_an_empty_file(self, tmp_path: Path) -> None:
        file = tmp_path / "empty.safetensors"
        file.write_bytes(b"")
        with pytest.raises(ModelRefused, match="safetensors"):
            create(file)

    def test_numbers_that_do_not_fit(self, tmp_path: Path) -> None:
        folder = build(tmp_path / "base", "sd15")
        file = write_single(folder, tmp_path / "mine.safetensors", "sd")
        told = json.loads(file.with_suffix(".json").read_text())
        told["configs"]["vae"]["block_out_channels"] = [8, 8, 8, 16]
        file.with_suffix(".json").write_text(json.dumps(told))
        engine = create(file)
        with pytest.raises(ModelRefused, match="the vae of mine") as refused:
            engine.parts()
        assert "mine.json" in refused.value.hint

    def test_scaled_8_bit(self, tmp_path: Path) -> None:
        file = tmp_path / "fp8.safetensors"
        save_file({"double_blocks.0.img_attn.qkv.scale_weight": torch.zeros(1)}, file)
        with pytest.raises(ModelRefused, match="8-bit"):
            create(file)


PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    # Names and shapes as the publishers' own files have them.
    "sd1": (
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
        {"cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77)},
    ),
    "sd2": (
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
        {"cond_stage_model.model.token_embedding.weight": (49408, 1024)},
    ),
    "sdxl": (
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight",
        {
            "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight": (
                3840,
                1280,
            )
        },
    ),
    "sd3": ("model.diffusion_model.joint_blocks.0.context_block.adaLN_modulation.1.weight", {}),
    "flux": ("double_blocks.0.img_attn.qkv.weight", {}),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_layouts_are_recognised(name: str) -> None:
    sign, more = PUBLISHED[name]
    assert recognise(Path("x.safetensors"), {sign: (320, 768), **more}) == name


@pytest.mark.parametrize("name", ["sd1", "sd2", "sdxl", "sd3", "flux"])
def test_facts_build_networks_of_the_published_size(name: str) -> None:
    """Millions of parameters, as the model cards state them; nothing is allocated."""
    from accelerate import init_empty_weights

    from maquette.engines.diffusers.families import FAMILIES
    from maquette.engines.diffusers.singles import _facts
    from maquette.engines.diffusers.weights import class_of

    told = _facts(name)
    family = FAMILIES[told["family"]]
    config = told["parts"][family.network]
    with init_empty_weights():
        made = class_of(family.parts[family.network], config["_class_name"])
        network = made.from_config(config)
    # SD3's fixed positions stand in its files as weights do.
    millions = sum(each.numel() for each in network.state_dict().values()) / 1e6
    stated = {"sd1": 860, "sd2": 866, "sdxl": 2567, "sd3": 2085, "flux": 11901}[name]
    assert millions == pytest.approx(stated, rel=0.01)


def test_headers_are_read_without_weights(tmp_path: Path) -> None:
    folder = build(tmp_path / "base", "sd15")
    file = write_single(folder, tmp_path / "mine.safetensors", "sd")
    shapes, _ = read_header(file)
    assert recognise(file, shapes) == "sd1"
