"""PSD files with layers that Photoshop, Krita and GIMP open.

Written after "Adobe Photoshop File Formats Specification" (2019): RGB of 8 bits, layers with
masks, rows packed as in Apple's PackBits, the merged picture, 72 dots an inch, an sRGB profile and
XMP. No other version of the file format, no adjustment layers.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageCms, TiffImagePlugin

from maquette.errors import ExportRefused

__all__ = ["PsdLayer", "write_psd"]

MAX_SIDE = 30_000
"""Of the format; larger documents are PSB."""
_MOST_LAYERS = 500

_BLENDS = {
    "normal": b"norm",
    "multiply": b"mul ",
    "screen": b"scrn",
    "overlay": b"over",
    "soft-light": b"sLit",
    "darken": b"dark",
    "lighten": b"lite",
    "add": b"lddg",
}


@dataclass(frozen=True)
class PsdLayer:
    """A layer: its name, its pixels (RGB or RGBA) with the top left corner ``at`` (x, y), and a
    ``mask`` (L) of the same size, white = shown."""

    name: str
    picture: Image.Image
    at: tuple[int, int] = (0, 0)
    mask: Image.Image | None = None
    opacity: float = 1.0
    blend: str = "normal"
    visible: bool = True


def write_psd(
    merged: Image.Image, layers: Sequence[PsdLayer], *, xmp: bytes = b"", dots: int = 72
) -> bytes:
    """A file of these layers, the first one lowest, and the picture that they make together.

    Raises:
        ExportRefused: more than 30,000 pixels a side, or more than 500 layers.
    """
    if max(merged.size) > MAX_SIDE or len(layers) > _MOST_LAYERS:
        raise ExportRefused(
            f"{merged.width}x{merged.height} pixels in {len(layers)} layers are more than a PSD"
            " can hold",
            hint=f"{MAX_SIDE:,} pixels a side and {_MOST_LAYERS} layers at most",
        )
    clear = merged.mode == "RGBA"
    channels = 4 if clear else 3
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, channels, merged.height, merged.width, 8, 3)
    return b"".join(
        [
            header,
            _long(b""),  # colour mode data
            _long(_resources(xmp, dots)),
            _long(_layer_section(layers, clear=clear)),
            _merged(merged),
        ]
    )


def _long(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _resources(xmp: bytes, dots: int) -> bytes:
    resolution = struct.pack(">IHHIHH", dots << 16, 1, 1, dots << 16, 1, 1)
    writer = "Maquette"
    text = struct.pack(">I", len(writer)) + writer.encode("utf-16-be")
    version = struct.pack(">IB", 1, 1) + text + text + struct.pack(">I", 1)
    found = [(1005, resolution), (1039, _srgb()), (1057, version)]
    if xmp:
        found.append((1060, xmp))
    return b"".join(
        b"8BIM" + struct.pack(">H2x", number) + _long(data) + b"\0" * (len(data) % 2)
        for number, data in found
    )


@lru_cache(maxsize=1)
def _srgb() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The date of its making, so that the same picture gives the same file.
    profile[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(profile)


def _layer_section(layers: Sequence[PsdLayer], *, clear: bool) -> bytes:
    """Layer info and an empty global mask. A negative count: the merged picture has alpha."""
    if not layers:
        return b""
    records: list[bytes] = []
    planes: list[bytes] = []
    for layer in layers:
        record, data = _layer(layer)
        records.append(record)
        planes.append(data)
    count = struct.pack(">h", -len(layers) if clear else len(layers))
    info = count + b"".join(records) + b"".join(planes)
    info += b"\0" * (-len(info) % 4)
    return _long(info) + _long(b"")


def _layer(layer: PsdLayer) -> tuple[bytes, bytes]:
    """A layer's record and the planes of its channels."""
    picture = layer.picture if layer.picture.mode == "RGBA" else layer.picture.convert("RGB")
    named: dict[int, Image.Image] = dict(enumerate(picture.split()[:3]))
    if picture.mode == "RGBA":
        named[-1] = picture.getchannel("A")
    order = [-1, 0, 1, 2] if -1 in named else [0, 1, 2]
    planes = [(number, _plane(named[number])) for number in order]
    if layer.mask is not None:
        planes.append((-2, _plane(layer.mask.convert("L"))))
    x, y = layer.at
    edges = struct.pack(">iiii", y, x, y + picture.height, x + picture.width)
    channels = b"".join(struct.pack(">hI", number, len(data)) for number, data in planes)
    mask = _long(edges + b"\0\0\0\0") if layer.mask is not None else _long(b"")
    extra = mask + _long(b"") + _pascal(layer.name) + _unicode_name(layer.name)
    record = (
        edges
        + struct.pack(">H", len(planes))
        + channels
        + b"8BIM"
        + _BLENDS.get(layer.blend, b"norm")
        + struct.pack(
            ">BBBx", round(255 * layer.opacity), 0, 0b1000 | (0 if layer.visible else 0b10)
        )
        + _long(extra)
    )
    return record, b"".join(data for _, data in planes)


def _pascal(name: str) -> bytes:
    """A name in one byte a letter, padded to four."""
    short = name.encode("ascii", "replace")[:255]
    data = bytes([len(short)]) + short
    return data + b"\0" * (-len(data) % 4)


def _unicode_name(name: str) -> bytes:
    letters = name[:255].encode("utf-16-be", "replace")
    data = struct.pack(">I", len(letters) // 2) + letters
    return b"8BIMluni" + _long(data + b"\0" * (-len(data) % 4))


def _plane(plane: Image.Image) -> bytes:
    """A channel of a layer: how it is packed, the rows' lengths, the rows."""
    rows = _packed(plane)
    return b"".join([_PACKED, struct.pack(f">{len(rows)}H", *map(len, rows)), *rows])


_PACKED = struct.pack(">H", 1)


def _merged(picture: Image.Image) -> bytes:
    """All channels' lengths, then all channels' rows. Transparent colours lie on white, as
    Photoshop writes them."""
    planes = picture.split()
    if picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, "white")
        planes = (*Image.alpha_composite(ground, picture).split()[:3], picture.getchannel("A"))
    rows = [row for plane in planes[: len(picture.getbands())] for row in _packed(plane)]
    return b"".join([_PACKED, struct.pack(f">{len(rows)}H", *map(len, rows)), *rows])


def _packed(plane: Image.Image) -> list[bytes]:
    """Each row in PackBits, by the library that writes TIFF's strips so, one row a strip."""
    buffer = io.BytesIO()
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[TiffImagePlugin.ROWSPERSTRIP] = 1
    plane.save(buffer, format="TIFF", compression="packbits", tiffinfo=tags)
    data = buffer.getvalue()
    with Image.open(io.BytesIO(data)) as image:
        found = image.tag_v2  # pyright: ignore[reportAttributeAccessIssue]
        starts = found[TiffImagePlugin.STRIPOFFSETS]
        lengths = found[TiffImagePlugin.STRIPBYTECOUNTS]
    pairs = zip(_tuple(starts), _tuple(lengths), strict=True)
    return [data[start : start + length] for start, length in pairs]


def _tuple(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (int(str(value)),)
