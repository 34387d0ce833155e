"""Small ControlNets with random weights for the tiny transformers of ``tests.engines``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


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
    **more: Any,
) -> Path:
    """A stock ControlNet of the transformer's shape; ``hinted``: of XLabs' kind."""
    from diffusers import FluxControlNetModel, FluxTransformer2DModel

    torch.manual_seed(seed)
    keys = ("in_channels", "attention_head_dim", "num_attention_heads", "joint_attention_dim")
    keys += ("pooled_projection_dim", "axes_dims_rope")
    own = FluxTransformer2DModel.load_config(folder / "transformer")
    shape = {key: own[key] for key in keys}
    if hinted:
        shape |= {"patch_size": 2, "conditioning_embedding_channels": 16}
    network = FluxControlNetModel(num_layers=layers, num_single_layers=singles, **{**shape, **more})
    loud(network).save_pretrained(out)
    return out
