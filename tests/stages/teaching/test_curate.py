"""Curation finds what does not teach, and where a picture's subject is."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from maquette.core.dataset import Entry
from maquette.core.geometry import Size
from maquette.stages.teaching import crop_for, curate, glance_at

SIZE = Size(width=64, height=64)


def noise(seed: int, side: int = 96) -> Image.Image:
    """Soft blobs, so that resizing keeps them, with fine grain on top."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    blobs = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-40, 41, blobs.shape)
    return Image.fromarray(np.clip(blobs + grain, 0, 255).astype(np.uint8))


def looked(*images: Image.Image, captions: str = "a mascot") -> list[tuple[bool, tuple[str, ...]]]:
    entries = [
        Entry(
            image=f"{number:064x}",
            source=str(number),
            size=Size(width=image.width, height=image.height),
            caption=captions,
        )
        for number, image in enumerate(images)
    ]
    found = curate(entries, [glance_at(image) for image in images], SIZE)
    return [(entry.used, tuple(remark.name for remark in entry.remarks)) for entry in found]


def test_duplicates_are_left_out_whatever_their_size_or_side() -> None:
    first, other = noise(1), noise(2)
    small = first.resize((72, 72), Image.Resampling.LANCZOS)
    found = looked(small, first, ImageOps.mirror(first), other)
    assert found[0] == (False, ("duplicate",)), "the larger one is kept"
    assert found[1] == (True, ()) and found[3] == (True, ())
    assert found[2] == (False, ("mirrored",))


def test_twenty_of_the_same_are_one() -> None:
    found = looked(*[noise(3)] * 20)
    assert sum(used for used, _ in found) == 1 and found[0] == (True, ())


def test_what_cannot_be_seen_does_not_teach() -> None:
    sharp = [noise(seed) for seed in range(4, 8)]
    blurred = noise(9).filter(ImageFilter.GaussianBlur(6))
    blank = Image.new("RGB", (96, 96), "grey")
    tiny = noise(10, side=24)
    found = looked(*sharp, blurred, blank, tiny)
    assert [used for used, _ in found] == [True] * 4 + [False] * 3
    assert [names[0] for _, names in found[4:]] == ["blur", "blank", "small"]


def test_a_picture_without_words_is_told_of_and_kept() -> None:
    assert looked(noise(11), captions=" ") == [(True, ("caption",))]


def test_a_crop_goes_where_something_is_to_be_seen() -> None:
    wide = Image.new("RGB", (256, 128), (90, 120, 160))
    wide.paste(noise(12, side=64), (180, 32))
    box = crop_for(wide, SIZE)
    assert box is not None and (box.width, box.height) == (128, 128)
    assert box.x <= 180 and box.right >= 244
    assert crop_for(noise(13), SIZE) is None
    low = crop_for(wide.rotate(-90, expand=True), SIZE)
    assert low is not None and low.y > 0 and low.bottom >= 244
