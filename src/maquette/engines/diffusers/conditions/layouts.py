"""A LoRA written in the layout of Kohya's scripts, for programs that read no other.

``lora_unet_….lora_down.weight``, ``.lora_up.weight`` and ``.alpha``: the modules' names are
diffusers' own with underscores for dots, as Kohya's scripts write them for Stable Diffusion 1 and 2
and as ComfyUI, A1111 and diffusers read them for XL; of transformers (SD3, FLUX) the prefix is
``lora_transformer_``. Only names change and the alpha is said: the change of every weight is the
same, which ``keys`` and ``lora`` read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from maquette.engines.diffusers.conditions.catalogue import weights_of
from maquette.engines.diffusers.conditions.check import networks_of
from maquette.engines.diffusers.conditions.headers import in_order, read_header
from maquette.engines.diffusers.conditions.keys import Layer, Misfit, match
from maquette.engines.diffusers.models import ModelCard
from maquette.errors import ExportRefused

__all__ = ["as_kohya"]

_ENDS = {
    "down": "lora_down.weight",
    "up": "lora_up.weight",
    "mid": "lora_mid.weight",
    "magnitude": "dora_scale",
    "bias": "diff_b",
}
"""How Kohya calls what ``keys`` names otherwise; every other part has its name."""


def as_kohya(path: Path, card: ModelCard) -> bytes:
    """The bytes of a safetensors file with a LoRA's changes in Kohya's layout.

    Raises:
        ExportRefused: a LoRA of another model, or the model's layers are not known by name.
        ModelMissing, ModelRefused: no weights, or damaged ones.
    """
    file = weights_of(path)
    shapes, about = read_header(file)
    networks, per_block = networks_of(card)
    if not networks:
        raise ExportRefused(
            f"{card.ref.name} is one file: its layers' names are not known before it is loaded",
            hint="use the model as a folder",
        )
    try:
        layers = match(shapes, networks, per_block)
    except Misfit as error:
        raise ExportRefused(
            f"the LoRA was made for another model than {card.ref.name}: {error}",
            hint="name its own with --model",
        ) from error
    if any(layer.rows is not None for layer in layers):
        raise ExportRefused("the LoRA is in FLUX's own layout already", hint="copy its file")
    tensors = load_file(file)
    written: dict[str, torch.Tensor] = {}
    ranks: set[int] = set()
    for layer in layers:
        base = _base(layer, card)
        for part, key in layer.tensors.items():
            written[f"{base}.{_ENDS.get(part, part)}"] = tensors[key].contiguous()
        if "down" in layer.tensors:
            rank = shapes[layer.tensors["down"]][0]
            ranks.add(rank)
            written.setdefault(f"{base}.alpha", torch.tensor(float(rank)))
    return in_order(save(written, {**about, **_told(ranks)}))


def _base(layer: Layer, card: ModelCard) -> str:
    if layer.network.startswith("text_encoder"):
        second = layer.network.endswith("_2")
        several = "text_encoder_2" in card.driver.encoders
        prefix = f"lora_te{(2 if second else 1) if several else ''}_text_model"
    else:
        prefix = f"lora_{layer.network}"
    return f"{prefix}_{layer.module.removeprefix('text_model.').replace('.', '_')}"


def _told(ranks: set[int]) -> Mapping[str, str]:
    """What Kohya's scripts say of a file of one rank."""
    if len(ranks) != 1:
        return {}
    (rank,) = ranks
    told = {"ss_network_dim": str(rank), "ss_network_alpha": str(float(rank))}
    return {"ss_network_module": "networks.lora", **told}
