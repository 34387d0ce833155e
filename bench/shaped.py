"""Models of Stable Diffusion 1.5's shape with random weights, for trials against other people's
programs (``bench.comfyui``, ``bench.a1111``) where no trained one is at hand::

    python -m bench.shaped OUT --comfyui COMFYUI

writes into OUT, a folder as ``MAQUETTE_MODELS`` names one: ``sd15-shaped`` (a model of 80 million
weights in the UNet, as a folder and as one file), a LoRA, a ControlNet that reads edges, and a
network that enlarges. What ComfyUI reads goes into its ``models``; its tokenizer's words are used.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tests.engines import nets
from tests.engines.conditions.adapters import unet_of, write_lora
from tests.engines.single_files import unet, write_single

NAME = "sd15-shaped"
LORA, CONTROL, UPSCALER = "ink", "canny", "double"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--comfyui", type=Path, required=True, help="its folder")
    asked = parser.parse_args()
    out, theirs = asked.out, asked.comfyui / "models"
    folder = out / NAME
    if not folder.exists():
        write_model(folder, asked.comfyui / "comfy" / "sd1_tokenizer")
        write_single(folder, out / f"{NAME}.safetensors", "sd")
    write_adapters(folder, out)
    for here, there in (
        (f"{NAME}.safetensors", "checkpoints"),
        (f"loras/{LORA}.safetensors", "loras"),
        (f"upscalers/{UPSCALER}.safetensors", "upscale_models"),
    ):
        place = theirs / there / Path(here).name
        place.unlink(missing_ok=True)
        place.symlink_to((out / here).resolve())
    control = load_file(out / "control" / CONTROL / "diffusion_pytorch_model.safetensors")
    save_file(original(control), theirs / "controlnet" / f"{CONTROL}.safetensors")


def library(name: str) -> Any:
    """A library whose types are not to be relied on."""
    return import_module(name)


def write_model(folder: Path, words: Path) -> None:
    """A UNet of two levels, CLIP-L and the usual autoencoder."""
    diffusers, transformers = library("diffusers"), library("transformers")
    torch.manual_seed(0)
    network = diffusers.UNet2DConditionModel(
        sample_size=32,
        block_out_channels=(320, 640),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=768,
        attention_head_dim=8,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        scaling_factor=0.18215,
        sample_size=256,
    )
    with torch.no_grad():  # else every picture is nearly grey
        vae.decoder.conv_out.weight *= 12
        network.conv_out.weight *= 3
    text = transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            hidden_size=768,
            intermediate_size=3072,
            num_hidden_layers=12,
            num_attention_heads=12,
            vocab_size=49408,
            bos_token_id=49406,
            eos_token_id=49407,
            projection_dim=768,
        )
    )
    schedule = diffusers.DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=transformers.CLIPTokenizer.from_pretrained(words, model_max_length=77),
        unet=network,
        scheduler=schedule,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder, safe_serialization=True)


def write_adapters(folder: Path, out: Path) -> None:
    """A LoRA in Kohya's layout, a ControlNet as diffusers saves it, a network for twice the
    size."""
    for old in ("loras", "control", "upscalers"):
        shutil.rmtree(out / old, ignore_errors=True)
    file = write_lora(folder, out / "loras" / f"{LORA}.safetensors", "kohya")
    told = load_file(file)
    save_file({k: v * 0.3 if "lora_" in k.split(".")[1] else v for k, v in told.items()}, file)
    torch.manual_seed(2)
    network = library("diffusers").ControlNetModel.from_unet(unet_of(folder))
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "controlnet_down" in name or "controlnet_mid" in name:
                weight.normal_(0, 0.02)
            elif "cond_embedding.conv_out" in name:
                weight.normal_(0, 0.1)
    network.save_pretrained(out / "control" / CONTROL)
    nets.save(nets.rrdb(ups=2, growth=32), out / "upscalers" / f"{UPSCALER}.safetensors")


def original(control: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A ControlNet under the names of the paper's own code."""
    own: dict[str, torch.Tensor] = {}
    found: dict[str, torch.Tensor] = {}
    blocks = sum(f"controlnet_cond_embedding.blocks.{n}.weight" in control for n in range(20))
    for name, tensor in control.items():
        stem, _, kind = name.rpartition(".")
        match stem.split("."):
            case ["controlnet_cond_embedding", "conv_in"]:
                found[f"input_hint_block.0.{kind}"] = tensor
            case ["controlnet_cond_embedding", "blocks", number]:
                found[f"input_hint_block.{2 * (int(number) + 1)}.{kind}"] = tensor
            case ["controlnet_cond_embedding", "conv_out"]:
                found[f"input_hint_block.{2 * (blocks + 1)}.{kind}"] = tensor
            case ["controlnet_down_blocks", number]:
                found[f"zero_convs.{number}.0.{kind}"] = tensor
            case ["controlnet_mid_block"]:
                found[f"middle_block_out.0.{kind}"] = tensor
            case _:
                own[name] = tensor
    return {name: each.contiguous() for name, each in {**found, **unet(own, 2)}.items()}


if __name__ == "__main__":
    main()
