"""What the tools answer: a few words, the pictures made small, and the same as data."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from mcp_types import (
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    TextContent,
)
from PIL import Image
from pydantic import BaseModel

from maquette.server.compat.mcp.shapes import Noticed, Told
from maquette.server.compat.pictures import in_base64
from maquette.server.views import quality_of
from maquette.stages.plan.sheet import contact_sheet

if TYPE_CHECKING:
    from maquette.core.capabilities import Capabilities
    from maquette.core.version import Version
    from maquette.server.compat.mcp.desk import Ended
    from maquette.server.context import Room

__all__ = [
    "SIDE",
    "answered",
    "as_file",
    "as_picture",
    "describe",
    "ended_in_words",
    "picture_of",
    "pictures_of",
    "shown",
    "told",
    "told_all",
]

Side = Literal[64, 128, 256, 512, 1024]
SIDE: Side = 512
"""Pixels of the longer side of pictures in answers: enough to judge, few enough to send."""

_MANY = 4
"""More pictures than this come on one page."""
_LONGEST = 300


def answered(
    text: str, data: BaseModel | None = None, pictures: Iterable[ContentBlock] = ()
) -> CallToolResult:
    """An answer: words first, then pictures, and the data beside both."""
    return CallToolResult(
        content=[TextContent(type="text", text=text), *pictures],
        structured_content=data.model_dump(mode="json") if data is not None else None,
    )


def told(room: Room, version: Version, able: Capabilities | None) -> Told:
    """A version as data."""
    return told_all(room, [version], able)[0]


def told_all(room: Room, versions: Sequence[Version], able: Capabilities | None) -> list[Told]:
    """Versions as data, in this order."""
    entries = room.studio.shelf.entries([version.id for version in versions])
    return [_told(entry, able) for entry in entries]


def _told(entry: Any, able: Capabilities | None) -> Told:
    version = entry.version
    recipe, labels = version.recipe, entry.labels
    prompt, sampling = recipe.prompt, recipe.sampling
    money = version.cost.money
    return Told(
        id=version.short,
        operation=version.operation,
        parents=[parent[:10] for parent in version.parents],
        width=version.size.width,
        height=version.size.height,
        prompt=prompt.text if prompt else "",
        negative=prompt.negative if prompt else "",
        seed=sampling.seed if sampling else None,
        quality=quality_of(recipe, able) or "",
        seconds=round(version.cost.seconds, 2),
        bill=str(money) if money.amount else "",
        name=labels.name,
        star=labels.star,
        rating=labels.rating,
        findings=[
            Noticed(
                name=found.name,
                severity=found.severity,
                message=found.message,
                remedy=found.suggestion.says if found.suggestion else "",
            )
            for found in entry.findings
        ],
    )


def describe(version: Told) -> str:
    """A version in a line or a few."""
    seed = f", seed {version.seed}" if version.seed is not None else ""
    quality = f", {version.quality}" if version.quality else ""
    bill = f", billed {version.bill}" if version.bill else ""
    name = f" '{version.name}'" if version.name else ""
    marks = f", {'starred' if version.star else ''}" if version.star else ""
    rated = f", rated {version.rating}" if version.rating else ""
    words = version.prompt if len(version.prompt) < _LONGEST else f"{version.prompt[:_LONGEST]}…"
    parents = f" from {', '.join(version.parents)}" if version.parents else ""
    lines = [
        f"{version.id}{name}: {version.operation}{parents}, {version.width}x{version.height}{seed}"
        f"{quality}{bill}{marks}{rated}" + (f". Prompt: {words}" if words else "")
    ]
    for found in version.findings:
        remedy = f" (apply '{found.name}': {found.remedy})" if found.remedy else ""
        lines.append(f"  {found.severity} {found.name}: {found.message}{remedy}")
    return "\n".join(lines)


def ended_in_words(ended: Ended, versions: Sequence[Told]) -> str:
    """What came of an order."""
    lines = [describe(version) for version in versions]
    lines += [f"One {words}" for words in ended.failed]
    if ended.waiting:
        lines.append(
            f"Still being drawn. Call 'wait' with waiting='{ended.waiting}' for the rest; nothing"
            " is lost meanwhile."
        )
    return "\n".join(lines)


def picture_of(room: Room, version: Version, side: Side = SIDE) -> ImageContent:
    """A version's picture, its longer side at most so many pixels."""
    data = room.thumbnails.kept(version.image, side)
    if data is None:
        data = room.thumbnails.make(version.image, side, room.studio.blobs.get(version.image))
    return _webp(data)


def pictures_of(
    room: Room, versions: Sequence[Version], side: Side = SIDE, *, sheet: bool = False
) -> list[ContentBlock]:
    """The pictures of versions: a few one by one, each after its id; many on one page."""
    if len(versions) == 1 and not sheet:
        return [picture_of(room, versions[0], side)]
    if len(versions) > _MANY or sheet:
        if not versions:
            return []
        cells = [
            (Image.open(io.BytesIO(_small(room, version))), None, version.short)
            for version in versions
        ]
        return [as_picture(contact_sheet(cells), 4096)]
    found: list[ContentBlock] = []
    for version in versions:
        found += [TextContent(type="text", text=version.short), picture_of(room, version, side)]
    return found


def _small(room: Room, version: Version) -> bytes:
    kept = room.thumbnails.kept(version.image, 256)
    return kept or room.thumbnails.make(version.image, 256, room.studio.blobs.get(version.image))


def as_picture(image: Image.Image, side: int = SIDE) -> ImageContent:
    """Any picture, made smaller where it is larger."""
    shown = image if image.mode in {"RGB", "RGBA", "L"} else image.convert("RGB")
    if max(shown.size) > side:
        shown = shown.copy()
        shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shown.save(buffer, "WEBP", quality=88, method=3)
    return _webp(buffer.getvalue())


def shown(preview: str) -> ImageContent:
    """A preview from the journal (a ``data:`` URL)."""
    return as_picture(Image.open(io.BytesIO(in_base64(preview))))


def as_file(name: str, data: bytes, kind: str) -> EmbeddedResource:
    """A whole file inside an answer."""
    return EmbeddedResource(
        type="resource",
        resource=BlobResourceContents(
            uri=f"maquette://files/{name}",
            mime_type=kind,
            blob=base64.b64encode(data).decode("ascii"),
        ),
    )


def _webp(data: bytes) -> ImageContent:
    return ImageContent(
        type="image", data=base64.b64encode(data).decode("ascii"), mime_type="image/webp"
    )
