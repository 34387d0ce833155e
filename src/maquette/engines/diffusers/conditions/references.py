"""The reference pictures of a recipe: each by its IP-Adapter, or all others by attention alone."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from maquette.core.conditioning import Reference
from maquette.core.geometry import Box, Size
from maquette.core.value import ModelRef
from maquette.engines.diffusers.conditions.catalogue import (
    Catalogue,
    encoder_of,
    weights_of,
)
from maquette.engines.diffusers.conditions.ip_adapter import (
    Adapter,
    PictureCondition,
    load_adapter,
    mask_tensor,
    picture_tokens,
)
from maquette.engines.diffusers.conditions.ip_joint import JointAdapter, JointPicture, load_joint
from maquette.engines.diffusers.conditions.maps import window
from maquette.engines.diffusers.conditions.reference_only import ReferenceCondition, Shown
from maquette.engines.diffusers.hooks import Condition
from maquette.engines.diffusers.latents import encode_image, pixels
from maquette.engines.diffusers.models import ModelCard
from maquette.engines.diffusers.weights import Parts

__all__ = ["referred"]

STYLE_SDXL = re.compile(r"up_blocks\.0\.attentions\.1\.")
"""Where SDXL keeps style (InstantStyle, arXiv 2404.02733); other models show it at every layer."""

MOST, SEEN = 2, 16
"""Adapters that stay loaded, or as many as a recipe names, and pictures as they were seen."""

_LOADED: OrderedDict[tuple[Any, ...], Adapter | JointAdapter] = OrderedDict()
_SEEN: OrderedDict[tuple[Any, ...], tuple[torch.Tensor, ...]] = OrderedDict()


def referred(
    references: Sequence[Reference],
    parts: Parts,
    size: Size,
    region: Box | None,
    *,
    catalogue: Catalogue,
    picture: Callable[[str], Image.Image],
) -> Iterator[Condition]:
    """Conditions for a canvas of ``size`` that shows ``region``; pictures come by their digest.

    Those without an adapter are looked at together, all others each by itself.
    """
    bare: list[Shown] = []
    stay = max(MOST, len({each.adapter.digest for each in references if each.adapter is not None}))
    for each in references:
        image = picture(each.image)
        mask = None
        if each.mask is not None:
            mask = mask_tensor(window(picture(each.mask), size, region))
        if each.adapter is not None:
            adapter = _adapter(each.adapter, parts, catalogue, stay)
            seen = _seen(_key(each.adapter, parts), adapter, each.image, image)
            yield _by_adapter(each, adapter, seen, mask, card=parts.card, size=size)
            continue
        latents = encode_image(parts, pixels(_fitted(image.convert("RGB"), size)))
        seed = int(each.image[:8], 16)
        bare.append(Shown(latents, seed, each.strength, mask, each.start, each.end))
    if bare:
        yield ReferenceCondition(bare)


def _by_adapter(
    asked: Reference,
    adapter: Adapter | JointAdapter,
    seen: tuple[torch.Tensor, ...],
    mask: torch.Tensor | None,
    *,
    card: ModelCard,
    size: Size,
) -> Condition:
    cells = size.height // card.scale, size.width // card.scale
    when = asked.start, asked.end
    if isinstance(adapter, JointAdapter):
        grid = cells[0] // card.patch, cells[1] // card.patch
        return JointPicture(adapter, seen[0], asked.strength, grid, mask, *when)
    told, none = seen
    style = asked.role == "style" and card.family == "sdxl"
    style = style and any(map(STYLE_SDXL.search, adapter.maps))
    layers = STYLE_SDXL if style else None
    return PictureCondition(adapter, told, none, asked.strength, cells, mask, layers, *when)


def _adapter(
    ref: ModelRef, parts: Parts, catalogue: Catalogue, stay: int
) -> Adapter | JointAdapter:
    """The adapter that a recipe names, for the model; the last ``stay`` remain loaded."""
    key = _key(ref, parts)
    if key not in _LOADED:
        path = Path(catalogue.by_digest(ref, "ip-adapter").path)
        load = load_adapter if "unet" in parts.card.configs else load_joint
        _LOADED[key] = load(weights_of(path), encoder_of(path), parts)
        while len(_LOADED) > stay:
            _LOADED.popitem(last=False)
    _LOADED.move_to_end(key)
    return _LOADED[key]


def _key(ref: ModelRef, parts: Parts) -> tuple[Any, ...]:
    return ref.digest, parts.card.ref.digest, str(parts.device), parts.dtype


def _seen(
    key: tuple[Any, ...], adapter: Adapter | JointAdapter, digest: str, image: Image.Image
) -> tuple[torch.Tensor, ...]:
    """What an adapter's encoder makes of a picture; the last ones are kept, since drafts in a row
    are like the same picture."""
    if (*key, digest) not in _SEEN:
        joint = isinstance(adapter, JointAdapter)
        made = (adapter.seen(image),) if joint else picture_tokens(adapter, image)
        _SEEN[*key, digest] = made
        while len(_SEEN) > SEEN:
            _SEEN.popitem(last=False)
    _SEEN.move_to_end((*key, digest))
    return _SEEN[*key, digest]


def _fitted(image: Image.Image, size: Size) -> Image.Image:
    """The middle of a picture in the shape of a size, at that size."""
    share = min(image.width / size.width, image.height / size.height)
    width, height = round(size.width * share), round(size.height * share)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    cut = image.crop((left, top, left + width, top + height))
    return cut.resize((size.width, size.height), Image.Resampling.LANCZOS)
