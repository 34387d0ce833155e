"""Trajectories: when latents are kept, which are found again, and how they travel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maquette.core.trajectory import Kept, as_picture, from_picture, nearest, steps_to_keep


def kept(step: int, steps: int = 8) -> Kept:
    latents = np.random.default_rng(step).standard_normal((4, 2, 3)).astype(np.float32)
    return Kept(step=step, steps=steps, timestep=999.0 - 100 * step, latents=latents)


@given(st.integers(1, 1000))
def test_never_before_the_first_step_nor_after_the_last(steps: int) -> None:
    assert all(0 < step < steps for step in steps_to_keep(steps))


@pytest.mark.parametrize(
    ("steps", "at"),
    [(1, set()), (2, {1}), (4, {1, 2, 3}), (8, {1, 2, 4, 6}), (40, {4, 10, 20, 30})],
)
def test_kept_at_a_tenth_and_the_quarters(steps: int, at: set[int]) -> None:
    assert steps_to_keep(steps) == at


def test_the_nearest_is_found_and_the_earlier_of_two() -> None:
    all_ = [kept(2), kept(4), kept(6)]
    assert nearest(all_, 0.5) is all_[1]
    assert nearest(all_, 0.375) is all_[0]
    assert nearest(all_, 1.0) is all_[2]
    assert nearest([], 0.5) is None


def test_latents_travel_as_a_picture_of_numbers() -> None:
    one = kept(3)
    picture = as_picture(one)
    assert picture.mode == "F" and picture.size == (3, 8)
    latents, timestep = from_picture(picture)
    assert np.array_equal(latents, one.latents) and timestep == one.timestep


@pytest.mark.parametrize(
    "other", [Image.new("RGB", (4, 4)), Image.new("F", (4, 4)), Image.new("L", (1, 1))]
)
def test_other_pictures_are_no_latents(other: Image.Image) -> None:
    with pytest.raises(ValueError, match="no latents"):
        from_picture(other)
