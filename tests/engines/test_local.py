"""Local edits: what lies outside the mask keeps its bytes, what lies inside blends in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from maquette.core.geometry import Box, Size
from maquette.engines.local import close_region, evened, extend, open_region


def noisy(width: int, height: int, mode: str = "RGB", seed: int = 0) -> Image.Image:
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    return Image.fromarray(values)


def disc(size: int = 64, radius: int = 20) -> Image.Image:
    mask = Image.new("L", (size, size))
    middle = size // 2
    ImageDraw.Draw(mask).circle((middle, middle), radius, fill=255)
    return mask


def whole(image: Image.Image) -> Box:
    return Box(x=0, y=0, width=image.width, height=image.height)


@st.composite
def edits(draw: st.DrawFn) -> tuple[Image.Image, Image.Image, Box, Image.Image, int]:
    """Any picture, mask, region, drawn picture and feather."""
    width, height = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    seed = draw(st.integers(0, 2**16))
    random = np.random.default_rng(seed)
    picture = noisy(width, height, draw(st.sampled_from(["RGB", "RGBA"])), seed)
    kind = draw(st.sampled_from(["specks", "blocks", "soft", "full", "empty"]))
    values = random.random((height, width))
    if kind == "blocks":
        values = np.kron(random.random((-(-height // 9), -(-width // 9))), np.ones((9, 9)))
        values = values[:height, :width]
    mask = {
        "specks": np.where(values > 0.7, 255, 0),
        "blocks": np.where(values > 0.5, 255, 0),
        "soft": np.clip(values * 400 - 150, 0, 255),
        "full": np.full((height, width), 255),
        "empty": np.zeros((height, width)),
    }[kind].astype(np.uint8)
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    region = Box(
        x=x,
        y=y,
        width=draw(st.integers(1, width - x)),
        height=draw(st.integers(1, height - y)),
    )
    drawn = noisy(draw(st.integers(1, 40)), draw(st.integers(1, 40)), seed=seed + 1)
    return picture, Image.fromarray(mask), region, drawn, draw(st.integers(0, 40))


@settings(max_examples=200)
@given(edits())
def test_outside_the_mask_every_byte_stays(
    edit: tuple[Image.Image, Image.Image, Box, Image.Image, int],
) -> None:
    picture, mask, region, drawn, feather = edit
    before = np.asarray(picture).copy()
    result, seam = close_region(picture, mask, region, drawn, feather)
    after, inside = np.asarray(result), np.asarray(mask) > 0
    outside = np.ones_like(inside)
    outside[region.y : region.bottom, region.x : region.right] = False
    untouched = ~inside | outside
    assert result.mode == picture.mode and result.size == picture.size
    assert np.array_equal(after[untouched], before[untouched])
    assert np.array_equal(np.asarray(picture), before), "the given picture is not written to"
    assert 0 <= seam < 1


@settings(max_examples=60)
@given(edits())
def test_something_of_every_part_changes(
    edit: tuple[Image.Image, Image.Image, Box, Image.Image, int],
) -> None:
    """However wide the feather: a part of the mask is drawn, if only in its middle."""
    picture, mask, region, _, feather = edit
    inside = np.asarray(mask)[region.y : region.bottom, region.x : region.right] > 127
    if not inside.any():
        return
    black = Image.new("RGB", picture.size, "black")
    white = Image.new("RGB", (8, 8), "white")
    after = np.asarray(close_region(black, mask, region, white, feather)[0])
    assert after.max() > 100


def test_inside_the_drawn_picture_is_there_and_the_edge_blends() -> None:
    black, mask = Image.new("RGB", (64, 64)), disc()
    white = Image.new("RGB", (64, 64), "white")
    result, seam = close_region(black, mask, whole(mask), white, 8)
    row = np.asarray(result)[32, :, 0].astype(int)
    assert row[32] == 255 and (row[21:44] == 255).all(), "more than 8 pixels inside: all drawn"
    assert (np.diff(row[10:33]) >= 0).all() and row[12] < 30, "it rises from nothing"
    hard = close_region(black, mask, whole(mask), white, 0)[1]
    assert seam < 0.3 and hard > 0.9


def test_without_feather_the_mask_alone_counts() -> None:
    black, white = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    result, _ = close_region(black, disc(), whole(black), white, 0)
    assert np.array_equal(np.asarray(result)[..., 0], np.asarray(disc()))


def test_a_soft_mask_is_respected() -> None:
    ramp = Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1)))
    black, white = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    for feather in (0, 3):
        after = np.asarray(close_region(black, ramp, whole(black), white, feather)[0])[..., 0]
        assert (after <= np.asarray(ramp)).all()
        assert np.array_equal(after[:, 8:], np.asarray(ramp)[:, 8:])


def test_thin_parts_are_drawn_to_the_full_in_their_middle() -> None:
    mask = Image.new("L", (64, 64))
    ImageDraw.Draw(mask).line((0, 32, 63, 32), fill=255, width=5)
    black, white = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    column = np.asarray(close_region(black, mask, whole(mask), white, 30)[0])[:, 32, 0]
    assert column.max() == 255 and 0 < column[30] < 255


def test_the_pictures_edge_is_no_edge_of_the_mask() -> None:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 30, 64))
    black, white = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    after = np.asarray(close_region(black, mask, whole(mask), white, 8)[0])[..., 0]
    assert (after[:, :20] == 255).all() and after[0, 29] < 30
    assert np.array_equal(after[0], after[32])


def test_a_region_that_cuts_the_mask_blends_there_too() -> None:
    full = Image.new("L", (64, 64), 255)
    black, white = Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64), "white")
    region = Box(x=16, y=0, width=32, height=64)
    after = np.asarray(close_region(black, full, region, white, 6)[0])[..., 0]
    assert after[30, 16] < 30 and after[30, 32] == 255 and after[0, 32] == 255
    assert not after[:, :16].any() and not after[:, 48:].any()


def test_drawing_on_transparency_makes_it_opaque() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    green = Image.new("RGB", (64, 64), (0, 200, 0))
    after = np.asarray(close_region(clear, disc(), whole(clear), green, 6)[0])
    assert after[32, 32].tolist() == [0, 200, 0, 255]
    edge = after[32, 14]
    assert 0 < edge[3] < 255 and edge[1] == 200, "the colour of nothing does not bleed in"
    assert after[0, 0].tolist() == [0, 0, 0, 0]


def test_the_natural_edge_of_a_calm_edit_does_not_show() -> None:
    sky = Image.fromarray(
        np.tile(np.linspace(40, 200, 96).astype(np.uint8)[:, None, None], (1, 96, 3))
    )
    other = Image.fromarray(np.asarray(sky) + np.uint8(20))
    _, seam = close_region(sky, disc(96, 30), whole(sky), other, 12)
    _, hard = close_region(sky, disc(96, 30), whole(sky), other, 0)
    assert seam < 0.1 and hard > 0.5


def test_a_region_is_opened_at_its_work_size() -> None:
    picture, mask = noisy(64, 64), disc()
    region = Box(x=8, y=16, width=32, height=24)
    same, cut = open_region(picture, mask, region, Size(width=32, height=24))
    assert np.array_equal(np.asarray(same), np.asarray(picture)[16:40, 8:40]), "1:1 is a copy"
    assert np.array_equal(np.asarray(cut), np.asarray(mask)[16:40, 8:40])
    large, soft = open_region(picture, mask, region, Size(width=64, height=48))
    assert large.size == soft.size == (64, 48)
    assert (large.mode, soft.mode) == ("RGB", "L")
    small, average = open_region(picture, mask, region, Size(width=8, height=6))
    expected = np.asarray(mask)[16:40, 8:40].mean()
    assert small.size == (8, 6) and np.asarray(average).mean() == pytest.approx(expected, abs=6)


def test_transparent_places_are_opened_on_white() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    opened, _ = open_region(clear, disc(), whole(clear), Size(width=64, height=64))
    assert opened.getpixel((5, 5)) == (255, 255, 255)


def test_what_does_not_fit_is_a_mistake() -> None:
    picture, size = noisy(64, 64), Size(width=8, height=8)
    outside = Box(x=40, y=0, width=32, height=8)
    for mask, region in ((disc(32), whole(picture)), (disc(), outside)):
        with pytest.raises(ValueError, match=r"pixels|leaves"):
            open_region(picture, mask, region, size)
        with pytest.raises(ValueError, match=r"pixels|leaves"):
            close_region(picture, mask, region, picture, 4)


@settings(max_examples=50)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.tuples(st.integers(0, 70), st.integers(0, 70), st.integers(0, 70), st.integers(0, 70)),
)
def test_extending_adds_exactly_the_new_pixels(
    width: int, height: int, sides: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = sides
    picture = noisy(width, height)
    canvas, mask = extend(picture, *sides)
    assert canvas.size == mask.size == (left + width + right, top + height + bottom)
    assert (canvas.mode, mask.mode) == ("RGB", "L")
    kept = (slice(top, top + height), slice(left, left + width))
    assert np.array_equal(np.asarray(canvas)[kept], np.asarray(picture))
    new = np.asarray(mask).copy()
    assert not new[kept].any()
    new[kept] = 255
    assert (new == 255).all()


def test_an_overlap_is_drawn_anew_beside_the_sides_that_grow() -> None:
    picture = noisy(60, 40)
    canvas, mask = extend(picture, 20, 0, 0, 10, overlap=6)
    kept = (slice(0, 34), slice(26, 80))
    old = np.asarray(canvas)[:40, 20:]
    assert np.array_equal(old, np.asarray(picture))  # what is drawn starts from what was there
    inside = np.asarray(mask) == 0
    assert inside[kept].all() and inside.sum() == inside[kept].size
    drawn_out, _ = extend(picture, 20, 0, 0, 0, overlap=6, drawn_out=True)
    edge, behind, beside = (
        np.asarray(each, np.float64)[:, column]
        for each, column in ((picture, 0), (picture, 6), (drawn_out, 19))
    )
    assert np.abs(beside - behind).mean() < np.abs(beside - edge).mean()
    with pytest.raises(ValueError, match="leaves nothing"):
        extend(picture, 1, 1, 1, 1, overlap=20)


def test_a_canvas_goes_on_without_a_step_and_without_sharp_copies() -> None:
    ramp = np.tile(np.linspace(0, 250, 64).astype(np.uint8)[None, :, None], (64, 1, 3))
    canvas = np.asarray(extend(Image.fromarray(ramp), 0, 0, 40, 0)[0]).astype(int)
    assert abs(canvas[32, 64, 0] - canvas[32, 63, 0]) <= 4
    far = np.asarray(extend(noisy(64, 64), 0, 0, 64, 0)[0])[:, 110:]
    assert far.std() < np.asarray(noisy(64, 64)).std() / 3
    with pytest.raises(ValueError, match="0 or more"):
        extend(noisy(8, 8), -1, 0, 0, 0)


def test_what_was_drawn_takes_the_tones_around_it_and_keeps_its_things() -> None:
    start = np.zeros((64, 96, 3), np.uint8)
    start[:32], start[32:] = (200, 180, 150), (90, 60, 40)
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 48:] = 255
    drawn = start.astype(np.int16)
    drawn[:, 48:] += 18
    drawn[20:40, 70:90] = (250, 20, 20)
    even = np.asarray(
        evened(
            Image.fromarray(drawn.astype(np.uint8)), Image.fromarray(start), Image.fromarray(mask)
        )
    ).astype(int)
    step = np.abs(even[:, 50] - start[:, 46]).max(axis=-1)
    assert np.median(step) <= 2 and step.max() < 18
    assert (even[:, :48] == drawn[:, :48]).all(), "only inside the mask"
    red = even[30, 80]
    assert red[0] > 220 and red[1] < 20, "a thing stays what it is"


def test_another_thing_beside_the_border_is_no_tone() -> None:
    start = np.full((64, 96, 3), 200, np.uint8)
    drawn = np.full((64, 96, 3), 20, np.uint8)
    mask = np.zeros((64, 96), np.uint8)
    mask[:, 48:] = 255
    even = evened(Image.fromarray(drawn), Image.fromarray(start), Image.fromarray(mask))
    assert np.asarray(even)[:, 50:].max() < 210
    assert evened(Image.fromarray(drawn), Image.fromarray(start), Image.new("L", (96, 64), 255))


def test_an_edge_drawn_out_holds_nothing_twice() -> None:
    picture = np.full((40, 40, 3), 100, np.uint8)
    picture[10:30, 28:36] = 255  # a thing near the edge, which is not cut by it
    canvas, mask = extend(Image.fromarray(picture), 0, 0, 24, 0, drawn_out=True)
    fresh = np.asarray(canvas)[:, 40:]
    assert canvas.size == (64, 40) and fresh.max() <= 110
    mirrored, _ = extend(Image.fromarray(picture), 0, 0, 24, 0)
    assert np.asarray(mirrored)[:, 40:].max() > 150
    assert np.asarray(mask)[:, 40:].min() == 255
