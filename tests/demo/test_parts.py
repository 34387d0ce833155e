"""The demo's pieces on their own: markup, the choice, the mask, the flipped byte, the lanes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from demo.choose import background_mask, best_draft, focus_of
from demo.gallery import Gallery
from demo.graph import lanes
from demo.html import Markup, el, text
from demo.parts import prompt_line, spelt, with_minus
from demo.proof import flip_byte
from demo.story import Draft, Look, Plate
from PIL import Image

from maquette.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path / "project", create=True, engine="fake")


def test_markup_escapes_whatever_is_not_markup() -> None:
    assert text("<b>&'\"") == "&lt;b&gt;&amp;&#x27;&quot;"
    inner = el("b", "x < y")
    assert el("p", inner, None, ["a", ["<"]]) == "<p><b>x &lt; y</b>a&lt;</p>"
    assert el("img", alt='a "b" <c>', hidden=True, title=None) == (
        '<img alt="a &quot;b&quot; &lt;c&gt;" hidden>'
    )
    assert el("a", aria_label="x", class_="y") == '<a aria-label="x" class="y"></a>'
    assert isinstance(inner, Markup)


def test_numbers_as_people_read_them() -> None:
    assert with_minus(-0.5) == "−0.50"
    assert [spelt(6), spelt(11), spelt(13)] == ["six", "eleven", "13"]


def test_each_word_of_the_prompt_finds_its_own_map() -> None:
    looks = [Look("moon#1", 0.1, (0, 0), "a.png"), Look("moon#2", 0.2, (0, 0), "b.png")]
    line = prompt_line("moon & the moon", looks)
    assert line.index("a.png") < line.index("b.png")
    assert line.count("<button") == 2
    assert "&amp; the" in line


def test_the_choice_goes_by_focus_less_faults(studio: Studio) -> None:
    made = studio.generate("a wolf and a moon", seed=1, n=1)[0]
    plate = Plate(made, "x.png")
    drafts = [Draft(plate, 0.5, 0.3), Draft(plate, 0.4, 0.0), Draft(plate, 0.4, 0.0)]
    assert best_draft(drafts) == 1
    assert 0.1 <= focus_of(studio, made, ("wolf", "moon")) <= 1


def test_the_mask_keeps_clear_of_the_subject(studio: Studio) -> None:
    made = studio.generate("a wolf under a moon, misty forest", seed=11)[0]
    mask, how = background_mask(studio, made, "forest", ("wolf", "moon"))
    white = np.asarray(mask) > 0
    for word in ("wolf", "moon"):
        kept = np.asarray(studio.mask(made, token=word, threshold=0.4)) > 0
        if "box" not in how:
            assert not (white & kept).any()
    assert 0 < white.mean() < 1


def test_without_a_usable_map_a_box_stands_in(studio: Studio) -> None:
    made = studio.generate("a wolf under a moon", seed=11)[0]
    mask, how = background_mask(studio, made, "forest", ("wolf",))
    assert "a box of" in how
    assert np.asarray(mask).any()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_one_bit_is_flipped_in_the_picture_data(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind)
    data = buffer.getvalue()
    flipped, at = flip_byte(data)
    assert len(flipped) == len(data)
    assert [i for i, (a, b) in enumerate(zip(data, flipped, strict=True)) if a != b] == [at]
    assert (data[at] ^ flipped[at]).bit_count() == 1
    assert len(data) // 3 < at < len(data) - 12


def test_a_branch_opens_a_lane(studio: Studio) -> None:
    first = studio.generate("a wolf under a moon", seed=1)[0]
    second = studio.reweight(first, {"moon": 1.5})
    third = studio.upscale(second, 2)
    back = studio.rollback(second)
    branch = studio.upscale(first, 2)
    made = [first, second, third, back, branch]
    found = lanes([Plate(version, "x.png") for version in made])
    assert [found[version.id] for version in made] == [0, 0, 0, 1, 2]


def test_a_mask_is_shown_over_its_picture(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path)
    mask = Image.new("L", (32, 32))
    mask.paste(255, (8, 8, 24, 24))
    file = gallery.masked(Image.new("RGB", (32, 32), (200, 40, 40)), mask, "A/../b <x>")
    assert file == "pictures/a-b-x.png"
    shown = np.asarray(Image.open(tmp_path / file))
    assert (shown[16, 16] == (200, 40, 40)).all()
    assert (shown[8, 12] == 255).all()
    assert shown[0, 0].max() < 60
