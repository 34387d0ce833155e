"""What a PSD file says of itself before its pixels are looked at.

After "Adobe Photoshop File Formats Specification" (2019): a header of 26 bytes, colour mode data,
image resources, layers, and the merged picture, which alone is read here.
"""

from __future__ import annotations

import struct

from maquette.errors import PictureRefused

__all__ = ["merged_transparency"]

_RGB, _GREY = 3, 1
_MODES = {0: "bitmap", 2: "indexed", 4: "CMYK", 7: "multichannel", 8: "duotone", 9: "Lab"}
_VERSION_INFO = 1057
_HEADER = 26
_MOST_CHANNELS, _LONGEST = 56, 30_000


def merged_transparency(data: bytes, name: str) -> bool:
    """Whether the merged picture's fourth channel is its transparency.

    Raises:
        PictureRefused: a large document (PSB), another depth or colour mode than 8-bit RGB or
            grey, no merged picture, or a file that is cut short.
    """
    what = name or "this file"
    if len(data) < _HEADER or data[:4] != b"8BPS":
        raise _damaged(what)
    version, _, channels, height, width, depth, mode = struct.unpack(">H6sHIIHH", data[4:_HEADER])
    if version != 1:
        raise PictureRefused(f"{what} is a large document (PSB)", hint="save it as PSD or PNG")
    if not (1 <= channels <= _MOST_CHANNELS and max(height, width) <= _LONGEST):
        raise PictureRefused(
            f"{what} says that it has {width}x{height} pixels in {channels} channels, more than"
            " the format holds",
            hint="get an intact copy of it",
        )
    if depth != 8:
        raise PictureRefused(
            f"{what} has {depth} bits a channel; 8 are read", hint="convert it to 8 bits a channel"
        )
    if mode not in {_RGB, _GREY}:
        raise PictureRefused(
            f"{what} is in {_MODES.get(mode, 'unknown')} colours; RGB and grey are read",
            hint="convert it to RGB",
        )
    view = memoryview(data)
    _, at = _section(view, _HEADER, what)
    resources, at = _section(view, at, what)
    if not _has_merged(bytes(resources)):
        raise PictureRefused(
            f"{what} holds layers but no merged picture",
            hint="save it with 'Maximize compatibility', or as PNG",
        )
    layers, _ = _section(view, at, what)
    # A negative number of layers says that the first extra channel is the transparency.
    count = struct.unpack(">h", layers[4:6])[0] if len(layers) >= 6 else 0
    return channels > (3 if mode == _RGB else 1) and count < 0


def _section(data: memoryview, at: int, what: str) -> tuple[memoryview, int]:
    """A section's bytes and where the next begins."""
    if len(data) < at + 4:
        raise _damaged(what)
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    if end > len(data):
        raise _damaged(what)
    return data[at + 4 : end], end


def _has_merged(resources: bytes) -> bool:
    """What the version info says; files without it (older ones) always have one."""
    at = 0
    while at + 12 <= len(resources) and resources[at : at + 4] in {b"8BIM", b"MeSa", b"PHUT"}:
        number = int.from_bytes(resources[at + 4 : at + 6], "big")
        at += 6 + (resources[at + 6] + 2) // 2 * 2
        size = int.from_bytes(resources[at : at + 4], "big")
        if number == _VERSION_INFO and size >= 5 and at + 9 <= len(resources):
            return resources[at + 8] != 0
        at += 4 + size + size % 2
    return True


def _damaged(what: str) -> PictureRefused:
    return PictureRefused(f"{what} is damaged or cut short", hint="get an intact copy of it")
