"""Anchors: where a word may grow."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.anchors import FINE, as_planes, from_planes, place_of
from maquette.core.trace import Trace, TracedWord


def spot(x: int = 4, y: int = 4, side: int = 16) -> np.ndarray:
    plane = np.zeros((side, side), np.float32)
    plane[y - 1 : y + 2, x - 1 : x + 2] = 0.3
    return plane


def test_maps_travel_as_a_picture_of_numbers() -> None:
    words = (
        TracedWord(text="a", start=0, end=1),
        TracedWord(text="moon", start=2, end=6, weight=1.5),
    )
    trace = Trace(words=words, maps=np.stack([spot(), spot(9, 3)]))
    found = from_planes(as_planes(trace))
    assert found.words == (("a", 1.0), ("moon", 1.5))
    assert np.array_equal(found.maps, trace.maps)


@pytest.mark.parametrize("other", [Image.new("RGB", (4, 4)), Image.new("F", (4, 4))])
def test_other_pictures_are_no_maps(other: Image.Image) -> None:
    with pytest.raises(ValueError, match="no maps"):
        from_planes(other)


def test_a_word_grows_around_its_place_and_the_more_the_heavier() -> None:
    some, more = place_of(spot(), 1.5), place_of(spot(), 3.0)
    assert some.shape == (16 * FINE, 16 * FINE)
    assert some[4 * FINE + 4, 4 * FINE + 4] == 1 and some[-1, -1] == 0
    assert some.sum() < more.sum() < more.size / 2
    assert (more >= some - 0.01).all()


def test_what_has_no_place_grows_everywhere() -> None:
    assert (place_of(np.zeros((4, 4), np.float32), 2.0) == 1).all()
    assert (place_of(np.full((4, 4), 0.2, np.float32), 2.0) == 1).all()
    assert (place_of(spot(), 1.0) == 1).all()
