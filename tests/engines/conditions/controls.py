"""Small ControlNets with random weights for the tiny transformers of ``tests.engines``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tests.engines.single_files import unet


def loud(network: Any) -> Any:
    """A fresh one adds nothing; this one does."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if any(word in name for word in ("controlnet", "pos_embed_input", "input_hint_block")):
                weight.normal_(0, 0.3)
    return network


def write_sd3(
    folder: Path, out: Path, *, layers: int, seed: int = 2, eight: bool = False, **more: Any
) -> Path:
    """A stock ControlNet of the transformer's shape; ``eight``: of Stability's kind for the
    8-billion model."""
    from diffusers import SD3ControlNetModel, SD3Transformer2DModel

    torch.manual_seed(seed)
    keys = ("sample_size", "attention_head_dim", "num_attention_heads", "joint_attention_dim")
    keys += ("caption_projection_dim", "pooled_projection_dim", "pos_embed_max_size")
    own = SD3Transformer2DModel.load_config(folder / "transformer")
    shape = {key: own[key] for key in keys}
    if eight:
        shape |= {"joint_attention_dim": None, "pos_embed_max_size": None, "pos_embed_type": None}
        shape |= {"use_pos_embed": False, "force_zeros_for_pooled_projection": False}
    network = SD3ControlNetModel(num_layers=layers, **{**shape, **more})
    loud(network).save_pretrained(out)
    return out


def write_flux(
    folder: Path,
    out: Path,
    *,
    layers: int,
    singles: int,
    seed: int = 2,
    hinted: bool = False,
    fills: bool = False,
    **more: Any,
) -> Path:
    """A stock ControlNet of the transformer's shape; ``hinted``: of XLabs' kind; ``fills``: of
    alimama's, with the mask packed beside the map."""
    from diffusers import FluxControlNetModel, FluxTransformer2DModel

    torch.manual_seed(seed)
    keys = ("in_channels", "attention_head_dim", "num_attention_heads", "joint_attention_dim")
    keys += ("pooled_projection_dim", "axes_dims_rope")
    own = FluxTransformer2DModel.load_config(folder / "transformer")
    shape = {key: own[key] for key in keys}
    if hinted:
        shape |= {"patch_size": 2, "conditioning_embedding_channels": 16, "guidance_embeds": True}
    network = FluxControlNetModel(num_layers=layers, num_single_layers=singles, **{**shape, **more})
    if fills:
        wide = torch.nn.Linear(shape["in_channels"] + 4, network.inner_dim)
        network.controlnet_x_embedder = wide
    loud(network).save_pretrained(out)
    return out


def write_file(folder: Path, out: Path, layout: str = "diffusers") -> Path:
    """The same network as a single file: in diffusers' names, the first ones', Stability AI's or
    XLabs'."""
    given = load_file(folder / "diffusion_pytorch_model.safetensors")
    layouts = {"diffusers": dict, "ldm": _ldm, "stability": _stability, "xlabs": _xlabs}
    found = layouts[layout](given)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in found.items()}, out)
    return out


def _ldm(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """By the modules of the first ``ControlNet``, a UNet's first half; one layer to a block."""
    row = ["conv_in", *(f"blocks.{number}" for number in range(6)), "conv_out"]
    ends = {
        f"controlnet_cond_embedding.{n}": f"input_hint_block.{2 * i}" for i, n in enumerate(row)
    }
    ends |= {f"controlnet_down_blocks.{n}": f"zero_convs.{n}.0" for n in range(20)}
    ends["controlnet_mid_block"] = "middle_block_out.0"
    own = {name: value for name, value in given.items() if not name.startswith("controlnet")}
    found = unet(own, 2)
    for name, value in given.items():
        stem, _, kind = name.rpartition(".")
        if stem in ends:
            found[f"{ends[stem]}.{kind}"] = value
    return {f"control_model.{name}": value for name, value in found.items()}


def _stability(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    spelt = {
        "attn.to_out.0": "attn.proj",
        "ff.net.0.proj": "mlp.fc1",
        "ff.net.2": "mlp.fc2",
        "norm1.linear": "adaLN_modulation.1",
    }
    found = {"control_type": torch.tensor([1], dtype=torch.int32)}
    found["pos_embed.proj.bias"] = torch.ones(32)  # of no use: places are the transformer's
    for name, value in given.items():
        if ".attn.to_q." in name:
            pieces = [given[name.replace("to_q", f"to_{which}")] for which in "qkv"]
            found[name.replace("to_q", "qkv")] = torch.cat(pieces)
        elif not any(f".attn.to_{which}." in name for which in "kv"):
            inner = next((key for key in spelt if f".{key}." in name), None)
            own = inner is not None and name.startswith("transformer_blocks")
            found[name.replace(f".{inner}.", f".{spelt[inner]}.") if own else name] = value
    return found


def _xlabs(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """By the modules of XLabs' ``ControlNetFlux``."""
    ends = {
        "x_embedder": "img_in",
        "context_embedder": "txt_in",
        "controlnet_x_embedder": "pos_embed_input",
        "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
        "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
        "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
        "time_text_embed.text_embedder.linear_2": "vector_in.out_layer",
    }
    inner = {
        "attn.to_out.0": "img_attn.proj",
        "attn.to_add_out": "txt_attn.proj",
        "ff.net.0.proj": "img_mlp.0",
        "ff.net.2": "img_mlp.2",
        "ff_context.net.0.proj": "txt_mlp.0",
        "ff_context.net.2": "txt_mlp.2",
        "norm1.linear": "img_mod.lin",
        "norm1_context.linear": "txt_mod.lin",
        "attn.norm_q": "img_attn.norm.query_norm",
        "attn.norm_k": "img_attn.norm.key_norm",
        "attn.norm_added_q": "txt_attn.norm.query_norm",
        "attn.norm_added_k": "txt_attn.norm.key_norm",
    }
    joined = {
        "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
        "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    }
    # Each convolution is followed by an activation in one row of modules.
    row = ["conv_in", *(f"blocks.{number}" for number in range(6)), "conv_out"]
    hint = {f"input_hint_block.{name}": f"input_hint_block.{2 * n}" for n, name in enumerate(row)}
    found: dict[str, torch.Tensor] = {}
    for name, value in given.items():
        stem, _, kind = name.rpartition(".")
        block, _, rest = stem.removeprefix("transformer_blocks.").partition(".")
        if stem in ends | hint:
            found[f"{(ends | hint)[stem]}.{kind}"] = value
        elif rest in inner:
            kind = "scale" if "norm." in f"{inner[rest]}." and "_norm" in inner[rest] else kind
            found[f"double_blocks.{block}.{inner[rest]}.{kind}"] = value
        elif not stem.startswith("transformer_blocks."):
            found[name] = value
        for theirs, parts in joined.items():
            if rest == parts[0]:
                pieces = [given[f"transformer_blocks.{block}.{part}.{kind}"] for part in parts]
                found[f"double_blocks.{block}.{theirs}.{kind}"] = torch.cat(pieces)
    return found
