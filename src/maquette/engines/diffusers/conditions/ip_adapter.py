"""IP-Adapter (arXiv 2308.06721): a picture as a few tokens, attended beside the words.

Each cross-attention gets keys and values of the picture's tokens; what it attends there is added
to what it attends in the words, at a scale. Unconditional rows see the tokens of no picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open

from maquette.engines.diffusers.attention import Aim, grids
from maquette.engines.diffusers.conditions.control import active
from maquette.engines.diffusers.conditions.ip_encoder import Encoder, load_encoder
from maquette.engines.diffusers.hooks import Call, Condition
from maquette.engines.diffusers.weights import Parts
from maquette.errors import ModelRefused, RecipeRefused

__all__ = [
    "Adapter",
    "PictureCondition",
    "load_adapter",
    "maps_of",
    "mask_tensor",
    "picture_tokens",
    "read_tensors",
]

Maps = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""Of each cross-attention, by name: the weights that make keys and values of tokens."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """A loaded IP-Adapter: ``project`` makes tokens of a picture's vector, ``deep`` says whether it
    reads the encoder's places instead of its one vector."""

    encoder: Encoder
    project: Any
    maps: Maps
    deep: bool


def read_tensors(
    file: Path, wanted: Callable[[str], bool] = lambda _: True
) -> dict[str, torch.Tensor]:
    """The tensors of an adapter's file whose names are ``wanted``.

    Raises:
        ModelRefused: it does not load.
    """
    try:
        with safe_open(file, framework="pt") as held:
            names = [name for name in held.keys() if wanted(name)]  # noqa: SIM118
            return {name: held.get_tensor(name) for name in names}
    except Exception as error:
        raise ModelRefused(
            f"the IP-Adapter {file.stem} does not load: {str(error).splitlines()[0][:200]}",
            hint="its file is damaged; get it again",
        ) from error


def load_adapter(file: Path, beside: Path, parts: Parts) -> Adapter:
    """Read an adapter and the image encoder that lies ``beside`` it, for a model.

    Raises:
        RecipeRefused: an adapter for another model, or one that reads faces by an own network.
        ModelRefused: files that do not load.
    """
    tensors = read_tensors(file)
    told = {k.removeprefix("image_proj."): v for k, v in tensors.items() if "image_proj." in k}
    if "perceiver_resampler.proj_in.weight" in told or (
        "proj.0.weight" in told and "proj.3.weight" not in told
    ):
        raise RecipeRefused(
            f"{file.stem} reads faces by a recognition network that is not part of it",
            hint="use an IP-Adapter that reads pictures by its image encoder",
        )
    maps = maps_of(tensors, parts, file.stem)
    encoder = load_encoder(beside, parts)
    try:
        project = parts.unet._convert_ip_adapter_image_proj_to_diffusers(
            {key: value.to(parts.dtype) for key, value in told.items()}, low_cpu_mem_usage=False
        )
    except Exception as error:
        raise ModelRefused(f"the IP-Adapter {file.stem} is of no known shape") from error
    project.to(parts.device, parts.dtype).eval().requires_grad_(False)
    deep = "proj.weight" not in told
    return Adapter(encoder, project, maps, deep)


def maps_of(tensors: Mapping[str, torch.Tensor], parts: Parts, name: str) -> Maps:
    """Keys' and values' weights by attention. The format numbers all attentions in turn, its own
    first, so that those to the words are the odd ones."""
    found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    number = 1
    for full in parts.unet.attn_processors:
        layer = full.removesuffix(".processor")
        if layer.endswith("attn1"):
            continue
        key, value = (
            tensors.get(f"ip_adapter.{number}.to_{which}_ip.weight") for which in ("k", "v")
        )
        own = parts.unet.get_submodule(layer)
        if key is None or value is None or len(key) != own.to_k.out_features:
            raise RecipeRefused(
                f"the IP-Adapter '{name}' was made for another model: it does not fit {layer}",
                hint="use it with the family that it was trained on",
            )
        like = parts.device, parts.dtype
        found[layer] = key.to(*like), value.to(*like)
        number += 2
    return found


@torch.inference_mode()
def picture_tokens(adapter: Adapter, image: Image.Image) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of a picture, and those of no picture, each (1, tokens, width)."""
    seen = adapter.encoder.prepared(image)
    if adapter.deep:
        told, none = (adapter.encoder.places(each) for each in (seen, torch.zeros_like(seen)))
    else:
        told = adapter.encoder.vector(seen)
        none = torch.zeros_like(told)
    return adapter.project(told), adapter.project(none)


@dataclass(eq=False)
class PictureCondition(Condition):
    """The picture's part in every cross-attention.

    ``told`` and ``none`` are tokens (1, tokens, width); ``mask`` is where the picture counts, at
    the drawing's size, (height, width) 0 to 1, or None for everywhere; ``layers`` are the
    attentions that see it, None for all; ``cells`` is the latents' (rows, columns). It counts from
    ``start`` to ``end`` of the steps.
    """

    adapter: Adapter
    told: torch.Tensor
    none: torch.Tensor
    scale: float
    cells: tuple[int, int]
    mask: torch.Tensor | None = None
    layers: re.Pattern[str] | None = None
    start: float = 0.0
    end: float = 1.0
    on: bool = True
    kept: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]] = field(
        default_factory=dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]]
    )

    def before(self, call: Call) -> Mapping[str, Any]:
        """Adds nothing itself; notes whether this step is one of its own."""
        self.on = active(call, self.start, self.end)
        return {}

    def attend(self, layer: str, attn: Any, query: torch.Tensor, aim: Aim) -> torch.Tensor | None:
        """``query`` is (rows x heads, places, width of a head)."""
        if not self.on or self.scale == 0:
            return None
        if self.layers is not None and not self.layers.search(layer):
            return None
        if layer not in self.kept:
            to_key, to_value = self.adapter.maps[layer]
            made = (
                attn.head_to_batch_dim(tokens.to(weight) @ weight.T)
                for tokens in (self.none, self.told)
                for weight in (to_key, to_value)
            )
            none_key, none_value, key, value = made
            self.kept[layer] = none_key, none_value, key, value
        none_key, none_value, key, value = self.kept[layer]
        rows = query.shape[0] // attn.heads
        told = rows - aim.first

        def spread(none: torch.Tensor, some: torch.Tensor) -> torch.Tensor:
            return torch.cat([none.repeat(aim.first, 1, 1), some.repeat(told, 1, 1)])

        keys, values = spread(none_key, key), spread(none_value, value)
        shares = (query @ keys.transpose(1, 2) * attn.scale).softmax(dim=-1)
        out = self.scale * (shares @ values)
        if self.mask is not None:
            out = out * self._mask(query.shape[1]).to(out)[None, :, None]
        return out

    def _mask(self, places: int) -> torch.Tensor:
        """The mask at a layer's places, (places)."""
        assert self.mask is not None  # noqa: S101 (asked)
        rows, columns = grids(*self.cells, 8)[places]
        small = torch.nn.functional.interpolate(
            self.mask[None, None], size=(rows, columns), mode="bicubic"
        )
        return small.flatten()


def mask_tensor(image: Image.Image) -> torch.Tensor:
    """(height, width), 1 where the mask is at least half white."""
    return torch.from_numpy((np.asarray(image.convert("L")) > 127).astype(np.float32))
