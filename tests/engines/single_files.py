"""Checkpoints in one file, in the layouts that their publishers use, made from tiny folders."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def write_single(folder: Path, file: Path, family: str, *, without: tuple[str, ...] = ()) -> Path:
    """One file of a folder's networks, and beside it the numbers that make it a tiny one."""
    configs = {
        path.parent.name: json.loads(path.read_text())
        for path in folder.glob("*/config.json")
        if path.parent.name not in without
    }
    found: Tensors = {}
    for part, config in configs.items():
        (weights,) = (folder / part).glob("*.safetensors")
        tensors = load_file(weights)
        if part == "unet":
            renamed = unet(tensors, config["layers_per_block"] + 1)
            found |= {f"model.diffusion_model.{name}": each for name, each in renamed.items()}
        elif part == "transformer":
            renamed = (sd3 if family == "sd3" else flux)(tensors)
            found |= {f"model.diffusion_model.{name}": each for name, each in renamed.items()}
        elif part == "vae":
            first = "first_stage_model." if family != "flux" else "vae."
            found |= {first + name: each for name, each in vae(tensors).items()}
        else:
            found |= text(part, family, tensors)
    save_file({name: each.contiguous() for name, each in found.items()}, file)
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    about = {
        "name": "tiny-file",
        "base": str(folder),
        "configs": configs,
        "scheduler": scheduler,
        "native_size": [64, 64],
    }
    file.with_suffix(".json").write_text(json.dumps(about))
    return file


def unet(tensors: Mapping[str, torch.Tensor], layers: int) -> Tensors:
    """The names of Stable Diffusion's own UNet; ``layers`` to a block of its way up."""
    attended = {
        name.split(".")[1] for name in tensors if name.startswith("up_blocks.") and "attn" in name
    }
    found: Tensors = {}
    for name, tensor in tensors.items():
        stem, _, kind = name.rpartition(".")
        if stem in _UNET_ENDS:
            found[f"{_UNET_ENDS[stem]}.{kind}"] = tensor
            continue
        match name.split("."):
            case ["mid_block", "resnets", number, *rest]:
                found[f"middle_block.{2 * int(number)}.{_inner(rest)}"] = tensor
            case ["mid_block", "attentions", _, *rest]:
                found[f"middle_block.1.{'.'.join(rest)}"] = tensor
            case ["down_blocks", block, "downsamplers", "0", "conv", kind]:
                found[f"input_blocks.{(int(block) + 1) * layers}.0.op.{kind}"] = tensor
            case ["down_blocks", block, what, number, *rest]:
                at = 1 + int(block) * layers + int(number)
                found[f"input_blocks.{at}.{_place(what, rest)}"] = tensor
            case ["up_blocks", block, "upsamplers", "0", "conv", kind]:
                at = int(block) * layers + layers - 1
                found[f"output_blocks.{at}.{2 if block in attended else 1}.conv.{kind}"] = tensor
            case ["up_blocks", block, what, number, *rest]:
                at = int(block) * layers + int(number)
                found[f"output_blocks.{at}.{_place(what, rest)}"] = tensor
            case _:
                raise AssertionError(name)
    return found


def _place(what: str, rest: list[str]) -> str:
    return f"0.{_inner(rest)}" if what == "resnets" else f"1.{'.'.join(rest)}"


def _inner(rest: list[str]) -> str:
    return ".".join((_RESNET[rest[0]], *rest[1:]))


def vae(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The names of the original autoencoder, its attention as convolutions."""
    found: Tensors = {}
    blocks = 1 + max(int(name.split(".")[2]) for name in tensors if ".up_blocks." in name)
    for name, tensor in tensors.items():
        new = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        new = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", new)
        new = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", new)
        new = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", new)
        for number in range(blocks):
            up = f"up.{blocks - 1 - number}"
            new = new.replace(f"up_blocks.{number}.resnets", f"{up}.block")
            new = new.replace(f"up_blocks.{number}.upsamplers.0", f"{up}.upsample")
        if "mid_block.attentions.0" in new:
            new = new.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
            new = new.replace("to_out.0", "proj_out")
            new = re.sub(r"to_([qkv])", r"\1", new)
        wide = "mid.attn_1" in new and tensor.dim() == 2
        found[new] = tensor[:, :, None, None] if wide else tensor
    return found


def text(part: str, family: str, tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """A text encoder under its family's prefix; SDXL's second in OpenCLIP's names."""
    bare = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    if "encoder.block.0.layer.0.SelfAttention.q.weight" in bare:
        return {f"text_encoders.t5xxl.transformer.{n}": tensor for n, tensor in bare.items()}
    if family == "sdxl" and part == "text_encoder_2":
        renamed = open_clip(bare)
        return {f"conditioner.embedders.1.model.{name}": each for name, each in renamed.items()}
    full = {n if n.startswith("text_proj") else f"text_model.{n}": t for n, t in bare.items()}
    first = {
        "sd": "cond_stage_model.transformer.",
        "sdxl": "conditioner.embedders.0.transformer.",
    }.get(family)
    if first is None:
        which = "clip_l" if part == "text_encoder" else "clip_g"
        first = f"text_encoders.{which}.transformer."
    return {first + name: tensor for name, tensor in full.items()}


def open_clip(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The names of OpenCLIP: queries, keys and values in one."""
    found: Tensors = {}
    for name, tensor in tensors.items():
        if match := re.match(r"encoder\.layers\.(\d+)\.self_attn\.q_proj\.(\w+)", name):
            three = [tensors[name.replace("q_proj", f"{each}_proj")] for each in "qkv"]
            found[f"transformer.resblocks.{match[1]}.attn.in_proj_{match[2]}"] = torch.cat(three)
        elif "k_proj" in name or "v_proj" in name:
            continue
        elif name == "text_projection.weight":
            found["text_projection"] = tensor.T
        else:
            new = name.replace("encoder.layers.", "transformer.resblocks.")
            for old, other in {
                "layer_norm1": "ln_1",
                "layer_norm2": "ln_2",
                "mlp.fc1": "mlp.c_fc",
                "mlp.fc2": "mlp.c_proj",
                "self_attn": "attn",
                "final_layer_norm": "ln_final",
                "embeddings.token_embedding.weight": "token_embedding.weight",
                "embeddings.position_embedding.weight": "positional_embedding",
            }.items():
                new = new.replace(old, other)
            found[new] = tensor
    return found


def _swapped(tensor: torch.Tensor) -> torch.Tensor:
    return torch.cat(tensor.chunk(2)[::-1])


def _joined(tensors: Mapping[str, torch.Tensor], name: str, *parts: str) -> torch.Tensor:
    return torch.cat([tensors[name.replace(parts[0], part)] for part in parts])


def sd3(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The names of SD3's own transformer."""
    ends = {
        "pos_embed.pos_embed": "pos_embed",
        "pos_embed.proj": "x_embedder.proj",
        "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
        "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
        "context_embedder": "context_embedder",
        "proj_out": "final_layer.linear",
    }
    inner = {
        "attn.norm_q": "x_block.attn.ln_q",
        "attn.norm_k": "x_block.attn.ln_k",
        "attn.norm_added_q": "context_block.attn.ln_q",
        "attn.norm_added_k": "context_block.attn.ln_k",
        "attn2.norm_q": "x_block.attn2.ln_q",
        "attn2.norm_k": "x_block.attn2.ln_k",
        "attn.to_out.0": "x_block.attn.proj",
        "attn2.to_out.0": "x_block.attn2.proj",
        "attn.to_add_out": "context_block.attn.proj",
        "norm1.linear": "x_block.adaLN_modulation.1",
        "norm1_context.linear": "context_block.adaLN_modulation.1",
        "ff.net.0.proj": "x_block.mlp.fc1",
        "ff.net.2": "x_block.mlp.fc2",
        "ff_context.net.0.proj": "context_block.mlp.fc1",
        "ff_context.net.2": "context_block.mlp.fc2",
    }
    last = max(int(n.split(".")[1]) for n in tensors if n.startswith("transformer_blocks."))
    found: Tensors = {}
    for name, tensor in tensors.items():
        stem, _, kind = name.rpartition(".")
        if name in ends:
            found[ends[name]] = tensor
        elif stem in ends:
            found[f"{ends[stem]}.{kind}"] = tensor
        elif stem == "norm_out.linear":
            found[f"final_layer.adaLN_modulation.1.{kind}"] = _swapped(tensor)
        else:
            _, number, rest = stem.split(".", 2)
            block = f"joint_blocks.{number}"
            if rest in {"attn.to_q", "attn2.to_q"}:
                which = rest.partition(".")[0]
                whole = _joined(tensors, name, "to_q", "to_k", "to_v")
                found[f"{block}.x_block.{which}.qkv.{kind}"] = whole
            elif rest == "attn.add_q_proj":
                whole = _joined(tensors, name, "add_q_proj", "add_k_proj", "add_v_proj")
                found[f"{block}.context_block.attn.qkv.{kind}"] = whole
            elif rest in inner:
                swap = rest == "norm1_context.linear" and int(number) == last
                found[f"{block}.{inner[rest]}.{kind}"] = _swapped(tensor) if swap else tensor
            else:
                assert rest.endswith(("to_k", "to_v", "add_k_proj", "add_v_proj")), name
    return found


def flux(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """The names of FLUX's own transformer."""
    ends = {
        "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
        "time_text_embed.text_embedder.linear_2": "vector_in.out_layer",
        "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
        "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
        "context_embedder": "txt_in",
        "x_embedder": "img_in",
        "proj_out": "final_layer.linear",
    }
    double = {
        "norm1.linear": "img_mod.lin",
        "norm1_context.linear": "txt_mod.lin",
        "attn.to_out.0": "img_attn.proj",
        "attn.to_add_out": "txt_attn.proj",
        "ff.net.0.proj": "img_mlp.0",
        "ff.net.2": "img_mlp.2",
        "ff_context.net.0.proj": "txt_mlp.0",
        "ff_context.net.2": "txt_mlp.2",
    }
    norms = {
        "attn.norm_q": "img_attn.norm.query_norm",
        "attn.norm_k": "img_attn.norm.key_norm",
        "attn.norm_added_q": "txt_attn.norm.query_norm",
        "attn.norm_added_k": "txt_attn.norm.key_norm",
    }
    found: Tensors = {}
    for name, tensor in tensors.items():
        stem, _, kind = name.rpartition(".")
        if stem in ends:
            found[f"{ends[stem]}.{kind}"] = tensor
            continue
        if stem == "norm_out.linear":
            found[f"final_layer.adaLN_modulation.1.{kind}"] = _swapped(tensor)
            continue
        where, number, rest = stem.split(".", 2)
        if where == "single_transformer_blocks":
            block = f"single_blocks.{number}"
            if rest == "attn.to_q":
                parts = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
                found[f"{block}.linear1.{kind}"] = _joined(tensors, name, *parts)
            elif rest in norms:
                found[f"{block}.{norms[rest].removeprefix('img_attn.')}.scale"] = tensor
            elif rest in {"norm.linear", "proj_out"}:
                new = {"norm.linear": "modulation.lin", "proj_out": "linear2"}[rest]
                found[f"{block}.{new}.{kind}"] = tensor
            continue
        block = f"double_blocks.{number}"
        if rest == "attn.to_q":
            whole = _joined(tensors, name, "to_q", "to_k", "to_v")
            found[f"{block}.img_attn.qkv.{kind}"] = whole
        elif rest == "attn.add_q_proj":
            whole = _joined(tensors, name, "add_q_proj", "add_k_proj", "add_v_proj")
            found[f"{block}.txt_attn.qkv.{kind}"] = whole
        elif rest in norms:
            found[f"{block}.{norms[rest]}.scale"] = tensor
        elif rest in double:
            found[f"{block}.{double[rest]}.{kind}"] = tensor
    return found


def spoil(file: Path, **changes: Any) -> None:
    """Change what stands beside a file."""
    beside = file.with_suffix(".json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **changes}))
