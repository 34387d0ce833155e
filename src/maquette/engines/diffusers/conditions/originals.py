"""Names that layers have in the networks of the models' own authors, and diffusers' names for them.

Kohya's scripts train SDXL's UNet and FLUX's transformer as their authors publish them, so LoRAs
made with them name those layers; those of Stable Diffusion 1 and 2 name diffusers'. Dots are
underscores in all of them. FLUX has in one layer what diffusers has in several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from maquette.engines.diffusers.conditions.headers import Shapes

__all__ = ["as_flux", "as_unet", "in_flux", "in_unet"]

_INNER = {
    "in_layers_0": "norm1",
    "in_layers_2": "conv1",
    "out_layers_0": "norm2",
    "out_layers_3": "conv2",
    "emb_layers_1": "time_emb_proj",
    "skip_connection": "conv_shortcut",
}
_OUTER = {
    "input_blocks_0_0": "conv_in",
    "time_embed_0": "time_embedding_linear_1",
    "time_embed_2": "time_embedding_linear_2",
    "label_emb_0_0": "add_embedding_linear_1",
    "label_emb_0_2": "add_embedding_linear_2",
    "out_0": "conv_norm_out",
    "out_2": "conv_out",
}
_BACK = {theirs: own for own, theirs in (_INNER | _OUTER).items()}
_MIDDLE = ("resnets_0", "attentions_0", "resnets_1")


def in_unet(name: str, per_block: int) -> str:
    """A layer of Stable Diffusion's own UNet, with underscores, as diffusers calls it, with
    underscores too; ``per_block`` are the layers of a block."""
    if name in _OUTER:
        return _OUTER[name]
    found = re.match(r"(input_blocks|output_blocks)_(\d+)_(\d)_(.+)|middle_block_(\d)_(.+)", name)
    if found is None:
        return name
    if found[5]:
        head, rest = f"mid_block_{_MIDDLE[min(int(found[5]), 2)]}", found[6]
    else:
        down = found[1] == "input_blocks"
        at, sub, rest = int(found[2]) - down, int(found[3]), found[4]
        block, layer = divmod(at, per_block + 1)
        side = "down_blocks" if down else "up_blocks"
        if down and layer == per_block:
            head = f"{side}_{block}_downsamplers_0"
            rest = "conv" if rest == "op" else rest
        elif rest == "conv":
            head = f"{side}_{block}_upsamplers_0"
        else:
            head = f"{side}_{block}_{'attentions' if sub else 'resnets'}_{layer}"
    return f"{head}_{_INNER.get(rest, rest)}"


def as_unet(module: str, per_block: int, modules: Iterable[str]) -> str | None:
    """The other way: what diffusers calls ``module`` (dots or underscores), with underscores; None
    where it has no name. ``modules`` are all of the network's, for what stands in a block."""
    name = module.replace(".", "_")
    if name in _BACK:
        return _BACK[name]
    found = re.match(
        r"(down|up)_blocks_(\d+)_(resnets|attentions|downsamplers|upsamplers)_(\d+)_(.+)", name
    )
    if found is None:
        middle = re.match(r"mid_block_((?:resnets|attentions)_\d)_(.+)", name)
        if middle is None or middle[1] not in _MIDDLE:
            return None
        return f"middle_block_{_MIDDLE.index(middle[1])}_{_BACK.get(middle[2], middle[2])}"
    down, block, kind, layer, rest = found[1] == "down", int(found[2]), *found.groups()[2:]
    side, first = ("input_blocks", 1) if down else ("output_blocks", 0)
    at = first + block * (per_block + 1)
    match kind:
        case "downsamplers":
            return f"{side}_{at + per_block}_0_op"
        case "upsamplers":
            attends = any(
                each.replace(".", "_").startswith(f"up_blocks_{block}_attentions_")
                for each in modules
            )
            return f"{side}_{at + per_block}_{2 if attends else 1}_conv"
        case _:
            sub = int(kind == "attentions")
            inner = rest if sub else _BACK.get(rest, rest)
            return f"{side}_{at + int(layer)}_{sub}_{inner}"


_QKV = ("to_q", "to_k", "to_v")
_ADDED = ("add_q_proj", "add_k_proj", "add_v_proj")
_DOUBLE: Mapping[str, tuple[str, ...]] = {
    "img_attn_qkv": tuple(f"attn.{name}" for name in _QKV),
    "txt_attn_qkv": tuple(f"attn.{name}" for name in _ADDED),
    "img_attn_proj": ("attn.to_out.0",),
    "txt_attn_proj": ("attn.to_add_out",),
    "img_mlp_0": ("ff.net.0.proj",),
    "img_mlp_2": ("ff.net.2",),
    "txt_mlp_0": ("ff_context.net.0.proj",),
    "txt_mlp_2": ("ff_context.net.2",),
    "img_mod_lin": ("norm1.linear",),
    "txt_mod_lin": ("norm1_context.linear",),
}
_SINGLE: Mapping[str, tuple[str, ...]] = {
    "linear1": (*(f"attn.{name}" for name in _QKV), "proj_mlp"),
    "linear2": ("proj_out",),
    "modulation_lin": ("norm.linear",),
}
_AROUND: Mapping[str, str] = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "final_layer_linear": "proj_out",
    **{
        f"{theirs}_in_{own}_layer": f"time_text_embed.{named}_embedder.linear_{number}"
        for theirs, named in (("time", "timestep"), ("vector", "text"), ("guidance", "guidance"))
        for number, own in ((1, "in"), (2, "out"))
    },
}


def in_flux(name: str, shapes: Shapes) -> list[tuple[str, tuple[int, int] | None]]:
    """A layer of FLUX's own transformer (dots or underscores) as diffusers' modules, each with its
    rows, from and to; None for all. Nothing where there is no such layer."""
    plain = name.replace(".", "_")
    if plain in _AROUND:
        return [(_AROUND[plain], None)] if f"{_AROUND[plain]}.weight" in shapes else []
    found = re.fullmatch(r"(?:(double)|single)_blocks_(\d+)_(\w+)", plain)
    if found is None:
        return []
    head = "transformer_blocks" if found[1] else "single_transformer_blocks"
    parts = (_DOUBLE if found[1] else _SINGLE).get(found[3], ())
    places: list[tuple[str, tuple[int, int] | None]] = []
    at = 0
    for part in parts:
        module = f"{head}.{found[2]}.{part}"
        weight = shapes.get(f"{module}.weight")
        if weight is None:
            return []
        places.append((module, (at, at + weight[0]) if len(parts) > 1 else None))
        at += weight[0]
    return places


def as_flux(module: str) -> str | None:
    """The layer of FLUX's own transformer, with underscores, that a module of diffusers' is or is
    a part of; None where it has none."""
    for own, theirs in _AROUND.items():
        if theirs == module:
            return own
    found = re.fullmatch(r"(single_)?transformer_blocks\.(\d+)\.(.+)", module)
    if found is None:
        return None
    kind, table = ("single", _SINGLE) if found[1] else ("double", _DOUBLE)
    own = next((each for each, parts in table.items() if found[3] in parts), None)
    return None if own is None else f"{kind}_blocks_{found[2]}_{own}"
