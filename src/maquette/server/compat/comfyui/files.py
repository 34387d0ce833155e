"""Pictures by name: what was uploaded, what was made, and the frames of a web socket."""

from __future__ import annotations

import io
import json
import re
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PIL import Image

from maquette.core.picture import decode_picture
from maquette.core.version import Version
from maquette.errors import AmbiguousVersion, PictureRefused, VersionUnknown
from maquette.exchange.containers import add_texts
from maquette.server.compat.pictures import in_base64, released

if TYPE_CHECKING:
    from maquette.server.compat.comfyui.board import Board, Prompt
    from maquette.server.context import Room

__all__ = [
    "as_preview",
    "framed",
    "is_known",
    "named",
    "plain_name",
    "preview",
    "released_png",
    "safe_name",
    "version_named",
    "with_alpha",
]

_ID = 24
_MADE = re.compile(rf"_([0-9a-f]{{{_ID}}})_?\.png$")
_ANNOTATED = re.compile(r"\s*\[(input|output|temp)\]\s*$")
_PREFIX = re.compile(r"[^\w\-. ]+")


def plain_name(name: str) -> str:
    """A name without its note of the folder (``photo.png [input]``)."""
    return _ANNOTATED.sub("", name)


def safe_name(name: str, subfolder: str = "") -> str:
    """The name of an upload below its folder.

    Raises:
        PictureRefused: it leads out of there, or is none.
    """
    parts = [part for part in f"{subfolder}/{name}".replace("\\", "/").split("/") if part]
    bad = any(part in {".", ".."} or "\0" in part or len(part) > 200 for part in parts)
    if not parts or len(parts) > 8 or bad or subfolder.startswith("/"):
        raise PictureRefused("a file's name leads out of its folder", hint="give a plain name")
    return "/".join(parts)


def named(version: Version, prefix: str, kind: str) -> dict[str, str]:
    """A version as a saved file: its id stands in the name, so that it is found again."""
    prefix = prefix.replace("\\", "/").strip("/")
    folder, _, stem = prefix.rpartition("/")
    stem = _PREFIX.sub("", stem.split("%")[0])[:100] or "ComfyUI"
    folders = [_PREFIX.sub("", part)[:100] for part in folder.split("/")]
    subfolder = "/".join(part for part in folders if part.strip(". "))
    return {"filename": f"{stem}_{version.id[:_ID]}_.png", "subfolder": subfolder, "type": kind}


def version_named(room: Room, board: Board, name: str) -> Version | None:
    """The version that a saved file's name is of; None for any other name."""
    name = plain_name(name)
    found = _MADE.search(name)
    if found is None:
        return None
    with suppress(VersionUnknown, AmbiguousVersion):
        return room.version(board.version(name) or found[1])
    return None


def is_known(room: Room, board: Board, name: str) -> bool:
    """Whether there is a picture of this name to load."""
    return plain_name(name) in board.files or version_named(room, board, name) is not None


def released_png(room: Room, version: Version, prompt: Prompt | None = None) -> bytes:
    """A version's file as ComfyUI would have written it: labelled as always, and with the graph."""
    data = released(room, version)
    if prompt is None:
        return data
    workflow = prompt.extra.get("extra_pnginfo")
    texts = {"prompt": json.dumps(prompt.graph)}
    if isinstance(workflow, dict) and "workflow" in workflow:
        texts["workflow"] = json.dumps(workflow["workflow"])
    return add_texts(data, texts)


def framed(picture: bytes, *, png: bool) -> bytes:
    """A picture as a binary message: what it is (a preview), in which format, the file."""
    return struct.pack(">II", 1, 2 if png else 1) + picture


def preview(url: str, *, node: str, prompt: str) -> tuple[bytes, bytes]:
    """A preview from the journal (a ``data:`` URL) as a plain message and as a described one."""
    image = decode_picture(in_base64(url)).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    jpeg = buffer.getvalue()
    about = {
        "node_id": node, "prompt_id": prompt, "display_node_id": node, "parent_node_id": None,
        "real_node_id": node, "image_type": "image/jpeg",
    }  # fmt: skip
    told = json.dumps(about).encode()
    return framed(jpeg, png=False), struct.pack(">II", 4, len(told)) + told + jpeg


def as_preview(data: bytes, wanted: str, channel: str) -> tuple[bytes, str]:
    """A picture for ``/view?preview=webp;90`` or ``?channel=``: bytes and media type."""
    image = decode_picture(data)
    if wanted:
        kind, _, quality = wanted.partition(";")
        kind = kind if kind in {"webp", "jpeg"} and "a" not in channel else "webp"
        number = int(quality) if quality.isdigit() else 90
        shown = image.convert("RGB") if kind == "jpeg" or channel == "rgb" else image
        return _saved(shown, kind, quality=max(1, min(100, number))), f"image/{kind}"
    if channel == "a":
        alpha = (
            image.getchannel("A") if "A" in image.getbands() else Image.new("L", image.size, 255)
        )
        clear = Image.new("RGBA", image.size)
        clear.putalpha(alpha)
        return _saved(clear, "png"), "image/png"
    return _saved(image.convert("RGB"), "png"), "image/png"


def with_alpha(original: bytes, mask: bytes) -> bytes:
    """The original with the mask's alpha, as a mask editor sends it.

    Raises:
        PictureRefused.
    """
    image, painted = decode_picture(original).convert("RGBA"), decode_picture(mask).convert("RGBA")
    image.putalpha(painted.getchannel("A").resize(image.size))
    return _saved(image, "png")


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind.upper(), **options)
    return buffer.getvalue()
