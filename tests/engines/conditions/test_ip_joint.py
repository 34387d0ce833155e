"""IP-Adapters in joint attention, against diffusers' own pipelines: the same numbers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engines.conditions.adapters import ref
from tests.engines.conditions.joint_adapters import write_flux_ip, write_sd3_ip
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.test_families import near, stock
from tests.engines.tiny_families import build_family

from maquette.core.recipe import Reference
from maquette.engines.diffusers import DiffusersEngine, create

WORDS = "a red boat on the sea"


@pytest.fixture(scope="module", params=["sd3", "sd3.5", "flux"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with an adapter in the published names, and one in diffusers' own."""
    family = str(request.param).removesuffix(".5")
    how = {"dual": (0, 1)} if request.param == "sd3.5" else {}
    model = build_family(tmp_path_factory.mktemp("models") / request.param, family, **how)
    write = write_sd3_ip if family == "sd3" else write_flux_ip
    write(model, model / "adapters" / "ip")
    write(model, model / "adapters" / "other", original=False, seed=8)
    return model


@pytest.fixture(scope="module")
def engine(folder: Path) -> DiffusersEngine:
    return create(folder, threads=1)


def refer(folder: Path, image: Image.Image, name: str = "ip", **more: Any) -> Reference:
    adapter = ref(folder / "adapters" / name)
    return Reference(role="character", image=digest(image), adapter=adapter, **more)


def drawn(engine: DiffusersEngine, *told: Any, inputs: Any = None, **how: Any) -> Image.Image:
    """Our picture; the model is bit for bit as it was afterwards."""
    before = state(engine)
    asked = recipe(engine, how.pop("text", WORDS), steps=3, guidance=3.0, size=(96, 64), **how)
    (picture,) = draw(engine, asked.change(conditionings=told), inputs)
    assert state(engine) == before
    return picture.image


def state(engine: DiffusersEngine) -> dict[str, bytes]:
    network = engine.parts().network
    found = {
        name: value.detach().contiguous().view(torch.uint8).numpy().tobytes()
        for name, value in network.state_dict().items()
    }
    for name, module in network.named_modules():
        if hasattr(module, "processor"):
            found[f"processor.{name}"] = str(id(module.processor)).encode()
    return found


def referred(folder: Path, names: tuple[str, ...], scales: list[float]) -> Any:
    pipeline = stock(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "Flux" in type(pipeline).__name__:
            own = folder / "adapters" / names[0] / "image_encoder"
            pipeline.load_ip_adapter(
                [str(folder / "adapters" / name) for name in names],
                weight_name=["ip_adapter.safetensors"] * len(names),
                image_encoder_pretrained_model_name_or_path=str(own),
                image_encoder_dtype=torch.float32,
            )
            pipeline.set_ip_adapter_scale(scales if len(scales) > 1 else scales[0])
        else:
            (name,) = names
            own = folder / "adapters" / name
            pipeline.load_ip_adapter(
                str(own), subfolder="", image_encoder_folder=str(own / "image_encoder")
            )
            pipeline.set_ip_adapter_scale(scales[0])
    return pipeline


def theirs(pipeline: Any, **more: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline(
            WORDS,
            num_inference_steps=3,
            guidance_scale=3.0,
            width=96,
            height=64,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            **more,
        ).images[0]


@pytest.mark.parametrize("name", ["ip", "other"])
def test_as_the_stock_pipeline(engine: DiffusersEngine, folder: Path, name: str) -> None:
    image = photo(80, 56, seed=12)
    ours = drawn(engine, refer(folder, image, name, strength=0.8), inputs={digest(image): image})
    near(ours, theirs(referred(folder, (name,), [0.8]), ip_adapter_image=image))
    assert np.abs(array(ours) - array(drawn(engine))).mean() > 0.5


@pytest.mark.parametrize("folder", ["flux"], indirect=True)
def test_two_pictures_add_up_as_two_adapters_do(engine: DiffusersEngine, folder: Path) -> None:
    one, two = photo(80, 56, seed=12), photo(40, 70, seed=13)
    inputs = {digest(each): each for each in (one, two)}
    told = refer(folder, one, strength=0.8), refer(folder, two, "other", strength=0.5)
    ours = drawn(engine, *told, inputs=inputs)
    pipeline = referred(folder, ("ip", "other"), [0.8, 0.5])
    near(ours, theirs(pipeline, ip_adapter_image=[one, two]))


def test_it_acts_in_a_share_of_the_steps(engine: DiffusersEngine, folder: Path) -> None:
    image = photo(80, 56, seed=12)
    inputs = {digest(image): image}
    early, late = (refer(folder, image, start=a, end=b) for a, b in ((0, 0.4), (0.3, 1)))
    whole = drawn(engine, refer(folder, image), inputs=inputs)
    both = drawn(engine, early, late, inputs=inputs)
    assert np.abs(array(both) - array(whole)).max() == 0, "a step belongs to one of them"
    for some in (early, late):
        assert np.abs(array(drawn(engine, some, inputs=inputs)) - array(whole)).mean() > 0.1


def test_a_region_keeps_it_to_a_part(engine: DiffusersEngine, folder: Path) -> None:
    image = photo(80, 56, seed=12)
    nowhere, everywhere = (Image.new("L", (96, 64), value) for value in (0, 255))
    inputs = {digest(each): each for each in (image, nowhere, everywhere)}
    told = refer(folder, image)
    free, plain = drawn(engine, told, inputs=inputs), drawn(engine)
    for region, expected in ((nowhere, plain), (everywhere, free)):
        masked = told.model_copy(update={"mask": digest(region)})
        ours = drawn(engine, masked, inputs=inputs)
        assert np.abs(array(ours) - array(expected)).max() <= 1
