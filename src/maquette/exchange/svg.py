"""Drawings in SVG become pictures, so that a logo may come as its maker keeps it.

Drawn by resvg (the extra ``maquette[svg]``), at a size that a logo needs and no larger. A drawing
is a program of its own kind, so it is bounded: nothing outside it is read (links to files and
addresses are refused), no entities, no fonts of the machine, for the same file must give the same
picture everywhere.
"""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

from PIL import Image

from maquette.errors import ExtraMissing, PictureRefused

__all__ = ["LONGEST", "MAX_SVG", "is_svg", "rasterise"]

LONGEST = 1024
"""Pixels of the longer side that a drawing is drawn with."""
MAX_SVG = 2_000_000
"""Bytes of a drawing."""
_SLENDER = 20
"""How many times longer than wide a drawing may be."""
_LENGTH = re.compile(r"(\d+\.?\d*|\.\d+)(px|pt|pc|mm|cm|in)?")
_FIRST = 4096
"""Bytes in which it must say that it is one."""

_ELSEWHERE = re.compile(
    rb"""(?:href|src)\s*=\s*["'](?!\s*(?:\#|data:image/(?:png|jpeg|webp);))|url\(\s*["']?(?!\#)"""
    rb"""|@import""",
    re.IGNORECASE,
)


def is_svg(data: bytes) -> bool:
    """Whether bytes look like a drawing in SVG."""
    return b"<svg" in data[:_FIRST].lower() and not data.startswith((b"\x89PNG", b"\xff\xd8"))


def rasterise(data: bytes, *, name: str = "the drawing") -> Image.Image:
    """The drawing as an RGBA picture, its longer side ``LONGEST`` pixels.

    Raises:
        ExtraMissing: without the extra.
        PictureRefused: too large, no UTF-8, broken, empty, or one that wants something from
            elsewhere: a file, an address, an entity, or letters, whose fonts are the machine's.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise ExtraMissing(
            f"{name} is an SVG, which needs the extra 'svg'",
            hint="pip install 'maquette[svg]', or export it as a PNG with a transparent ground",
        ) from error
    if len(data) > MAX_SVG:
        raise PictureRefused(
            f"{name} has {len(data):,} bytes, an SVG at most {MAX_SVG:,}", hint="simplify it"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PictureRefused(f"{name} is no SVG in UTF-8", hint="save it as UTF-8") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text or _ELSEWHERE.search(data):
        raise PictureRefused(
            f"{name} wants something from outside itself", hint="embed what it shows"
        )
    if re.search(r"<text[\s>]", text):
        raise PictureRefused(
            f"{name} holds letters, whose fonts this machine may not have",
            hint="turn the text into paths in your drawing program",
        )
    wide = _proportion(text, name) >= 1
    try:
        drawn = resvg_py.svg_to_bytes(
            svg_string=text,
            width=LONGEST if wide else None,
            height=None if wide else LONGEST,
            skip_system_fonts=True,
        )
        image = Image.open(io.BytesIO(bytes(drawn))).convert("RGBA")
    except (ValueError, OSError) as error:
        raise PictureRefused(f"{name} cannot be drawn: {error}", hint="check the file") from error
    if image.getchannel("A").getbbox() is None:
        raise PictureRefused(f"{name} shows nothing", hint="check the file")
    return image


def _proportion(text: str, name: str) -> float:
    """Width by height, read before anything is drawn: a drawing may ask for any number of pixels.

    Raises:
        PictureRefused: it does not say its size, or is more slender than ``_SLENDER``.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 (no document type, so no entities)
    except ElementTree.ParseError as error:
        raise PictureRefused(f"{name} is no SVG: {error}", hint="check the file") from error
    sides = [_LENGTH.fullmatch(root.get(side, "").strip()) for side in ("width", "height")]
    if sides[0] and sides[1]:
        (width, unit), (height, other) = (found.groups() for found in sides if found)
        numbers = [float(width), float(height)] if unit == other else []
    else:
        box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
        numbers = [float(n) for n in box[2:]] if len(box) == 4 and _numbers(box) else []
    if len(numbers) != 2 or min(numbers) <= 0:
        raise PictureRefused(f"{name} does not say its size", hint="give it a viewBox")
    share = numbers[0] / numbers[1]
    if not 1 / _SLENDER <= share <= _SLENDER:
        raise PictureRefused(
            f"{name} is {numbers[0]:g} by {numbers[1]:g}, too slender",
            hint=f"at most {_SLENDER} times as long as wide",
        )
    return share


def _numbers(parts: list[str]) -> bool:
    return all(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", each) for each in parts)
