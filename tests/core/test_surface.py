"""Surfaces: there and back, flat and round, in their own proportions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maquette.core.geometry import Box, Size
from maquette.core.surface import Surface, surface_of_box

BOX = ((10.0, 20.0), (110.0, 20.0), (110.0, 70.0), (10.0, 70.0))


@st.composite
def surfaces(draw: st.DrawFn) -> Surface:
    def near(x: float, y: float) -> tuple[float, float]:
        return x + draw(st.floats(-20, 20)), y + draw(st.floats(-20, 20))

    arc = draw(st.sampled_from([0.0, 30.0, 90.0, 150.0, 178.0]))
    return Surface(
        corners=(near(100, 100), near(300, 100), near(300, 250), near(100, 250)),
        arc=arc,
        bend=draw(st.floats(-0.4, 0.4)) if arc else 0.0,
    )


@given(surface=surfaces(), u=st.floats(0.001, 0.999), v=st.floats(0, 1))
def test_there_and_back(surface: Surface, u: float, v: float) -> None:
    x, y = surface.to_picture(np.array([u]), np.array([v]))
    again = surface.from_picture(x, y)
    # At the very side of a cylinder seen edge-on, a pixel holds much of its wall.
    assert float(again[0][0]) == pytest.approx(u, abs=1e-5)
    assert float(again[1][0]) == pytest.approx(v, abs=1e-5)


@given(surface=surfaces())
def test_its_corners_are_where_they_were_given(surface: Surface) -> None:
    x, y = surface.to_picture(np.array([0.0, 1, 1, 0]), np.array([0.0, 0, 1, 1]))
    assert np.allclose(np.column_stack([x, y]), surface.corners, atol=1e-6)


@given(surface=surfaces())
def test_its_bounds_hold_all_of_it(surface: Surface) -> None:
    u, v = np.meshgrid(np.linspace(0, 1, 23), np.linspace(0, 1, 23))
    x, y = surface.to_picture(u, v)
    box = surface.bounds(Size(width=500, height=500))
    assert box is not None
    assert box.x <= x.min() and x.max() <= box.right
    assert box.y <= y.min() and y.max() <= box.bottom


def test_a_cylinder_crowds_at_its_sides() -> None:
    x, _ = Surface(corners=BOX, arc=160).to_picture(np.linspace(0, 1, 11), np.full(11, 0.5))
    steps = np.diff(x)
    assert steps[0] < 0.4 * steps[5] and steps[4] == pytest.approx(steps[5], rel=0.02)
    assert steps == pytest.approx(steps[::-1])


def test_its_middle_hangs_as_far_as_it_bends() -> None:
    bent = Surface(corners=BOX, arc=120, bend=0.2)
    _, y = bent.to_picture(np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    assert y == pytest.approx([20 + 0.2 * 50, 70 + 0.2 * 50])


def test_proportion_is_that_of_the_thing() -> None:
    assert Surface(corners=BOX).proportion == pytest.approx(2)
    half_round = Surface(corners=BOX, arc=178).proportion
    assert half_round == pytest.approx(2 * math.pi / 2, rel=0.03), "pi times the radius is longer"
    from_above = Surface(corners=BOX, arc=178, bend=0.5)
    # Its ellipse is half as high as wide: seen from 30 degrees above, 50 pixels are 57.7.
    assert from_above.proportion == pytest.approx(half_round * math.cos(math.pi / 6), rel=0.03)


def test_a_box_is_a_surface_and_knows_it() -> None:
    box = Box(x=3, y=4, width=5, height=6)
    assert surface_of_box(box).box == box and surface_of_box(box).proportion == pytest.approx(5 / 6)
    for other in (
        Surface(corners=BOX, arc=10),
        Surface(corners=((0.5, 0), (9, 0), (9, 9), (0.5, 9))),
        Surface(corners=((0, 0), (9, 1), (9, 9), (0, 9))),
        Surface(corners=((-3, 0), (9, 0), (9, 9), (-3, 9))),
    ):
        assert other.box is None


def test_far_outside_the_picture_it_has_no_bounds() -> None:
    assert Surface(corners=BOX).bounds(Size(width=8, height=8)) is None


@pytest.mark.parametrize(
    ("corners", "more"),
    [
        (BOX[::-1], {}),
        (((0, 0), (10, 0), (2, 2), (0, 10)), {}),
        (((0, 0), (10, 10), (10, 0), (0, 10)), {}),
        (((0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5)), {}),
        (((0, 0), (0, 0), (0, 0), (0, 0)), {}),
        (((0, 0), (math.nan, 0), (5, 5), (0, 5)), {}),
        (((0, 0), (1e9, 0), (1e9, 5), (0, 5)), {}),
        (BOX, {"bend": 0.2}),
        (BOX, {"arc": 180}),
        (BOX, {"arc": 90, "bend": 1}),
    ],
    ids=[
        "anticlockwise",
        "dented",
        "crossed",
        "tiny",
        "a point",
        "nan",
        "far",
        "flat",
        "arc",
        "bend",
    ],
)
def test_what_is_no_surface_is_refused(corners: object, more: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Surface.model_validate({"corners": corners, **more})
