"""Hostile and odd uploads: each is a picture that is taken in, or a problem that says why not."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .conftest import Project, is_problem


def saved(image: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in a few kilobytes."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 4_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A small PNG with a compressed text of 64 MB."""
    inner = saved(Image.new("RGB", (8, 8)))
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 2**26, 9))
    return inner[:33] + text + inner[33:]


def turned() -> bytes:
    image = Image.new("RGB", (40, 20), "black")
    image.paste("red", (0, 0, 40, 5))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    return saved(image, "JPEG", exif=exif, quality=95)


def deep() -> bytes:
    ramp = np.tile(np.linspace(0, 65535, 64, dtype=np.uint16), (8, 1))
    return saved(Image.fromarray(ramp))


TAKEN: dict[str, tuple[Callable[[], bytes], tuple[int, int]]] = {
    "1x1": (lambda: saved(Image.new("RGB", (1, 1), "red")), (1, 1)),
    "16 bits": (deep, (64, 8)),
    "CMYK": (lambda: saved(Image.new("CMYK", (9, 7), (0, 255, 255, 0)), "JPEG"), (9, 7)),
    "palette": (lambda: saved(Image.new("RGB", (9, 7), "teal").quantize(4)), (9, 7)),
    "alpha": (lambda: saved(Image.new("RGBA", (9, 7), (9, 9, 9, 0))), (9, 7)),
    "grey": (lambda: saved(Image.new("L", (9, 7), 9)), (9, 7)),
    "1 bit": (lambda: saved(Image.new("1", (9, 7), 1)), (9, 7)),
    "turned by EXIF": (turned, (20, 40)),
    "GIF": (lambda: saved(Image.new("P", (9, 7)), "GIF"), (9, 7)),
    "WebP": (lambda: saved(Image.new("RGB", (9, 7)), "WEBP"), (9, 7)),
    "AVIF": (lambda: saved(Image.new("RGB", (16, 16)), "AVIF"), (16, 16)),
    "TIFF": (lambda: saved(Image.new("RGB", (9, 7)), "TIFF"), (9, 7)),
}

REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "a bomb of pixels": bomb,
    "text": lambda: b"hello",
    "HTML": lambda: b"<!doctype html><script>alert(1)</script>",
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "a pickle": lambda: b"\x80\x04\x95\x0c\x00\x00\x00",
    "a zip": lambda: b"PK\x05\x06" + b"\0" * 18,
    "cut short": lambda: saved(Image.effect_noise((90, 90), 60))[:2000],
    "only a head": lambda: saved(Image.new("RGB", (9, 9)))[:20],
    "damaged": lambda: saved(Image.effect_noise((90, 90), 60)).replace(b"IDAT", b"IDAX"),
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
}


@pytest.mark.parametrize("name", TAKEN)
def test_odd_pictures_are_taken_in(empty: Project, name: str) -> None:
    make, size = TAKEN[name]
    # The name and the kind that a sender states are never trusted: only the bytes count.
    answer = empty.post("/imports", content=make(), headers={"Content-Type": "text/x-python"})
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["width"], found["height"]) == size
    shown = Image.open(io.BytesIO(empty.get(f"/pictures/{found['image']}").content))
    assert shown.format == "PNG" and shown.size == size and shown.mode in {"RGB", "RGBA"}
    assert empty.get(f"/pictures/{found['image']}/64.webp").status_code == 200


def test_a_turned_picture_stands_upright(empty: Project) -> None:
    found = empty.post("/imports", content=turned()).json()
    shown = Image.open(io.BytesIO(empty.get(f"/pictures/{found['image']}").content))
    red = shown.getpixel((18, 20))
    assert isinstance(red, tuple) and red[0] > 200 and red[1] < 60


def test_16_bits_are_scaled_not_clipped(empty: Project) -> None:
    found = empty.post("/imports", content=deep()).json()
    shown = Image.open(io.BytesIO(empty.get(f"/pictures/{found['image']}").content))
    middle = shown.convert("L").getpixel((32, 4))
    assert isinstance(middle, int) and 120 < middle < 140


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused_and_leaves_nothing(empty: Project, name: str) -> None:
    is_problem(empty.post("/imports", content=REFUSED[name]()), 422, "picture-refused")
    assert empty.studio.records.count() == 0


@pytest.mark.parametrize("name", [*REFUSED, *TAKEN])
def test_verifying_never_breaks(project: Project, name: str) -> None:
    data = REFUSED[name]() if name in REFUSED else TAKEN[name][0]()
    answer = project.http.post("/api/v1/verify", content=data)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 200:
        assert answer.json()["state"] in {"unsigned", "invalid"}


def test_a_bomb_of_text_costs_little(empty: Project) -> None:
    assert empty.post("/imports", content=text_bomb()).status_code in {201, 422}


def test_a_reference_may_be_as_large_as_any_picture(project: Project) -> None:
    noise = Image.effect_noise((1100, 1100), 90).convert("RGB")
    buffer = io.BytesIO()
    noise.save(buffer, "PNG")
    assert len(buffer.getvalue()) > 2 * 1024 * 1024
    answer = project.post("/controls", content=buffer.getvalue())
    assert answer.status_code == 201, answer.text
    assert (answer.json()["width"], answer.json()["height"]) == (1100, 1100)
