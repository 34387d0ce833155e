"""IP-Adapters in joint attention, against diffusers' own pipelines: the same numbers."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.engines.conditions.adapters import factors, layers, ref, write_ip
from tests.engines.conditions.controls import write_flux, write_sd3
from tests.engines.conditions.joint_adapters import write_clip, write_flux_ip, write_sd3_ip
from tests.engines.making import array, digest, draw, mask, photo, recipe
from tests.engines.test_families import near, stock
from tests.engines.tiny_families import build_family

from maquette.core.geometry import Box, Size
from maquette.core.recipe import Control, Inpaint, Lora, Reference
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.errors import ModelRefused, RecipeRefused

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
    if family == "sd3":
        write_sd3(model, model / "adapters" / "canny-net", layers=2)
    else:
        write_flux(model, model / "adapters" / "canny-net", layers=2, singles=1)
    tensors: dict[str, torch.Tensor] = {}
    found = layers(model, "transformer", "to_q", "to_v")
    for number, (name, weight) in enumerate(sorted(found.items())):
        down, up = factors(weight, number)
        tensors[f"transformer.{name}.lora_A.weight"] = down
        tensors[f"transformer.{name}.lora_B.weight"] = up
    save_file(tensors, model / "adapters" / "ink.safetensors")
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


def referred(
    folder: Path, names: tuple[str, ...], scales: list[float], pipeline: Any = None
) -> Any:
    """The stock pipeline with adapters; it knows one for SD3, several for FLUX."""
    pipeline = pipeline or stock(folder)
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
    how = {"num_inference_steps": 3, "guidance_scale": 3.0, "width": 96, "height": 64}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline(
            WORDS,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            **{**how, **more},
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


ONES = pytest.mark.parametrize("folder", ["sd3", "flux"], indirect=True)


@ONES
def test_with_a_lora_and_a_controlnet(engine: DiffusersEngine, folder: Path) -> None:
    import diffusers

    image, lines = photo(80, 56, seed=12), photo(96, 64, seed=9)
    net, lora = folder / "adapters" / "canny-net", folder / "adapters" / "ink.safetensors"
    ours = drawn(
        engine,
        Lora(name="ink", digest=ref(lora).digest, weight=0.5),
        Control(condition="canny", image=digest(lines), adapter=ref(net), strength=0.7),
        refer(folder, image, strength=0.8),
        inputs={digest(each): each for each in (image, lines)},
    )
    plain = stock(folder)
    flux = "Flux" in type(plain).__name__
    network: Any = diffusers.FluxControlNetModel if flux else diffusers.SD3ControlNetModel
    kind: Any = diffusers.StableDiffusion3ControlNetPipeline
    kind = diffusers.FluxControlNetPipeline if flux else kind
    pipeline = kind(**plain.components, controlnet=network.from_pretrained(net))
    pipeline.set_progress_bar_config(disable=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_lora_weights(lora.parent, weight_name=lora.name, adapter_name="ink")
        pipeline.set_adapters(["ink"], [0.5])
    referred(folder, ("ip",), [0.8], pipeline)
    how = {"control_image": lines, "controlnet_conditioning_scale": 0.7}
    near(ours, theirs(pipeline, ip_adapter_image=image, **how))


@ONES
def test_a_place_is_painted_anew_like_a_reference(engine: DiffusersEngine, folder: Path) -> None:
    start, image = photo(64, 64), photo(80, 56, seed=12)
    hole = mask(64, 64, Box(x=16, y=16, width=32, height=32))
    task = Inpaint(
        image=digest(start),
        mask=digest(hole),
        region=Box(x=0, y=0, width=64, height=64),
        work=Size(width=64, height=64),
        feather=0,
    )
    inputs = {digest(each): each for each in (start, hole, image)}
    asked = recipe(engine, WORDS, task=task, steps=3, guidance=3.0)
    (ours,) = draw(engine, asked.change(conditionings=(refer(folder, image),)), inputs)
    pipeline = referred(folder, ("ip",), [1.0], stock(folder, "Inpaint"))
    if engine.card.family == "sd3":
        # diffusers 0.42.1 forgets here to move the latents back before it decodes them.
        decode, shift = pipeline.vae.decode, pipeline.vae.config.shift_factor
        pipeline.vae.decode = lambda latents, **how: decode(latents + shift, **how)
    how = {"image": start, "mask_image": hole, "strength": 1.0, "width": 64}
    expected = theirs(pipeline, ip_adapter_image=image, **how)
    inside = np.asarray(hole) > 0
    assert np.abs(array(ours.image) / 255 - expected)[inside].max() <= 0.5 / 255 + 3e-4


@ONES
def test_weights_and_maps_of_words_go_on(engine: DiffusersEngine, folder: Path) -> None:
    image = photo(80, 56, seed=12)
    inputs, told = {digest(image): image}, (refer(folder, image, strength=0.2),)

    def traced(text: str, *each: Reference) -> Any:
        asked = recipe(engine, text, steps=3).change(conditionings=each)
        (picture,) = draw(engine, asked, inputs, maps=True)
        assert picture.trace is not None
        return picture

    moved = [
        np.abs(
            array(traced("a red (boat:9)", *each).image) - array(traced("a red boat", *each).image)
        )
        for each in ((), told)
    ]
    assert moved[1].mean() > 0.4 * moved[0].mean() > 0
    plain, bare = traced("a red boat", *told), traced("a red boat")
    assert np.abs(plain.trace.maps - bare.trace.maps).mean() > 0
    unwatched = recipe(engine, "a red boat", steps=3).change(conditionings=told)
    (blind,) = draw(engine, unwatched, inputs)
    assert blind.image.tobytes() == plain.image.tobytes(), "watching changes nothing"


@ONES
def test_a_batch_draws_what_each_alone_would(engine: DiffusersEngine, folder: Path) -> None:
    image, other = photo(80, 56, seed=12), photo(seed=13)
    inputs = {digest(each): each for each in (image, other)}
    told = refer(folder, image, strength=0.6), refer(folder, other, "other", strength=0.4)
    asked = [
        recipe(engine, text, steps=3, seed=seed).change(conditionings=told)
        for text, seed in (("a red boat", 1), ("a cat", 2), ("the moon", 3))
    ]
    together = create(folder, threads=1, together=3)
    pairs = zip(draw(engine, asked, inputs), draw(together, asked, inputs), strict=True)
    for alone, beside in pairs:
        assert np.abs(array(alone.image) - array(beside.image)).max() <= 1


@pytest.mark.parametrize("folder", ["sd3"], indirect=True)
def test_joined_prompts_are_steered_too(engine: DiffusersEngine, folder: Path) -> None:
    image = photo(seed=12)
    inputs, told = {digest(image): image}, (refer(folder, image),)
    once, twice = (
        recipe(engine, text, steps=3).change(conditionings=told)
        for text in ("a cat", "a cat :0.5 AND a cat :0.5")
    )
    one, two = draw(engine, once, inputs), draw(engine, twice, inputs)
    assert np.abs(array(one[0].image) - array(two[0].image)).max() <= 1


@ONES
def test_in_half_precision(engine: DiffusersEngine, folder: Path) -> None:
    """Nearly the same picture, and the adapter counts in it as it does in full precision."""
    image = photo(80, 56, seed=12)
    inputs, told = {digest(image): image}, (refer(folder, image),)
    half = create(folder, threads=1, dtype="bfloat16")
    asked = recipe(engine, WORDS, steps=3, guidance=1.0)
    plain, like = (
        draw(engine, asked.change(conditionings=each), inputs)[0].image for each in ((), told)
    )
    (ours,) = draw(half, asked.change(conditionings=told), inputs)
    off = np.abs(array(ours.image) - array(like)).mean()
    assert off < 0.25 * np.abs(array(plain) - array(like)).mean()


@ONES
def test_what_two_adapters_share_is_loaded_once(engine: DiffusersEngine, folder: Path) -> None:
    from maquette.engines.diffusers.conditions.references import _LOADED

    image = photo(80, 56, seed=12)
    told = refer(folder, image, strength=0.6), refer(folder, image, "other", strength=0.4)
    drawn(engine, *told, inputs={digest(image): image})
    before = dict(_LOADED)
    one, two = before.values()
    assert one.encoder is two.encoder
    looks: list[Any] = []
    hook = one.encoder.network.register_forward_pre_hook(lambda *_: looks.append(1))
    try:
        drawn(engine, *told, inputs={digest(image): image})
        assert dict(_LOADED) == before and looks == [], "the same picture is looked at once"
        other = photo(80, 56, seed=14)
        drawn(engine, refer(folder, other), inputs={digest(other): other})
        assert looks == [1]
    finally:
        hook.remove()


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_encoder_may_be_the_whole_published_model(tmp_path: Path, kind: str) -> None:
    """Vision and text together, CLIP's width of both told once: only the vision half is read."""
    import transformers

    from maquette.engines.diffusers.conditions.ip_encoder import load_encoder

    sizes = {"hidden_size": 24, "intermediate_size": 32, "num_attention_heads": 4}
    sees = {**sizes, "num_hidden_layers": 3, "image_size": 32, "patch_size": 8}
    reads = {**sizes, "num_hidden_layers": 1, "vocab_size": 50, "max_position_embeddings": 8}
    halves: dict[str, Any] = {
        "vision_config": sees,
        "text_config": {**reads, "bos_token_id": 1, "eos_token_id": 2},
    }
    torch.manual_seed(5)
    whole: Any = (
        transformers.CLIPModel(transformers.CLIPConfig(**halves, projection_dim=20))
        if kind == "clip"
        else transformers.SiglipModel(transformers.SiglipConfig(**halves))
    )
    whole.eval().save_pretrained(tmp_path / "image_encoder")
    like: Any = SimpleNamespace(device=torch.device("cpu"), dtype=torch.float32)
    encoder = load_encoder(tmp_path / "image_encoder", like)
    with torch.inference_mode():
        seen = encoder.prepared(photo(60, 40))
        states = whole.vision_model(seen, output_hidden_states=True)
        assert torch.equal(encoder.places(seen), states.hidden_states[-2])
        if kind == "clip":
            vector = whole.visual_projection(states.pooler_output)
            assert torch.allclose(encoder.vector(seen), vector, atol=1e-6)


class TestRefusals:
    def why(self, engine: DiffusersEngine, path: Path) -> str:
        """What the list says of an adapter, which is what a recipe is refused with."""
        image = photo(seed=12)
        told = Reference(role="style", image=digest(image), adapter=engine.name_adapter(of(path)))
        with pytest.raises(RecipeRefused) as refused:
            engine.check(recipe(engine).change(conditionings=(told,)))
        return str(refused.value)

    @pytest.mark.parametrize("folder", ["sd3"], indirect=True)
    def test_other_families(
        self, engine: DiffusersEngine, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        others = {name: request.getfixturevalue(f"{name}_engine") for name in ("flux", "sd15")}
        folders = {name: request.getfixturevalue(name) for name in others}
        ips = {
            "SD3": engine.card.folder / "adapters" / "ip",
            "FLUX": write_flux_ip(folders["flux"], tmp_path / "flux"),
            "UNet": write_ip(folders["sd15"], tmp_path / "unet"),
        }
        is_for = {"SD3": "Stable Diffusion 3", "FLUX": "FLUX.1", "UNet": "a model with a UNet"}
        own = {"SD3": engine, "FLUX": others["flux"], "UNet": others["sd15"]}
        for model, drawer in own.items():
            for made_for in set(ips) - {model}:
                assert f"it is for {is_for[made_for]}" in self.why(drawer, ips[made_for])

    @ONES
    def test_models_of_another_size(
        self, engine: DiffusersEngine, folder: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "model"
        shutil.copytree(folder, other, ignore=shutil.ignore_patterns("adapters"))
        config = other / "transformer" / "config.json"
        told = json.loads(config.read_text())
        told["num_layers"] += 2
        config.write_text(json.dumps(told))
        larger = create(other)
        assert f"this model has {told['num_layers']}" in self.why(larger, folder / "adapters/ip")

    @ONES
    def test_an_encoder_of_another_kind(
        self, engine: DiffusersEngine, folder: Path, tmp_path: Path
    ) -> None:
        wrong = tmp_path / "wrong"
        shutil.copytree(folder / "adapters" / "ip", wrong)
        shutil.rmtree(wrong / "image_encoder")
        write_clip(wrong / "image_encoder")
        config = wrong / "image_encoder" / "config.json"
        if engine.card.family == "flux":
            told = json.loads(config.read_text())
            config.write_text(json.dumps({**told, "projection_dim": 28}))
        assert "it is not the one that the adapter was published with" in self.why(engine, wrong)
        config.write_text(json.dumps({"model_type": "dinov2"}))
        assert "of the kind 'dinov2'" in self.why(engine, wrong)

    @ONES
    def test_files_that_are_not_whole(
        self, engine: DiffusersEngine, folder: Path, tmp_path: Path
    ) -> None:
        """A tensor too few is told from the header; half a file is no adapter at all."""
        short = tmp_path / "short"
        shutil.copytree(folder / "adapters" / "ip", short)
        (file,) = short.glob("*.safetensors")
        whole = load_file(file)
        gone = next(name for name in whole if "k_proj" in name or "to_k_ip" in name)
        save_file({name: each for name, each in whole.items() if name != gone}, file)
        assert "lacks" in self.why(engine, short)
        file.write_bytes(file.read_bytes()[:-9])
        with pytest.raises(ModelRefused, match="cut short"):
            engine.find_adapter(str(short), "ip-adapter")

    @ONES
    def test_an_encoder_that_lacks_weights_is_not_made_up(
        self, engine: DiffusersEngine, folder: Path, tmp_path: Path
    ) -> None:
        empty = tmp_path / "empty"
        shutil.copytree(folder / "adapters" / "ip", empty)
        (file,) = (empty / "image_encoder").glob("*.safetensors")
        whole = load_file(file)
        save_file({name: each for name, each in whole.items() if "layers.0" not in name}, file)
        image = photo(seed=12)
        told = Reference(role="style", image=digest(image), adapter=engine.name_adapter(of(empty)))
        with pytest.raises(ModelRefused, match=r"lacks \d+ of its weights"):
            draw(engine, recipe(engine).change(conditionings=(told,)), {digest(image): image})

    @pytest.mark.parametrize("folder", ["flux"], indirect=True)
    def test_another_layout_for_flux(
        self, engine: DiffusersEngine, folder: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "instantx"
        write_flux_ip(folder, other)
        (file,) = other.glob("*.safetensors")
        save_file(
            {
                "image_proj.proj.0.weight": torch.zeros(8, 24),
                "image_proj.norm.weight": torch.zeros(64),
                **{
                    f"ip_adapter.{n}.to_{w}_ip.weight": torch.zeros(32, 64)
                    for n in (0, 1)
                    for w in "kv"
                },
            },
            file,
        )
        assert "XLabs" in self.why(engine, other)


def of(path: Path) -> Any:
    """An adapter that lies anywhere."""
    from maquette.engines.diffusers.conditions.catalogue import recognise

    found = recognise(path)
    assert found is not None
    return found
