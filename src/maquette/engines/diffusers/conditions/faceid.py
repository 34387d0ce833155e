"""Faces by a recognition network: IP-Adapter FaceID (arXiv 2308.06721; h94/IP-Adapter-FaceID).

A face is turned upright by its five marks, a recogniser makes a vector of it, and the adapter makes
tokens of the vector, which every cross-attention reads beside the words as any IP-Adapter's. Plus
and PlusV2 let an image encoder look at the upright face too. FaceID's own LoRA, where the file
holds one, is merged at weight 1 for as long as a face of it counts, as it was trained.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from maquette.core.conditioning import Lora, Reference
from maquette.core.geometry import Box, Size
from maquette.engines.diffusers.conditions.catalogue import (
    Catalogue,
    encoder_of,
    layout_of_faces,
    weights_of,
)
from maquette.engines.diffusers.conditions.face_layout import FaceLayout, lora_tensors, plain_key
from maquette.engines.diffusers.conditions.ip_adapter import (
    Adapter,
    PictureCondition,
    maps_of,
    mask_tensor,
    read_tensors,
)
from maquette.engines.diffusers.conditions.ip_encoder import load_encoder
from maquette.engines.diffusers.conditions.maps import window
from maquette.engines.diffusers.weights import Parts
from maquette.engines.learned.recognise import aligned, by_ref, recogniser
from maquette.errors import ModelRefused, RecipeRefused

__all__ = ["FaceAdapter", "face_tokens", "load_faces", "loras_of", "recognised"]

LOOKED_AT = 224
"""Pixels of the upright face that the image encoder of Plus looks at."""


@dataclass(frozen=True, eq=False)
class FaceAdapter:
    """A loaded adapter of faces: ``adapter`` is what the attentions read, ``layout`` says what
    its tokens are made of."""

    adapter: Adapter
    layout: FaceLayout


def layout_of(path: Path) -> tuple[Path, FaceLayout]:
    """The file of weights of an adapter of faces, and its layout.

    Raises:
        RecipeRefused: it reads pictures.
        ModelRefused, ModelMissing: a damaged file.
    """
    layout = layout_of_faces(path)
    if layout is None:
        raise RecipeRefused(
            f"'{_name(path)}' reads pictures, not what a recogniser tells of a face",
            hint="leave the recogniser out, or give an IP-Adapter FaceID",
        )
    return weights_of(path), layout


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


_KEPT: OrderedDict[tuple[Any, ...], FaceAdapter] = OrderedDict()
_MOST = 2


def load_faces(path: Path, digest: str, parts: Parts) -> FaceAdapter:
    """Read an adapter of faces for a model; the last two stay.

    Raises:
        RecipeRefused: it was made for another model, or reads pictures.
        ModelRefused: files that do not load.
    """
    key = (digest, parts.card.ref.digest, str(parts.device), parts.dtype)
    if key not in _KEPT:
        _KEPT[key] = _load(path, parts)
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(key)
    return _KEPT[key]


def _load(path: Path, parts: Parts) -> FaceAdapter:
    file, layout = layout_of(path)
    tensors = _read(file, lora=False)
    maps = maps_of(tensors, parts, _name(path))
    encoder = load_encoder(encoder_of(path), parts) if layout.encoder else None
    if encoder is not None and encoder.network.config.hidden_size != layout.encoder:
        raise ModelRefused(
            f"the image encoder of {_name(path)} sees by {encoder.network.config.hidden_size}"
            f" numbers, the adapter reads {layout.encoder}",
            hint="give the encoder that it was published with (CLIP ViT-H for FaceID Plus)",
        )
    told = {
        key.removeprefix("image_proj."): value.to(parts.dtype)
        for key, value in tensors.items()
        if key.startswith("image_proj.")
    }
    try:
        project: Any = parts.unet._convert_ip_adapter_image_proj_to_diffusers(
            told, low_cpu_mem_usage=False
        )
    except Exception as error:
        raise ModelRefused(f"the IP-Adapter {_name(path)} is of no known shape") from error
    project.to(parts.device, parts.dtype).eval().requires_grad_(False)
    if layout.kind == "plus":
        project.shortcut = layout.shortcut
    seen: Any = encoder
    return FaceAdapter(Adapter(seen, project, maps, deep=True), layout)


def _read(file: Path, *, lora: bool) -> dict[str, torch.Tensor]:
    """The tensors of a file: those of its LoRA, or all others."""
    found = read_tensors(file, lambda name: ("_lora." in name) is lora)
    return {plain_key(name): tensor for name, tensor in found.items()}


def loras_of(
    references: Sequence[Reference], parts: Parts, catalogue: Catalogue
) -> list[tuple[Lora, Callable[[], Mapping[str, torch.Tensor]]]]:
    """FaceID's own LoRAs, each once and only where a face of its adapter counts, with what reads
    them; they act on the whole drawing, whatever a face's place and time."""
    found: dict[str, tuple[Lora, Callable[[], Mapping[str, torch.Tensor]]]] = {}
    for each in references:
        path, digest = _path_of(each, catalogue)
        if each.strength > 0 and digest not in found:
            file, layout = layout_of(path)
            if layout.lora:
                layers = [name.removesuffix(".processor") for name in parts.unet.attn_processors]
                read = partial(_own_lora, file, layers)
                found[digest] = Lora(name=_name(path), digest=digest), read
    return list(found.values())


def _own_lora(file: Path, layers: Sequence[str]) -> Mapping[str, torch.Tensor]:
    return lora_tensors(_read(file, lora=True), layers)


def recognised(
    references: Sequence[Reference],
    parts: Parts,
    size: Size,
    region: Box | None,
    *,
    catalogue: Catalogue,
    picture: Callable[[str], Image.Image],
) -> Iterator[PictureCondition]:
    """Conditions for a canvas of ``size`` that shows ``region``; pictures come by their digest.

    Pictures to one adapter that are alike in strength, place and time are one person's: their
    tokens are read as one (Portrait was taught with five pictures).
    """
    groups: dict[tuple[Any, ...], list[Reference]] = {}
    for each in references:
        if each.strength > 0:
            alike = each.adapter, each.strength, each.mask, each.start, each.end
            groups.setdefault(alike, []).append(each)
    cells = size.height // parts.card.scale, size.width // parts.card.scale
    for group in groups.values():
        first = group[0]
        faces = load_faces(*_path_of(first, catalogue), parts)
        images = [picture(each.image) for each in group]
        told, none = face_tokens(faces, group, images, catalogue.models)
        mask = None
        if first.mask is not None:
            mask = mask_tensor(window(picture(first.mask), size, region))
        yield PictureCondition(
            faces.adapter,
            told,
            none,
            first.strength,
            cells,
            mask,
            start=first.start,
            end=first.end,
        )


def _path_of(reference: Reference, catalogue: Catalogue) -> tuple[Path, str]:
    assert reference.adapter is not None  # noqa: S101 (with a recogniser there is one)
    found = catalogue.by_digest(reference.adapter, "ip-adapter")
    return Path(found.path), reference.adapter.digest


@torch.inference_mode()
def face_tokens(
    faces: FaceAdapter,
    references: Sequence[Reference],
    images: Sequence[Image.Image],
    models: Path | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens of the faces of some references, one after another, and those of no face, each
    (1, tokens, width).

    Raises:
        ModelMissing, ModelRefused, ExtraMissing: a recogniser that is not here or does not work.
        RecipeRefused: one whose vectors have another length than the adapter reads.
    """
    told: list[torch.Tensor] = []
    none: list[torch.Tensor] = []
    for reference, image in zip(references, images, strict=True):
        vector = _vector(faces, reference, image, models)
        seen = None
        if (encoder := faces.adapter.encoder) is not None and faces.layout.kind == "plus":
            seen = encoder.prepared(aligned(image, reference.marks, LOOKED_AT))
        told.append(_projected(faces, vector, seen))
        blank = torch.zeros_like(seen) if seen is not None else None
        none.append(_projected(faces, torch.zeros_like(vector), blank))
    return torch.cat(told, dim=1), torch.cat(none, dim=1)


def _vector(
    faces: FaceAdapter, reference: Reference, image: Image.Image, models: Path | None
) -> torch.Tensor:
    assert reference.recogniser is not None  # noqa: S101 (asked)
    network = by_ref(reference.recogniser, models)
    reads = recogniser(network.path, reference.recogniser.digest)
    if reads.width != faces.layout.width:
        raise RecipeRefused(
            f"the recogniser '{network.name}' tells a face by {reads.width} numbers,"
            f" the IP-Adapter reads {faces.layout.width}",
            hint=f"use a recogniser of {faces.layout.width} numbers",
        )
    vector = reads.vector(aligned(image, reference.marks))
    if faces.layout.unit:
        vector = vector / np.linalg.norm(vector)
    weight = next(faces.adapter.project.parameters())
    return torch.from_numpy(vector)[None].to(weight)


def _projected(faces: FaceAdapter, vector: torch.Tensor, seen: torch.Tensor | None) -> torch.Tensor:
    project = faces.adapter.project
    if faces.layout.kind == "resampled":
        return project(vector[:, None])
    if seen is None:
        return project(vector)
    try:
        project.clip_embeds = faces.adapter.encoder.places(seen)[None]
        return project(vector)
    finally:
        project.clip_embeds = None
