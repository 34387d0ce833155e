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
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open

from maquette.core.conditioning import Reference
from maquette.engines.diffusers.conditions.catalogue import layout_of_faces, weights_of
from maquette.engines.diffusers.conditions.face_layout import (
    FaceLayout,
    lora_tensors,
    plain_key,
)
from maquette.engines.diffusers.conditions.ip_adapter import Adapter, maps_of
from maquette.engines.diffusers.conditions.ip_encoder import load_encoder
from maquette.engines.diffusers.weights import Parts
from maquette.engines.learned.recognise import aligned, by_ref, recogniser
from maquette.errors import ModelRefused, RecipeRefused

__all__ = ["FaceAdapter", "face_tokens", "load_faces", "of_one_person", "own_lora"]

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
            f"'{path.stem}' reads pictures, not what a recogniser tells of a face",
            hint="leave the recogniser out, or give an IP-Adapter FaceID",
        )
    return weights_of(path), layout


_KEPT: OrderedDict[tuple[Any, ...], FaceAdapter] = OrderedDict()
_MOST = 2


def load_faces(path: Path, digest: str, parts: Parts) -> FaceAdapter:
    """Read an adapter of faces for a model; the last two stay.

    Raises:
        RecipeRefused: it was made for another model, or reads pictures.
        ModelRefused: files that do not load.
    """
    key = (digest, id(parts.unet), parts.device, parts.dtype)
    if key not in _KEPT:
        _KEPT[key] = _load(path, parts)
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(key)
    return _KEPT[key]


def _load(path: Path, parts: Parts) -> FaceAdapter:
    file, layout = layout_of(path)
    tensors = _read(file, lora=False)
    maps = maps_of(tensors, parts, path.stem)
    encoder = load_encoder(path / "image_encoder", parts) if layout.encoder else None
    if encoder is not None and encoder.network.config.hidden_size != layout.encoder:
        raise ModelRefused(
            f"the image encoder of {path.name} sees by {encoder.network.config.hidden_size}"
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
        raise ModelRefused(f"the IP-Adapter {path.stem} is of no known shape") from error
    project.to(parts.device, parts.dtype).eval().requires_grad_(False)
    if layout.kind == "plus":
        project.shortcut = layout.shortcut
    seen: Any = encoder
    return FaceAdapter(Adapter(seen, project, maps, deep=True), layout)


def _read(file: Path, *, lora: bool) -> dict[str, torch.Tensor]:
    """The tensors of a file: those of its LoRA, or all others."""
    try:
        with safe_open(file, framework="pt") as held:
            names = [name for name in held.keys() if ("_lora." in name) is lora]  # noqa: SIM118
            return {plain_key(name): held.get_tensor(name) for name in names}
    except Exception as error:
        raise ModelRefused(
            f"the IP-Adapter {file.stem} does not load: {str(error).splitlines()[0][:200]}",
            hint="its file is damaged; get it again",
        ) from error


def own_lora(path: Path, parts: Parts) -> Callable[[], Mapping[str, torch.Tensor]] | None:
    """What reads FaceID's own LoRA, in peft's names; None where the file holds none."""
    file, layout = layout_of(path)
    if not layout.lora:
        return None
    layers = [name.removesuffix(".processor") for name in parts.unet.attn_processors]
    return lambda: lora_tensors(_read(file, lora=True), layers)


def of_one_person(references: Sequence[Reference]) -> Iterator[list[Reference]]:
    """Faces of a recogniser in groups whose tokens are read as one: several pictures of a person
    to one adapter, alike in strength and place (Portrait was taught with five)."""
    groups: dict[tuple[Any, ...], list[Reference]] = {}
    for each in references:
        groups.setdefault((each.adapter, each.strength, each.mask), []).append(each)
    yield from groups.values()


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
