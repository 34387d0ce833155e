"""Boxes, sizes and the neighbourhood of a mask."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from maquette.core.geometry import Box, Size, fit_size, neighbourhood, work_size


def size(width: int, height: int) -> Size:
    return Size(width=width, height=height)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Box, Size, Size, int]:
    """A mask in a picture, a model's best size on its grid, and the grid."""
    picture = size(draw(st.integers(1, 3000)), draw(st.integers(1, 3000)))
    x, y = draw(st.integers(0, picture.width - 1)), draw(st.integers(0, picture.height - 1))
    box = Box(
        x=x,
        y=y,
        width=draw(st.integers(1, picture.width - x)),
        height=draw(st.integers(1, picture.height - y)),
    )
    multiple = draw(st.sampled_from([1, 8, 16, 64]))
    best = size(multiple * draw(st.integers(4, 16)), multiple * draw(st.integers(4, 16)))
    return box, picture, best, multiple


def test_a_box_knows_its_corners() -> None:
    box = Box(x=2, y=3, width=10, height=20)
    assert (box.right, box.bottom) == (12, 23)
    assert box.corners == (2, 3, 12, 23)
    assert str(size(640, 480)) == "640x480"
    assert size(640, 480).area == 307_200


@pytest.mark.parametrize("bad", [{"width": 0}, {"height": 0}, {"x": -1}, {"depth": 1}])
def test_an_impossible_box_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Box(**{"x": 0, "y": 0, "width": 1, "height": 1, **bad})


@given(cases())
def test_the_region_holds_the_mask_and_its_margin_inside_the_picture(
    case: tuple[Box, Size, Size, int],
) -> None:
    box, picture, best, multiple = case
    region, _ = neighbourhood(box, picture, best, multiple)
    assert region.x <= box.x and box.right <= region.right <= picture.width
    assert region.y <= box.y and box.bottom <= region.bottom <= picture.height
    # A quarter of the mask's side or 32 pixels at each side, as far as the picture goes.
    for low, high, side, start, end, limit in (
        (region.x, region.right, box.width, box.x, box.right, picture.width),
        (region.y, region.bottom, box.height, box.y, box.bottom, picture.height),
    ):
        margin = max(32, math.ceil(side / 4))
        wanted = min(limit, side + 2 * margin)
        assert high - low >= wanted
        assert low <= max(0, start - margin) or high == limit
        assert high >= min(limit, end + margin) or low == 0


@given(cases())
def test_the_region_is_no_smaller_than_the_best_size_where_the_picture_allows(
    case: tuple[Box, Size, Size, int],
) -> None:
    box, picture, best, multiple = case
    region, _ = neighbourhood(box, picture, best, multiple)
    assert region.width >= min(best.width, picture.width)
    assert region.height >= min(best.height, picture.height)


@given(cases())
def test_work_lies_on_the_grid_and_never_beyond_the_best_area(
    case: tuple[Box, Size, Size, int],
) -> None:
    box, picture, best, multiple = case
    region, work = neighbourhood(box, picture, best, multiple)
    assert work.width % multiple == 0 and work.height % multiple == 0
    assert best.area * 0.6 <= work.area <= best.area
    if region.width == best.width and region.height == best.height:
        assert work == best


@given(st.integers(64, 4096), st.integers(64, 4096), st.integers(24, 96))
def test_work_keeps_the_shape_of_its_region(width: int, height: int, cells: int) -> None:
    best = size(8 * cells, 8 * cells)
    work = work_size(size(width, height), best, 8)
    shape = min(max(width / height, 1 / 4), 4)
    assert work.width / work.height == pytest.approx(shape, rel=0.12)


def test_a_small_mask_is_drawn_one_to_one() -> None:
    region, work = neighbourhood(
        Box(x=700, y=400, width=90, height=40), size(2048, 1536), size(512, 512), 8
    )
    assert (region.width, region.height) == (512, 512) == (work.width, work.height)
    assert region.x + 256 == 745 and region.y + 256 == 420


def test_a_margin_of_a_quarter_is_enough_where_it_spares_resampling() -> None:
    best = size(256, 256)
    assert neighbourhood(Box(x=300, y=300, width=170, height=170), size(900, 900), best, 8)[
        0
    ] == Box(x=257, y=257, width=256, height=256)
    larger, _ = neighbourhood(Box(x=300, y=300, width=180, height=180), size(900, 900), best, 8)
    assert larger.width == 360


def test_a_large_mask_takes_the_models_shape() -> None:
    region, work = neighbourhood(
        Box(x=500, y=500, width=600, height=100), size(4000, 4000), size(768, 512), 8
    )
    assert (region.width, region.height) == (1200, 800)
    assert work == size(768, 512)


def test_a_mask_outside_the_picture_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="leaves the picture"):
        neighbourhood(Box(x=5, y=5, width=6, height=1), size(10, 10), size(64, 64), 8)
    with pytest.raises(ValueError, match="no multiple"):
        work_size(size(10, 10), size(4, 4), 8)


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.sampled_from([1, 8, 64]),
    st.integers(1, 512),
    st.integers(64, 4096),
)
def test_fit_size_gives_a_size_that_fits_and_stays_put(
    width: int, height: int, multiple: int, lo: int, span: int
) -> None:
    hi = lo + span
    fitted = fit_size(size(width, height), multiple, lo, hi)
    for side in (fitted.width, fitted.height):
        assert side % multiple == 0 and lo <= side <= hi
    assert fit_size(fitted, multiple, lo, hi) == fitted


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ((512, 512), (512, 512)),
        ((500, 700), (504, 704)),
        ((4096, 2048), (2048, 1024)),
        ((1000, 10), (2048, 64)),
        ((3, 4), (64, 88)),
    ],
)
def test_fit_size_keeps_the_shape(given_: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit_size(size(*given_), 8, 64, 2048) == size(*expected)


def test_fit_size_says_when_nothing_fits() -> None:
    with pytest.raises(ValueError, match="no multiple of 64"):
        fit_size(size(10, 10), 64, 70, 100)
