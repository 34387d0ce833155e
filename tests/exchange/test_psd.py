"""PSD: what is written is read by psd-tools and Pillow; what is hostile is refused in a line."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from psd_tools import PSDImage

from maquette.core.picture import decode_picture
from maquette.errors import ExportRefused, PictureRefused
from maquette.exchange.imports import read_metadata
from maquette.exchange.psd import PsdLayer, write_psd
from maquette.exchange.xmp import TRAINED, build_xmp


def noise(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Half noise, half flat: rows that pack and rows that do not."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    values[:, width // 2 :] = 77
    return Image.fromarray(values[..., 0] if mode == "L" else values)


def same(a: Image.Image, b: Image.Image) -> bool:
    return a.mode == b.mode and np.array_equal(np.asarray(a), np.asarray(b))


def file_of(*, merged: Image.Image | None = None, layers: int = 1) -> bytes:
    picture = merged or noise(20, 10)
    return write_psd(picture, [PsdLayer(f"layer {n}", picture) for n in range(layers)])


@settings(max_examples=25)
@given(
    width=st.integers(1, 140),
    height=st.integers(1, 40),
    mode=st.sampled_from(["RGB", "RGBA"]),
    x=st.integers(-20, 60),
    y=st.integers(-20, 60),
    seed=st.integers(0, 99),
)
def test_pixels_masks_and_names_come_back(  # noqa: PLR0917
    width: int, height: int, mode: str, x: int, y: int, seed: int
) -> None:
    ground, upper = noise(90, 60), noise(width, height, mode, seed)
    mask = noise(width, height, "L", seed + 1)
    data = write_psd(
        ground,
        [
            PsdLayer("picture", ground),
            PsdLayer(
                "Ümhang 月 " + "x" * 300,
                upper,
                at=(x, y),
                mask=mask,
                opacity=0.5,
                blend="multiply",
                visible=False,
            ),
        ],
    )
    below, above = PSDImage.open(io.BytesIO(data))
    assert below.name == "picture" and below.visible and not below.has_mask()
    assert same(below.topil().convert("RGB"), ground)
    assert above.name.startswith("Ümhang 月") and len(above.name) == 255
    assert (above.left, above.top, above.width, above.height) == (x, y, width, height)
    assert same(above.topil(), upper) and same(above.mask.topil(), mask)
    assert not above.visible and above.opacity == 128 and above.blend_mode.name == "MULTIPLY"
    assert same(decode_picture(data), ground), "the merged picture, by our own door"


def test_a_transparent_picture_comes_back() -> None:
    picture = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    picture.paste((200, 40, 10, 255), (5, 5, 15, 15))
    picture.paste((200, 40, 10, 128), (15, 5, 25, 15))
    data = write_psd(picture, [PsdLayer("picture", picture)])
    again = decode_picture(data)
    assert again.mode == "RGBA" and same(again.getchannel("A"), picture.getchannel("A"))
    seen = np.asarray(picture)[..., 3] > 0
    apart = np.asarray(again)[seen].astype(int) - np.asarray(picture)[seen]
    assert np.abs(apart).max() <= 2


def test_a_fourth_channel_that_is_no_transparency_is_left_out() -> None:
    data = bytearray(file_of(merged=noise(20, 10, "RGBA")))
    at = data.index(struct.pack(">h", -1) + struct.pack(">iiii", 0, 0, 10, 20))
    data[at : at + 2] = struct.pack(">h", 1)
    assert decode_picture(bytes(data)).mode == "RGB"


def test_profile_resolution_and_xmp_are_inside() -> None:
    picture = noise(9, 9)
    data = write_psd(picture, [PsdLayer("p", picture)], xmp=b"<x:xmpmeta/>", dots=300)
    resources = {
        int(key): item.data for key, item in PSDImage.open(io.BytesIO(data)).image_resources.items()
    }
    assert resources[1005].horizontal == 300 << 16 and resources[1060] == b"<x:xmpmeta/>"
    assert "sRGB".encode("utf-16-be") in resources[1039] and resources[1057].has_composite
    assert data == write_psd(picture, [PsdLayer("p", picture)], xmp=b"<x:xmpmeta/>", dots=300)


def test_the_mark_of_ai_origin_is_read_again() -> None:
    picture = noise(9, 9)
    xmp = build_xmp(tool="test", source_type=TRAINED, description="", recipe="")
    found = read_metadata(write_psd(picture, [PsdLayer("p", picture)], xmp=xmp))
    assert found.digital_source_type == TRAINED


def test_what_the_format_cannot_hold_is_refused() -> None:
    for merged, layers in ((Image.new("RGB", (30_001, 1)), 1), (noise(2, 2), 501)):
        with pytest.raises(ExportRefused):
            file_of(merged=merged, layers=layers)


# --- Hostile files ------------------------------------------------------------------------------


def changed(at: int, new: bytes) -> bytes:
    data = bytearray(file_of())
    data[at : at + len(new)] = new
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (changed(4, b"\0\2"), "large document"),
        (changed(22, b"\0\x10"), "16 bits"),
        (changed(22, b"\0\x20"), "32 bits"),
        (changed(24, b"\0\4"), "CMYK"),
        (changed(24, b"\0\x09"), "Lab"),
        (changed(14, struct.pack(">II", 200_000, 200_000)), "pixels"),
        (changed(26, b"\xff\xff\xff\xff"), "cut short"),
        (changed(30, b"\x7f\xff\xff\xff"), "cut short"),
        (changed(12, b"\xff\xff"), ""),
        (b"8BPS", "cut short"),
        (file_of()[:200], "cut short"),
        (file_of()[:-40], ""),
    ],
)
def test_a_hostile_file_is_refused_in_a_line(data: bytes, says: str) -> None:
    with pytest.raises(PictureRefused) as refusal:
        decode_picture(data, name="art.psd")
    assert says in str(refusal.value) and "\n" not in str(refusal.value) and refusal.value.hint


def test_layers_without_a_merged_picture_are_refused() -> None:
    data = bytearray(file_of())
    at = data.index(struct.pack(">H", 1057)) + 8
    assert data[at + 4] == 1
    data[at + 4] = 0
    with pytest.raises(PictureRefused, match="no merged picture") as refusal:
        decode_picture(bytes(data))
    assert "compatibility" in refusal.value.hint


@settings(max_examples=120)
@given(at=st.integers(0, 700), byte=st.integers(0, 255), cut=st.integers(0, 3))
def test_any_damage_is_a_refusal_or_a_picture(at: int, byte: int, cut: int) -> None:
    data = bytearray(file_of(layers=2))
    data[at % len(data)] = byte
    data = data[: len(data) - cut * 37]
    try:
        picture = decode_picture(bytes(data))
    except PictureRefused:
        return
    assert picture.mode in {"RGB", "RGBA"}
