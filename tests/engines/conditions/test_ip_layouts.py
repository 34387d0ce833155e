"""Layouts of IP-Adapters, told from headers of the published shapes; no weights."""

from __future__ import annotations

from typing import Any

import pytest

from maquette.engines.diffusers.conditions.ip_layouts import (
    encoder_misfit,
    joint_keys,
    joint_misfit,
    layout_of,
)
from maquette.errors import ModelRefused

SD35_LARGE = {"num_layers": 38, "num_attention_heads": 38, "attention_head_dim": 64}
SD35_MEDIUM = {
    "num_layers": 24,
    "num_attention_heads": 24,
    "attention_head_dim": 64,
    "dual_attention_layers": list(range(13)),
}
FLUX = {"num_layers": 19, "num_attention_heads": 24, "attention_head_dim": 128}
SIGLIP = {"model_type": "siglip", "vision_config": {"hidden_size": 1152}}
VIT_L = {"model_type": "clip", "projection_dim": 768, "vision_config": {"hidden_size": 1024}}
VIT_H = {"model_type": "clip_vision_model", "projection_dim": 1024, "hidden_size": 1280}


def sd3(blocks: int, width: int) -> dict[str, tuple[int, ...]]:
    """As InstantX published it for 3.5 Large (38 blocks, 2432 wide)."""
    found: dict[str, tuple[int, ...]] = {
        "image_proj.latents": (1, 64, 1280),
        "image_proj.proj_in.weight": (1280, 1152),
        "image_proj.proj_out.weight": (width, 1280),
        "image_proj.time_embedding.linear_1.weight": (1280, 320),
        "image_proj.layers.0.0.to_q.weight": (1280, 1280),
    }
    for number in range(blocks):
        base = f"ip_adapter.{number}"
        found |= {f"{base}.to_{which}_ip.weight": (width, width) for which in "kv"}
        found |= {f"{base}.{norm}.weight": (64,) for norm in ("norm_q", "norm_k", "norm_ip_k")}
        found |= {f"{base}.norm_ip.linear.weight": (2 * width, 1280)}
        found |= {f"{base}.norm_ip.linear.bias": (2 * width,)}
    return found


def flux(tokens: int) -> dict[str, tuple[int, ...]]:
    """As XLabs published it: 4 tokens, then 16."""
    found: dict[str, tuple[int, ...]] = {
        "ip_adapter_proj_model.proj.weight": (tokens * 4096, 768),
        "ip_adapter_proj_model.proj.bias": (tokens * 4096,),
        "ip_adapter_proj_model.norm.weight": (4096,),
        "ip_adapter_proj_model.norm.bias": (4096,),
    }
    for number in range(19):
        for which in "kv":
            base = f"double_blocks.{number}.processor.ip_adapter_double_stream_{which}_proj"
            found |= {f"{base}.weight": (3072, 4096), f"{base}.bias": (3072,)}
    return found


def test_those_for_stable_diffusion_3() -> None:
    large = sd3(38, 2432)
    assert layout_of(large) == "sd3"
    assert joint_misfit(large, SD35_LARGE, "sd3") == ""
    assert "37 attentions" in joint_misfit(sd3(37, 2432), SD35_LARGE, "sd3")
    assert joint_misfit(sd3(24 + 13, 1536), SD35_MEDIUM, "sd3") == "", "its second attentions too"
    assert "2432 wide, this model's 1536" in joint_misfit(sd3(37, 2432), SD35_MEDIUM, "sd3")
    assert encoder_misfit(large, SIGLIP) == ""
    assert "768 numbers" in encoder_misfit(large, {"model_type": "siglip"})
    assert "sees by 1024" in encoder_misfit(large, VIT_L)


@pytest.mark.parametrize("tokens", [4, 16])
def test_those_for_flux(tokens: int) -> None:
    shapes = flux(tokens)
    assert layout_of(shapes) == "flux"
    assert joint_misfit(shapes, FLUX, "flux") == ""
    assert "for FLUX.1" in joint_misfit(shapes, SD35_LARGE, "sd3")
    assert encoder_misfit(shapes, VIT_L) == ""
    assert "sees by 1024 numbers, the adapter reads 768" in encoder_misfit(shapes, VIT_H)
    assert "SigLIP" in encoder_misfit(shapes, SIGLIP)
    _, told, numbered = joint_keys(shapes)
    assert sorted(numbered) == list(range(19)) and set(numbered[18]) == set(numbered[0])
    assert told["proj.weight"] == (tokens * 4096, 768)


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("image_proj.latents", "latents"),
        ("ip_adapter.7.norm_q.", "7.norm_q.weight"),
        ("ip_adapter.37.", "37"),
    ],
)
def test_what_is_missing_is_named(gone: str, named: str) -> None:
    whole: Any = {k: v for k, v in sd3(39, 2432).items() if not k.startswith(gone)}
    with pytest.raises(ModelRefused, match=f"lacks {named}"):
        joint_keys(whole)
