"""Which layers of a model the tensors of a LoRA file mean, whoever wrote it.

Read are the layouts of peft and diffusers (``unet.….lora_A.weight``), of older diffusers
(``….processor.to_q_lora.down.weight``, ``….lora.down.weight``) and of Kohya's scripts
(``lora_unet_….lora_down.weight`` with the dots as underscores, in diffusers' names or in those of
Stable Diffusion and FLUX), with low-rank, Hadamard (LoHa, arXiv 2108.06098), Kronecker (LoKr) and
weight-decomposed (DoRA, arXiv 2402.09353) factors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from maquette.engines.diffusers.conditions.headers import Shapes
from maquette.engines.diffusers.conditions.originals import in_flux, in_unet

__all__ = ["OUTPUTS", "Layer", "Misfit", "match"]


OUTPUTS = frozenset({"up", "hada_w1_a", "hada_w2_a", "magnitude", "diff", "bias"})
"""Factors whose first side is a layer's outputs."""


class Misfit(ValueError):
    """A LoRA that was made for another model."""


@dataclass(frozen=True)
class Layer:
    """A layer that a LoRA changes: ``network`` (``unet``, ``text_encoder`` …), its ``module``
    there, and the file's ``tensors`` by what they are (``down``, ``up``, ``alpha`` …).

    ``rows`` are those of the file's layer that are this one, from and to, where a file has several
    layers in one (FLUX's own ``qkv``); None for all.
    """

    network: str
    module: str
    tensors: Mapping[str, str]
    rows: tuple[int, int] | None = None


_PARTS = (
    (r"\.lora_A(?:\.\w+)?\.weight", "down"),
    (r"\.lora_B(?:\.\w+)?\.weight", "up"),
    (r"[._]lora(?:\.|_)down\.weight", "down"),
    (r"[._]lora(?:\.|_)up\.weight", "up"),
    (r"\.lora_mid\.weight", "mid"),
    (r"\.lora_linear_layer\.down\.weight", "down"),
    (r"\.lora_linear_layer\.up\.weight", "up"),
    (r"\.(?:dora_scale|lora_magnitude_vector(?:\.\w+)?(?:\.weight)?)", "magnitude"),
    (r"\.alpha", "alpha"),
    (r"\.(hada_(?:w[12]_[ab]|t[12]))", ""),
    (r"\.(lokr_(?:w[12](?:_[ab])?|t2))", ""),
    (r"\.diff", "diff"),
    (r"\.diff_b", "bias"),
)
_ENDS = re.compile("|".join(f"(?P<p{i}>{pattern}$)" for i, (pattern, _) in enumerate(_PARTS)))
_NETWORKS = {
    "unet": "unet",
    "transformer": "transformer",
    "diffusion_model": "unet",
    "text_encoder": "text_encoder",
    "text_encoder_2": "text_encoder_2",
    "lora_unet": "unet",
    "lora_transformer": "transformer",
    "lora_te": "text_encoder",
    "lora_te1": "text_encoder",
    "lora_te2": "text_encoder_2",
    "lora_te3": "text_encoder_3",
}
_OLD = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}


def match(tensors: Shapes, networks: Mapping[str, Shapes], per_block: int = 2) -> list[Layer]:
    """The layers that a file's tensors change.

    Args:
        tensors: what the file holds.
        networks: the weights of the model's networks, by the networks' names.
        per_block: layers of a block of its UNet, for files with Stable Diffusion's own names.

    Raises:
        Misfit: a layer that the model does not have, or one of another width; says which.
    """
    modules = {name: _modules(shapes) for name, shapes in networks.items()}
    found: dict[tuple[str, str, tuple[int, int] | None], dict[str, str]] = {}
    strange: list[str] = []
    for key in tensors:
        base, part = _split(key)
        place = _place(base, modules, per_block) if part else None
        places = [(*place, None)] if place is not None else []
        if part and not places:
            places = _flux(base, networks.get("transformer", {}))
        if not places:
            strange.append(key)
        for each in places:
            found.setdefault(each, {})[part] = key
    if strange:
        raise Misfit(
            f"{len(strange)} of its {len(tensors)} tensors belong to no layer of this model,"
            f" {strange[0]} for one"
        )
    layers = [
        Layer(network, module, parts, rows) for (network, module, rows), parts in found.items()
    ]
    for layer in layers:
        _measure(layer, tensors, networks[layer.network])
    return layers


def _split(key: str) -> tuple[str, str]:
    ends = _ENDS.search(key)
    if ends is None:
        return key, ""
    number = next(i for i in range(len(_PARTS)) if ends[f"p{i}"] is not None)
    part = _PARTS[number][1]
    if not part:
        part = key.rpartition(".")[2]
    return key[: ends.start()], part


def _modules(shapes: Shapes) -> dict[str, str]:
    """Modules with weights, by their names, by those without ``text_model``, and by Kohya's."""
    known: dict[str, str] = {}
    for name in shapes:
        if name.endswith(".weight"):
            module = name.removesuffix(".weight")
            short = module.removeprefix("text_model.")
            for spelling in (module, short, f"text_model.{short}"):
                known[spelling] = module
                known[spelling.replace(".", "_")] = module
    return known


def _place(
    base: str, modules: Mapping[str, Mapping[str, str]], per_block: int
) -> tuple[str, str] | None:
    base = base.removeprefix("base_model.model.")
    for prefix in sorted(_NETWORKS, key=len, reverse=True):
        mark = "_" if prefix.startswith("lora_") else "."
        if base.startswith(prefix + mark):
            network, rest = _NETWORKS[prefix], base[len(prefix) + 1 :]
            break
    else:
        network, rest = "unet", base
    if network == "unet" and "unet" not in modules:
        network = "transformer"
    if network == "text_encoder_3" and network not in modules:
        network = "text_encoder_2"  # FLUX's T5, which Kohya's scripts number as SD3's
    known = modules.get(network)
    if known is None:
        return None
    for spelling in _spellings(rest, network, per_block):
        if spelling in known:
            return network, known[spelling]
    return None


def _spellings(name: str, network: str, per_block: int) -> Iterable[str]:
    yield name
    plain = name.replace(".processor", "")
    yield plain
    if plain.endswith("to_out"):
        yield f"{plain}.0"
    if network.startswith("text_encoder"):
        head, _, last = plain.rpartition(".")
        yield f"{head}.{_OLD.get(last, last)}"
    original = re.sub(r"[.]", "_", plain)
    if network == "unet":
        yield in_unet(original, per_block)


def _flux(base: str, shapes: Shapes) -> list[tuple[str, str, tuple[int, int] | None]]:
    """A layer of FLUX's own transformer as diffusers' layers, each with its rows."""
    name = re.sub(
        r"^(?:lora_unet_|lora_transformer_|transformer_|diffusion_model_|unet_)?",
        "",
        base.replace(".", "_"),
    )
    return [("transformer", module, rows) for module, rows in in_flux(name, shapes)]


def _measure(layer: Layer, tensors: Shapes, network: Shapes) -> None:
    """Refuse factors that do not make a change of the weight's shape."""
    weight = network[f"{layer.module}.weight"]
    parts = {part: tensors[key] for part, key in layer.tensors.items()}
    if layer.rows is not None:
        if any(part.startswith("lokr") for part in parts):
            raise Misfit(f"its layer {layer.module} is one of several in a Kronecker product")
        first, last = layer.rows
        for part in OUTPUTS & set(parts):
            if parts[part][0] < last:
                raise Misfit(f"its layer {layer.module} has fewer outputs than this model's")
            parts[part] = (last - first, *parts[part][1:])
    low = "down" in parts and "up" in parts and "mid" not in parts
    if low and (
        parts["up"][0] != weight[0]
        or prod(parts["down"][1:]) != prod(weight[1:])
        or prod(parts["up"][1:]) != parts["down"][0]
    ):
        into, out = prod(parts["down"][1:]), parts["up"][0]
        raise Misfit(
            f"its layer {layer.module} goes from {into} to {out} numbers,"
            f" this model's from {prod(weight[1:])} to {weight[0]}"
        )
    if "diff" in parts and prod(parts["diff"]) != prod(weight):
        raise Misfit(f"its layer {layer.module} is of another size than this model's")
    whole = low or "mid" in parts or "diff" in parts or "bias" in parts
    whole = whole or {"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"} <= set(parts)
    whole = whole or any(part.startswith("lokr_w1") for part in parts)
    if not whole:
        raise Misfit(f"its layer {layer.module} lacks one of its factors")
