"""LoRA (arXiv 2106.09685): low-rank changes of weights, merged for a drawing and taken out again.

W + weight x alpha / rank x B A is computed once for every layer, so a step costs nothing more. The
old tensors are kept by reference and put back: not a bit of the model differs afterwards. What was
merged last is kept as well, where it is small: thirty drafts in a row merge their LoRA once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from maquette.core.conditioning import Lora
from maquette.engines.diffusers.conditions.catalogue import weights_of
from maquette.engines.diffusers.conditions.headers import Shapes
from maquette.engines.diffusers.conditions.keys import OUTPUTS, Layer, Misfit, match
from maquette.errors import ModelRefused, RecipeRefused

__all__ = ["change", "merged"]

Tensors = Mapping[str, torch.Tensor]


@contextmanager
def merged(
    networks: Mapping[str, Any], loras: Sequence[tuple[Lora, Path | Callable[[], Tensors]]]
) -> Iterator[None]:
    """The LoRAs merged into the networks (``unet``, ``text_encoder`` …), for as long as it lasts;
    each is a file, or what reads its tensors out of another's.

    Raises:
        RecipeRefused: one that was made for another model.
        ModelRefused: a damaged file.
    """
    kept: _Weights = {}
    asked = tuple((lora.digest, lora.weight, lora.text_weight) for lora, _ in loras)
    try:
        if (known := _LAST.get("merged")) is not None and known.fits(networks, asked):
            for place, new in known.weights.items():
                kept[place] = place.swap(new)
        else:
            _LAST.clear()
            for lora, source in loras:
                tensors = _load(source) if isinstance(source, Path) else source()
                _merge(networks, lora, tensors, kept)
            _keep(networks, asked, kept)
        yield
    finally:
        for place, old in kept.items():
            # A network that had its turn on the device may be elsewhere by now.
            new = place.swap(old)
            if old.device != new.device:
                old.data = old.data.to(new.device)


@dataclass(frozen=True)
class _Place:
    """Where a weight lives: the layer itself, so that no draft looks for two hundred of them by
    their names anew (8 ms of a draft's 0.15 s)."""

    module: weakref.ref[Any]
    name: str

    @classmethod
    def of(cls, network: Any, name: str) -> _Place:
        path, _, leaf = name.rpartition(".")
        return cls(weakref.ref(network.get_submodule(path)), leaf)

    @property
    def parameter(self) -> Any:
        """The weight that is there now."""
        return getattr(self.module(), self.name)

    def swap(self, new: Any) -> Any:
        """Put another weight there; gives the one that was. Both stay as they are, and the layer's
        own way of taking a weight, which first looks through all its names, is gone round."""
        layer: Any = self.module()
        weights: dict[str, Any] = layer._parameters
        old, weights[self.name] = weights[self.name], new
        return old


_Weights = dict[_Place, Any]
"""Parameters by their place."""


@dataclass(frozen=True)
class _Merged:
    """Merged weights by their place, of these LoRAs in these networks."""

    asked: tuple[object, ...]
    owners: Mapping[str, weakref.ref[Any]]
    weights: _Weights

    def fits(self, networks: Mapping[str, Any], asked: tuple[object, ...]) -> bool:
        """Whether it is what would be merged now, on the device where it is wanted."""
        return (
            self.asked == asked
            and all(networks.get(name) is owner() for name, owner in self.owners.items())
            and all(place.parameter.device == new.device for place, new in self.weights.items())
        )


_LAST: dict[str, _Merged] = {}
KEEP = 256 * 2**20
"""Bytes of merged weights that are kept at most."""


def _keep(
    networks: Mapping[str, Any], asked: tuple[object, ...], changed: Iterable[_Place]
) -> None:
    found = {place: place.parameter for place in changed}
    if sum(new.nbytes for new in found.values()) <= KEEP:
        owners = {name: weakref.ref(network) for name, network in networks.items()}
        _LAST["merged"] = _Merged(asked, owners, found)


def _load(path: Path) -> Tensors:
    file = weights_of(path)
    try:
        return load_file(file)
    except Exception as error:
        raise ModelRefused(f"{file.name} cannot be read: {error}", hint="get it again") from error


def _merge(
    networks: Mapping[str, Any],
    lora: Lora,
    tensors: Tensors,
    kept: _Weights,
) -> None:
    shapes: dict[str, Shapes] = {
        name: {key: tuple(value.shape) for key, value in network.named_parameters()}
        for name, network in networks.items()
    }
    unet = networks.get("unet")
    per_block = unet.config.get("layers_per_block", 2) if unet is not None else 2
    try:
        layers = match({k: tuple(v.shape) for k, v in tensors.items()}, shapes, per_block)
    except Misfit as error:
        raise RecipeRefused(
            f"the LoRA '{lora.name}' was made for another model: {error}",
            hint="use it with the family that it was trained on",
        ) from error
    for layer in layers:
        text = layer.network.startswith("text_encoder")
        own = lora.text_weight if text and lora.text_weight is not None else lora.weight
        factors = {part: tensors[key] for part, key in layer.tensors.items()}
        if layer.rows is not None:
            own_rows = slice(*layer.rows)
            for part in OUTPUTS & set(factors):
                factors[part] = factors[part][own_rows]
        for name, new in _changed(networks[layer.network], layer, factors, own):
            place = _Place.of(networks[layer.network], name)
            parameter = place.parameter
            # The network may hold its weights in an order of memory of its own.
            made = torch.empty_like(parameter.data).copy_(new)
            old = place.swap(torch.nn.Parameter(made, requires_grad=False))
            kept.setdefault(place, old)


def _changed(
    network: Any, layer: Layer, factors: Tensors, weight: float
) -> Iterator[tuple[str, torch.Tensor]]:
    name = f"{layer.module}.weight"
    old = network.get_parameter(name).data
    if set(factors) - {"bias", "alpha"}:
        yield name, old.float() + weight * change(old, factors)
    if "bias" in factors:
        name = f"{layer.module}.bias"
        bias = network.get_parameter(name).data
        yield name, bias.float() + weight * factors["bias"].to(bias.device).float()


def change(old: torch.Tensor, factors: Tensors) -> torch.Tensor:
    """What is added to a weight at weight 1, float32 in the weight's shape.

    ``factors`` are those of ``keys.match``: ``down`` (rank, in, …) and ``up`` (out, rank, …) with
    ``alpha``, perhaps a Tucker core ``mid``; ``hada_w1_a`` …; ``lokr_w1`` …; ``diff``; and
    ``magnitude``, the length of each output's (or input's) weights after the change.
    """
    part = {name: value.to(old.device).float() for name, value in factors.items()}
    if "diff" in part:
        delta, rank = part["diff"], 0
    elif "up" in part:
        rank = part["down"].shape[0]
        delta = _product(part["up"], part["down"], part.get("mid"))
    elif "hada_w1_a" in part:
        rank = part["hada_w1_b"].shape[0]
        delta = _hadamard(part)
    else:
        delta, rank = _kronecker(part)
    scale = float(part["alpha"]) / rank if "alpha" in part and rank else 1.0
    delta = delta.reshape(old.shape) * scale
    if "magnitude" not in part:
        return delta
    new = old.float() + delta
    size = part["magnitude"].flatten()
    if size.numel() == new.shape[0]:
        length = new.flatten(1).norm(dim=1)
        shape = (-1, *[1] * (new.ndim - 1))
    else:  # of each input, as LyCORIS has it
        length = new.transpose(0, 1).flatten(1).norm(dim=1)
        shape = (1, -1, *[1] * (new.ndim - 2))
    return new * (size / length.clamp_min(1e-12)).view(shape) - old.float()


def _product(up: torch.Tensor, down: torch.Tensor, mid: torch.Tensor | None) -> torch.Tensor:
    if mid is None:
        return up.flatten(1) @ down.flatten(1)
    # Tucker: (rank, rank, kernel) between the two, whose kernels are 1x1.
    return torch.einsum("ij...,oi,jn->on...", mid, up.flatten(1), down.flatten(1))


def _hadamard(part: Tensors) -> torch.Tensor:
    def one(number: int) -> torch.Tensor:
        a, b = part[f"hada_w{number}_a"], part[f"hada_w{number}_b"]
        core = part.get(f"hada_t{number}")
        # With a core, a is (rank, out) and b (rank, in).
        return a @ b if core is None else torch.einsum("ij...,jn,io->on...", core, b, a)

    return one(1) * one(2)


def _kronecker(part: Tensors) -> tuple[torch.Tensor, int]:
    rank = 0

    def one(number: int) -> torch.Tensor:
        nonlocal rank
        if (whole := part.get(f"lokr_w{number}")) is not None:
            return whole
        a, b = part[f"lokr_w{number}_a"], part[f"lokr_w{number}_b"]
        rank = b.shape[0]
        core = part.get("lokr_t2") if number == 2 else None
        if core is None:
            return a @ b.flatten(1) if b.ndim == 2 else (a @ b.flatten(1)).view(-1, *b.shape[1:])
        return torch.einsum("ij...,jn,io->on...", core, b, a)

    first, second = one(1), one(2)
    first = first.view(*first.shape, *[1] * (second.ndim - first.ndim))
    return torch.kron(first, second.contiguous()), rank
