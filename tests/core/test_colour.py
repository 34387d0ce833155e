"""Colours: there and back, white points, curves that never overshoot, transports."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.core.colour import (
    colour_of,
    encode,
    from_oklab,
    linear,
    monotone_curve,
    to_oklab,
    transport,
    white_balance,
)


def test_every_grey_and_every_edge_of_the_cube_comes_back() -> None:
    ramp = np.arange(256, dtype=np.uint8)
    full, none = np.full_like(ramp, 255), np.zeros_like(ramp)
    for colours in ((ramp, ramp, ramp), (ramp, none, full), (full, ramp, none), (none, full, ramp)):
        pixels = np.column_stack(colours)
        again = np.rint(encode(from_oklab(to_oklab(linear(pixels)))) * 255)
        assert np.array_equal(again, pixels)


def test_oklab_of_known_colours() -> None:
    # Ottosson's table of XYZ pairs, row 1: D65 white; and pure sRGB red, as his page's code gives.
    assert colour_of("#ffffff") == pytest.approx([1, 0, 0], abs=1e-4)
    assert colour_of("#ff0000") == pytest.approx([0.62796, 0.22486, 0.12585], abs=1e-4)


def test_daylight_changes_the_white_and_not_its_brightness() -> None:
    assert np.array_equal(white_balance(0, 0), np.eye(3))
    for temperature, tint in ((60, 0), (-60, 0), (0, 80), (30, -50)):
        white = white_balance(temperature, tint) @ np.ones(3)
        assert white @ [0.2126729, 0.7151522, 0.0721750] == pytest.approx(1, abs=0.01)
    warm = white_balance(60, 0) @ np.ones(3)
    assert warm[0] > 1 > warm[2]
    there_and_back = white_balance(40, 0) @ white_balance(-40, 0)
    assert np.allclose(there_and_back, np.eye(3), atol=0.06)


POINTS = st.lists(
    st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=2, max_size=8, unique_by=lambda p: p[0]
).map(lambda points: [(x / 50, y) for x, y in sorted(points)])


@given(points=POINTS)
def test_a_curve_meets_its_points_and_never_swings_beyond(
    points: list[tuple[float, float]],
) -> None:
    curve = monotone_curve(points, steps=1000)
    for x, y in points:
        assert curve[round(x * 1000)] == pytest.approx(y, abs=1e-3)
    for (x0, y0), (x1, y1) in pairwise(points):
        piece = curve[round(x0 * 1000) : round(x1 * 1000) + 1]
        assert min(y0, y1) - 1e-3 <= piece.min() and piece.max() <= max(y0, y1) + 1e-3
        steps = np.diff(piece)
        assert (steps >= -1e-6).all() or (steps <= 1e-6).all()


@given(seed=st.integers(0, 10_000))
def test_a_transport_gives_the_covariance_asked_for(seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (each @ each.T + 0.1 * np.eye(2) for each in random.normal(size=(2, 2, 2)))
    move = transport(a, b)
    assert np.allclose(move, move.T) and np.allclose(move @ a @ move.T, b, atol=1e-3)


def test_a_flat_palette_can_be_moved_to() -> None:
    move = transport(np.zeros((2, 2)), np.zeros((2, 2)))
    assert np.isfinite(move).all()
