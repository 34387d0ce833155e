"""Whether a ControlNet goes with a model, told from headers and configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maquette.engines.diffusers.conditions.controlnets import DEFAULTS, ControlNet, Kind

if TYPE_CHECKING:
    from maquette.engines.diffusers.models import ModelCard

__all__ = ["longest", "misfit"]

TITLES: Mapping[Kind, str] = {
    "unet": "a model with a UNet",
    "sd3": "Stable Diffusion 3",
    "flux": "FLUX.1",
}


def misfit(net: ControlNet, card: ModelCard) -> str:
    """Why it does not go with a model; "" if it does, as far as headers tell."""
    has_unet = "unet" in card.configs
    if (net.kind == "unet") != has_unet or (not has_unet and net.kind != card.family):
        return f"it is for {TITLES[net.kind]}"
    if net.kind == "unet":
        return _width(
            "it listens to texts of {} numbers, this model's have {}",
            net.config.get("cross_attention_dim"),
            card.configs["unet"].get("cross_attention_dim"),
        )
    own = {**DEFAULTS[net.kind], **card.configs["transformer"]}
    heads = int(own["num_attention_heads"]) * int(own["attention_head_dim"])
    return (
        _width("its states have {} numbers, this model's {}", net.width, heads)
        or _hole(net)
        or _width(
            "it reads latents of {} channels, this model's have {}",
            net.config["in_channels"],
            own["in_channels"],
        )
        or _width(
            "it listens to texts of {} numbers, this model's have {}",
            net.config["joint_attention_dim"],
            own["joint_attention_dim"],
        )
        or _width(
            "it is told of texts in {} numbers, by this model in {}",
            net.config["pooled_projection_dim"],
            own["pooled_projection_dim"],
        )
        or _turns(net, own)
    )


def longest(net: ControlNet, card: ModelCard) -> int | None:
    """The longest side in pixels that it has places for; None where there is no end to them."""
    table = net.config.get("pos_embed_max_size")
    if net.kind != "sd3" or not net.config["use_pos_embed"] or table is None:
        return None
    return int(table) * int(net.config.get("patch_size") or 2) * card.scale


def _hole(net: ControlNet) -> str:
    plain = int(net.config["in_channels"])
    if net.given == plain or net.fills:
        return ""
    return f"it is given {net.given} channels beside latents of {plain}, and no map has so many"


def _turns(net: ControlNet, own: Mapping[str, Any]) -> str:
    theirs = net.config.get("axes_dims_rope")
    if net.kind != "flux" or theirs is None or list(theirs) == list(own["axes_dims_rope"]):
        return ""
    return "its positions turn by other numbers than this model's"


def _width(line: str, theirs: Any, own: Any) -> str:
    if isinstance(theirs, int) and isinstance(own, int) and theirs != own:
        return line.format(theirs, own)
    return ""
