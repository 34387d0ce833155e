"""IP-Adapters in joint attention: those of SD3 (InstantX's layout) and of FLUX (XLabs' layout).

SD3: SigLIP's places become tokens that depend on the timestep (a resampler); in every block the
picture's places attend, by norms of their own, to themselves and to the tokens, and what they get
is added before the attention's last projection. FLUX: CLIP's vector becomes a few tokens; in every
block of two streams the places attend to them alone, and what they get is added behind the block.
Texts attend to no such token, so that weights and maps of words go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch.nn.functional import (
    interpolate,
    layer_norm,
    linear,
    rms_norm,
    scaled_dot_product_attention,
    silu,
)

from maquette.engines.diffusers.attention import Aim
from maquette.engines.diffusers.conditions.control import active
from maquette.engines.diffusers.conditions.ip_adapter import read_tensors
from maquette.engines.diffusers.conditions.ip_encoder import Encoder, load_encoder
from maquette.engines.diffusers.conditions.ip_layouts import joint_keys
from maquette.engines.diffusers.hooks import Call, Condition, Places
from maquette.engines.diffusers.weights import Parts, quiet
from maquette.errors import ModelRefused, RecipeRefused

__all__ = ["JointAdapter", "JointPicture", "load_joint"]

EPS = 1e-6
"""Of SD3's norms."""

Layer = Mapping[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class JointAdapter:
    """A loaded adapter of a joint transformer: ``project`` makes tokens of what ``encoder`` saw,
    ``layers`` are its weights by the attention's name in the network."""

    family: Literal["sd3", "flux"]
    encoder: Encoder
    project: Any
    layers: Mapping[str, Layer]

    @torch.inference_mode()
    def seen(self, image: Image.Image) -> torch.Tensor:
        """What the encoder makes of a picture: (1, places, width) for SD3, (1, width) for FLUX."""
        prepared = self.encoder.prepared(image)
        return (self.encoder.vector if self.family == "flux" else self.encoder.places)(prepared)


def load_joint(file: Path, beside: Path, parts: Parts) -> JointAdapter:
    """Read an adapter and the image encoder that lies ``beside`` it, for a transformer.

    Raises:
        RecipeRefused: an adapter for another model.
        ModelRefused: files that do not load.
    """
    tensors = read_tensors(file)
    encoder = load_encoder(beside, parts)
    kind, told, numbered = joint_keys(tensors)
    like = parts.device, parts.dtype
    names = _names(parts.network, kind)
    if len(numbered) != len(names):
        raise RecipeRefused(
            f"the IP-Adapter '{file.stem}' was made for another model:"
            f" it has layers for {len(numbered)} attentions, this one {len(names)}",
            hint="use it with the model that it was trained on",
        )
    layers = {
        name: {key: value.to(*like) for key, value in numbered[number].items()}
        for number, name in enumerate(names)
    }
    told = {key: value.to(parts.dtype) for key, value in told.items()}
    with quiet():
        project = _sd3_project(told, parts, file.stem) if kind == "sd3" else _flux_project(told)
    project.to(*like).eval().requires_grad_(False)
    return JointAdapter(kind, encoder, project, layers)


def _names(network: Any, kind: str) -> list[str]:
    """The attentions that an adapter has layers for, in the order of its numbers."""
    names = [name.removesuffix(".processor") for name in network.attn_processors]
    return [n for n in names if kind == "sd3" or n.startswith("transformer_blocks.")]


def _sd3_project(told: Mapping[str, torch.Tensor], parts: Parts, name: str) -> Any:
    try:
        return parts.network._convert_ip_adapter_image_proj_to_diffusers(
            dict(told), low_cpu_mem_usage=False
        )
    except Exception as error:
        raise ModelRefused(f"the IP-Adapter {name} is of no known shape") from error


def _flux_project(told: Mapping[str, torch.Tensor]) -> Any:
    from diffusers.models.embeddings import ImageProjection

    rows, reads = told["proj.weight"].shape
    width = len(told["norm.weight"])
    project = ImageProjection(reads, width, rows // width)
    project.load_state_dict({key.replace("proj", "image_embeds"): v for key, v in told.items()})
    return project


Kept = tuple[torch.Tensor, torch.Tensor]


@dataclass(eq=False)
class JointPicture(Condition):
    """A picture's part in every joint attention, from ``start`` to ``end`` of the steps.

    ``seen`` is what the encoder made of it; ``mask`` where it counts, at the drawing's size,
    (height, width) 0 to 1, or None; ``grid`` the rows and columns of the network's places.
    """

    adapter: JointAdapter
    seen: torch.Tensor
    scale: float
    grid: tuple[int, int]
    mask: torch.Tensor | None = None
    start: float = 0.0
    end: float = 1.0
    _on: bool = False
    _tokens: torch.Tensor | None = None
    _temb: torch.Tensor | None = None
    _placed: torch.Tensor | None = None
    _kept: dict[str, Kept] = field(default_factory=dict[str, Kept])

    def before(self, call: Call) -> Mapping[str, Any]:
        """Make the tokens of no picture and of this one, (2, tokens, width): SD3's at every step
        anew; adds nothing itself."""
        self._on = self.scale > 0 and active(call, self.start, self.end)
        if not self._on:
            return {}
        if self.adapter.family == "sd3":
            both = torch.cat([torch.zeros_like(self.seen), self.seen])
            self._tokens, self._temb = self.adapter.project(both, call.timestep.expand(2))
            self._kept.clear()
        elif self._tokens is None:
            # FLUX has no unconditional rows.
            self._tokens = self.adapter.project(self.seen)
        return {}

    def join(self, layer: str, attn: Any, places: Places, aim: Aim) -> torch.Tensor | None:
        """See ``Condition``."""
        weights = self.adapter.layers.get(layer)
        if not self._on or self._tokens is None or weights is None:
            return None
        if layer not in self._kept:
            self._kept[layer] = self._read(weights, self._tokens, attn.heads)
        rows = len(places.query)
        key, value = (self._spread(each, aim.first, rows) for each in self._kept[layer])
        if self.adapter.family == "sd3":
            query = _normed(places.query, weights, "norm_q")
            key = torch.cat([_normed(places.key, weights, "norm_k"), key], dim=2)
            value = torch.cat([places.value, value], dim=2)
        else:
            query = places.normed
        out = self.scale * scaled_dot_product_attention(query, key, value)
        return out if self.mask is None else out * self._where(out)

    def _read(self, weights: Layer, tokens: torch.Tensor, heads: int) -> Kept:
        """Keys and values of tokens, (rows, heads, tokens, width of a head)."""
        if self._temb is not None:
            shift, scale = linear(
                silu(self._temb), weights["norm_ip.linear.weight"], weights["norm_ip.linear.bias"]
            ).chunk(2, dim=1)
            tokens = layer_norm(tokens, tokens.shape[-1:], eps=EPS)
            tokens = tokens * (1 + scale[:, None]) + shift[:, None]
        key, value = (
            linear(tokens, weights[f"to_{n}_ip.weight"], weights.get(f"to_{n}_ip.bias"))
            .unflatten(-1, (heads, -1))
            .transpose(1, 2)
            for n in "kv"
        )
        return (_normed(key, weights, "norm_ip_k") if self._temb is not None else key), value

    @staticmethod
    def _spread(both: torch.Tensor, first: int, rows: int) -> torch.Tensor:
        """The first for the unconditional rows, the last for all others."""
        free, told = both[:1], both[-1:]
        return torch.cat([free.expand(first, -1, -1, -1), told.expand(rows - first, -1, -1, -1)])

    def _where(self, like: torch.Tensor) -> torch.Tensor:
        """The mask at the places, (1, 1, places, 1)."""
        assert self.mask is not None  # noqa: S101 (asked)
        if self._placed is None:
            small = interpolate(self.mask[None, None], size=self.grid, mode="area")
            self._placed = small.flatten()[None, None, :, None].to(like)
        return self._placed


def _normed(states: torch.Tensor, weights: Layer, name: str) -> torch.Tensor:
    weight = weights[f"{name}.weight"]
    return rms_norm(states, weight.shape, weight, EPS)
