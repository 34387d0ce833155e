"""ControlNets of SD3 and FLUX, against diffusers' own pipelines: the same numbers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from tests.engines.conditions.adapters import ref
from tests.engines.conditions.controls import write_file, write_flux, write_sd3
from tests.engines.making import array, digest, draw, mask, photo, recipe
from tests.engines.test_families import near, stock
from tests.engines.tiny_families import build_family

from maquette.core.geometry import Box, Size
from maquette.core.recipe import Control, Inpaint
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.conditions.control_load import load_control
from maquette.engines.diffusers.conditions.controlnets import read_controlnet
from maquette.errors import ModelRefused, RecipeRefused

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


def theirs(
    folder: Path, names: list[str], images: Any, told: float = 3.0, **more: Any
) -> np.ndarray:
    """The stock pipeline's picture, at a guidance."""
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
            guidance_scale=told,
            width=64,
            height=64,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            **more,
        ).images[0]


def far(ours: Image.Image, other: Image.Image) -> None:
    """Not the same picture."""
    assert np.abs(array(ours) - array(other)).mean() > 0.5


@pytest.mark.parametrize(
    ("name", "start", "end"), [("canny-net", 0.25, 0.75), ("told-pose", 0.0, 1.0)]
)
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


@pytest.mark.parametrize(("kind", "mode"), [("tile", 1), ("pose", 4)])
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


def test_one_network_may_read_several_maps_of_a_kind(
    flux: Path, flux_engine: DiffusersEngine
) -> None:
    first, second = photo(seed=9), photo(seed=10)
    told = [control(flux, "canny-net", each, strength=0.5) for each in (first, second)]
    ours = drawn(flux_engine, *told, images=[first, second])
    how = {"controlnet_conditioning_scale": [0.5, 0.5]}
    near(ours, theirs(flux, ["canny-net", "canny-net"], [first, second], **how))


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


FILES = [
    ("sd3", "canny-net", "diffusers"),
    ("sd3", "eight-canny", "diffusers"),
    ("sd3", "eight-canny", "stability"),
    ("flux", "union", "diffusers"),
    ("flux", "xlabs-canny", "diffusers"),
    ("flux", "xlabs-canny", "xlabs"),
]


@pytest.mark.parametrize(("family", "name", "layout"), FILES)
def test_a_single_file_draws_as_its_folder(
    family: str, name: str, layout: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(family)
    engine: DiffusersEngine = request.getfixturevalue(f"{family}_engine")
    image, own = photo(seed=9), folder / "adapters"
    file = write_file(own / name, own / f"{name}-canny-{layout}.safetensors", layout)
    found = engine.find_adapter(file.stem, "control")
    assert found.misfit == "" and "canny" in found.conditions
    told = control(folder, name, image, "canny", strength=0.7)
    again = told.model_copy(update={"adapter": engine.name_adapter(found)})
    one, two = (drawn(engine, each, images=[image]) for each in (told, again))
    assert one.tobytes() == two.tobytes()


BOTH = pytest.mark.parametrize(
    ("family", "name"), [("sd3", "eight-canny"), ("flux", "union")], ids=["sd3", "flux"]
)


@BOTH
def test_weights_and_maps_go_on_and_each_row_is_its_own(
    family: str, name: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(family)
    engine: DiffusersEngine = request.getfixturevalue(f"{family}_engine")
    image = photo(seed=9)
    told = (control(folder, name, image, "canny", strength=0.5),)
    asked = [
        recipe(engine, text, steps=2, seed=seed).change(conditionings=told)
        for text, seed in (("a red boat", 1), ("a red (boat:8)", 1), ("a cat", 2))
    ]
    inputs = {digest(image): image}
    plain, heavy, _ = alone = draw(engine, asked, inputs, maps=True)
    assert plain.trace is not None and heavy.trace is not None
    assert [word.text for word in plain.trace.words] == ["a", "red", "boat"]
    assert all(np.isfinite(each).all() and each.std() > 0 for each in plain.trace.maps)
    assert heavy.image.tobytes() != plain.image.tobytes()
    (bare,) = draw(engine, asked[0].change(conditionings=()), maps=True)
    assert bare.trace is not None and not np.allclose(bare.trace.maps, plain.trace.maps)
    # The same three in one batch, and with one network at a time on the device.
    others = create(folder, threads=1, together=3, offload="parts")
    for one, two in zip(alone, draw(others, asked, inputs), strict=True):
        assert np.abs(array(one.image) - array(two.image)).max() <= 1


@BOTH
def test_half_precision(family: str, name: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(family)
    exact: DiffusersEngine = request.getfixturevalue(f"{family}_engine")
    half = create(folder, threads=1, dtype="bfloat16")
    image = photo(seed=9)
    told = control(folder, name, image, "canny", strength=0.5)
    one, two = (drawn_half(engine, told, image) for engine in (exact, half))
    assert 0 < np.abs(array(one) - array(two)).mean() < 12
    far(two, drawn_half(half, None, image))
    network = load_control(folder / "adapters" / name, told.adapter.digest, half.parts())
    assert network.dtype == torch.bfloat16
    assert load_control(folder / "adapters" / name, told.adapter.digest, half.parts()) is network


def drawn_half(engine: DiffusersEngine, told: Control | None, image: Image.Image) -> Image.Image:
    asked = recipe(engine, WORDS, steps=3).change(conditionings=(told,) if told else ())
    return draw(engine, asked, {digest(image): image})[0].image


@pytest.mark.parametrize(("family", "name"), [("sd3", "told-pose"), ("flux", "xlabs-canny")])
def test_of_a_part_of_the_picture_that_part_of_the_map(
    family: str, name: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(family)
    engine: DiffusersEngine = request.getfixturevalue(f"{family}_engine")
    whole, shown = photo(128, 128, seed=4), photo(128, 128, seed=5)
    part = Box(x=48, y=32, width=64, height=64)
    hole = mask(128, 128, Box(x=64, y=48, width=32, height=32))
    pictures = [(whole, shown, hole)]
    pictures += [tuple(each.crop(part.corners) for each in pictures[0])]
    found = []
    for (image, drawing, where), region in zip(
        pictures, (part, Box(x=0, y=0, width=64, height=64)), strict=True
    ):
        task = Inpaint(
            image=digest(image),
            mask=digest(where),
            region=region,
            work=Size(width=64, height=64),
            feather=0,
        )
        asked = recipe(engine, "a cat", task=task, steps=3, size=image.size)
        inputs = {digest(each): each for each in (image, drawing, where)}
        steered = asked.change(conditionings=(control(folder, name, drawing),))
        (with_map,), (without,) = draw(engine, steered, inputs), draw(engine, asked, inputs)
        far(
            with_map.image.crop((region.x + 16, region.y + 16, region.x + 48, region.y + 48)),
            without.image.crop((region.x + 16, region.y + 16, region.x + 48, region.y + 48)),
        )
        found.append(with_map.image)
    assert found[0].crop(part.corners).tobytes() == found[1].tobytes()


def test_schnell_takes_networks_that_are_told_a_guidance(tmp_path: Path, flux: Path) -> None:
    """Plain ones as the stock pipeline; one made for dev is told what dev is drawn with."""
    folder = build_family(tmp_path / "flux", "flux", guided=False)
    (folder / "adapters").symlink_to(flux / "adapters")
    engine = create(folder, threads=1)
    image = photo(seed=9)
    ours = drawn(engine, control(flux, "depth-net", image), images=[image])
    near(ours, theirs(folder, ["depth-net"], [image]))
    told = control(flux, "canny-net", image)
    near(drawn(engine, told, images=[image]), theirs(folder, ["canny-net"], [image], told=3.5))


class TestRefusals:
    def fit(self, engine: DiffusersEngine, path: Path) -> str:
        return next(each.misfit for each in engine.adapters() if Path(each.path) == path)

    def test_families_and_shapes(
        self, sd3_engine: DiffusersEngine, sd3: Path, flux: Path, tmp_path: Path
    ) -> None:
        own = tmp_path / "sd3" / "adapters"
        build_family(own.parent, "sd3")
        own.mkdir()
        (own / "depth-net").symlink_to(flux / "adapters" / "depth-net")
        write_sd3(sd3, own / "wide", layers=1, num_attention_heads=8, caption_projection_dim=64)
        write_sd3(sd3, own / "clip-only", layers=1, joint_attention_dim=48)
        write_sd3(sd3, own / "canny-small", layers=1, pos_embed_max_size=4)
        write_sd3(sd3, own / "strange", layers=1, extra_conditioning_channels=3)
        engine = create(own.parent, threads=1)
        assert {each.name: each.misfit for each in engine.adapters()} == {
            "depth-net": "it is for FLUX.1",
            "wide": "its states have 64 numbers, this model's 32",
            "clip-only": "it listens to texts of 48 numbers, this model's have 64",
            "canny-small": "",
            "strange": "it is given 19 channels beside latents of 16, and no map has so many",
        }
        image = photo(96, 64)
        small = ref(own / "canny-small")
        told = Control(condition="canny", image=digest(image), adapter=small)
        with pytest.raises(RecipeRefused, match="places for 64 pixels a side, not for 96x64"):
            engine.check(recipe(engine, size=(96, 64)).change(conditionings=(told,)))
        other = told.model_copy(update={"adapter": ref(own / "wide")})
        with pytest.raises(RecipeRefused, match="'wide' does not go with sd3: its states"):
            engine.check(recipe(engine).change(conditionings=(other,)))

    def test_what_a_union_does_not_read(self, flux: Path, flux_engine: DiffusersEngine) -> None:
        told = control(flux, "union", photo(), "scribble")
        with pytest.raises(RecipeRefused, match="reads canny, tile, depth, pose, not scribble"):
            flux_engine.check(recipe(flux_engine).change(conditionings=(told,)))

    def test_files(self, sd3: Path, flux: Path, tmp_path: Path) -> None:
        """Cut, lacking tensors, of layouts and classes that nobody knows."""
        file = write_file(flux / "adapters" / "union", tmp_path / "union.safetensors")
        whole = file.read_bytes()
        file.write_bytes(whole[:-100])
        with pytest.raises(ModelRefused, match="cut short"):
            read_controlnet(file)
        tensors = load_file(flux / "adapters" / "union" / "diffusion_pytorch_model.safetensors")
        del tensors["transformer_blocks.1.attn.to_q.weight"]
        save_file(tensors, file)
        engine = create(flux, threads=1)
        with pytest.raises(ModelRefused, match=r"lacks 1 tensors .* transformer_blocks\.1\.attn"):
            load_control(file, "0" * 64, engine.parts())
        del tensors["x_embedder.weight"]
        save_file(tensors, file)
        with pytest.raises(ModelRefused, match=r"lacks x_embedder\.weight"):
            read_controlnet(file)
        save_file({**tensors, "x_embedder.weight": torch.ones(3)}, file)
        with pytest.raises(ModelRefused, match="in shapes that none has"):
            read_controlnet(file)
        save_file({"controlnet_blocks.0.weight": torch.ones(2, 2)}, file)
        with pytest.raises(ModelRefused, match="layout that is not known"):
            read_controlnet(file)
        save_file({"lora_controlnet": torch.ones(1)}, file)
        with pytest.raises(ModelRefused, match="Control-LoRA"):
            read_controlnet(file)
        folder = tmp_path / "other"
        folder.mkdir()
        (folder / "config.json").write_text('{"_class_name": "HunyuanDiT2DControlNetModel"}')
        with pytest.raises(ModelRefused, match="HunyuanDiT2DControlNetModel") as refused:
            read_controlnet(folder)
        assert "FLUX" in refused.value.hint
        save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
        strange = {"_class_name": "FluxControlNetModel", "num_attention_heads": "many"}
        (folder / "config.json").write_text(json.dumps(strange))
        with pytest.raises(ModelRefused, match="does not hold what its configuration says"):
            read_controlnet(folder)
