"""What the project's own trainers export, loaded as it is: rehearsal weights of the right shape."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.engines.conditions.adapters import ref, state, write_control
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.test_stock import near, stock
from tests.engines.tiny import build
from training.control.conditions import assemble as trained_assembly

from maquette.core.geometry import Box, Size
from maquette.core.recipe import Control, Lora, Reference
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions.control import assemble
from maquette.errors import RecipeRefused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build(tmp_path_factory.mktemp("models") / "tiny", "postcard")
    write_control(model, model / "adapters" / "control", channels=8)
    return model


@pytest.fixture(scope="module")
def engine(folder: Path) -> DiffusersEngine:
    return create(folder, threads=1)


def test_control_pictures_are_assembled_as_in_training() -> None:
    line, pose = photo(256, 256, seed=1).convert("L"), photo(256, 256, seed=2)
    ours = assemble([("scribble", line), ("pose", pose)], Size(width=256, height=256), None)
    theirs = trained_assembly({"line": np.asarray(line)[None], "pose": np.asarray(pose)[None]})
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_a_region_is_cut_out() -> None:
    image = photo(64, 64, seed=3)
    box = Box(x=16, y=0, width=32, height=32)
    ours = assemble([("tile", image)], Size(width=32, height=32), box)
    cut = np.asarray(image.crop(box.corners), np.float32).transpose(2, 0, 1) / 255
    assert np.allclose(ours[0, 5:8].numpy(), cut)
    assert bool((ours[0, :5] == -1).all())


def controls(folder: Path, **images: Any) -> tuple[Control, ...]:
    adapter = ref(folder / "adapters" / "control")
    return tuple(
        Control(condition=kind, image=digest(image), adapter=adapter, strength=0.7)  # type: ignore[arg-type]
        for kind, image in images.items()
    )


def test_maps_for_one_network_go_into_one_call(engine: DiffusersEngine, folder: Path) -> None:
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    line, tile = photo(64, 64, seed=4).convert("L"), photo(64, 64, seed=5)
    told = controls(folder, lineart=line, tile=tile)
    before = state(engine)
    asked = recipe(engine, "a red boat", steps=3).change(conditionings=told)
    (picture,) = draw(engine, asked, {digest(line): line, digest(tile): tile})
    assert state(engine) == before
    plain = stock(folder, "ddim")
    pipeline = StableDiffusionControlNetPipeline(
        **{k: v for k, v in plain.components.items() if k != "image_encoder"},
        controlnet=ControlNetModel.from_pretrained(folder / "adapters" / "control"),
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    size = Size(width=64, height=64)
    theirs = pipeline(
        "a red boat",
        image=assemble([("lineart", line), ("tile", tile)], size, None),
        num_inference_steps=3,
        guidance_scale=4.0,
        controlnet_conditioning_scale=0.7,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(picture.image, theirs)


def test_two_maps_for_the_same_channels_are_refused(engine: DiffusersEngine, folder: Path) -> None:
    told = controls(folder, canny=photo(seed=1), scribble=photo(seed=2))
    with pytest.raises(RecipeRefused, match="2 maps for line"):
        engine.check(recipe(engine).change(conditionings=told))


def test_the_draft_lora_of_its_trainer(tmp_path: Path) -> None:
    from training.draft import lora as trainer

    folder = build(tmp_path / "tiny", "postcard")
    engine = create(folder, threads=1)
    made = trainer.Lora(engine.parts().unet, 4)
    with torch.no_grad():
        for up in made.up.values():
            up.normal_(0, 0.1)
    trainer.write(made, folder / "adapters" / "draft")
    told = engine.capabilities().presets["draft"].loras
    assert isinstance(told[0], Lora)
    asked = recipe(engine, "a boat", sampler="dpm++", steps=4, guidance=1.0)
    (picture,) = draw(engine, asked.change(conditionings=told))
    merged = build(tmp_path / "merged", "postcard")
    pipeline = stock(merged, "dpm++")
    with torch.no_grad():
        trainer.read(pipeline.unet, folder / "adapters" / "draft" / trainer.FILE).merge(
            pipeline.unet
        )
    theirs = pipeline(
        "a boat",
        num_inference_steps=4,
        guidance_scale=1.0,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(picture.image, theirs)


def test_the_reference_adapter_of_its_trainer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from training.reference import adapter as trainer
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    folder = build(tmp_path / "tiny", "postcard")
    engine = create(folder, threads=1)
    torch.manual_seed(3)
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            projection_dim=24,
        )
    )
    made = trainer.Adapter(engine.parts().unet, 32)
    trainer.write(made, encoder, folder / "adapters" / "reference")
    image = photo(70, 64, seed=6)
    told = Reference(
        role="style",
        image=digest(image),
        adapter=ref(folder / "adapters" / "reference"),
        strength=1.0,
    )
    asked = recipe(engine, "a boat", steps=3)
    (plain,) = draw(engine, asked)
    capfd.readouterr()
    (ours,) = draw(engine, asked.change(conditionings=(told,)), {digest(image): image})
    assert capfd.readouterr().err == ""  # no bars and remarks of the libraries
    assert np.abs(array(ours.image) - array(plain.image)).mean() > 0.02
    pipeline = stock(folder, "ddim")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_ip_adapter(
            folder / "adapters",
            subfolder="reference",
            weight_name=trainer.FILE,
            image_encoder_folder="image_encoder",
        )
    pipeline.set_ip_adapter_scale(1.0)
    theirs = pipeline(
        "a boat",
        ip_adapter_image=image,
        num_inference_steps=3,
        guidance_scale=4.0,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(ours.image, theirs)
