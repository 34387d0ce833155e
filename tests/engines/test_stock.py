"""Our loop against diffusers' own pipelines: the same numbers from the same seed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engines.making import array, digest, draw, mask, photo, recipe
from tests.engines.tiny import build

from maquette.core.geometry import Box, Size
from maquette.core.recipe import ImageToImage, Inpaint
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.latents import pixels

SAMPLERS = {
    "ddim": ("DDIMScheduler", {}),
    "dpm++": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
}


def stock(folder: Path, sampler: str, kind: str = "StableDiffusionPipeline") -> Any:
    """diffusers' own pipeline over a model folder."""
    import diffusers

    name, extra = SAMPLERS[sampler]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = getattr(diffusers, kind).from_pretrained(
            folder, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
        )
        scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config, **extra)
    pipeline.scheduler = scheduler
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def near(ours: Image.Image, theirs: np.ndarray) -> None:
    """Within rounding: floats of the stock pipeline (0 to 1) against our bytes."""
    assert np.abs(array(ours) / 255 - theirs).max() <= 0.5 / 255 + 1e-4
    assert theirs.std() > 0.001


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("kind", ["sd15", "postcard"])
def test_text_to_image(
    kind: str, sampler: str, guidance: float, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    engine: DiffusersEngine = request.getfixturevalue(
        "engine" if kind == "postcard" else "sd15_engine"
    )
    asked = recipe(
        engine,
        "a red boat on the sea",
        negative="the moon",
        sampler=sampler,
        guidance=guidance,
        steps=4,
        size=(96, 64),
    )
    (picture,) = draw(engine, asked)
    theirs = stock(folder, sampler)(
        "a red boat on the sea",
        negative_prompt="the moon",
        num_inference_steps=4,
        guidance_scale=guidance,
        width=96,
        height=64,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(picture.image, theirs)


@pytest.mark.parametrize("sampler", ["ddim", "dpm++", "euler"])
def test_image_to_image(postcard: Path, engine: DiffusersEngine, sampler: str) -> None:
    start = photo()
    task = ImageToImage(image=digest(start), strength=0.6)
    (picture,) = draw(
        engine, recipe(engine, "a cat", task=task, steps=5, sampler=sampler), {digest(start): start}
    )
    theirs = stock(postcard, sampler, "StableDiffusionImg2ImgPipeline")(
        "a cat",
        image=start,
        strength=0.6,
        num_inference_steps=5,
        guidance_scale=4.0,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(picture.image, theirs)


@pytest.mark.parametrize("channels", [4, 9])
def test_inpaint(tmp_path: Path, channels: int) -> None:
    engine = create(build(tmp_path / "tiny", "postcard", channels=channels), threads=1)
    start = photo()
    hole = mask(64, 64, Box(x=16, y=8, width=24, height=32))  # on the latent grid
    task = Inpaint(
        image=digest(start),
        mask=digest(hole),
        region=Box(x=0, y=0, width=64, height=64),
        work=Size(width=64, height=64),
        feather=0,
    )
    inputs = {digest(start): start, digest(hole): hole}
    (picture,) = draw(engine, recipe(engine, "a cat", task=task, steps=5), inputs)
    theirs = stock(engine.card.folder, "ddim", "StableDiffusionInpaintPipeline")(
        "a cat",
        image=pixels(start),
        mask_image=hole,
        width=64,
        height=64,
        strength=1.0,
        num_inference_steps=5,
        guidance_scale=4.0,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    inside = np.asarray(hole) > 0
    assert np.abs(array(picture.image) / 255 - theirs)[inside].max() <= 0.5 / 255 + 1e-4
    assert np.array_equal(array(picture.image)[~inside], array(start)[~inside])


def test_an_inpainting_unet_only_inpaints(tmp_path: Path) -> None:
    engine = create(build(tmp_path / "tiny", "sd15", channels=9))
    assert engine.capabilities().tasks == {"inpaint", "outpaint"}
