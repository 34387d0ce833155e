"""Metadata texts into picture files and out of them, for PNG, JPEG and WebP.

PNG: text chunks ``parameters`` (A1111), ``maquette`` (ours), ``XML:com.adobe.xmp``. JPEG and WebP:
EXIF UserComment (A1111) and XMP. All writing and parsing of containers is Pillow's, whose own
limits on packed text stand; a text longer than ``MAX_TEXT`` is named and left alone.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from maquette.core.picture import FORMATS, MAX_BYTES, MAX_PIXELS
from maquette.errors import ExportRefused, PictureRefused
from maquette.exchange.own import KEYWORD
from maquette.exchange.xmp import read_xmp

__all__ = [
    "MAX_TEXT",
    "MIME",
    "Format",
    "Texts",
    "add_texts",
    "encode",
    "label_png",
    "open_header",
    "read_texts",
    "sniff",
]

Format = Literal["png", "jpeg", "webp"]
MIME = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
}
"""Media types by Pillow's names of formats: those that may carry content credentials."""

_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (8, b"WEBP", "WEBP"),
    (4, b"ftypavi", "AVIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"GIF8", "GIF"),
)

MAX_TEXT = 2 * 1024 * 1024
"""The longest metadata text that is read."""

_XMP = "XML:com.adobe.xmp"
_UNICODE, _ASCII, _UNDEFINED = b"UNICODE\0", b"ASCII\0\0\0", b"\0" * 8


@dataclass(frozen=True)
class Texts:
    """The metadata texts of a file by keyword, its XMP properties, and what was left alone.

    ``damaged`` tells that the picture after them cannot be decoded to its end.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    xmp: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    damaged: bool = False


_HEADER = 8 + 25
"""Where the first chunk after IHDR begins in every PNG."""


@cache
def _srgb() -> bytes:
    """The sRGB profile, with its date fixed so that the same picture gives the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = b"".join(part.to_bytes(2, "big") for part in (2025, 1, 1, 0, 0, 0))
    return bytes(profile)


def encode(
    image: Image.Image, file_format: Format, *, quality: int, infotext: str, own: str, xmp: bytes
) -> bytes:
    """A picture file with its metadata, sRGB profile embedded and nothing else carried along.

    Transparency is kept by PNG and WebP and laid on white by JPEG.

    Raises:
        ExportRefused: metadata that this format has no room for.
    """
    picture = _clean(image, transparency=file_format != "jpeg")
    options: dict[str, Any] = {"icc_profile": _srgb()}
    match file_format:
        case "png":
            chunks = PngInfo()
            if infotext:
                chunks.add_text("parameters", _speakable(infotext))
            chunks.add_itxt(KEYWORD, own)
            chunks.add_itxt(_XMP, xmp.decode())
            options |= {"pnginfo": chunks, "compress_level": 6}
        case "jpeg":
            options |= {"quality": quality, "subsampling": 0 if quality >= 90 else 2}
            options |= {"xmp": xmp, "exif": _comment(infotext)}
        case "webp":
            options |= {"quality": quality, "method": 4, "xmp": xmp, "exif": _comment(infotext)}
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format=file_format.upper(), **options)
    except (ValueError, OSError) as error:
        raise ExportRefused(
            f"this picture cannot be written as {file_format.upper()}: {error}",
            hint="export a PNG, or leave the prompts out",
        ) from error
    return buffer.getvalue()


def label_png(data: bytes, *, infotext: str, own: str, xmp: bytes) -> bytes:
    """A PNG of ours with the metadata and profile that ``encode`` writes, its pixels as they lie
    there: nothing is decoded (PNG specification, 3rd edition, section 5.3: chunks)."""
    nothing = Image.new("RGB", (1, 1))
    return _with_chunks_of(
        encode(nothing, "png", quality=100, infotext=infotext, own=own, xmp=xmp), data
    )


def add_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """A PNG with more text beside its pixels, which stay as they lie there; ``texts`` are ASCII by
    keyword."""
    chunks, buffer = PngInfo(), io.BytesIO()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    Image.new("RGB", (1, 1)).save(buffer, "PNG", pnginfo=chunks)
    return _with_chunks_of(buffer.getvalue(), data)


def _with_chunks_of(written: bytes, data: bytes) -> bytes:
    """The second PNG with what the first one has before its pixels."""
    end = _HEADER
    while written[end + 4 : end + 8] != b"IDAT":
        end += 12 + int.from_bytes(written[end : end + 4], "big")
    return data[:_HEADER] + written[_HEADER:end] + data[_HEADER:]


def _clean(image: Image.Image, *, transparency: bool) -> Image.Image:
    alpha = "A" in image.getbands() or "transparency" in image.info
    picture = image.convert("RGBA" if alpha else "RGB")
    if alpha and not transparency:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    picture = picture.copy()
    picture.info.clear()
    return picture


def _comment(infotext: str) -> bytes:
    if not infotext:
        return b""
    exif = Image.Exif()
    comment = _UNICODE + _speakable(infotext).encode("utf-16-be")
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif.tobytes()


def _speakable(text: str) -> str:
    """The text without halves of characters, which no file format can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def open_header(data: bytes, name: str = "") -> Image.Image:
    """A picture opened but not decoded.

    Raises:
        PictureRefused: no picture of a known format, or too large to open safely.
    """
    what = name or "this file"
    if len(data) > MAX_BYTES:
        raise PictureRefused(f"{what} is larger than the {MAX_BYTES // 2**20} MB allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception as error:  # any parser may stumble over hostile bytes in its own way
        raise PictureRefused(
            f"{what} is not a picture that can be opened", hint=f"use one of {', '.join(FORMATS)}"
        ) from error
    if image.width * image.height > MAX_PIXELS:
        raise PictureRefused(f"{what} has more than {MAX_PIXELS // 10**6} million pixels")
    return image


def sniff(data: bytes) -> str | None:
    """The media type that a file's first bytes promise, if it is one that can be signed."""
    for at, magic, name in _MAGIC:
        if data.startswith(magic, at):
            return MIME[name]
    return None


def read_texts(data: bytes, name: str = "") -> Texts:
    """Every metadata text of a file. Damage after the header costs the texts after it, no more.

    Raises:
        PictureRefused: no picture, or too large to open safely.
    """
    image = open_header(data, name)
    unread: list[str] = []
    damaged = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image.load()  # a PNG may have text after its pixels
        except Exception:
            damaged = True
            unread.append("the picture is damaged or cut short: metadata at its end may be missing")
        comment = _read_comment(image)
    texts: dict[str, str] = {}
    packet = b""
    for key, value in image.info.items():
        if not isinstance(key, str) or not isinstance(value, str | bytes):
            continue
        if key in {"icc_profile", "exif", "photoshop"}:
            continue
        if len(value) > MAX_TEXT:
            unread.append(f"{key[:40]}: ignored, longer than {MAX_TEXT // 2**20} MB")
        elif key in {"xmp", _XMP}:
            packet = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        elif isinstance(value, str):
            texts[key] = str(value)
    packet = packet or _psd_packet(image)
    if len(comment) > MAX_TEXT:
        unread.append(f"UserComment: ignored, longer than {MAX_TEXT // 2**20} MB")
    elif comment:
        texts.setdefault("parameters", comment)
    return Texts(texts, read_xmp(packet) if packet else {}, tuple(unread), damaged)


def _psd_packet(image: Image.Image) -> bytes:
    """The XMP of a PSD, which stands in its image resource 1060."""
    resources: list[tuple[int, bytes, bytes]] = getattr(image, "resources", [])
    found = (data for number, _, data in resources if number == 1060)
    packet = next(found, b"")
    return packet if len(packet) <= MAX_TEXT else b""


def _read_comment(image: Image.Image) -> str:
    """The EXIF UserComment (Exif 2.32, tag 37510), whose first eight bytes name its encoding."""
    try:
        raw = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    except Exception:  # EXIF of strangers breaks in endless ways; then there is no comment
        return ""
    if isinstance(raw, str):
        return raw.strip("\0 ")
    if not isinstance(raw, bytes) or len(raw) > 2 * MAX_TEXT + 8:
        return "" if not isinstance(raw, bytes) else " " * (MAX_TEXT + 1)
    code, body = raw[:8], raw[8:]
    if code == _UNICODE:
        return _utf16(body).strip("\0")
    if code in {_ASCII, _UNDEFINED}:
        return body.decode("utf-8", "replace").strip("\0 ")
    return ""


def _utf16(body: bytes) -> str:
    """UTF-16 in the order that its writer used: A1111's is big-endian, others follow the file."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    # Settings are mostly Latin, so the zero bytes show which half is the high one.
    big = body[0::2].count(0) >= body[1::2].count(0)
    return body.decode("utf-16-be" if big else "utf-16-le", "replace")
