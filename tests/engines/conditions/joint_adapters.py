"""Small IP-Adapters with random weights for the tiny transformers of ``tiny_families``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file


def transformer_of(folder: Path) -> Any:
    """A model folder's transformer."""
    import diffusers

    told = json.loads((folder / "transformer" / "config.json").read_text())
    kind = getattr(diffusers, told["_class_name"])
    return kind.from_pretrained(folder / "transformer", local_files_only=True)


def write_siglip(out: Path, side: int = 32) -> int:
    """SigLIP's vision model with its processor; returns its width."""
    from transformers import SiglipImageProcessor, SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(3)
    SiglipVisionModel(
        SiglipVisionConfig(
            hidden_size=24,
            intermediate_size=32,
            num_hidden_layers=3,
            num_attention_heads=4,
            image_size=side,
            patch_size=8,
        )
    ).save_pretrained(out)
    SiglipImageProcessor(size={"height": side, "width": side}).save_pretrained(out)
    return 24


def write_clip(out: Path, side: int = 32) -> int:
    """CLIP's vision model with its projection; returns that one's width."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(3)
    CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=side,
            patch_size=8,
            projection_dim=24,
        )
    ).save_pretrained(out)
    return 24


def write_sd3_ip(folder: Path, out: Path, *, original: bool = True, seed: int = 6) -> Path:
    """SD3's kind: in the names that InstantX published, or in diffusers' own."""
    from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
    from diffusers.models.embeddings import IPAdapterTimeImageProjection

    reads = write_siglip(out / "image_encoder")
    torch.manual_seed(seed)
    network = transformer_of(folder)
    config = network.config
    width, hidden = config.num_attention_heads * config.attention_head_dim, 64
    project = IPAdapterTimeImageProjection(
        embed_dim=reads,
        output_dim=width,
        hidden_dim=hidden,
        heads=1,
        num_queries=5,
        timestep_in_dim=16,
    )
    tensors = {f"image_proj.{name}": value for name, value in project.state_dict().items()}
    if original:
        tensors = {_instantx(name): value for name, value in tensors.items()}
    for number in range(len(network.attn_processors)):
        layer = SD3IPAdapterJointAttnProcessor2_0(width, width, config.attention_head_dim, hidden)
        for name, value in layer.state_dict().items():
            noisy = value + 0.1 * torch.randn_like(value)
            tensors[f"ip_adapter.{number}.{name}"] = noisy
    return _saved(tensors, out / "ip-adapter.safetensors")


def _instantx(name: str) -> str:
    head, _, tail = name.partition("layers.")
    if not tail:
        return name
    number, _, rest = tail.partition(".")
    names = {
        "ln0": "0.norm1",
        "ln1": "0.norm2",
        "attn.to_q": "0.to_q",
        "attn.to_kv": "0.to_kv",
        "attn.to_out.0": "0.to_out",
        "adaln_norm": "1.0",
        "ff.net.0.proj": "1.1",
        "ff.net.2": "1.3",
        "adaln_proj": "2.1",
    }
    part, _, what = rest.rpartition(".")
    return f"{head}layers.{number}.{names[part]}.{what}"


def write_flux_ip(
    folder: Path, out: Path, *, original: bool = True, tokens: int = 4, seed: int = 7
) -> Path:
    """FLUX's kind: in the names that XLabs published, or in diffusers' own."""
    reads = write_clip(out / "image_encoder")
    torch.manual_seed(seed)
    config = transformer_of(folder).config
    width, across = config.num_attention_heads * config.attention_head_dim, 64
    head = "ip_adapter_proj_model" if original else "image_proj"
    tensors = {
        f"{head}.proj.weight": torch.randn(tokens * across, reads) * 0.5,
        f"{head}.proj.bias": torch.randn(tokens * across) * 0.5,
        f"{head}.norm.weight": torch.ones(across),
        f"{head}.norm.bias": torch.zeros(across),
    }
    for number in range(config.num_layers):
        for which in "kv":
            base = f"ip_adapter.{number}.to_{which}_ip"
            if original:
                base = f"double_blocks.{number}.processor.ip_adapter_double_stream_{which}_proj"
            tensors[f"{base}.weight"] = torch.randn(width, across) * 0.3
            tensors[f"{base}.bias"] = torch.randn(width) * 0.3
    return _saved(tensors, out / "ip_adapter.safetensors")


def _saved(tensors: dict[str, torch.Tensor], file: Path) -> Path:
    save_file({name: value.contiguous() for name, value in tensors.items()}, file)
    return file.parent
