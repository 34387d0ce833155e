"""Layouts of IP-Adapters' files, told from the names and shapes in their headers alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from maquette.engines.diffusers.conditions.headers import Shapes
from maquette.errors import ModelRefused

__all__ = [
    "Layout",
    "encoder_misfit",
    "is_ip_adapter",
    "joint_keys",
    "joint_misfit",
    "layout_of",
    "vision_of",
]

Layout = Literal["unet", "sd3", "flux", "flux-own"]
"""For a UNet; SD3's (InstantX); FLUX's (XLabs); another one of FLUX's, which is not driven."""

_XLABS = re.compile(
    r"(?:double_blocks|ip_adapter)\.(\d+)\.(?:processor\.)?"
    r"(?:ip_adapter_double_stream_|to_)([kv])_(?:proj|ip)\.(weight|bias)"
)
_SD3 = re.compile(r"ip_adapter\.(\d+)\.(.+)")
_PROJECT = re.compile(r"(?:ip_adapter_proj_model|image_proj)\.(.+)")
_SD3_LAYER = ("norm_ip.linear", "to_k_ip", "to_v_ip", "norm_q", "norm_k", "norm_ip_k")
_VECTOR = "ip_adapter_proj_model.proj.weight"
T = TypeVar("T")


def is_ip_adapter(names: Any) -> bool:
    """Whether tensors of these names are an IP-Adapter."""
    heads = ("image_proj.", "ip_adapter.", "ip_adapter_proj_model.")
    return any(name.startswith(heads) for name in names)


def layout_of(shapes: Mapping[str, Any]) -> Layout:
    """Which model's an adapter is."""
    if "ip_adapter.0.norm_ip.linear.weight" in shapes:
        return "sd3"
    if any(name.startswith("double_blocks.") for name in shapes):
        return "flux"
    if "ip_adapter.0.to_k_ip.bias" in shapes:
        return "flux"
    # A UNet's attentions to words have odd numbers, its attentions to itself the even ones.
    return "flux-own" if "ip_adapter.0.to_k_ip.weight" in shapes else "unet"


def joint_keys(
    tensors: Mapping[str, T],
) -> tuple[Literal["sd3", "flux"], dict[str, T], dict[int, dict[str, T]]]:
    """Tensors (or their shapes) of a joint adapter: its kind, those of the projection, and those
    of each attention by its number, all by diffusers' names.

    Raises:
        ModelRefused: something is missing.
    """
    kind = layout_of(tensors)
    if kind not in {"sd3", "flux"}:
        raise ModelRefused("the IP-Adapter is of no layout that joint attention reads")
    told = {found[1]: v for k, v in tensors.items() if (found := _PROJECT.fullmatch(k))}
    numbered: dict[int, dict[str, T]] = {}
    for name, value in tensors.items():
        if kind == "flux" and (found := _XLABS.fullmatch(name)):
            number, which, what = found.groups()
            numbered.setdefault(int(number), {})[f"to_{which}_ip.{what}"] = value
        elif kind == "sd3" and (found := _SD3.fullmatch(name)):
            numbered.setdefault(int(found[1]), {})[found[2]] = value
    if kind == "flux":
        wanted = {f"to_{which}_ip.{what}" for which in "kv" for what in ("weight", "bias")}
        needs = {f"{part}.{what}" for part in ("proj", "norm") for what in ("weight", "bias")}
    else:
        wanted = {f"{part}.weight" for part in _SD3_LAYER} | {"norm_ip.linear.bias"}
        needs = {"proj_in.weight", "proj_out.weight", "latents", "time_embedding.linear_1.weight"}
    gaps = [f"{number}.{name}" for number, has in numbered.items() for name in wanted - set(has)]
    gaps += sorted(needs - set(told))
    gaps += [str(n) for n in range(len(numbered)) if n not in numbered]
    if gaps or not numbered:
        raise ModelRefused(
            f"the IP-Adapter lacks {gaps[0] if gaps else 'its layers'}",
            hint="its file is not whole; get it again",
        )
    return ("sd3" if kind == "sd3" else "flux"), told, numbered


def vision_of(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind of an image encoder, "" if it is none that is known, and the settings of its vision
    half: a published whole model's configuration states those of both halves, and the width of
    CLIP's vector for both together."""
    kind = str(config.get("model_type", "")).removesuffix("_vision_model")
    if kind not in {"clip", "siglip"}:
        return "", {}
    own = config.get("vision_config")
    if not isinstance(own, Mapping):
        return kind, dict(config)
    together = ("projection_dim",) if kind == "clip" else ()
    return kind, {**own, **{name: config[name] for name in together if name in config}}


def encoder_misfit(shapes: Shapes, config: Mapping[str, Any]) -> str:
    """Why an image encoder of a configuration is not an adapter's; "" if it is, or is not known."""
    kind, own = vision_of(config)
    if not kind:
        told = config.get("model_type") or "unknown"
        return f"its image encoder is of the kind '{told}', not CLIP or SigLIP"
    vector = shapes.get("image_proj.proj.weight", shapes.get(_VECTOR))
    deep = shapes.get("image_proj.proj_in.weight", shapes.get("image_proj.proj.0.weight"))
    if vector is not None:
        if kind == "siglip":
            return "it reads CLIP's vector, and its image encoder is SigLIP"
        reads, gives = vector[-1], own.get("projection_dim", 512)
    elif deep is not None:
        reads, gives = deep[-1], own.get("hidden_size", 768)
    else:
        return ""
    if reads == gives:
        return ""
    return (
        f"its image encoder sees by {gives} numbers, the adapter reads {reads}:"
        " it is not the one that the adapter was published with"
    )


def joint_misfit(shapes: Shapes, config: Mapping[str, Any], family: str) -> str:
    """Why an adapter's file does not go with a transformer of a family; "" if it does."""
    layout = layout_of(shapes)
    theirs = {"unet": "a model with a UNet", "sd3": "Stable Diffusion 3"}.get(layout, "FLUX.1")
    if layout == "flux-own" and family == "flux":
        return (
            "its layout (bare keys and values for all blocks, as InstantX made) is not read;"
            " adapters in XLabs' layout are"
        )
    if layout != family:
        return f"it is for {theirs}"
    try:
        _, told, numbered = joint_keys(shapes)
    except ModelRefused as error:
        return str(error)
    width = int(config.get("num_attention_heads") or 0) * int(config.get("attention_head_dim") or 0)
    own = int(config.get("num_layers") or 0)
    if layout == "sd3":
        own += len(config.get("dual_attention_layers") or ())
    if own and len(numbered) != own:
        return f"it has layers for {len(numbered)} attentions, this model has {own}"
    rows, reads = numbered[0]["to_k_ip.weight"]
    if width and rows != width:
        return f"its layers are {rows} wide, this model's {width}"
    makes = told["norm.weight"][0] if layout == "flux" else told["proj_out.weight"][0]
    if makes != reads:
        return f"its layers read tokens of {reads} numbers, its projection makes {makes}"
    return ""
