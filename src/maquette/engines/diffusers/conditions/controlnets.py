"""What a ControlNet is, told from its files without torch: of which family, of which shape.

People have them as folders that diffusers saved, and as single safetensors files: in diffusers'
names, in those of the first ones for Stable Diffusion 1 and 2, of Stability AI's for Stable
Diffusion 3.5 Large, and of XLabs' for FLUX. A file states no configuration, so what it is comes
from the shapes of its tensors; what those cannot say (a UNet's levels, how wide a head of attention
is, how positions turn) it shares with the model that it is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from maquette.engines.diffusers.conditions.headers import (
    Shapes,
    network_shapes,
    read_header,
    read_json,
)
from maquette.errors import ModelMissing, ModelRefused

__all__ = ["CLASSES", "DEFAULTS", "MODES", "ControlNet", "Kind", "read_controlnet", "told_by"]

Kind = Literal["unet", "sd3", "flux"]
Layout = Literal["diffusers", "ldm", "stability", "xlabs"]

CLASSES: Mapping[str, Kind] = {
    "ControlNetModel": "unet",
    "SD3ControlNetModel": "sd3",
    "FluxControlNetModel": "flux",
}
"""Classes that are driven, and what they are for."""

MODES: Mapping[str, int] = {"canny": 0, "tile": 1, "depth": 2, "pose": 4}
"""What the unions of FLUX (InstantX, Shakker Labs) read, by the number of their mode. Their others
(blur, grey, low quality) are no conditions here."""

_UNION = ("canny", "lineart", "depth", "pose")
"""What a union without modes reads (Union-Pro 2.0), told by its name."""

LDM = "control_model."
"""What stands before the first ones' names, unless nothing does."""

_SIGNS = (
    "controlnet_blocks.0.weight",
    "controlnet_down_blocks.0.weight",
    "zero_convs.0.0.weight",
    f"{LDM}zero_convs.0.0.weight",
    "lora_controlnet",
)

DEFAULTS: Mapping[Kind, Mapping[str, Any]] = {
    "unet": {},
    "sd3": {
        "in_channels": 16,
        "num_attention_heads": 18,
        "attention_head_dim": 64,
        "joint_attention_dim": 4096,
        "pooled_projection_dim": 2048,
        "pos_embed_max_size": 96,
        "use_pos_embed": True,
    },
    "flux": {
        "in_channels": 64,
        "num_attention_heads": 24,
        "attention_head_dim": 128,
        "joint_attention_dim": 4096,
        "pooled_projection_dim": 768,
        "axes_dims_rope": [16, 56, 56],
        "num_mode": None,
    },
}
"""What the classes take for what a configuration does not say, as far as it is looked at."""


@dataclass(frozen=True)
class ControlNet:
    """A ControlNet's files.

    Attributes:
        kind: the family of networks that it is for. layout: whose names its tensors have.
        config: as diffusers would state it, as far as it is known; with the classes' own defaults.
        width: numbers to a place in its blocks (0 where that does not matter).
        given: channels of the map that it reads, as the network is given it.
    """

    kind: Kind
    layout: Layout
    config: Mapping[str, Any]
    width: int = 0
    given: int = 0

    @property
    def fills(self) -> bool:
        """Whether it reads a picture with a hole, and where the hole is, instead of a map: with a
        channel more for the mask (of FLUX, which packs four places into one, with four)."""
        more = {"sd3": 1, "flux": 4}.get(self.kind)
        return more is not None and self.given == int(self.config["in_channels"]) + more

    def reads(self, name: str) -> tuple[str, ...] | None:
        """What it reads, where that is not left to its name or its card."""
        if self.fills:
            return ("inpaint",)
        if self.kind != "flux":
            return None
        count = self.config["num_mode"]
        if count is not None:
            return tuple(kind for kind, mode in MODES.items() if mode < int(count))
        return _UNION if "union" in name.lower() else None


def read_controlnet(path: Path) -> ControlNet | None:
    """What a file or folder is; None where it is no ControlNet.

    Raises:
        ModelRefused: damaged, or a ControlNet that nobody drives here.
        ModelMissing: a folder without weights.
    """
    if not path.is_dir():
        return _of_shapes(path.name, read_header(path)[0])
    file = path / "config.json"
    if not file.is_file():
        return None
    told = read_json(file)
    name = str(told.get("_class_name", ""))
    kind = CLASSES.get(name)
    if kind is None:
        if "ControlNet" in name:
            raise ModelRefused(
                f"{path.name} is a {name}",
                hint="ControlNets of Stable Diffusion 1, 2, XL, 3 and of FLUX.1 are driven",
            )
        return None
    shapes = network_shapes(path)
    if shapes is None:
        raise ModelMissing(f"{path.name} holds no safetensors file")
    config = {**DEFAULTS[kind], **told}
    if kind == "unet":
        return ControlNet(kind, "diffusers", config)
    try:
        for key in ("num_mode", "pos_embed_max_size", "joint_attention_dim"):
            int(config.get(key) or 0)
        width = int(config["num_attention_heads"]) * int(config["attention_head_dim"])
        return ControlNet(kind, "diffusers", config, width, _given(kind, config, shapes))
    except (TypeError, ValueError, IndexError) as error:
        raise ModelRefused(
            f"{path.name} does not hold what its configuration says", hint="get it again"
        ) from error


def told_by(shapes: Shapes) -> bool:
    """Whether a safetensors file is a ControlNet, by its tensors' names."""
    return any(name in shapes for name in _SIGNS)


def _given(kind: Kind, config: Mapping[str, Any], shapes: Shapes) -> int:
    """Channels of what a network is given beside the latents; of FLUX's, packed by four."""
    if kind == "sd3":
        first = shapes.get("pos_embed_input.proj.weight")
        plain = int(config["in_channels"]) + int(config.get("extra_conditioning_channels") or 0)
    else:
        first = shapes.get("controlnet_x_embedder.weight")
        plain = int(config["in_channels"])
    return plain if first is None else first[1]


def _of_shapes(name: str, shapes: Shapes) -> ControlNet | None:
    if not told_by(shapes):
        return None
    if any(each.endswith(("scale_weight", "scaled_fp8")) for each in shapes):
        raise ModelRefused(
            f"the weights of {name} are scaled 8-bit numbers",
            hint="take its float16 or bfloat16 edition",
        )
    for sign, what in (("lora_controlnet", "Control-LoRA"), ("difference", "difference")):
        if sign in shapes:
            raise ModelRefused(
                f"{name} is a {what}: it holds what a ControlNet has beyond its model",
                hint="take the whole ControlNet",
            )
    try:
        if "controlnet_blocks.0.weight" not in shapes:
            return _unet(shapes)
        if "controlnet_x_embedder.weight" in shapes:
            return _flux(shapes)
        if (
            "input_hint_block.0.weight" in shapes
            and "double_blocks.0.img_attn.qkv.weight" in shapes
        ):
            return _xlabs(shapes)
        if "transformer_blocks.0.adaLN_modulation.1.weight" in shapes:
            return _stability(name, shapes)
        if "pos_embed_input.proj.weight" in shapes:
            return _sd3(shapes)
    except KeyError as error:
        raise ModelRefused(
            f"{name} is a ControlNet that lacks {error.args[0]}",
            hint="get it again, or its folder as diffusers saves it",
        ) from error
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise ModelRefused(
            f"{name} has the names of a ControlNet, in shapes that none has", hint="get it again"
        ) from error
    raise ModelRefused(
        f"{name} is a ControlNet in a layout that is not known here",
        hint="known are diffusers' names, Stability AI's for SD 3.5 Large and XLabs' for FLUX;"
        " else take its folder as diffusers saves it",
    )


def _unet(shapes: Shapes) -> ControlNet:
    """Its levels are those of the model's UNet; what is told here is what may differ."""
    ldm = "controlnet_down_blocks.0.weight" not in shapes
    head = LDM if f"{LDM}zero_convs.0.0.weight" in shapes else ""
    stem = f"{head}input_hint_block." if ldm else "controlnet_cond_embedding."
    first = shapes[f"{stem}{'0' if ldm else 'conv_in'}.weight"]
    # A convolution of the same width, then one to the next.
    more = [f"{4 * n}" if ldm else f"blocks.{2 * n - 1}" for n in range(1, len(shapes))]
    known = [shapes[key][0] for each in more if (key := f"{stem}{each}.weight") in shapes]
    across = "attn2.to_k.weight"
    given = shapes[f"{head}input_blocks.0.0.weight" if ldm else "conv_in.weight"]
    config = {
        "in_channels": given[1],
        "conditioning_channels": first[1],
        "conditioning_embedding_out_channels": (first[0], *known),
        "cross_attention_dim": next((s[1] for n, s in shapes.items() if n.endswith(across)), None),
    }
    return ControlNet("unet", "ldm" if ldm else "diffusers", config)


def _flux(shapes: Shapes) -> ControlNet:
    width, channels = shapes["x_embedder.weight"]
    modes = shapes.get("controlnet_mode_embedder.weight")
    head = shapes["transformer_blocks.0.attn.norm_q.weight"][0]
    config = {
        "patch_size": 1,
        "in_channels": channels,
        "num_layers": _count(shapes, "transformer_blocks"),
        "num_single_layers": _count(shapes, "single_transformer_blocks"),
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": shapes["context_embedder.weight"][1],
        "pooled_projection_dim": shapes["time_text_embed.text_embedder.linear_1.weight"][1],
        "guidance_embeds": "time_text_embed.guidance_embedder.linear_1.weight" in shapes,
        "num_mode": None if modes is None else modes[0],
    }
    if hint := shapes.get("input_hint_block.conv_out.weight"):
        config |= {"conditioning_embedding_channels": hint[0], "patch_size": 2}
    given = shapes["controlnet_x_embedder.weight"][1]
    return ControlNet("flux", "diffusers", config, width, given)


def _xlabs(shapes: Shapes) -> ControlNet:
    width, channels = shapes["img_in.weight"]
    head = shapes["double_blocks.0.img_attn.norm.query_norm.scale"][0]
    config = {
        "patch_size": 2,
        "in_channels": channels,
        "num_layers": _count(shapes, "double_blocks"),
        "num_single_layers": 0,
        "attention_head_dim": head,
        "num_attention_heads": width // head,
        "joint_attention_dim": shapes["txt_in.weight"][1],
        "pooled_projection_dim": shapes["vector_in.in_layer.weight"][1],
        "guidance_embeds": "guidance_in.in_layer.weight" in shapes,
        "num_mode": None,
        "conditioning_embedding_channels": shapes["input_hint_block.14.weight"][0],
    }
    return ControlNet("flux", "xlabs", config, width, shapes["pos_embed_input.weight"][1])


def _sd3(shapes: Shapes) -> ControlNet:
    width, given, patch, _ = shapes["pos_embed_input.proj.weight"]
    own = shapes.get("pos_embed.proj.weight")
    texts = shapes.get("context_embedder.weight")
    count = _count(shapes, "transformer_blocks")
    channels = given if own is None else own[1]
    table = shapes.get("pos_embed.pos_embed")
    eight = texts is None
    config = {
        "patch_size": patch,
        "in_channels": channels,
        "out_channels": channels,
        "num_layers": count,
        "joint_attention_dim": None if texts is None else texts[1],
        "caption_projection_dim": width if texts is None else texts[0],
        "pooled_projection_dim": shapes["time_text_embed.text_embedder.linear_1.weight"][1],
        "pos_embed_max_size": None if table is None else round(table[1] ** 0.5),
        "pos_embed_type": None if eight else "sincos",
        "use_pos_embed": own is not None,
        "extra_conditioning_channels": given - channels,
        "dual_attention_layers": tuple(
            n for n in range(count) if f"transformer_blocks.{n}.attn2.to_q.weight" in shapes
        ),
        "qk_norm": "rms_norm" if "transformer_blocks.0.attn.norm_q.weight" in shapes else None,
        # As ComfyUI takes them: those that read texts are trained with InstantX's code.
        "force_zeros_for_pooled_projection": not eight,
    }
    return ControlNet("sd3", "diffusers", config, width, given)


def _stability(name: str, shapes: Shapes) -> ControlNet:
    width, given, patch, _ = shapes["pos_embed_input.proj.weight"]
    pooled = shapes["time_text_embed.text_embedder.linear_1.weight"][1]
    if pooled == width:
        raise ModelRefused(
            f"{name} is in Stability AI's layout for the 2-billion model, which is not driven",
            hint="those for Stable Diffusion 3.5 Large are",
        )
    config = {
        "patch_size": patch,
        "in_channels": given,
        "out_channels": given,
        "num_layers": _count(shapes, "transformer_blocks"),
        "joint_attention_dim": None,
        "caption_projection_dim": width,
        "pooled_projection_dim": pooled,
        "pos_embed_max_size": None,
        "pos_embed_type": None,
        "use_pos_embed": False,
        "force_zeros_for_pooled_projection": False,
    }
    return ControlNet("sd3", "stability", config, width, given)


def _count(shapes: Shapes, stem: str) -> int:
    found = [int(each[1]) for name in shapes if (each := re.match(rf"{stem}\.(\d+)\.", name))]
    return 1 + max(found, default=-1)
