"""Pictures from outside: whatever arrives, a picture comes out or a clear refusal."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maquette.core import picture
from maquette.core.geometry import Size
from maquette.core.picture import decode_mask, decode_picture, encode_png, size_of
from maquette.errors import MaskRefused, PictureRefused

RANDOM = np.random.default_rng(0)
PHOTO = Image.fromarray(RANDOM.integers(0, 256, (20, 30, 3), dtype=np.uint8))
TURNED = Image.Exif()
TURNED[0x112] = 6  # to be turned a quarter clockwise


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, depth: int = 8, rows: bytes = b"\0" * 99) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(more) + body + chunk(b"IEND", b"")


def deep() -> Image.Image:
    return Image.fromarray(np.array([[0, 32768, 65535]], np.uint16))


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no bytes": (lambda: b"", "is empty"),
    "text": (lambda: b"hello, I am a picture", "not a picture"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not a picture"),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    "zip": (lambda: b"PK\3\4" + b"\0" * 99, "not a picture"),
    "bomb header": (lambda: png(60_000, 60_000), "million"),
    "bomb header at the limit of the format": (lambda: png(2**31 - 1, 2**31 - 1), "million"),
    "a little too large": (lambda: png(10_001, 10_001), "10001x10001 pixels"),
    "no width": (lambda: png(0, 10), "not a picture"),
    "inflating text": (
        lambda: png(1, 1, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 80_000_000))),
        "not a picture",
    ),
    "fewer rows than said": (lambda: png(100, 100), "damaged"),
    "cut PNG": (lambda: encoded(PHOTO, "PNG")[:300], "damaged"),
    "cut JPEG": (lambda: encoded(PHOTO, "JPEG", quality=95)[:900], "damaged"),
    "cut WebP": (lambda: encoded(PHOTO, "WEBP")[:200], "gift.png is"),
    "only a signature": (lambda: b"\x89PNG\r\n\x1a\n", "not a picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_opened_is_refused(name: str) -> None:
    make, complaint = REFUSED[name]
    with pytest.raises(PictureRefused, match=complaint) as caught:
        decode_picture(make(), name="gift.png")
    assert "gift.png" in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.hint


def test_too_many_bytes_are_not_even_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_BYTES", 100)
    with pytest.raises(PictureRefused, match="MB"):
        decode_picture(encoded(PHOTO, "PNG"))


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGB"),
        ("WEBP", "RGBA"),
        ("AVIF", "RGB"),
        ("TIFF", "RGB"),
        ("TIFF", "CMYK"),
        ("TIFF", "LAB"),
        ("TIFF", "YCbCr"),
        ("BMP", "RGB"),
        ("GIF", "P"),
    ],
)
def test_every_format_and_mode_becomes_rgb_or_rgba(form: str, mode: str) -> None:
    given = PHOTO.convert(mode)
    if mode.endswith("A"):
        given.putalpha(128)
    decoded = decode_picture(encoded(given, form), name="wrong-extension.txt")
    assert decoded.mode == ("RGBA" if mode.endswith("A") else "RGB")
    assert decoded.size == PHOTO.size


def test_lossless_pictures_keep_their_pixels() -> None:
    for mode in ("RGB", "RGBA"):
        given = PHOTO.convert(mode)
        assert np.array_equal(np.asarray(decode_picture(encoded(given, "PNG"))), np.asarray(given))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(form: str) -> None:
    values = np.asarray(decode_picture(encoded(deep(), form)))
    assert values[0].tolist() == [[0] * 3, [128] * 3, [255] * 3]


def test_sixteen_bit_colour() -> None:
    rows = b"\0" + struct.pack(">3H", 0, 32768, 65535)
    decoded = decode_picture(png(1, 1, depth=16, rows=rows))
    assert decoded.getpixel((0, 0)) == (0, 128, 255)


def test_floats_are_taken_from_zero_to_one() -> None:
    with np.errstate(invalid="ignore"):
        image = Image.fromarray(np.array([[0, 0.5, 1, 7, np.nan]], np.float32))
        values = np.asarray(decode_picture(encoded(image, "TIFF")))[0, :, 0]
    assert values[:4].tolist() == [0, 127, 255, 255]


def test_transparency_by_colour_and_by_palette_is_kept() -> None:
    red = Image.new("RGB", (2, 1), (255, 0, 0))
    red.putpixel((1, 0), (0, 0, 255))
    keyed = decode_picture(encoded(red, "PNG", transparency=(255, 0, 0)))
    assert np.asarray(keyed)[0, :, 3].tolist() == [0, 255]
    listed = red.quantize(2)
    painted = decode_picture(encoded(listed, "GIF", transparency=listed.getpixel((0, 0))))
    assert np.asarray(painted)[0, :, 3].tolist() == [0, 255]
    clear = decode_picture(encoded(deep(), "PNG", transparency=65535))
    assert np.asarray(clear)[0, :, 3].tolist() == [255, 255, 0]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif_turns_the_picture_upright(form: str) -> None:
    wide = Image.new("RGB", (64, 32), "black")
    wide.paste((255, 255, 255), (0, 0, 16, 32))  # a white bar at the left
    upright = decode_picture(encoded(wide, form, exif=TURNED))
    assert upright.size == (32, 64)
    assert upright.getpixel((16, 2)) > (200, 200, 200), "the left comes to the top"  # pyright: ignore[reportOperatorIssue]
    assert "exif" not in encode_png(upright).decode("latin-1").lower()


def test_exif_turns_deep_pictures_too() -> None:
    assert decode_picture(encoded(deep(), "PNG", exif=TURNED)).size == (1, 3)


def test_broken_exif_hurts_nobody() -> None:
    data = encoded(PHOTO, "JPEG", exif=b"Exif\0\0" + b"\xff" * 50)
    assert decode_picture(data).size == PHOTO.size


def test_one_pixel_is_a_picture() -> None:
    assert decode_picture(encoded(Image.new("RGB", (1, 1), "red"), "PNG")).getpixel((0, 0)) == (
        255,
        0,
        0,
    )


def test_of_an_animation_the_first_picture_counts() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_picture(data).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"])
def test_damage_gives_a_picture_or_a_refusal(form: str) -> None:
    """A hundred files a format with a few bytes changed, or cut short."""
    whole = encoded(PHOTO, form)
    random = np.random.default_rng(7)
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(random.integers(1, 8)):
            data[random.integers(len(data))] = random.integers(256)
        if random.random() < 0.3:
            data = data[: random.integers(1, len(data))]
        with suppress(PictureRefused):
            assert decode_picture(bytes(data)).mode in {"RGB", "RGBA"}


SIZE = Size(width=30, height=20)


def spot(mode: str = "L", paper: Any = 0, ink: Any = 255) -> Image.Image:
    image = Image.new(mode, (30, 20), paper)
    image.paste(ink, (5, 5, 10, 10))
    return image


@pytest.mark.parametrize(
    "mask",
    [
        spot(),
        spot("1", 0, 1),
        spot("RGB", "black", "white"),
        spot("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)),
        spot("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)),  # black paint on nothing
        spot("RGBA", (255, 255, 255, 0), (255, 255, 255, 255)),  # white paint on nothing
        spot("RGBA", (0, 0, 0, 0), (255, 255, 255, 255)),
        spot("LA", (0, 0), (255, 255)),
    ],
    ids=lambda mask: mask.mode,
)
def test_masks_painted_either_way_mean_the_same(mask: Image.Image) -> None:
    decoded = decode_mask(encoded(mask, "PNG"), size=SIZE)
    assert decoded.mode == "L"
    assert np.array_equal(np.asarray(decoded), np.asarray(spot()))


@pytest.mark.parametrize(
    "empty",
    [
        Image.new("L", (30, 20)),
        Image.new("RGB", (30, 20)),
        Image.new("RGBA", (30, 20), (255, 255, 255, 0)),
        Image.new("RGBA", (30, 20), (0, 0, 0, 0)),
    ],
)
def test_an_empty_mask_is_refused(empty: Image.Image) -> None:
    with pytest.raises(MaskRefused, match="empty"):
        decode_mask(encoded(empty, "PNG"), size=SIZE)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(MaskRefused, match="30x20 pixels, the picture 20x30") as caught:
        decode_mask(encoded(spot(), "PNG"), size=Size(width=20, height=30))
    assert "white" in caught.value.hint


def test_a_mask_that_is_no_picture_is_refused() -> None:
    with pytest.raises(PictureRefused, match="the mask"):
        decode_mask(b"nothing", size=SIZE, name="the mask")


def test_the_same_pixels_give_the_same_bytes() -> None:
    plain = encode_png(PHOTO)
    marked = decode_picture(encoded(PHOTO, "PNG", dpi=(300, 300), exif=TURNED)).rotate(
        90, expand=True
    )
    marked.info["comment"] = "who, where"
    assert encode_png(marked) == encode_png(decode_picture(encode_png(marked)))
    assert encode_png(marked) == plain
    assert size_of(PHOTO) == SIZE
