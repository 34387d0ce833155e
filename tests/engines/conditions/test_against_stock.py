"""Conditionings against diffusers' own pipelines on the same weights: the same numbers."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engines.conditions.adapters import (
    ref,
    state,
    write_control,
    write_ip,
    write_lora,
    write_t2i,
)
from tests.engines.conditions.controls import write_file
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.test_stock import near, stock
from tests.engines.tiny import build

from maquette.core.recipe import Control, Lora, Recipe, Reference
from maquette.engines.diffusers import DiffusersEngine, create

WORDS = "a red boat on the sea"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with one adapter of each kind in its own folder."""
    model = build(tmp_path_factory.mktemp("models") / "sd15", "sd15")
    own = model / "adapters"
    write_lora(model, own / "peft.safetensors")
    write_lora(model, own / "kohya.safetensors", "kohya", seed=2)
    write_control(model, own / "canny-net")
    write_control(model, own / "depth-net", seed=5)
    write_t2i(model, own / "t2i-sketch")
    write_ip(model, own / "ip")
    return model


@pytest.fixture(scope="module")
def engine(folder: Path) -> DiffusersEngine:
    return create(folder, threads=1)


def drawn(engine: DiffusersEngine, *conditionings: Any, inputs: Any = None) -> Image.Image:
    """Our picture with some conditionings; the model is as it was afterwards."""
    before = state(engine)
    asked = recipe(engine, WORDS, negative="the moon", steps=4, size=(64, 64))
    asked = asked.change(conditionings=conditionings)
    (picture,) = draw(engine, asked, inputs)
    assert state(engine) == before
    return picture.image


def told(pipeline: Any, **more: Any) -> np.ndarray:
    """The stock pipeline's picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline(
            WORDS,
            negative_prompt="the moon",
            num_inference_steps=4,
            guidance_scale=4.0,
            width=64,
            height=64,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            **more,
        ).images[0]


def lora(folder: Path, name: str, weight: float = 1.0, text: float | None = None) -> Lora:
    path = folder / "adapters" / f"{name}.safetensors"
    return Lora(name=name, digest=ref(path).digest, weight=weight, text_weight=text)


def control(folder: Path, name: str, image: Image.Image, **more: Any) -> Control:
    kind: Any = {"canny-net": "canny", "depth-net": "depth", "t2i-sketch": "scribble"}[name]
    adapter = ref(folder / "adapters" / name)
    return Control(condition=kind, image=digest(image), adapter=adapter, **more)


def far(ours: Image.Image, other: Image.Image) -> None:
    """Not the same picture."""
    assert np.abs(array(ours) - array(other)).mean() > 0.5


@pytest.mark.parametrize("names", [("peft",), ("kohya",), ("peft", "kohya")])
def test_loras(engine: DiffusersEngine, folder: Path, names: tuple[str, ...]) -> None:
    weights = [0.8, -0.5][: len(names)]
    ours = drawn(engine, *(lora(folder, n, w) for n, w in zip(names, weights, strict=True)))
    pipeline = stock(folder, "ddim")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            pipeline.load_lora_weights(
                folder / "adapters", weight_name=f"{name}.safetensors", adapter_name=name
            )
        pipeline.set_adapters(list(names), weights)
    near(ours, told(pipeline))
    far(ours, drawn(engine))


def test_a_text_weight_of_its_own(engine: DiffusersEngine, folder: Path) -> None:
    ours = drawn(engine, lora(folder, "peft", 0.8, 0.0))
    pipeline = stock(folder, "ddim")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_lora_weights(
            folder / "adapters", weight_name="peft.safetensors", adapter_name="one"
        )
        pipeline.set_adapters(["one"], [{"unet": 0.8, "text_encoder": 0.0}])
    near(ours, told(pipeline))


def _controlled(folder: Path, names: list[str]) -> Any:
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    plain = stock(folder, "ddim")
    nets = [ControlNetModel.from_pretrained(folder / "adapters" / name) for name in names]
    parts = {k: v for k, v in plain.components.items() if k != "image_encoder"}
    pipeline = StableDiffusionControlNetPipeline(
        **parts, controlnet=nets if len(nets) > 1 else nets[0], requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (0.25, 0.75), (0.0, 0.6)])
def test_a_controlnet(engine: DiffusersEngine, folder: Path, start: float, end: float) -> None:
    image = photo(seed=9)
    one = control(folder, "canny-net", image, strength=0.7, start=start, end=end)
    ours = drawn(engine, one, inputs={digest(image): image})
    theirs = told(
        _controlled(folder, ["canny-net"]),
        image=image,
        controlnet_conditioning_scale=0.7,
        control_guidance_start=start,
        control_guidance_end=end,
    )
    near(ours, theirs)
    far(ours, drawn(engine))


@pytest.mark.parametrize("layout", ["diffusers", "ldm"])
def test_a_controlnet_in_one_file(
    engine: DiffusersEngine, folder: Path, tmp_path: Path, layout: str
) -> None:
    image = photo(seed=9)
    one = control(folder, "canny-net", image, strength=0.7)
    file = write_file(folder / "adapters" / "canny-net", tmp_path / "a-canny.safetensors", layout)
    found = engine.find_adapter(str(file), "control")
    assert found.conditions == ("canny",)
    two = one.model_copy(update={"adapter": engine.name_adapter(found)})
    pictures = [drawn(engine, each, inputs={digest(image): image}) for each in (one, two)]
    assert pictures[0].tobytes() == pictures[1].tobytes()


def test_two_controlnets(engine: DiffusersEngine, folder: Path) -> None:
    first, second = photo(seed=9), photo(seed=10)
    inputs = {digest(each): each for each in (first, second)}
    ours = drawn(
        engine,
        control(folder, "canny-net", first, strength=0.7),
        control(folder, "depth-net", second, strength=0.4, end=0.5),
        inputs=inputs,
    )
    theirs = told(
        _controlled(folder, ["canny-net", "depth-net"]),
        image=[first, second],
        controlnet_conditioning_scale=[0.7, 0.4],
        control_guidance_end=[1.0, 0.5],
    )
    near(ours, theirs)


def test_a_t2i_adapter(engine: DiffusersEngine, folder: Path) -> None:
    from diffusers import StableDiffusionAdapterPipeline, T2IAdapter

    image = photo(seed=11)
    one = control(folder, "t2i-sketch", image, strength=0.6)
    ours = drawn(engine, one, inputs={digest(image): image})
    plain = stock(folder, "ddim")
    parts = {k: v for k, v in plain.components.items() if k != "image_encoder"}
    pipeline = StableDiffusionAdapterPipeline(
        **parts,
        adapter=T2IAdapter.from_pretrained(folder / "adapters" / "t2i-sketch"),
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    near(ours, told(pipeline, image=image, adapter_conditioning_scale=0.6))
    far(ours, drawn(engine))


def _referred(folder: Path, scale: float, name: str = "ip") -> Any:
    pipeline = stock(folder, "ddim")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_ip_adapter(
            folder / "adapters",
            subfolder=name,
            weight_name="ip-adapter.safetensors",
            image_encoder_folder="image_encoder",
        )
    pipeline.set_ip_adapter_scale(scale)
    return pipeline


@pytest.mark.parametrize("masked", [False, True])
def test_an_ip_adapter(engine: DiffusersEngine, folder: Path, masked: bool) -> None:
    image = photo(80, 56, seed=12)
    inputs = {digest(image): image}
    more: dict[str, Any] = {}
    where = None
    if masked:
        from diffusers.image_processor import IPAdapterMaskProcessor

        region = Image.new("L", (64, 64))
        region.paste(255, (0, 0, 32, 64))
        where = digest(region)
        inputs[where] = region
        masks = IPAdapterMaskProcessor().preprocess([region], height=64, width=64)
        more["cross_attention_kwargs"] = {"ip_adapter_masks": [masks]}
    one = Reference(
        role="character",
        image=digest(image),
        adapter=ref(folder / "adapters" / "ip"),
        strength=0.9,
        mask=where,
    )
    ours = drawn(engine, one, inputs=inputs)
    near(ours, told(_referred(folder, 0.9), ip_adapter_image=image, **more))
    far(ours, drawn(engine))


@pytest.mark.parametrize("kind", ["plus", "full"])
def test_ip_adapters_that_read_places(engine: DiffusersEngine, folder: Path, kind: str) -> None:
    image = photo(80, 56, seed=12)
    adapter = ref(write_ip(folder, folder / "adapters" / f"ip-{kind}", kind=kind))
    one = Reference(role="character", image=digest(image), adapter=adapter, strength=0.9)
    ours = drawn(engine, one, inputs={digest(image): image})
    near(ours, told(_referred(folder, 0.9, f"ip-{kind}"), ip_adapter_image=image))
    far(ours, drawn(engine))


def test_all_together(engine: DiffusersEngine, folder: Path) -> None:
    image, other = photo(seed=9), photo(seed=12)
    inputs = {digest(each): each for each in (image, other)}
    adapter = ref(folder / "adapters" / "ip")
    ours = drawn(
        engine,
        lora(folder, "kohya", 0.5),
        control(folder, "canny-net", image, strength=0.7),
        Reference(role="object", image=digest(other), adapter=adapter, strength=0.6),
        inputs=inputs,
    )
    pipeline = _controlled(folder, ["canny-net"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_lora_weights(folder / "adapters", weight_name="kohya.safetensors")
        pipeline.set_adapters(["default_0"], [0.5])
        pipeline.load_ip_adapter(
            folder / "adapters",
            subfolder="ip",
            weight_name="ip-adapter.safetensors",
            image_encoder_folder="image_encoder",
        )
    pipeline.set_ip_adapter_scale(0.6)
    theirs = told(pipeline, image=image, controlnet_conditioning_scale=0.7, ip_adapter_image=other)
    near(ours, theirs)


def test_weights_and_maps_go_on_working(engine: DiffusersEngine, folder: Path) -> None:
    image = photo(seed=9)
    inputs = {digest(image): image}
    one = control(folder, "canny-net", image)

    def traced(text: str) -> Any:
        asked: Recipe = recipe(engine, text, steps=3).change(conditionings=(one,))
        (picture,) = draw(engine, asked, inputs, maps=True)
        assert picture.trace is not None
        return picture

    plain, heavy = traced("a red boat"), traced("a red (boat:3)")
    assert heavy.trace.maps[2].mean() > 1.3 * plain.trace.maps[2].mean()
    far(heavy.image, plain.image)


def test_a_batch_draws_what_each_alone_would(engine: DiffusersEngine, folder: Path) -> None:
    image, other = photo(seed=9), photo(seed=12)
    inputs = {digest(each): each for each in (image, other)}
    told = (
        control(folder, "canny-net", image, strength=0.7),
        Reference(role="style", image=digest(other), adapter=ref(folder / "adapters" / "ip")),
        Reference(role="style", image=digest(other), strength=0.5),
    )
    asked = [
        recipe(engine, text, steps=3, seed=seed).change(conditionings=told)
        for text, seed in (("a red boat", 1), ("a cat", 2))
    ]
    together = create(folder, threads=1, together=2)
    pairs = zip(draw(engine, asked, inputs), draw(together, asked, inputs), strict=True)
    for alone, beside in pairs:
        assert np.abs(array(alone.image) - array(beside.image)).max() <= 1


def test_joined_prompts_are_steered_too(engine: DiffusersEngine, folder: Path) -> None:
    image = photo(seed=12)
    told = Reference(role="style", image=digest(image), adapter=ref(folder / "adapters" / "ip"))
    inputs = {digest(image): image}
    once = recipe(engine, "a cat", steps=3).change(conditionings=(told,))
    twice = recipe(engine, "a cat :0.5 AND a cat :0.5", steps=3).change(conditionings=(told,))
    one, two = draw(engine, once, inputs), draw(engine, twice, inputs)
    assert np.abs(array(one[0].image) - array(two[0].image)).max() <= 1
