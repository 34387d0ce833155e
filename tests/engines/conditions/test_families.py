"""Conditionings on SDXL, SD3 and FLUX, against diffusers' own pipelines."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tests.engines.conditions.adapters import (
    factors,
    layers,
    ref,
    write_control,
    write_ip,
)
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.test_families import near, stock
from tests.engines.tiny_families import build_family

from maquette.core.recipe import Control, Embedding, Lora, Reference
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.samplers import build_scheduler
from maquette.errors import RecipeRefused

WORDS = "a red boat on the sea"


@pytest.fixture(scope="module", params=["sdxl", "sd3", "flux"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build_family(tmp_path_factory.mktemp("models") / request.param, request.param)
    own = model / "adapters"
    own.mkdir()
    network = "unet" if request.param == "sdxl" else "transformer"
    tensors: dict[str, torch.Tensor] = {}
    for part, endings in ((network, ("to_q", "to_v")), ("text_encoder", ("q_proj", "out_proj"))):
        for number, (name, weight) in enumerate(sorted(layers(model, part, *endings).items())):
            down, up = factors(weight, number)
            spelt = name if part == network else f"text_model.{name.removeprefix('text_model.')}"
            tensors[f"{part}.{spelt}.lora_A.weight"] = down
            tensors[f"{part}.{spelt}.lora_B.weight"] = up
    save_file(tensors, own / "one.safetensors")
    if request.param == "sdxl":
        write_control(model, own / "canny-net")
        write_ip(model, own / "ip")
        widths = {
            name: load_file(next((model / part).glob("*.safetensors")))
            for name, part in (("clip_l", "text_encoder"), ("clip_g", "text_encoder_2"))
        }
        save_file(
            {
                name: torch.randn(2, found[key].shape[1])
                for name, found in widths.items()
                for key in found
                if key.endswith("token_embedding.weight")
            },
            own / "word.safetensors",
        )
    return model


@pytest.fixture
def engine(folder: Path) -> DiffusersEngine:
    return create(folder, threads=1)


def ask(engine: DiffusersEngine, *told: Any) -> Any:
    sampler = engine.capabilities().samplers[0]
    made = recipe(engine, WORDS, steps=3, sampler=sampler, guidance=3.0)
    return made.change(conditionings=told)


def drawn(engine: DiffusersEngine, *told: Any, inputs: Any = None) -> Image.Image:
    before = weights(engine)
    (picture,) = draw(engine, ask(engine, *told), inputs)
    assert weights(engine) == before
    return picture.image


def weights(engine: DiffusersEngine) -> dict[str, bytes]:
    parts = engine.parts()
    networks = [parts.network, *(e for e in parts.text_encoders if e is not None)]
    return {
        f"{number}.{name}": value.detach().contiguous().numpy().tobytes()
        for number, network in enumerate(networks)
        for name, value in network.named_parameters()
    }


def theirs(pipeline: Any, **more: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline(
            WORDS,
            num_inference_steps=3,
            guidance_scale=3.0,
            width=64,
            height=64,
            generator=torch.Generator("cpu").manual_seed(1),
            output_type="np",
            **more,
        ).images[0]


def schedule(pipeline: Any, engine: DiffusersEngine) -> Any:
    if engine.card.family == "sdxl":
        sampler = engine.capabilities().samplers[0]
        pipeline.scheduler = build_scheduler(sampler, engine.card.scheduler)
    return pipeline


FLUX = pytest.mark.parametrize("folder", ["flux"], indirect=True)
SDXL = pytest.mark.parametrize("folder", ["sdxl"], indirect=True)
TRANSFORMERS = pytest.mark.parametrize("folder", ["sd3", "flux"], indirect=True)


def test_a_lora(engine: DiffusersEngine, folder: Path) -> None:
    lora = Lora(name="one", digest=ref(folder / "adapters" / "one.safetensors").digest, weight=0.6)
    ours = drawn(engine, lora)
    pipeline = schedule(stock(folder), engine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_lora_weights(
            folder / "adapters", weight_name="one.safetensors", adapter_name="one"
        )
        pipeline.set_adapters(["one"], [0.6])
    near(ours, theirs(pipeline))
    assert np.abs(array(ours) - array(drawn(engine))).mean() > 0.2


@pytest.mark.parametrize("folder", ["sdxl", "flux"], indirect=True)
def test_a_lora_in_kohyas_layout(engine: DiffusersEngine, folder: Path) -> None:
    """The names of sd-scripts, the same change to our reader, and to diffusers' own."""
    network = "unet" if engine.card.family == "sdxl" else "transformer"
    wanted = {
        "unet": (
            "to_q",
            "to_v",
            "to_out.0",
            "conv1",
            "conv_shortcut",
            "emb_proj",
            "samplers.0.conv",
        ),
        "transformer": ("to_q", "to_v", "add_k_proj", "proj_mlp", "to_add_out", "norm.linear"),
    }
    tensors: dict[str, torch.Tensor] = {}
    for part, endings in ((network, wanted[network]), ("text_encoder", ("q_proj", "fc1"))):
        for number, (name, weight) in enumerate(sorted(layers(folder, part, *endings).items())):
            down, up = factors(weight, number)
            spelt = name if part == network else f"text_model.{name.removeprefix('text_model.')}"
            tensors[f"{part}.{spelt}.lora_A.weight"] = down * 0.5
            tensors[f"{part}.{spelt}.lora_B.weight"] = up * 0.5
    own, kohya = (folder / "adapters" / f"{name}.safetensors" for name in ("many", "many-kohya"))
    save_file(tensors, own)
    kohya.write_bytes(engine.written(engine.find_adapter("many", "lora"), "kohya"))
    names = {key.split(".")[0] for key in load_file(kohya)}
    expected = {
        "unet": {
            "lora_unet_input_blocks_1_0_in_layers_2",
            "lora_unet_input_blocks_2_0_op",
            "lora_unet_input_blocks_3_1_transformer_blocks_0_attn1_to_q",
            "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_out_0",
            "lora_unet_output_blocks_1_2_conv",
            "lora_unet_output_blocks_0_0_skip_connection",
            "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
        },
        "transformer": {
            "lora_unet_double_blocks_0_img_attn_qkv",
            "lora_unet_double_blocks_0_txt_attn_qkv",
            "lora_unet_double_blocks_0_txt_attn_proj",
            "lora_unet_single_blocks_0_linear1",
            "lora_unet_single_blocks_0_modulation_lin",
            "lora_te1_text_model_encoder_layers_0_mlp_fc1",
        },
    }
    assert expected[network] <= names
    assert all(name.startswith(("lora_unet_", "lora_te1_text_model_")) for name in names)
    first, second = (
        array(drawn(engine, Lora(name=each.stem, digest=ref(each).digest, weight=0.6)))
        for each in (own, kohya)
    )
    assert np.abs(first - second).mean() < 0.01 < np.abs(first - array(drawn(engine))).mean()
    again = engine.written(engine.find_adapter("many-kohya", "lora"), "kohya")
    assert again == kohya.read_bytes()
    found = read_by_diffusers(folder, kohya)
    for name, delta in found.items():
        if f"{name}.lora_A.weight" in tensors:
            down, up = (tensors[f"{name}.lora_{which}.weight"].flatten(1) for which in "AB")
            assert torch.allclose(delta, up @ down, atol=1e-5), name
        else:
            assert not delta.any(), f"{name} was not changed"
    missing = [key for key in tensors if key.startswith(network) and key.endswith("A.weight")]
    missing = [key for key in missing if key.removesuffix(".lora_A.weight") not in found]
    assert all(".proj_mlp" in key or "single" in key for key in missing)


def read_by_diffusers(folder: Path, file: Path) -> dict[str, torch.Tensor]:
    """What diffusers' own reader of Kohya's files makes of one: the changes of modules, as
    matrices. Of FLUX's ``linear1`` it knows the published width only, so that is left out."""
    from diffusers.loaders import FluxLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin

    kept = {key: value for key, value in load_file(file).items() if "linear1" not in key}
    if (folder / "unet").is_dir():
        from diffusers import UNet2DConditionModel

        unet = UNet2DConditionModel.from_pretrained(folder / "unet")
        told, alphas = StableDiffusionXLLoraLoaderMixin.lora_state_dict(
            kept, unet_config=unet.config
        )
        assert set(alphas.values()) == {3.0}, "the rank: nothing is scaled"
    else:
        told = FluxLoraLoaderMixin.lora_state_dict(kept)
    ends = (".lora.down.weight", "_lora.down.weight", ".lora_A.weight")
    found: dict[str, torch.Tensor] = {}
    for key, down in told.items():
        for end in ends:
            if key.endswith(end) and "text_encoder" not in key:
                up = told[key.replace(end, end.replace("down", "up").replace("lora_A", "lora_B"))]
                name = key.removesuffix(end).replace(".processor", "")
                name += ".0" if name.endswith("to_out") else ""
                found[name] = up.flatten(1) @ down.flatten(1)
    return found


@SDXL
def test_sdxl_by_a_controlnet(engine: DiffusersEngine, folder: Path) -> None:
    from diffusers import ControlNetModel, StableDiffusionXLControlNetPipeline

    image = photo(seed=9)
    adapter = ref(folder / "adapters" / "canny-net")
    told = Control(condition="canny", image=digest(image), adapter=adapter, strength=0.7)
    ours = drawn(engine, told, inputs={digest(image): image})
    plain = schedule(stock(folder), engine)
    pipeline = StableDiffusionXLControlNetPipeline(
        **{k: v for k, v in plain.components.items() if k not in {"image_encoder"}},
        controlnet=ControlNetModel.from_pretrained(folder / "adapters" / "canny-net"),
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    near(ours, theirs(pipeline, image=image, controlnet_conditioning_scale=0.7))


@SDXL
def test_sdxl_by_an_ip_adapter(engine: DiffusersEngine, folder: Path) -> None:
    image = photo(80, 60, seed=12)
    adapter = ref(folder / "adapters" / "ip")
    told = Reference(role="character", image=digest(image), adapter=adapter, strength=0.8)
    ours = drawn(engine, told, inputs={digest(image): image})
    pipeline = schedule(stock(folder), engine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.load_ip_adapter(
            folder / "adapters",
            subfolder="ip",
            weight_name="ip-adapter.safetensors",
            image_encoder_folder="image_encoder",
        )
    pipeline.set_ip_adapter_scale(0.8)
    near(ours, theirs(pipeline, ip_adapter_image=image))


@SDXL
def test_sdxl_with_a_learned_word_of_both_encoders(engine: DiffusersEngine, folder: Path) -> None:
    path = folder / "adapters" / "word.safetensors"
    told = Embedding(word="boat", digest=ref(path).digest)
    ours = drawn(engine, told)
    pipeline = schedule(stock(folder), engine)
    vectors = load_file(path)
    pairs = (
        (vectors["clip_l"], pipeline.text_encoder, pipeline.tokenizer),
        (vectors["clip_g"], pipeline.text_encoder_2, pipeline.tokenizer_2),
    )
    for found, encoder, tokenizer in pairs:
        pipeline.load_textual_inversion(
            found, token="zogboat", text_encoder=encoder, tokenizer=tokenizer
        )
    expected = pipeline(
        WORDS.replace("boat", "zogboat"),
        num_inference_steps=3,
        guidance_scale=3.0,
        width=64,
        height=64,
        generator=torch.Generator("cpu").manual_seed(1),
        output_type="np",
    ).images[0]
    near(ours, expected)


@TRANSFORMERS
def test_transformers_refuse_what_is_made_for_unets(engine: DiffusersEngine) -> None:
    with pytest.raises(RecipeRefused, match="cannot look at a picture"):
        engine.check(ask(engine, Reference(role="style", image="0" * 64)))


@FLUX
@pytest.mark.parametrize("layout", ["kohya", "comfy"])
def test_a_flux_file_with_several_layers_in_one(
    engine: DiffusersEngine, folder: Path, layout: str
) -> None:
    """The same change written apart, as diffusers has it, and together, as FLUX itself has it."""
    shapes = layers(folder, "transformer", "")
    double, single = "transformer_blocks.0", "single_transformer_blocks.0"
    joined = {
        "double_blocks.0.img_attn.qkv": [f"{double}.attn.{n}" for n in ("to_q", "to_k", "to_v")],
        "double_blocks.0.txt_attn.qkv": [f"{double}.attn.add_{n}_proj" for n in "qkv"],
        "double_blocks.0.img_mlp.0": [f"{double}.ff.net.0.proj"],
        "single_blocks.0.linear1": [
            *(f"{single}.attn.{n}" for n in ("to_q", "to_k", "to_v")),
            f"{single}.proj_mlp",
        ],
    }
    apart: dict[str, torch.Tensor] = {}
    together: dict[str, torch.Tensor] = {}
    for number, (name, modules) in enumerate(joined.items()):
        whole = torch.cat([shapes[module] for module in modules])
        down, up = factors(whole, number)
        at = 0
        for module in modules:
            rows = shapes[module].shape[0]
            apart[f"transformer.{module}.lora_A.weight"] = down.clone()
            apart[f"transformer.{module}.lora_B.weight"] = up[at : at + rows].clone()
            at += rows
        if layout == "kohya":
            base = f"lora_unet_{name.replace('.', '_')}"
            together[f"{base}.lora_down.weight"], together[f"{base}.lora_up.weight"] = down, up
            together[f"{base}.alpha"] = torch.tensor(float(down.shape[0]))
        else:
            base = f"diffusion_model.{name}"
            together[f"{base}.lora_A.weight"], together[f"{base}.lora_B.weight"] = down, up
    pictures = []
    for name, tensors in (("apart", apart), (layout, together)):
        path = folder / "adapters" / f"{name}.safetensors"
        save_file(tensors, path)
        pictures.append(drawn(engine, Lora(name=name, digest=ref(path).digest)))
    assert pictures[0].tobytes() == pictures[1].tobytes()
    assert np.abs(array(pictures[0]) - array(drawn(engine))).mean() > 0.2
