"""ControlNets of SD3 and FLUX, against diffusers' own pipelines: the same numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from tests.engines.conditions.adapters import ref
from tests.engines.conditions.controls import write_flux, write_sd3
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.test_families import near, stock
from tests.engines.tiny_families import build_family

from maquette.core.recipe import Control
from maquette.engines.diffusers import DiffusersEngine, create

WORDS = "a red boat on the sea"
KINDS = {"canny": "canny", "depth": "depth", "tile": "tile", "pose": "pose"}


@pytest.fixture(scope="module")
def sd3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with InstantX's kind, one that is told the pooled texts, and Stability's kinds."""
    model = build_family(tmp_path_factory.mktemp("models") / "sd3", "sd3")
    own = model / "adapters"
    write_sd3(model, own / "canny-net", layers=2)
    write_sd3(model, own / "depth-net", layers=2, seed=4)
    write_sd3(model, own / "tile-net", layers=3, seed=5)
    write_sd3(model, own / "told-pose", layers=2, seed=6, force_zeros_for_pooled_projection=False)
    for kind in ("canny", "depth"):
        write_sd3(model, own / f"eight-{kind}", layers=4, seed=7, eight=True)
    return model


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with plain networks, a union, and XLabs' kind."""
    model = build_family(tmp_path_factory.mktemp("models") / "flux", "flux")
    own = model / "adapters"
    write_flux(model, own / "depth-net", layers=2, singles=1)
    write_flux(model, own / "canny-net", layers=2, singles=0, seed=5, guidance_embeds=True)
    write_flux(model, own / "union", layers=2, singles=1, seed=6, num_mode=10)
    write_flux(model, own / "xlabs-canny", layers=2, singles=0, seed=7, hinted=True)
    return model


@pytest.fixture(scope="module")
def sd3_engine(sd3: Path) -> DiffusersEngine:
    return create(sd3, threads=1)


@pytest.fixture(scope="module")
def flux_engine(flux: Path) -> DiffusersEngine:
    return create(flux, threads=1)


def control(folder: Path, name: str, image: Image.Image, kind: Any = None, **more: Any) -> Control:
    kind = kind or next(kind for word, kind in KINDS.items() if word in name)
    adapter = ref(folder / "adapters" / name)
    return Control(condition=kind, image=digest(image), adapter=adapter, **more)


def drawn(engine: DiffusersEngine, *told: Control, images: Any = (), **more: Any) -> Image.Image:
    asked = recipe(engine, WORDS, negative="the moon", steps=4, guidance=3.0, **more)
    before = state(engine)
    inputs = {digest(each): each for each in images}
    (picture,) = draw(engine, asked.change(conditionings=told), inputs)
    assert state(engine) == before
    return picture.image


def state(engine: DiffusersEngine) -> Mapping[str, bytes]:
    """Weights, buffers and processors of the transformer and the autoencoder."""
    parts = engine.parts()
    found = {
        f"{number}.{name}": value.contiguous().numpy().tobytes()
        for number, network in enumerate((parts.network, parts.vae))
        for name, value in network.state_dict().items()
    }
    for name, module in parts.network.named_modules():
        if hasattr(module, "processor"):
            found[f"processor.{name}"] = str(id(module.processor)).encode()
    return found


def theirs(folder: Path, names: list[str], images: Any, **more: Any) -> np.ndarray:
    """The stock pipeline's picture."""
    import diffusers

    plain = stock(folder)
    flux = "Flux" in type(plain).__name__
    network = diffusers.FluxControlNetModel if flux else diffusers.SD3ControlNetModel
    multi = diffusers.FluxMultiControlNetModel if flux else diffusers.SD3MultiControlNetModel
    made = diffusers.FluxControlNetPipeline if flux else None
    made = made or diffusers.StableDiffusion3ControlNetPipeline
    nets: list[Any] = [network.from_pretrained(folder / "adapters" / name) for name in names]
    together = len(images) > 1
    pipeline = made(**plain.components, controlnet=multi(nets) if together else nets[0])
    pipeline.set_progress_bar_config(disable=True)
    if not flux:
        more["negative_prompt"] = "the moon"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline(
            WORDS,
            control_image=list(images) if together else images[0],
            num_inference_steps=4,
            guidance_scale=3.0,
            width=64,
            height=64,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            **more,
        ).images[0]


def far(ours: Image.Image, other: Image.Image) -> None:
    """Not the same picture."""
    assert np.abs(array(ours) - array(other)).mean() > 0.5


@pytest.mark.parametrize("name", ["canny-net", "told-pose"])
@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.25, 0.75)])
def test_sd3(sd3: Path, sd3_engine: DiffusersEngine, name: str, start: float, end: float) -> None:
    image = photo(seed=9)
    ours = drawn(
        sd3_engine, control(sd3, name, image, strength=0.7, start=start, end=end), images=[image]
    )
    how = {"control_guidance_start": start, "control_guidance_end": end}
    near(ours, theirs(sd3, [name], [image], controlnet_conditioning_scale=0.7, **how))
    far(ours, drawn(sd3_engine))


@pytest.mark.parametrize("kind", ["canny", "depth"])
def test_sd3_with_the_8b_kind(sd3: Path, sd3_engine: DiffusersEngine, kind: str) -> None:
    """It shares the transformer's places, reads no texts, and has maps of its own making."""
    image = photo(seed=9)
    ours = drawn(sd3_engine, control(sd3, f"eight-{kind}", image, strength=0.6), images=[image])
    given: Any = ImageOps.invert(image)
    if kind == "canny":
        numbers = torch.from_numpy(np.asarray(image, dtype=np.float32)).permute(2, 0, 1)[None]
        given = numbers / 255 * 255 * 0.5 + 0.5
    near(ours, theirs(sd3, [f"eight-{kind}"], [given], controlnet_conditioning_scale=0.6))
    far(ours, drawn(sd3_engine))


def test_several_of_sd3(sd3: Path, sd3_engine: DiffusersEngine) -> None:
    first, second = photo(seed=9), photo(seed=10)
    ours = drawn(
        sd3_engine,
        control(sd3, "canny-net", first, strength=0.7),
        control(sd3, "depth-net", second, strength=0.4, end=0.5),
        images=[first, second],
    )
    names = ["canny-net", "depth-net"]
    how = {"controlnet_conditioning_scale": [0.7, 0.4], "control_guidance_end": [1.0, 0.5]}
    near(ours, theirs(sd3, names, [first, second], **how))


@pytest.mark.parametrize("name", ["depth-net", "canny-net", "xlabs-canny"])
def test_flux(flux: Path, flux_engine: DiffusersEngine, name: str) -> None:
    image = photo(seed=9)
    ours = drawn(flux_engine, control(flux, name, image, strength=0.7, start=0.25), images=[image])
    how = {"controlnet_conditioning_scale": 0.7, "control_guidance_start": 0.25}
    near(ours, theirs(flux, [name], [image], **how))
    far(ours, drawn(flux_engine))


@pytest.mark.parametrize(("kind", "mode"), [("canny", 0), ("tile", 1), ("depth", 2), ("pose", 4)])
def test_a_union(flux: Path, flux_engine: DiffusersEngine, kind: str, mode: int) -> None:
    image = photo(seed=9)
    ours = drawn(flux_engine, control(flux, "union", image, kind, strength=0.7), images=[image])
    near(
        ours,
        theirs(flux, ["union"], [image], control_mode=mode, controlnet_conditioning_scale=0.7),
    )


def test_a_union_reads_several(flux: Path, flux_engine: DiffusersEngine) -> None:
    first, second = photo(seed=9), photo(seed=10)
    ours = drawn(
        flux_engine,
        control(flux, "union", first, "depth", strength=0.7),
        control(flux, "union", second, "pose", strength=0.4),
        images=[first, second],
    )
    how: dict[str, Any] = {"control_mode": [2, 4], "controlnet_conditioning_scale": [0.7, 0.4]}
    # Of one network with several maps it takes as many as there are starts and ends.
    how |= {"control_guidance_start": [0.0, 0.0], "control_guidance_end": [1.0, 1.0]}
    near(ours, theirs(flux, ["union"], [first, second], **how))


def test_a_union_and_another(flux: Path, flux_engine: DiffusersEngine) -> None:
    first, second = photo(seed=9), photo(seed=10)
    ours = drawn(
        flux_engine,
        control(flux, "union", first, "tile", strength=0.7),
        control(flux, "depth-net", second, strength=0.4, end=0.5),
        images=[first, second],
    )
    how = {
        "control_mode": [1, None],
        "controlnet_conditioning_scale": [0.7, 0.4],
        "control_guidance_end": [1.0, 0.5],
    }
    near(ours, theirs(flux, ["union", "depth-net"], [first, second], **how))


def test_networks_of_other_depths_add_up(sd3: Path, sd3_engine: DiffusersEngine) -> None:
    """The stock pipelines cut all residuals to the fewest; here each block has its own of each."""
    first, second = photo(seed=9), photo(seed=10)
    one, two = control(sd3, "canny-net", first), control(sd3, "tile-net", second)
    seen: list[list[torch.Tensor]] = []
    hook = sd3_engine.parts().network.register_forward_pre_hook(
        lambda _, __, told: seen.append(told["block_controlnet_hidden_states"]), with_kwargs=True
    )
    try:
        for told in ((one,), (two,), (one, two)):
            asked = recipe(sd3_engine, WORDS, steps=1).change(conditionings=told)
            draw(sd3_engine, asked, {digest(each): each for each in (first, second)})
    finally:
        hook.remove()
    assert [len(each) for each in seen] == [4, 4, 4]
    assert len({id(each) for each in seen[0]}) == 2
    for alone, other, both in zip(*seen, strict=True):
        assert torch.equal(alone + other, both)
