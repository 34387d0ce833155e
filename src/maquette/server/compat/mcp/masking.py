"""A place of a picture, named in one of several ways, as a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from maquette.core.picture import encode_png
from maquette.errors import SettingRefused
from maquette.server.routes.masks import make_mask_of
from maquette.server.shapes_work import ColourAt, MaskAsk

if TYPE_CHECKING:
    from maquette.server.context import Room

__all__ = ["mask_bytes", "mask_from"]


def mask_from(
    version: str,
    *,
    word: str | None = None,
    box: Sequence[int] | None = None,
    corners: Sequence[Sequence[float]] | None = None,
    colour: Sequence[int] | None = None,
    grow: int = 0,
    feather: int = 0,
    invert: bool = False,
    mask: str | None = None,
) -> MaskAsk | None:
    """How to make the mask; None where ``mask`` names one that is there.

    Raises:
        SettingRefused: not exactly one way was given.
    """
    ways = [way for way in (word, box, corners, colour, mask) if way is not None]
    if len(ways) != 1:
        raise SettingRefused(
            "the place is named in exactly one way",
            hint="give one of word, box, corners, colour or mask",
        )
    if mask is not None:
        return None
    x, y, width, height = box if box is not None else (0, 0, 0, 0)
    return MaskAsk(
        version=version,
        token=word,
        box=(x, y, width, height) if box is not None else None,
        polygon=[(pair[0], pair[1]) for pair in corners] if corners is not None else None,
        colour=ColourAt(x=colour[0], y=colour[1]) if colour is not None else None,
        grow=grow,
        feather=feather,
        invert=invert,
    )


def mask_bytes(room: Room, asked: MaskAsk | None, mask: str | None) -> bytes:
    """The mask as PNG."""
    if asked is not None:
        return encode_png(make_mask_of(room, asked))
    return room.studio.blobs.get(mask or "")
