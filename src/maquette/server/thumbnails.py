"""Thumbnails: made once, kept on disk beside the project's blobs, whole or not at all."""

from __future__ import annotations

import io
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Literal

from PIL import Image

from maquette.core.picture import decode_picture

__all__ = ["SIDES", "Side", "Thumbnails"]

Side = Literal[64, 128, 256, 512, 1024]
SIDES: tuple[Side, ...] = (64, 128, 256, 512, 1024)

_QUALITY = 84


class Thumbnails:
    """WebP pictures whose longer side is at most ``side``; never larger than the picture.

    A folder that cannot be written costs time, not the thumbnail. Two that ask for the same one
    at once make it twice at worst; the file that is there is whole at any moment.
    """

    def __init__(self, folder: Path, *, at_once: int = 2) -> None:
        self.folder = folder
        self._working = threading.Semaphore(at_once)

    def kept(self, digest: str, side: Side) -> bytes | None:
        """The thumbnail, when it was made before."""
        try:
            return self._place(digest, side).read_bytes()
        except OSError:
            return None

    def make(self, digest: str, side: Side, picture: bytes) -> bytes:
        """Make and keep the thumbnail of a picture.

        Raises:
            PictureRefused: these bytes are no picture.
        """
        with self._working:
            kept = self.kept(digest, side)
            if kept is not None:
                return kept
            data = shrink(picture, side)
            self._keep(self._place(digest, side), data)
            return data

    def _place(self, digest: str, side: Side) -> Path:
        return self.folder / str(side) / digest[:2] / f"{digest[2:]}.webp"

    def _keep(self, place: Path, data: bytes) -> None:
        partial = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(data)
                partial.replace(place)
            except OSError:
                partial.unlink(missing_ok=True)


def shrink(picture: bytes, side: int) -> bytes:
    """A picture as WebP, its longer side at most ``side``."""
    image = decode_picture(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=_QUALITY, method=3)
    return buffer.getvalue()
