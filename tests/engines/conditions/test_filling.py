"""ControlNets that fill holes: given what surrounds one, as diffusers' own pipelines give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engines.conditions.adapters import write_control
from tests.engines.conditions.controls import write_file, write_flux, write_sd3
from tests.engines.making import array, digest, draw, mask, photo, recipe
from tests.engines.test_families import near, stock

from maquette.core.geometry import Box, Size
from maquette.core.recipe import Control, Inpaint, Outpaint, Recipe
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions.control_load import load_control
from maquette.engines.diffusers.samplers import build_scheduler
from maquette.errors import RecipeRefused

WORDS = "a red boat"
HOLE = Box(x=16, y=16, width=32, height=32)
WHOLE = Box(x=0, y=0, width=64, height=64)


@pytest.fixture(scope="module")
def nets(sd15: Path, sd3: Path, flux: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("nets")
    write_control(sd15, root / "control_sd15_inpaint")
    write_sd3(sd3, root / "sd3", layers=2, extra_conditioning_channels=1)
    write_sd3(sd3, root / "sd3-canny", layers=2)
    write_flux(flux, root / "flux", layers=2, singles=0, fills=True)
    return root


def edit(
    engine: DiffusersEngine, path: Path, start: Image.Image, hole: Image.Image, **more: Any
) -> Recipe:
    adapter = engine.name_adapter(engine.find_adapter(str(path), "control"))
    told = Control(condition="inpaint", image=digest(start), adapter=adapter)
    task = Inpaint(
        image=digest(start),
        mask=digest(hole),
        region=WHOLE,
        work=Size(width=64, height=64),
        feather=0,
    )
    asked = recipe(engine, WORDS, task=task, steps=3, guidance=3.0, **more)
    return asked.change(conditionings=(told,))


def given(network: Any, engine: DiffusersEngine, asked: Recipe, inputs: Any) -> Any:
    """What the network is told in its first call, and the picture."""
    seen: list[dict[str, Any]] = []
    hook = network.register_forward_pre_hook(
        lambda _, __, told: seen.append(told), with_kwargs=True
    )
    try:
        (picture,) = draw(engine, asked, inputs)
    finally:
        hook.remove()
    return seen[0], picture.image


def test_sd3(sd3: Path, sd3_engine: DiffusersEngine, nets: Path) -> None:
    import diffusers

    start, hole, all_of_it = photo(), mask(64, 64, HOLE), mask(64, 64, WHOLE)
    asked = edit(sd3_engine, nets / "sd3", start, hole)
    (told,) = asked.conditionings
    assert isinstance(told, Control)
    network = load_control(nets / "sd3", told.adapter.digest, sd3_engine.parts())
    inputs = {digest(each): each for each in (start, hole, all_of_it)}
    seen, _ = given(network, sd3_engine, asked, inputs)
    stock_net = diffusers.SD3ControlNetModel.from_pretrained(nets / "sd3")
    pipeline = diffusers.StableDiffusion3ControlNetInpaintingPipeline(
        **stock(sd3).components, controlnet=stock_net
    )
    pipeline.set_progress_bar_config(disable=True)
    how = {"num_images_per_prompt": 1, "device": "cpu", "dtype": torch.float32}
    expected = pipeline.prepare_image_with_mask(
        start, hole, 64, 64, 1, do_classifier_free_guidance=True, **how
    )
    assert torch.allclose(seen["controlnet_cond"], expected, atol=1e-4)
    assert not seen["pooled_projections"].any()
    # Where all is to be drawn, nothing of the picture is laid around it afterwards.
    whole = edit(sd3_engine, nets / "sd3", start, all_of_it)
    (picture,) = draw(sd3_engine, whole, inputs)
    theirs = pipeline(
        WORDS,
        control_image=start,
        control_mask=all_of_it,
        num_inference_steps=3,
        guidance_scale=3.0,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(picture.image, theirs)


def test_flux(flux_engine: DiffusersEngine, nets: Path, tmp_path: Path) -> None:
    """As the authors of the published one pack it: sixteen channels and the mask, by fours."""
    from diffusers import FluxControlNetPipeline
    from diffusers.image_processor import VaeImageProcessor

    start, hole = photo(), mask(64, 64, HOLE)
    inputs = {digest(each): each for each in (start, hole)}
    asked = edit(flux_engine, nets / "flux", start, hole)
    (told,) = asked.conditionings
    assert isinstance(told, Control)
    parts = flux_engine.parts()
    network = load_control(nets / "flux", told.adapter.digest, parts)
    seen, image = given(network, flux_engine, asked, inputs)
    around = VaeImageProcessor(vae_scale_factor=16).preprocess(start)
    around[:, :, HOLE.y : HOLE.bottom, HOLE.x : HOLE.right] = -1
    latents = parts.vae.encode(around).latent_dist.mode()
    latents = (latents - parts.vae.config.shift_factor) * parts.vae.config.scaling_factor
    kept = torch.ones(1, 1, 8, 8)
    kept[:, :, 2:6, 2:6] = 0
    packed = FluxControlNetPipeline._pack_latents(torch.cat([latents, kept], 1), 1, 17, 8, 8)
    assert torch.allclose(seen["controlnet_cond"], packed, atol=1e-4)
    file = write_file(nets / "flux", tmp_path / "filling.safetensors")
    again = edit(flux_engine, file, start, hole)
    (other,) = draw(flux_engine, again, inputs)
    assert other.image.tobytes() == image.tobytes()


def test_stable_diffusion(sd15: Path, nets: Path) -> None:
    import diffusers

    engine = create(sd15, threads=1)
    start, hole = photo(), mask(64, 64, HOLE)
    inputs = {digest(each): each for each in (start, hole)}
    net = nets / "control_sd15_inpaint"
    asked = edit(engine, net, start, hole, sampler="ddim")
    (picture,) = draw(engine, asked, inputs)
    plain = stock(sd15, scheduler=build_scheduler("ddim", engine.card.scheduler))
    parts = {k: v for k, v in plain.components.items() if k != "image_encoder"}
    pipeline = diffusers.StableDiffusionControlNetInpaintPipeline(
        **parts,
        controlnet=diffusers.ControlNetModel.from_pretrained(net),
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    around = torch.from_numpy(np.asarray(start, dtype=np.float32) / 255).permute(2, 0, 1)[None]
    around[:, :, HOLE.y : HOLE.bottom, HOLE.x : HOLE.right] = -1
    expected = pipeline(
        WORDS,
        image=start,
        mask_image=hole,
        control_image=around,
        controlnet_conditioning_scale=1.0,
        strength=1.0,
        num_inference_steps=3,
        guidance_scale=3.0,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    inside = np.asarray(hole) > 0
    assert np.abs(array(picture.image) / 255 - expected)[inside].max() <= 0.5 / 255 + 3e-4


def test_each_of_a_batch_has_its_own_hole(sd3: Path, nets: Path) -> None:
    one, two = create(sd3, threads=1), create(sd3, threads=1, together=2)
    start = photo()
    holes = [mask(64, 64, HOLE), mask(64, 64, Box(x=0, y=32, width=32, height=32))]
    inputs = {digest(each): each for each in (start, *holes)}
    asked = [edit(one, nets / "sd3", start, hole) for hole in holes]
    pairs = zip(draw(one, asked, inputs), draw(two, asked, inputs), strict=True)
    for alone, beside in pairs:
        assert np.abs(array(alone.image) - array(beside.image)).max() <= 1


def test_new_sides_are_holes_too(sd3_engine: DiffusersEngine, nets: Path) -> None:
    start = photo()
    asked = edit(sd3_engine, nets / "sd3", start, start)
    task = Outpaint(image=digest(start), right=16, work=Size(width=80, height=64))
    asked = asked.change(task=task, size=Size(width=80, height=64))
    inputs = {digest(start): start}
    (picture,), (without,) = (
        draw(sd3_engine, each, inputs) for each in (asked, asked.change(conditionings=()))
    )
    assert picture.image.crop((0, 0, 56, 64)).tobytes() == start.crop((0, 0, 56, 64)).tobytes()
    assert picture.image.tobytes() != without.image.tobytes()


def test_refusals(sd3_engine: DiffusersEngine, sdxl_engine: DiffusersEngine, nets: Path) -> None:
    start = photo()
    asked = edit(sd3_engine, nets / "sd3", start, start)
    with pytest.raises(RecipeRefused, match="nothing is to be filled") as refused:
        sd3_engine.check(recipe(sd3_engine).change(conditionings=asked.conditionings))
    assert "inpaint" in refused.value.hint
    (told,) = asked.conditionings
    assert isinstance(told, Control)
    lines = told.model_copy(update={"condition": "canny"})
    with pytest.raises(RecipeRefused, match="reads inpaint, not canny"):
        sd3_engine.check(recipe(sd3_engine).change(conditionings=(lines,)))
    other = edit(sd3_engine, nets / "sd3-canny", start, start)
    with pytest.raises(RecipeRefused, match="reads canny, not inpaint"):
        sd3_engine.check(other)
