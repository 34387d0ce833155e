"""Releases: a version's picture as a file for the world, described, labelled and signed.

The order is fixed: mark the pixels, encode with all metadata, sign, verify. Nothing is written
into a file after it was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from PIL import Image

from maquette.core.picture import encode_png, size_of
from maquette.core.recipe import Import
from maquette.core.version import Version
from maquette.errors import ExportRefused
from maquette.exchange.containers import Format, encode, label_png
from maquette.exchange.credentials import sign
from maquette.exchange.infotext import write_infotext
from maquette.exchange.keys import Identity
from maquette.exchange.maker import MAKER, MAKER_VERSION
from maquette.exchange.own import write_own
from maquette.exchange.story import refuse_broken, source_type_of, stamp
from maquette.exchange.verify import verify
from maquette.exchange.xmp import build_xmp

__all__ = ["Format", "Mark", "describe_png", "export_picture"]


@dataclass(frozen=True)
class Mark:
    """A mark in the pixels (a watermark): its name for the history, and what puts it there."""

    name: str
    apply: Callable[[Image.Image], Image.Image]


def export_picture(
    image: Image.Image,
    *,
    version: Version,
    chain: Sequence[Version],
    parent_image: Image.Image | bytes | None = None,
    original: bytes | None = None,
    format: Format = "png",
    quality: int = 92,
    prompts: bool = True,
    identity: Identity | None = None,
    marks: Sequence[Mark] = (),
) -> bytes:
    """A version's picture as PNG, JPEG or WebP with metadata and, given an identity, credentials.

    ``chain`` holds every ancestor, oldest first, and ends with ``version``. ``parent_image`` is
    the picture that the version was made from, ``original`` the imported file that the chain
    began with, byte for byte, so that its own credentials and labels live on. ``quality`` is that
    of JPEG and WebP; PNG is lossless. Pixels are taken to be sRGB. With ``prompts`` false no
    prompt is in the file, of this version or any before it; recipes are named by digest alone.

    Raises:
        ExportRefused: the chain is not the version's, a setting or the metadata does not fit the
            format, signing failed, or the signed file does not verify.
    """
    if format not in {"png", "jpeg", "webp"}:
        raise ExportRefused(f"no release is written as {format}", hint="use png, jpeg or webp")
    if not 1 <= quality <= 100:
        raise ExportRefused(f"quality {quality} is not within 1 and 100")
    refuse_broken(chain, version)
    if size_of(image) != version.size:
        raise ExportRefused(
            f"the picture has {size_of(image)} pixels, version {version.short} {version.size}",
            hint="export the version's own picture",
        )
    for mark in marks:
        image = mark.apply(image)
    imported = _declared(chain, original)
    told = _told(version, chain, imported, format, prompts=prompts)
    data = encode(image, format, quality=quality, **told)
    if identity is None:
        return data
    parent = encode_png(parent_image) if isinstance(parent_image, Image.Image) else parent_image
    if original is None and len(chain) == 1 and isinstance(version.recipe.task, Import):
        original = encode_png(image)
    marked = [
        {
            "action": "c2pa.watermarked.unbound",
            "when": stamp(datetime.now(UTC)),
            "description": f"an invisible mark was put into the pixels: {mark.name}",
        }
        for mark in marks
    ]
    signed = sign(
        data,
        mime=f"image/{format}",
        chain=chain,
        identity=identity,
        prompts=prompts,
        parent=parent,
        original=original,
        imported=imported,
        extra_actions=marked,
    )
    _self_check(signed, identity, steps=len(chain) + len(marks))
    return signed


def describe_png(data: bytes, *, version: Version, chain: Sequence[Version]) -> bytes:
    """A version's own PNG with all that ``export_picture`` writes beside the pixels, unsigned: for
    those who wait for it. ``chain`` is as there.

    Raises:
        ExportRefused: the chain is not the version's.
    """
    refuse_broken(chain, version)
    return label_png(data, **_told(version, chain, None, "png", prompts=True))


class _Told(TypedDict):
    infotext: str
    own: str
    xmp: bytes


def _told(
    version: Version,
    chain: Sequence[Version],
    imported: str | None,
    format: Format,
    *,
    prompts: bool,
) -> _Told:
    """What a file says of itself."""
    prompt = version.recipe.prompt if prompts else None
    own = write_own(version, prompts=prompts)
    xmp = build_xmp(
        tool=f"{MAKER} {MAKER_VERSION}",
        source_type=source_type_of(chain, imported),
        description=prompt.text if prompt else "",
        recipe="" if format == "png" else own,
    )
    infotext = write_infotext(version.recipe, version.id) if prompt else ""
    return {"infotext": infotext, "own": own, "xmp": xmp}


def _declared(chain: Sequence[Version], original: bytes | None) -> str | None:
    """The digital source type that the imported file itself declares."""
    if original is None or not isinstance(chain[0].recipe.task, Import):
        return None
    return verify(original).digital_source_type


def _self_check(signed: bytes, identity: Identity, *, steps: int) -> None:
    verdict = verify(signed, identity.anchor_pem)
    if verdict.state not in {"trusted", "valid"} or len(verdict.actions) != steps:
        reason = "; ".join(verdict.problems) or "its history came back incomplete"
        raise ExportRefused(
            f"the signed file does not verify: {reason}",
            hint="check the signing certificate, or export without signing",
        )
