"""Small adapters of faces in the published layouts, for ``tests.engines.tiny``'s models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from tests.engines.conditions.adapters import unet_of

FaceKind = Literal["plain", "portrait", "plus", "plusv2", "resampled"]
NUMBERS = 24
"""Of the vectors that they read."""
SEEN = 32
"""The width of the image encoder of Plus."""


def write_faceid(
    folder: Path, out: Path, kind: FaceKind = "plain", *, lora: bool = False, seed: int = 4
) -> Path:
    """An IP-Adapter of faces for a model folder: a file, or a folder with an image encoder where
    the kind looks at pictures too. Linear layers are as large as torch makes them."""
    torch.manual_seed(seed)
    unet = unet_of(folder)
    across = unet.config.cross_attention_dim
    told = {
        "plain": lambda: _plain(across, 4),
        "portrait": lambda: _plain(across, 16),
        "plus": lambda: _plus(across),
        "plusv2": lambda: _plus(across),
        "resampled": lambda: _resampled(across),
    }[kind]()
    tensors = {f"image_proj.{name}": value for name, value in told.items()}
    for number, full in enumerate(unet.attn_processors):
        attention = unet.get_submodule(full.removesuffix(".processor"))
        if full.endswith("attn2.processor"):
            for which in "kv":
                shape = attention.to_k.out_features, across
                tensors[f"ip_adapter.{number}.to_{which}_ip.weight"] = torch.randn(shape) * 0.5
        for which in ("q", "k", "v", "out") if lora else ():
            layer = attention.to_out[0] if which == "out" else getattr(attention, f"to_{which}")
            head = f"ip_adapter.{number}.to_{which}_lora"
            tensors[f"{head}.down.weight"] = torch.randn(3, layer.in_features) * 0.2
            tensors[f"{head}.up.weight"] = torch.randn(layer.out_features, 3) * 0.2
    if kind in {"plus", "plusv2"}:
        encoder().save_pretrained(out / "image_encoder")
        name = "plusv2" if kind == "plusv2" else "plus"
        save_file(tensors, out / f"ip-adapter-faceid-{name}_sd15.safetensors")
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out.with_suffix(".safetensors"))
    return out.with_suffix(".safetensors")


def _plain(across: int, tokens: int) -> dict[str, torch.Tensor]:
    inner = 2 * NUMBERS
    return {
        **_linear("proj.0", inner, NUMBERS),
        **_linear("proj.2", across * tokens, inner),
        **_norm("norm", across),
    }


def _plus(across: int) -> dict[str, torch.Tensor]:
    head = "perceiver_resampler"
    told = {
        **_plain(across, 4),
        **_linear(f"{head}.proj_in", across, SEEN),
        **_linear(f"{head}.proj_out", across, across),
        **_norm(f"{head}.norm_out", across),
    }
    for number in range(4):
        told |= _block(f"{head}.layers.{number}", across)
    return told


def _resampled(across: int) -> dict[str, torch.Tensor]:
    told = {
        "latents": torch.randn(1, 16, across),
        **_linear("proj_in", across, NUMBERS),
        **_linear("proj_out", across, across),
        **_norm("norm_out", across),
    }
    for number in range(4):
        told |= _block(f"layers.{number}", across)
    return told


def _block(head: str, width: int) -> dict[str, torch.Tensor]:
    """A perceiver's attention, of one head of 64, and what follows."""

    def free(rows: int, columns: int) -> torch.Tensor:
        return torch.randn(rows, columns) * columns**-0.5

    return {
        **_norm(f"{head}.0.norm1", width),
        **_norm(f"{head}.0.norm2", width),
        f"{head}.0.to_q.weight": free(64, width),
        f"{head}.0.to_kv.weight": free(128, width),
        f"{head}.0.to_out.weight": free(width, 64),
        **_norm(f"{head}.1.0", width),
        f"{head}.1.1.weight": free(4 * width, width),
        f"{head}.1.3.weight": free(width, 4 * width),
    }


def _linear(name: str, rows: int, columns: int) -> dict[str, torch.Tensor]:
    layer = torch.nn.Linear(columns, rows)
    return {f"{name}.weight": layer.weight.data, f"{name}.bias": layer.bias.data}


def _norm(name: str, width: int) -> dict[str, torch.Tensor]:
    return {f"{name}.weight": torch.rand(width) + 0.5, f"{name}.bias": torch.randn(width) * 0.1}


def encoder(width: int = SEEN) -> Any:
    """A small image encoder."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=width,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            projection_dim=24,
        )
    )
