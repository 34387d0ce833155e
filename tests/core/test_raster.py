"""Measuring pictures, shaping masks, drawing heat."""

from __future__ import annotations

import math
import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from maquette.core import raster
from maquette.core.geometry import Box, Size

Bytes = npt.NDArray[np.uint8]


def noise(height: int = 40, width: int = 50, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def flat(value: int, height: int = 40, width: int = 50) -> Bytes:
    return np.full((height, width, 3), value, np.uint8)


def spot(height: int = 60, width: int = 60, x: int = 30, y: int = 30) -> Bytes:
    mask = np.zeros((height, width), np.uint8)
    mask[y, x] = 255
    return mask


class TestMeasuring:
    def test_luminance_is_rec_601(self) -> None:
        colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
        np.testing.assert_allclose(
            raster.luminance(colours)[0], [76.245, 149.685, 29.07, 255], rtol=1e-5
        )

    @pytest.mark.parametrize(
        ("step", "decibels"), [(1, 48.1308), (2, 42.1102), (10, 28.1308), (255, 0.0)]
    )
    def test_psnr_of_a_constant_error(self, step: int, decibels: float) -> None:
        assert raster.psnr(flat(0), flat(step)) == pytest.approx(decibels, abs=1e-4)

    def test_psnr_of_equal_pictures_is_infinite(self) -> None:
        assert raster.psnr(noise(), noise()) == math.inf

    def test_ssim_of_equal_pictures_is_one(self) -> None:
        assert raster.ssim(noise(), noise()) == pytest.approx(1, abs=1e-6)

    @pytest.mark.parametrize(("a", "b"), [(0, 255), (100, 110), (200, 40)])
    def test_ssim_of_flat_pictures_is_that_of_their_means(self, a: int, b: int) -> None:
        c1 = (0.01 * 255) ** 2
        expected = (2 * a * b + c1) / (a * a + b * b + c1)
        assert raster.ssim(flat(a), flat(b)) == pytest.approx(expected, abs=1e-4)

    def test_ssim_equals_the_formula_written_out(self) -> None:
        """Every window on its own, in double precision, straight from the paper."""
        a = noise(24, 30)
        b = np.clip(a * 0.8 + noise(24, 30, seed=1) * 0.2, 0, 255).astype(np.uint8)
        x, y = (raster.luminance(picture).astype(np.float64) for picture in (a, b))
        bell = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
        weights = np.outer(bell, bell) / bell.sum() ** 2
        scores: list[float] = []
        for row in range(24 - 10):
            for column in range(30 - 10):
                p, q = (each[row : row + 11, column : column + 11] for each in (x, y))
                mp, mq = (weights * p).sum(), (weights * q).sum()
                vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
                shared = (weights * (p - mp) * (q - mq)).sum()
                scores.append(
                    (2 * mp * mq + 6.5025)
                    * (2 * shared + 58.5225)
                    / ((mp**2 + mq**2 + 6.5025) * (vp + vq + 58.5225))
                )
        assert raster.ssim(a, b) == pytest.approx(float(np.mean(scores)), abs=2e-5)

    def test_ssim_falls_with_damage_and_is_symmetric(self) -> None:
        picture = np.repeat(np.repeat(noise(10, 10), 8, 0), 8, 1)
        soft = np.asarray(Image.fromarray(picture).resize((20, 20)).resize((80, 80)))
        worse = np.asarray(Image.fromarray(picture).resize((8, 8)).resize((80, 80)))
        assert 1 > raster.ssim(picture, soft) > raster.ssim(picture, worse) > -1
        assert raster.ssim(picture, soft) == pytest.approx(raster.ssim(soft, picture), abs=1e-6)

    @pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 50), (50, 10), (11, 11)])
    def test_ssim_takes_small_pictures(self, height: int, width: int) -> None:
        assert raster.ssim(noise(height, width), noise(height, width)) == pytest.approx(1, abs=1e-6)

    def test_changed_pixels(self) -> None:
        a, b = noise(), noise()
        b[3, 4, 2] ^= 1
        b[7, 8] ^= 255
        changed = raster.changed_pixels(a, b)
        assert changed.shape == (40, 50) and changed.sum() == 2
        assert changed[3, 4] and changed[7, 8]

    def test_pictures_of_two_sizes_are_a_mistake(self) -> None:
        for measure in (raster.psnr, raster.ssim, raster.changed_pixels, raster.difference):
            with pytest.raises(ValueError, match="two sizes"):
                measure(noise(4, 5), noise(5, 4))

    def test_large_pictures_are_measured_quickly(self) -> None:
        a, b = noise(1024, 1024), noise(1024, 1024, seed=1)
        started = time.perf_counter()
        raster.ssim(a, b)
        assert time.perf_counter() - started < 3


class TestSeam:
    def box(self) -> Bytes:
        mask = np.zeros((40, 50), np.uint8)
        mask[10:30, 10:30] = 255
        return mask

    def test_no_border_no_seam(self) -> None:
        for value in (0, 255):
            assert raster.seam_score(noise(), np.full((40, 50), value, np.uint8)) == 0
        assert raster.seam_score(noise(1, 1), np.full((1, 1), 255, np.uint8)) == 0

    def test_an_untouched_picture_has_none(self) -> None:
        smooth = np.linspace(0, 200, 50).astype(np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
        assert raster.seam_score(smooth, self.box()) < 0.05
        assert raster.seam_score(noise(), self.box()) < 0.05

    def test_it_grows_with_the_step(self) -> None:
        scores: list[float] = []
        for step in (2, 8, 30, 120):
            picture = flat(100)
            picture[10:30, 10:30] += np.uint8(step)
            scores.append(raster.seam_score(picture, self.box()))
        assert scores == sorted(scores)
        # excess / (excess + 8), as said.
        assert scores == pytest.approx([2 / 10, 8 / 16, 30 / 38, 120 / 128])

    def test_the_same_step_shows_less_where_the_picture_is_busy(self) -> None:
        calm, busy = flat(100), noise() // 4 + 80
        for picture in (calm, busy):
            picture[10:30, 10:30] += 40
        assert raster.seam_score(busy, self.box()) < raster.seam_score(calm, self.box())


class TestMasks:
    def test_a_box(self) -> None:
        mask = raster.box_mask(Size(width=9, height=7), Box(x=2, y=3, width=4, height=2))
        assert mask.shape == (7, 9) and (mask > 0).sum() == 8
        assert raster.mask_box(mask) == Box(x=2, y=3, width=4, height=2)

    def test_a_polygon(self) -> None:
        mask = raster.polygon_mask(Size(width=20, height=20), [(2, 2), (12, 2), (2, 12)])
        assert mask[3, 3] == 255 and mask[11, 11] == 0
        assert 50 <= (mask > 0).sum() <= 70

    def test_an_empty_mask_has_no_box(self) -> None:
        assert raster.mask_box(np.zeros((4, 5), np.uint8)) is None

    @given(st.integers(0, 25))
    def test_growing_reaches_so_far_and_no_further(self, pixels: int) -> None:
        grown = raster.grow(spot(61, 61), pixels)
        assert raster.mask_box(grown) == Box(
            x=30 - pixels, y=30 - pixels, width=2 * pixels + 1, height=2 * pixels + 1
        )
        # Nearly a disc: never beyond a ninth more than its radius, rounding aside.
        rows, columns = np.nonzero(grown)
        assert np.hypot(rows - 30, columns - 30).max() <= pixels * 1.1 + 1.5
        assert np.array_equal(grown, grown.T) and np.array_equal(grown, grown[::-1, ::-1])

    @settings(max_examples=40)
    @given(st.integers(0, 2**32 - 1), st.integers(0, 12))
    def test_growing_and_shrinking_are_opposites(self, seed: int, pixels: int) -> None:
        random = np.random.default_rng(seed)
        mask = np.where(random.random((37, 29)) > 0.9, 255, 0).astype(np.uint8)
        grown, shrunk = raster.grow(mask, pixels), raster.shrink(mask, pixels)
        assert (grown >= mask).all() and (shrunk <= mask).all()
        assert (raster.shrink(grown, pixels) >= mask).all(), "closing loses nothing"
        assert (raster.grow(shrunk, pixels) <= mask).all(), "opening adds nothing"

    def test_the_pictures_edge_eats_nothing(self) -> None:
        full = np.full((10, 12), 255, np.uint8)
        assert raster.shrink(full, 5).all()

    def test_grey_masks_stay_grey(self) -> None:
        mask = spot()
        mask[30, 30] = 90
        assert set(np.unique(raster.grow(mask, 4))) == {0, 90}

    def test_feather_softens_to_both_sides(self) -> None:
        mask = raster.box_mask(Size(width=60, height=60), Box(x=0, y=0, width=30, height=60))
        soft = raster.feather(mask, 4)
        assert soft[30, 5] == 255 and soft[30, 55] == 0
        assert 90 < soft[30, 29] < 165 and (np.diff(soft[30].astype(int)) <= 0).all()
        assert raster.feather(mask, 0) is mask

    def test_invert_twice_is_nothing(self) -> None:
        mask = noise()[..., 0]
        assert np.array_equal(raster.invert(raster.invert(mask)), mask)


class TestDrawing:
    def test_difference_is_black_where_equal(self) -> None:
        a, b = flat(100), flat(100)
        b[0, 0] = (110, 90, 255)
        drawn = np.asarray(raster.difference(a, b))
        assert drawn[0, 0].tolist() == [40, 40, 255]
        assert not drawn[1:].any()

    def test_side_by_side(self) -> None:
        pictures = [Image.new("RGB", (10, 20), "red"), Image.new("RGBA", (30, 5), "blue")]
        sheet = raster.side_by_side(pictures, gap=4)
        assert sheet.size == (44, 20)
        assert sheet.getpixel((9, 19)) == (255, 0, 0)
        assert sheet.getpixel((14, 0)) == (0, 0, 255)
        assert sheet.getpixel((12, 0)) == sheet.getpixel((20, 10)) == (119, 119, 119)

    def test_heat_colours_are_perceptually_even(self) -> None:
        colours = raster.heat_colours()
        assert colours.shape == (256, 3)
        bright = raster.luminance(colours[None])[0]
        assert (np.diff(bright) > -0.5).all() and bright[0] < 20 and bright[-1] > 230
        # Equal steps in CIELAB, which is not the space that they were made in.
        lab = to_lab(colours)
        steps = np.linalg.norm(np.diff(lab[::8], axis=0), axis=1)
        assert steps.max() / steps.min() < 2.5

    def test_heat_goes_over_a_grey_picture(self) -> None:
        heat = np.zeros((40, 50), np.float32)
        heat[:, 25:] = 1
        drawn = np.asarray(raster.heat_overlay(Image.fromarray(flat(128)), heat))
        cold, hot = drawn[20, 5].astype(int), drawn[20, 45].astype(int)
        assert hot[0] > 180 and hot[0] > hot[2] > cold[2] - 30
        assert hot.sum() - cold.sum() > 250

    def test_heat_keeps_the_picture_legible(self) -> None:
        picture = flat(40)
        picture[:, ::10] = 220
        drawn = raster.heat_overlay(Image.fromarray(picture), np.full((40, 50), 0.5, np.float32))
        bright = raster.luminance(np.asarray(drawn))
        assert bright[20, 10] - bright[20, 5] > 30

    def test_heat_outside_the_range_is_clipped(self) -> None:
        heat = np.full((40, 50), 7, np.float32)
        heat[0] = -3
        drawn = np.asarray(raster.heat_overlay(Image.fromarray(flat(9)), heat))
        assert drawn[5, 5].min() > 100 and drawn[0, 0].max() < 60

    def test_a_map_of_another_size_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="does not fit"):
            raster.heat_overlay(Image.new("RGB", (4, 5)), np.zeros((4, 5), np.float32))


def to_lab(colours: Bytes) -> npt.NDArray[np.float64]:
    """sRGB to CIELAB (D65), by the textbook."""
    unit = colours / 255
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    xyz = linear @ matrix.T / np.array([0.95047, 1, 1.08883])
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [
            116 * root[:, 1] - 16,
            500 * (root[:, 0] - root[:, 1]),
            200 * (root[:, 1] - root[:, 2]),
        ],
        1,
    )
