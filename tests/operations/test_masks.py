"""Masks from boxes, polygons and words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maquette.core.geometry import Box, Size
from maquette.core.trace import Trace, TracedWord
from maquette.errors import MaskRefused, SettingRefused, WordUnknown
from maquette.operations import (
    make_mask,
    mask_from_alpha,
    mask_from_box,
    mask_from_colour,
    mask_from_polygon,
    mask_from_token,
)

SIZE = Size(width=256, height=192)


def area(mask: Image.Image) -> int:
    return int((np.asarray(mask) > 0).sum())


def disc(rows: int, columns: int, y: float, x: float, radius: float) -> npt.NDArray[np.float32]:
    """A soft disc, in cells."""
    away = np.hypot(np.arange(rows)[:, None] - y, np.arange(columns)[None, :] - x)
    return (1 / (1 + np.exp((away - radius) * 3))).astype(np.float32)


def trace(*maps: npt.NDArray[np.float32], region: Box | None = None) -> Trace:
    words = ("moon", "wolf", "sky")[: len(maps)]
    return Trace(
        words=tuple(TracedWord(text=w, start=5 * n, end=5 * n + 4) for n, w in enumerate(words)),
        maps=np.stack(maps),
        region=region,
    )


MOON, WOLF = disc(24, 32, 6, 24, 3), disc(24, 32, 17, 8, 4)


def truth(y: float, x: float, radius: float) -> npt.NDArray[np.bool_]:
    """The disc in pixels, eight to a cell."""
    rows, columns = np.arange(192)[:, None], np.arange(256)[None, :]
    return np.hypot(rows - (y * 8 + 3.5), columns - (x * 8 + 3.5)) < radius * 8


def overlap(mask: Image.Image, true: npt.NDArray[np.bool_]) -> float:
    """Intersection over union."""
    white = np.asarray(mask) > 0
    return float((white & true).sum() / (white | true).sum())


class TestBox:
    def test_inside(self) -> None:
        mask = mask_from_box(SIZE, (10, 20, 30, 40))
        assert mask.mode == "L" and mask.size == (256, 192)
        assert mask.getbbox() == (10, 20, 40, 60) and area(mask) == 1200

    def test_it_is_cut_at_the_edges(self) -> None:
        assert mask_from_box(SIZE, (-10, 180, 30, 40)).getbbox() == (0, 180, 20, 192)

    @pytest.mark.parametrize(
        "box", [(0, 0, 0, 5), (5, 5, 5, -1), (256, 0, 5, 5), (-5, 0, 5, 5), (0, 192, 9, 9)]
    )
    def test_an_empty_one_is_refused(self, box: tuple[int, int, int, int]) -> None:
        with pytest.raises(MaskRefused, match="covers nothing of a picture of 256x192"):
            mask_from_box(SIZE, box)

    @given(st.tuples(*[st.integers(-300, 300)] * 4))
    def test_any_box_gives_its_overlap_or_a_refusal(self, box: tuple[int, int, int, int]) -> None:
        x, y, width, height = box
        across = max(0, min(256, x + width) - max(0, x)) if width > 0 else 0
        down = max(0, min(192, y + height) - max(0, y)) if height > 0 else 0
        if across * down == 0:
            with pytest.raises(MaskRefused):
                mask_from_box(SIZE, box)
        else:
            assert area(mask_from_box(SIZE, box)) == across * down


class TestPolygon:
    def test_a_triangle(self) -> None:
        mask = mask_from_polygon(SIZE, [(10, 10), (110, 10), (10, 110)])
        assert 5000 <= area(mask) <= 5200

    def test_it_is_cut_at_the_edges(self) -> None:
        mask = mask_from_polygon(SIZE, [(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)])
        assert area(mask) == 256 * 192

    @pytest.mark.parametrize(
        "points",
        [
            [],
            [(1, 1), (5, 5)],
            [(-9, -9), (-1, -9), (-5, -1)],
            [(1, 1), (float("nan"), 5), (9, 1)],
            [(1, 1), (float("inf"), 5), (9, 1)],
        ],
    )
    def test_what_covers_nothing_is_refused(self, points: list[tuple[float, float]]) -> None:
        with pytest.raises(MaskRefused):
            mask_from_polygon(SIZE, points)

    @given(st.lists(st.tuples(st.integers(-400, 400), st.integers(-400, 400)), max_size=6))
    def test_any_polygon_gives_a_mask_or_a_refusal(self, points: list[tuple[int, int]]) -> None:
        with suppress(MaskRefused):
            assert area(mask_from_polygon(SIZE, points)) > 0


class TestToken:
    @pytest.mark.parametrize("threshold", [0.5, "otsu"])
    def test_it_fits_the_object(self, threshold: Any) -> None:
        for token, place in (("moon", (6, 24, 3)), ("wolf", (17, 8, 4))):
            mask = mask_from_token(trace(MOON, WOLF), SIZE, token, threshold=threshold)
            assert overlap(mask, truth(*place)) > 0.8
            assert set(np.unique(np.asarray(mask))) == {0, 255}

    def test_a_lower_threshold_takes_more(self) -> None:
        areas = [
            area(mask_from_token(trace(MOON), SIZE, "moon", threshold=level))
            for level in (0.8, 0.5, 0.2)
        ]
        assert areas == sorted(areas) and areas[0] < areas[-1]

    def test_specks_and_haze_are_dropped(self) -> None:
        dirty = MOON + np.float32(0.1)
        dirty[22, 2] = 0.9
        dirty += np.random.default_rng(0).random(dirty.shape, dtype=np.float32) * 0.15
        assert overlap(mask_from_token(trace(dirty), SIZE, "moon"), truth(6, 24, 3)) > 0.7

    def test_two_objects_of_one_word_are_both_kept(self) -> None:
        both = truth(6, 24, 3) | truth(17, 8, 4)
        assert overlap(mask_from_token(trace(np.maximum(MOON, WOLF)), SIZE, "moon"), both) > 0.8

    def test_holes_are_filled(self) -> None:
        ring = WOLF - disc(24, 32, 17, 8, 1.5)
        assert overlap(mask_from_token(trace(ring), SIZE, "moon"), truth(17, 8, 4)) > 0.7

    def test_several_words_are_taken_together(self) -> None:
        both = mask_from_token(trace(MOON, WOLF), SIZE, ["moon", "wolf"])
        assert overlap(both, truth(6, 24, 3) | truth(17, 8, 4)) > 0.8

    def test_a_trace_of_a_region_marks_its_place(self) -> None:
        region = Box(x=128, y=96, width=128, height=96)
        mask = mask_from_token(trace(MOON, region=region), SIZE, "moon")
        left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
        assert left > 128 and top > 96
        assert (left + right) / 2 == pytest.approx(128 + 98, abs=3)
        assert (top + bottom) / 2 == pytest.approx(96 + 26, abs=3)

    def test_a_map_that_points_nowhere_is_refused(self) -> None:
        with pytest.raises(MaskRefused, match="'moon' points nowhere"):
            mask_from_token(trace(np.zeros((4, 4), np.float32)), SIZE, "moon")

    def test_mistakes(self) -> None:
        with pytest.raises(WordUnknown):
            mask_from_token(trace(MOON), SIZE, "sun")
        with pytest.raises(SettingRefused):
            mask_from_token(trace(MOON), SIZE, [])
        for level in (0, 0.04, 1, float("nan")):
            with pytest.raises(SettingRefused):
                mask_from_token(trace(MOON), SIZE, "moon", threshold=level)

    @pytest.mark.parametrize("rows", [1, 2, 3])
    def test_the_coarsest_maps_are_taken(self, rows: int) -> None:
        coarse = np.zeros((rows, rows), np.float32)
        coarse[0, 0] = 1
        assert area(mask_from_token(trace(coarse), SIZE, "moon")) > 0
        assert area(mask_from_token(trace(coarse), SIZE, "moon", threshold="otsu")) > 0


def painted() -> Image.Image:
    """A blue picture with a noisy yellow disc, and a second disc apart from it."""
    noise = np.random.default_rng(0).integers(-6, 7, (192, 256, 3))
    pixels = np.full((192, 256, 3), (30, 40, 110), np.int16)
    pixels[truth(6, 24, 3) | truth(17, 8, 4)] = (240, 220, 120)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


class TestColour:
    def test_what_hangs_together(self) -> None:
        mask = mask_from_colour(painted(), 195, 51, 20)
        assert overlap(mask, truth(6, 24, 3)) > 0.97, "one disc, and no holes where it is noisy"

    def test_more_tolerance_takes_more(self) -> None:
        areas = [area(mask_from_colour(painted(), 0, 0, t)) for t in (2, 10, 100)]
        assert areas[0] < areas[1] <= areas[2] < 256 * 192

    def test_the_place_itself_is_always_in_it(self) -> None:
        checks = (np.indices((8, 8)).sum(0) % 2 * 255).astype(np.uint8)
        mask = mask_from_colour(Image.fromarray(checks).convert("RGB"), 3, 4, 0)
        assert mask.getpixel((3, 4)) == 255

    @pytest.mark.parametrize("place", [(-1, 0), (256, 0), (0, 192)])
    def test_outside(self, place: tuple[int, int]) -> None:
        with pytest.raises(MaskRefused, match="outside"):
            mask_from_colour(painted(), *place)

    @pytest.mark.parametrize("tolerance", [-1, 101, float("nan")])
    def test_tolerance_out_of_range(self, tolerance: float) -> None:
        with pytest.raises(SettingRefused, match="tolerance"):
            mask_from_colour(painted(), 0, 0, tolerance)


class TestAlpha:
    def test_transparent_places_are_edited(self) -> None:
        picture = painted().convert("RGBA")
        picture.putalpha(mask_from_box(SIZE, (64, 0, 192, 192)))
        mask = mask_from_alpha(picture)
        assert area(mask) == 64 * 192 and mask.getpixel((0, 0)) == 255

    def test_without_transparency(self) -> None:
        with pytest.raises(MaskRefused, match="no transparency"):
            mask_from_alpha(painted())
        with pytest.raises(MaskRefused, match="no transparency"):
            mask_from_alpha(painted().convert("RGBA"))


class TestMake:
    def test_every_way_alone(self) -> None:
        picture = painted().convert("RGBA")
        picture.putpixel((0, 0), (0, 0, 0, 0))
        assert area(make_mask(SIZE, colour=(195, 51, 12.0), picture=picture)) > 100
        assert area(make_mask(SIZE, alpha=True, picture=picture, grow=2)) == 9
        with pytest.raises(SettingRefused, match="needs the picture"):
            make_mask(SIZE, colour=(1, 1, 5.0))
        with pytest.raises(SettingRefused, match="one thing"):
            make_mask(SIZE, colour=(1, 1, 5.0), alpha=True, picture=picture)

    def test_grow_shrink_feather_invert(self) -> None:
        box = (100, 80, 40, 40)
        assert make_mask(SIZE, box=box, grow=5).getbbox() == (95, 75, 145, 125)
        assert make_mask(SIZE, box=box, grow=-5).getbbox() == (105, 85, 135, 115)
        soft = np.asarray(make_mask(SIZE, box=box, feather=6))
        assert soft[100, 120] == 255 and 0 < soft[100, 140] < 255
        assert area(make_mask(SIZE, box=box, invert=True)) == 256 * 192 - 1600

    def test_from_a_word_and_from_a_polygon(self) -> None:
        plain = mask_from_token(trace(MOON), SIZE, "moon")
        assert area(make_mask(SIZE, token="moon", trace=trace(MOON))) == area(plain)
        corners = [(10.0, 10.0), (50.0, 10.0), (50.0, 50.0)]
        assert area(make_mask(SIZE, polygon=corners)) == area(mask_from_polygon(SIZE, corners))

    @pytest.mark.parametrize(
        "ways",
        [
            {},
            {"box": (0, 0, 9, 9), "polygon": [(0, 0), (9, 0), (9, 9)]},
            {"token": "moon"},
            {"box": (0, 0, 9, 9), "grow": 513},
            {"box": (0, 0, 9, 9), "grow": 1.5},
            {"box": (0, 0, 9, 9), "feather": -1},
        ],
    )
    def test_one_way_and_numbers_in_range(self, ways: dict[str, Any]) -> None:
        with pytest.raises(SettingRefused):
            make_mask(SIZE, **ways)

    @pytest.mark.parametrize(
        "ways",
        [
            {"box": (100, 80, 10, 10), "grow": -6},
            {"box": (0, 0, 256, 192), "invert": True},
        ],
    )
    def test_a_mask_of_nothing_is_refused(self, ways: dict[str, Any]) -> None:
        with pytest.raises(MaskRefused, match="leave nothing"):
            make_mask(SIZE, **ways)
