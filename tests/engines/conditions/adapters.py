"""Small adapters with random weights for the tiny models of ``tests.engines.tiny``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from maquette.core.value import ModelRef
from maquette.engines.diffusers import DiffusersEngine
from maquette.engines.diffusers.conditions.catalogue import digest_of_adapter, recognise

RANK = 3


def weights(folder: Path, part: str) -> Mapping[str, torch.Tensor]:
    """The weights of a part of a model folder."""
    (file,) = sorted((folder / part).glob("*.safetensors"))
    return load_file(file)


def layers(folder: Path, part: str, *endings: str) -> dict[str, torch.Tensor]:
    """Weights of layers by their names."""
    return {
        name.removesuffix(".weight"): value
        for name, value in weights(folder, part).items()
        if name.removesuffix(".weight").endswith(endings) and name.endswith(".weight")
    }


def factors(weight: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Down and up, large enough to be seen in a picture."""
    source = torch.Generator().manual_seed(seed)
    down = torch.randn(RANK, *weight.shape[1:], generator=source) * 0.3
    kernel = (1, 1) if weight.ndim == 4 else ()
    return down, torch.randn(weight.shape[0], RANK, *kernel, generator=source) * 0.3


def write_lora(
    folder: Path, file: Path, layout: str = "peft", *, text: bool = True, seed: int = 1
) -> Path:
    """A LoRA over attentions, two convolutions and the text encoder's attentions."""
    tensors: dict[str, torch.Tensor] = {}
    parts = {"unet": layers(folder, "unet", "to_q", "to_v", "to_out.0", "conv1")}
    if text:
        parts["text_encoder"] = layers(folder, "text_encoder", "q_proj", "out_proj")
    for part, found in parts.items():
        for number, (name, weight) in enumerate(sorted(found.items())):
            down, up = factors(weight, 1000 * seed + number)
            if layout == "peft":
                spelt = name if part == "unet" else f"text_model.{name}"
                tensors[f"{part}.{spelt}.lora_A.weight"] = down
                tensors[f"{part}.{spelt}.lora_B.weight"] = up
            elif layout == "kohya":
                head = "lora_unet_" if part == "unet" else "lora_te_text_model_"
                base = head + name.replace(".", "_")
                tensors[f"{base}.lora_down.weight"] = down
                tensors[f"{base}.lora_up.weight"] = up
                tensors[f"{base}.alpha"] = torch.tensor(float(RANK) / 2)
            else:
                raise ValueError(layout)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, file)
    return file


def unet_of(folder: Path) -> Any:
    """A model folder's UNet."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel.from_pretrained(folder / "unet", local_files_only=True)


def write_control(folder: Path, out: Path, *, channels: int = 3, seed: int = 2) -> Path:
    """A stock ControlNet of the model's shape whose residuals are not zero."""
    from diffusers import ControlNetModel

    torch.manual_seed(seed)
    scale = 8
    network = ControlNetModel.from_unet(
        unet_of(folder),
        conditioning_channels=channels,
        conditioning_embedding_out_channels=(8, 8, 8, 8)[: scale.bit_length()],
    )
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "controlnet" in name:
                weight.normal_(0, 0.2)
    network.save_pretrained(out)
    if channels == 8:
        card = {"channels": {"line": [0, 1], "depth": [1, 2], "pose": [2, 5], "tile": [5, 8]}}
        (out / "control.json").write_text(json.dumps(card))
    return out


def write_t2i(folder: Path, out: Path, seed: int = 3) -> Path:
    """A stock T2I-Adapter of the model's levels."""
    from diffusers import T2IAdapter

    torch.manual_seed(seed)
    levels = list(unet_of(folder).config.block_out_channels)
    network = T2IAdapter(
        in_channels=3,
        channels=levels,
        num_res_blocks=1,
        downscale_factor=8,
        adapter_type="full_adapter",
    )
    network.save_pretrained(out)
    return out


def write_ip(folder: Path, out: Path, seed: int = 4, kind: str = "plain") -> Path:
    """An IP-Adapter in the layout of ``load_ip_adapter``, with a small image encoder; ``kind``
    plain, plus or full."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(seed)
    unet = unet_of(folder)
    across, width = unet.config.cross_attention_dim, 24
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            projection_dim=width,
        )
    )
    encoder.save_pretrained(out / "image_encoder")
    project = {"plain": _plain, "plus": _plus, "full": _full}[kind](across, width)
    tensors = {f"image_proj.{name}": value for name, value in project.items()}
    number = 1
    for name in unet.attn_processors:
        layer = name.removesuffix(".processor")
        if layer.endswith("attn2"):
            rows = unet.get_submodule(layer).to_k.out_features
            for which in "kv":
                tensors[f"ip_adapter.{number}.to_{which}_ip.weight"] = (
                    torch.randn(rows, across) * 0.5
                )
            number += 2
    save_file(tensors, out / "ip-adapter.safetensors")
    return out


def _plain(across: int, width: int) -> dict[str, torch.Tensor]:
    return {
        "proj.weight": torch.randn(4 * across, width) * 0.5,
        "proj.bias": torch.randn(4 * across) * 0.5,
        "norm.weight": torch.ones(across),
        "norm.bias": torch.zeros(across),
    }


def _plus(across: int, _: int) -> dict[str, torch.Tensor]:
    """A resampler of the encoder's places, 32 wide, in the published names."""
    from diffusers.models.embeddings import IPAdapterPlusImageProjection

    project = IPAdapterPlusImageProjection(
        embed_dims=32, output_dims=across, hidden_dims=64, heads=1, num_queries=5
    )
    names = {"ln0": "0.norm1", "ln1": "0.norm2", "attn.to_q": "0.to_q", "attn.to_out.0": "0.to_out"}
    names |= {"ff.0": "1.0", "ff.1.net.0.proj": "1.1", "ff.1.net.2": "1.3"}
    found: dict[str, torch.Tensor] = {}
    given = project.state_dict()
    for name, value in given.items():
        if ".attn.to_k." in name:
            other = given[name.replace("to_k", "to_v")]
            found[name.replace("attn.to_k", "0.to_kv")] = torch.cat([value, other])
        elif ".attn.to_v." not in name:
            head, _, rest = name.partition("layers.")
            number, _, part = rest.partition(".")
            part, _, what = part.rpartition(".")
            found[f"{head}layers.{number}.{names[part]}.{what}" if rest else name] = value
    return found


def _full(across: int, _: int) -> dict[str, torch.Tensor]:
    """Two layers over each of the encoder's places."""
    return {
        "proj.0.weight": torch.randn(32, 32) * 0.5,
        "proj.0.bias": torch.randn(32) * 0.5,
        "proj.2.weight": torch.randn(across, 32) * 0.5,
        "proj.2.bias": torch.randn(across) * 0.5,
        "proj.3.weight": torch.ones(across),
        "proj.3.bias": torch.zeros(across),
    }


def ref(path: Path) -> ModelRef:
    """How a recipe names an adapter."""
    found = recognise(path)
    assert found is not None
    return ModelRef(name=found.name, digest=digest_of_adapter(found))


def state(engine: DiffusersEngine) -> dict[str, bytes]:
    """Every weight and processor of an engine's model, to be compared."""
    parts = engine.parts()
    found: dict[str, bytes] = {}
    for label, network in (("unet", parts.unet), ("text", parts.text_encoder)):
        for name, value in network.state_dict().items():
            found[f"{label}.{name}"] = value.contiguous().numpy().tobytes()
    for name, module in parts.unet.named_modules():
        if hasattr(module, "processor"):
            found[f"processor.{name}"] = str(id(module.processor)).encode()
    found["tokenizer"] = str(len(parts.tokenizer)).encode()
    return found
