"""A version as a file of layers: the picture that its work began with, and each edit on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from maquette.core.canonical import sha256_hex
from maquette.core.picture import decode_picture
from maquette.core.raster import changed_pixels, mask_box
from maquette.core.recipe import Import
from maquette.core.version import Version
from maquette.errors import ExportRefused
from maquette.exchange.maker import MAKER, MAKER_VERSION
from maquette.exchange.psd import PsdLayer, write_psd
from maquette.exchange.story import source_type_of
from maquette.exchange.xmp import build_xmp
from maquette.stages.release import write_whole
from maquette.storage.base import Blobs

__all__ = ["Layered", "layers_of", "write_layers"]

MOST = 40
"""Layers of one file; older work is in the lowest."""


@dataclass(frozen=True)
class Layered:
    """The written file: its path, the names of its layers (the lowest first), bytes, SHA-256."""

    path: Path
    layers: tuple[str, ...]
    bytes: int
    digest: str


def layers_of(
    line: list[Version], picture: Callable[[Version], Image.Image], *, prompts: bool = True
) -> list[PsdLayer]:
    """The layers of a line of versions, each the child of the one before it, all of one size.

    The first is the lowest, whole. Each later one is a layer with what it changed, and a mask of
    exactly that: together they are the last picture, pixel by pixel. Where transparency changes,
    layers cannot say so: then each is whole and only the last is shown.
    """
    pictures = [picture(version) for version in line]
    if any(each.mode == "RGBA" for each in pictures):
        return [
            PsdLayer(
                _name(version, prompts=prompts), each.convert("RGBA"), visible=version is line[-1]
            )
            for version, each in zip(line, pictures, strict=True)
        ]
    layers = [PsdLayer(_name(line[0], prompts=prompts), pictures[0])]
    for version, before, after in zip(line[1:], pictures, pictures[1:], strict=False):
        changed = changed_pixels(np.asarray(before), np.asarray(after))
        box = mask_box(changed.astype(np.uint8))
        if box is None:
            continue
        mask = Image.fromarray(changed.astype(np.uint8) * np.uint8(255)).crop(box.corners)
        whole = mask.getextrema() == (255, 255)
        layers.append(
            PsdLayer(
                _name(version, prompts=prompts),
                after.crop(box.corners),
                at=(box.x, box.y),
                mask=None if whole else mask,
            )
        )
    return layers


def write_layers(
    chain: list[Version], path: Path, *, blobs: Blobs, prompts: bool = True
) -> Layered:
    """Write the last version of a chain (oldest first) and what led to it as a PSD.

    Its XMP carries the mark of AI origin; the format has no place for signed credentials.

    Raises:
        ExportRefused: another ending than .psd, a picture too large for the format, or the place
            cannot be written.
        StorageFull, BlobMissing, BlobDamaged.
    """
    if path.suffix.lower() != ".psd":
        raise ExportRefused(f"layers are not written as '{path.name}'", hint="end it in .psd")
    version = chain[-1]
    line = _line(chain)
    layers = layers_of(line, lambda each: decode_picture(blobs.get(each.image)), prompts=prompts)
    prompt = version.recipe.prompt if prompts else None
    xmp = build_xmp(
        tool=f"{MAKER} {MAKER_VERSION}",
        source_type=source_type_of(chain),
        description=prompt.text if prompt else "",
        recipe="",
    )
    data = write_psd(decode_picture(blobs.get(version.image)), layers, xmp=xmp)
    write_whole(path, data)
    return Layered(path, tuple(layer.name for layer in layers), len(data), sha256_hex(data))


def _line(chain: list[Version]) -> list[Version]:
    """From the last version back by first parents, as long as the size stays."""
    by_id = {version.id: version for version in chain}
    line = [chain[-1]]
    while line[0].parents and len(line) < MOST:
        before = by_id.get(line[0].parents[0])
        if before is None or before.size != line[0].size:
            break
        line.insert(0, before)
    return line


def _name(version: Version, *, prompts: bool) -> str:
    task = version.recipe.task
    prompt = version.recipe.prompt if prompts else None
    said = prompt.text if prompt is not None else ""
    if isinstance(task, Import):
        said = task.source
    words = " ".join(said.split())[:80]
    return f"{version.operation} {version.short}" + (f": {words}" if words else "")
