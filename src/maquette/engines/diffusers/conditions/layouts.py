"""A LoRA written in the layout of Kohya's scripts, for programs that read no other.

``lora_unet_….lora_down.weight``, ``.lora_up.weight`` and ``.alpha``, with underscores for dots. As
those scripts have it (sd-scripts, ``networks/lora.py`` and ``lora_flux.py``) the modules' names are
diffusers' own for Stable Diffusion 1 and 2 and those of the published network for SDXL and FLUX
(``originals``); text encoders are ``lora_te_``, ``lora_te1_`` and ``lora_te2_``, FLUX's T5
``lora_te3_``. SD3's transformer keeps diffusers' names, as ``lora_transformer_``. Names change and
the alpha is said; where FLUX has in one layer what diffusers has in several, their factors stand
beside one another in one. The change of every weight is the same, which ``keys`` and ``lora`` read
back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from maquette.engines.diffusers.conditions.catalogue import weights_of
from maquette.engines.diffusers.conditions.check import networks_of
from maquette.engines.diffusers.conditions.headers import Shapes, in_order, read_header
from maquette.engines.diffusers.conditions.keys import Layer, Misfit, match
from maquette.engines.diffusers.conditions.originals import as_flux, as_unet, in_flux
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
    tensors = load_file(file)
    groups: dict[str, list[Layer]] = {}
    for layer in layers:
        groups.setdefault(_base(layer, card, networks, per_block), []).append(layer)
    written: dict[str, torch.Tensor] = {}
    ranks: set[int] = set()
    for base, parts in groups.items():
        whole = parts[0].network == "transformer" and parts[0].rows is None
        places = in_flux(base.removeprefix("lora_unet_"), networks["transformer"]) if whole else []
        if len(places) > 1:
            factors = _together(parts, places, tensors)
        else:
            factors = {part: tensors[key] for part, key in parts[0].tensors.items()}
        if "down" in factors:
            ranks.add(len(factors["down"]))
            factors.setdefault("alpha", torch.tensor(float(len(factors["down"]))))
        for part, value in factors.items():
            written[f"{base}.{_ENDS.get(part, part)}"] = value.contiguous()
    return in_order(save(written, {**about, **_told(ranks)}))


def _base(layer: Layer, card: ModelCard, networks: Mapping[str, Shapes], per_block: int) -> str:
    """What Kohya's scripts call a layer.

    Raises:
        ExportRefused: they have no name for it.
    """
    plain = layer.module.removeprefix("text_model.").replace(".", "_")
    if layer.network == "text_encoder_2" and card.family == "flux":
        return f"lora_te3_{plain}"
    if layer.network.startswith("text_encoder"):
        second = layer.network.endswith("_2")
        several = card.family == "flux" or "text_encoder_2" in card.driver.encoders
        return f"lora_te{(2 if second else 1) if several else ''}_text_model_{plain}"
    name: str | None = plain
    if card.family == "flux":
        name = as_flux(layer.module)
    elif card.family == "sdxl":
        name = as_unet(layer.module, per_block, networks["unet"])
    if name is None:
        raise ExportRefused(
            f"Kohya's scripts have no name for the layer {layer.module}",
            hint="copy the LoRA's own file: layout 'own'",
        )
    prefix = "transformer" if card.family == "sd3" else "unet"
    return f"lora_{prefix}_{name}"


def _together(
    layers: Sequence[Layer],
    places: Sequence[tuple[str, tuple[int, int] | None]],
    tensors: Mapping[str, torch.Tensor],
) -> dict[str, torch.Tensor]:
    """The factors of one layer that changes what these layers change, each in its own rows: the
    inputs' factors one below the other, the outputs' in blocks. Rows that no layer has stay.

    Raises:
        ExportRefused: factors of another kind than low-rank ones.
    """
    rows = dict(places)
    total = max(span[1] for span in rows.values() if span is not None)
    downs: list[torch.Tensor] = []
    ups: list[tuple[torch.Tensor, tuple[int, int] | None]] = []
    scales: list[float] = []
    for layer in layers:
        part = {name: tensors[key] for name, key in layer.tensors.items()}
        if not {"down", "up"} <= set(part) <= {"down", "up", "alpha"}:
            raise ExportRefused(
                f"the change of {layer.module} cannot be written in FLUX's own layers",
                hint="copy the LoRA's own file: layout 'own'",
            )
        downs.append(part["down"])
        ups.append((part["up"], rows[layer.module]))
        rank = len(part["down"])
        scales.append(float(part["alpha"]) / rank if "alpha" in part else 1.0)
    down = torch.cat(downs)
    up, even = torch.zeros(total, len(down), dtype=ups[0][0].dtype), len(set(scales)) == 1
    at = 0
    for (own, span), scale in zip(ups, scales, strict=True):
        assert span is not None  # noqa: S101 (there are several)
        up[span[0] : span[1], at : at + own.shape[1]] = own if even else own * scale
        at += own.shape[1]
    alpha = len(down) * (scales[0] if even else 1.0)
    return {"down": down, "up": up, "alpha": torch.tensor(alpha)}


def _told(ranks: set[int]) -> Mapping[str, str]:
    """What Kohya's scripts say of a file of one rank."""
    if len(ranks) != 1:
        return {}
    (rank,) = ranks
    told = {"ss_network_dim": str(rank), "ss_network_alpha": str(float(rank))}
    return {"ss_network_module": "networks.lora", **told}
