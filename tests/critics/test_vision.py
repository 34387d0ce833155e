"""Faults that show in the pixels, and ordinary pictures that have none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter

from maquette.core.finding import Finding
from maquette.core.geometry import Box, Size
from maquette.core.recipe import Inpaint, Outpaint, Upscale
from maquette.core.version import Version
from maquette.critics.banding import banded_share
from maquette.critics.vision import Vision

MakeVersion = Callable[..., Version]


def smooth(
    dark: float, bright: float, size: int = 256, *, grain: float = 1.2
) -> npt.NDArray[np.float32]:
    """A slope from one brightness to another with a little grain, (size, size, 3)."""
    slope = np.linspace(dark, bright, size, dtype=np.float32)[:, None, None]
    noise = np.random.default_rng(0).normal(0, grain, (size, size, 1)).astype(np.float32)
    return np.clip(slope + noise, 0, 255).repeat(3, 2)


def picture(values: npt.NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def scene(sky: tuple[float, float] = (120, 220), thing: str = "#8a4b2a") -> Image.Image:
    """A sky, a ground, a few things with edges."""
    image = picture(smooth(*sky))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 180, 256, 256), fill="#5f6b3a")
    draw.ellipse((180, 30, 220, 70), fill="#fff3c4")
    draw.polygon([(60, 180), (100, 100), (140, 180)], fill=thing)
    draw.rectangle((150, 140, 200, 180), fill="#3a3f55")
    return image.filter(ImageFilter.GaussianBlur(0.5))


def night() -> Image.Image:
    image = picture(smooth(6, 24))
    draw = ImageDraw.Draw(image)
    draw.ellipse((180, 30, 220, 70), fill="#fdf6d8")
    for x, y in np.random.default_rng(1).integers(0, 160, (40, 2)):
        draw.point((int(x), int(y)), fill="white")
    draw.polygon([(0, 256), (90, 170), (256, 256)], fill="#070a12")
    return image


def product() -> Image.Image:
    image = Image.new("RGB", (256, 256), "white")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((90, 80, 170, 200), 12, fill="#c23b22")
    draw.rectangle((100, 100, 160, 130), fill="#2b2b2b")
    return image


def line_art() -> Image.Image:
    image = Image.new("RGB", (256, 256), "#fdfdfd")
    draw = ImageDraw.Draw(image)
    for radius in (30, 60, 90):
        draw.circle((128, 128), radius, outline="black", width=2)
    return image


def layered_hills() -> Image.Image:
    image = Image.new("RGB", (256, 256), "#c9d6e8")
    draw = ImageDraw.Draw(image)
    for n, y in enumerate((100, 140, 180, 220)):
        draw.rectangle((0, y, 256, 256), fill=(190 - 9 * n, 200 - 9 * n, 215 - 9 * n))
    draw.rectangle((100, 60, 130, 100), fill="#402020")
    return image


def fog() -> Image.Image:
    return picture(smooth(170, 205))


def look(make: MakeVersion, image: Image.Image) -> list[Finding]:
    return Vision().look(make(), image, None)


def named(findings: list[Finding]) -> set[str]:
    return {finding.name for finding in findings}


@pytest.mark.parametrize("make_one", [scene, night, product, line_art, layered_hills, fog])
def test_an_ordinary_picture_has_notes_at_most(
    make: MakeVersion, make_one: Callable[[], Image.Image]
) -> None:
    image = make_one()
    for each in (image, image.transpose(Image.Transpose.ROTATE_90), image.convert("RGBA")):
        assert [f.name for f in look(make, each) if f.severity != "note"] == []


def test_a_night_is_dark_and_that_is_a_note(make: MakeVersion) -> None:
    assert named(look(make, night())) == {"dark"}


@pytest.mark.parametrize("colour", ["black", "white", "#7f7f7f", "#102030"])
def test_an_empty_picture_is_a_fault(make: MakeVersion, colour: str) -> None:
    [finding] = look(make, Image.new("RGB", (256, 256), colour))
    assert finding.name == "blank" and finding.severity == "fault" and finding.score == 1


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (16, 16)])
def test_tiny_pictures_are_looked_at_too(make: MakeVersion, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    assert all(finding.critic == "vision" for finding in look(make, Image.fromarray(noise)))


def test_a_transparent_picture_is_seen_on_white(make: MakeVersion) -> None:
    assert named(look(make, Image.new("RGBA", (64, 64), (0, 0, 0, 0)))) == {"blank"}


class TestBlur:
    @pytest.mark.parametrize("radius", [2.5, 4, 8])
    def test_a_blurred_scene_is_found(self, make: MakeVersion, radius: float) -> None:
        soft = scene().filter(ImageFilter.GaussianBlur(radius))
        [finding] = [f for f in look(make, soft) if f.name == "blur"]
        assert finding.severity == "warning" and finding.score > 0.4
        assert finding.suggestion is None, "no operation sharpens"

    @pytest.mark.parametrize("radius", [0, 0.5, 1])
    def test_a_sharp_one_is_not(self, make: MakeVersion, radius: float) -> None:
        image = scene().filter(ImageFilter.GaussianBlur(radius))
        assert "blur" not in named(look(make, image))

    def test_blurrier_is_worse(self, make: MakeVersion) -> None:
        scores = [
            look(make, scene().filter(ImageFilter.GaussianBlur(radius)))[0].score
            for radius in (2, 2.5, 3.5)
        ]
        assert all(a < b for a, b in pairwise(scores))

    def test_one_sharp_thing_before_a_soft_ground_is_a_choice(self, make: MakeVersion) -> None:
        image = scene().filter(ImageFilter.GaussianBlur(6))
        ImageDraw.Draw(image).rectangle((80, 80, 170, 170), fill="#d03030", outline="black")
        assert "blur" not in named(look(make, image))

    def test_after_upscaling_it_is_a_note(self, make: MakeVersion) -> None:
        large = scene().resize((1536, 1536), Image.Resampling.LANCZOS)
        version = make(task=Upscale(image="a" * 64, scale=6))
        findings = [f for f in Vision().look(version, large, None) if f.name == "blur"]
        assert [finding.severity for finding in findings] == ["note"]


class TestExposure:
    def test_nothing_bright(self, make: MakeVersion) -> None:
        [finding] = look(make, picture(np.asarray(scene(), np.float32) * 0.12))
        assert finding.name == "dark" and finding.severity == "warning"

    def test_nothing_dark(self, make: MakeVersion) -> None:
        findings = look(make, picture(np.asarray(scene(), np.float32) * 0.12 + 222))
        assert "bright" in named([f for f in findings if f.severity == "warning"])

    def test_blown_highlights(self, make: MakeVersion) -> None:
        [finding] = look(make, picture(smooth(60, 420)))
        assert finding.name == "clipped-highlights" and finding.severity == "warning"
        assert "%" in finding.message

    def test_crushed_shadows(self, make: MakeVersion) -> None:
        crushed = np.clip(smooth(-150, 200, grain=0), 0, 255)
        crushed += np.where(crushed > 0, np.random.default_rng(0).normal(0, 1, crushed.shape), 0)
        assert named(look(make, picture(crushed))) == {"clipped-shadows"}


class TestBanding:
    @pytest.mark.parametrize("step", [3, 6, 10])
    def test_a_staircase_is_found(self, make: MakeVersion, step: int) -> None:
        stairs = np.floor(smooth(40, 220, 512, grain=0) / step) * step
        for values in (stairs, stairs[::-1], stairs.transpose(1, 0, 2)):
            findings = look(make, picture(values))
            assert "banding" in named(findings)
        assert banded_share(stairs[..., 0]) > 0.7

    def test_what_eight_bits_cannot_avoid_is_none(self) -> None:
        assert banded_share(np.rint(smooth(40, 220, 1024, grain=0))[..., 0]) == 0

    def test_grain_hides_it(self) -> None:
        stairs = np.floor(smooth(40, 220, grain=0) / 6) * 6
        grain = np.random.default_rng(0).normal(0, 1.5, (256, 256)).astype(np.float32)
        assert banded_share(stairs[..., 0] + grain) < 0.01

    def test_few_lines_are_enough_to_look_at(self) -> None:
        assert banded_share(np.zeros((1, 1), np.float32)) == 0
        assert banded_share(np.zeros((3, 2000), np.float32)) == 0


class TestSeam:
    TASK = Inpaint(
        image="a" * 64,
        mask="b" * 64,
        region=Box(x=0, y=0, width=128, height=128),
        work=Size(width=128, height=128),
        feather=3,
    )

    def seam(self, version: Version, score: float) -> list[Finding]:
        findings = Vision().look(version, scene(), None, {"seam": score})
        return [finding for finding in findings if finding.name == "seam"]

    def test_a_seam_is_named_with_its_remedy(self, make: MakeVersion) -> None:
        version = make(parents=("c" * 64,), task=self.TASK)
        [finding] = self.seam(version, 0.3)
        assert finding.severity == "warning" and finding.score == pytest.approx(0.3)
        assert finding.region == self.TASK.region
        assert finding.suggestion is not None
        assert finding.suggestion.operation == "inpaint"
        assert finding.suggestion.arguments == {
            "version": "c" * 64,
            "mask": "b" * 64,
            "prompt": "a wolf",
            "negative": "",
            "seed": 7,
            "strength": 1.0,
            "feather": 6,
        }
        assert self.seam(version, 0.7)[0].severity == "fault"

    def test_no_seam_no_finding(self, make: MakeVersion) -> None:
        version = make(parents=("c" * 64,), task=self.TASK)
        assert self.seam(version, 0.1) == []
        assert "seam" not in named(Vision().look(version, scene(), None))

    def test_an_outpainted_edge_shows_but_has_no_mask_to_repeat(self, make: MakeVersion) -> None:
        task = Outpaint(image="a" * 64, left=8, work=Size(width=64, height=64))
        [finding] = self.seam(make(task=task), 0.4)
        assert finding.suggestion is None

    def test_only_edits_have_seams(self, make: MakeVersion) -> None:
        assert self.seam(make(), 0.9) == []

    def test_it_shows_even_in_an_empty_picture(self, make: MakeVersion) -> None:
        version = make(parents=("c" * 64,), task=self.TASK)
        blank = Image.new("RGB", (64, 64), "#808080")
        assert named(Vision().look(version, blank, None, {"seam": 0.6})) == {"blank", "seam"}


def test_the_worst_comes_first(make: MakeVersion) -> None:
    task = TestSeam.TASK
    soft = scene().filter(ImageFilter.GaussianBlur(4))
    findings = Vision().look(make(task=task), soft, None, {"seam": 0.9})
    assert [finding.name for finding in findings][:2] == ["seam", "blur"]
