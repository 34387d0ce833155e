"""The networks of a checkpoint in one file: its tensors renamed, part by part.

UNets, autoencoders, CLIP's encoders and SD3's transformer are renamed by diffusers' own
converters; FLUX's by the table below (theirs knows one width only). Every tensor that a network
has must be there: nothing is left at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from maquette.engines.diffusers.singles import Single
from maquette.errors import ModelRefused

__all__ = ["Tensors", "as_flux", "networks_of"]

Tensors = dict[str, torch.Tensor]

_FLUX_BLOCK = {
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "img_attn.norm.query_norm.scale": "attn.norm_q.weight",
    "img_attn.norm.key_norm.scale": "attn.norm_k.weight",
    "txt_attn.norm.query_norm.scale": "attn.norm_added_q.weight",
    "txt_attn.norm.key_norm.scale": "attn.norm_added_k.weight",
    "img_attn.proj": "attn.to_out.0",
    "txt_attn.proj": "attn.to_add_out",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
    "modulation.lin": "norm.linear",
    "norm.query_norm.scale": "attn.norm_q.weight",
    "norm.key_norm.scale": "attn.norm_k.weight",
    "linear2": "proj_out",
}
_FLUX_ENDS = {
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "txt_in": "context_embedder",
    "img_in": "x_embedder",
    "final_layer.linear": "proj_out",
}
_FLUX_SPLIT = {
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
}


def networks_of(
    single: Single, kind: Callable[[str], torch.dtype], class_of: Callable[[str], Any]
) -> dict[str, Any]:
    """The networks that the file holds, by part, of the number types that ``kind`` says.

    Raises:
        ModelRefused: when tensors are missing or of other shapes.
    """
    from accelerate import init_empty_weights
    from safetensors import safe_open

    found: dict[str, Any] = {}
    with safe_open(str(single.file), framework="pt") as file:
        names = list(file.keys())
        for part, prefix in single.prefixes.items():
            config = dict(single.configs[part])
            made = class_of(part)
            with init_empty_weights():
                if hasattr(made, "from_config"):
                    network = made.from_config(config)
                else:
                    config.pop("_class_name", None)
                    network = made(made.config_class(**config))
            tensors = {name: file.get_tensor(name) for name in names if _within(name, part, prefix)}
            renamed = _renamed(part, prefix, tensors, network, config)
            _fill(single, part, network, renamed, kind(part))
            found[part] = network
    return found


def _within(name: str, part: str, prefix: str) -> bool:
    if prefix or part != "transformer":
        return name.startswith(prefix)
    return name.partition(".")[0] not in {"vae", "first_stage_model", "text_encoders"}


def _renamed(
    part: str, prefix: str, tensors: Tensors, network: Any, config: Mapping[str, Any]
) -> Tensors:
    from diffusers.loaders.single_file_utils import (
        convert_ldm_unet_checkpoint,
        convert_ldm_vae_checkpoint,
        convert_open_clip_checkpoint,
        convert_sd3_transformer_checkpoint_to_diffusers,
    )

    if part == "unet":
        return convert_ldm_unet_checkpoint(tensors, config=config)
    if part == "vae":
        return convert_ldm_vae_checkpoint(tensors, config=config)
    bare = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    if part == "transformer":
        if "joint_blocks.0.x_block.attn.qkv.weight" in bare:
            return convert_sd3_transformer_checkpoint_to_diffusers(bare)
        return as_flux(bare)
    if prefix.endswith(".model."):  # the encoder that OpenCLIP trained, in its own names
        return convert_open_clip_checkpoint(network, tensors, prefix=prefix)
    return bare


def as_flux(tensors: Tensors) -> Tensors:
    """FLUX's own names to diffusers', of its transformer or of a ControlNet made like it."""
    width = tensors["img_in.weight"].shape[0]
    found: Tensors = {}
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        stem, _, kind = name.rpartition(".")
        if first in {"double_blocks", "single_blocks"}:
            number, _, inner = rest.partition(".")
            block = "transformer_blocks" if first[0] == "d" else "single_transformer_blocks"
            stem, _, kind = inner.rpartition(".")
            if stem in _FLUX_SPLIT:
                names = _FLUX_SPLIT[stem]
                sizes = [width] * 3 + [tensor.shape[0] - 3 * width] * (len(names) - 3)
                pieces = zip(names, tensor.split(sizes), strict=True)
                found |= {f"{block}.{number}.{new}.{kind}": piece for new, piece in pieces}
            else:
                new = _FLUX_BLOCK.get(inner) or f"{_FLUX_BLOCK[stem]}.{kind}"
                found[f"{block}.{number}.{new}"] = tensor
        elif stem == "final_layer.adaLN_modulation.1":
            # Theirs is shift, then scale; diffusers' the other way round.
            found[f"norm_out.linear.{kind}"] = torch.cat(tensor.chunk(2)[::-1])
        else:
            found[f"{_FLUX_ENDS[stem]}.{kind}"] = tensor
    return found


def _fill(single: Single, part: str, network: Any, tensors: Tensors, kind: torch.dtype) -> None:
    """Give a network on no device its tensors; each must be there, in its shape."""
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    given: Tensors = {}
    for name, tensor in tensors.items():
        # Which of CLIP's and T5's names a version of the library wants is its own affair.
        for spelt in (name, name.removeprefix("text_model."), f"text_model.{name}"):
            if spelt in wanted:
                number = tensor.to(kind) if tensor.is_floating_point() else tensor
                given[spelt] = number.contiguous()
                break
    tied = {"encoder.embed_tokens.weight": "shared.weight"}
    for name, other in tied.items():
        if name in wanted and name not in given and other in given:
            given[name] = given[other]
        elif other in wanted and other not in given and name in given:
            given[other] = given[name]
    missing = sorted(set(wanted) - set(given))
    wrong = [name for name, tensor in given.items() if tensor.shape != wanted[name]]
    if missing or wrong:
        name = (missing or wrong)[0]
        raise ModelRefused(
            f"the {part} of {single.file.name} lacks {len(missing)} tensors and"
            f" {len(wrong)} have another shape, such as {name}",
            hint=f"say what it is in {single.file.with_suffix('.json').name}"
            f' ({{"configs": {{"{part}": {{…}}}}}}), or convert it to a folder',
        )
    network.load_state_dict(given, strict=True, assign=True)
