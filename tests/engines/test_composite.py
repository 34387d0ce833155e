"""Layers: exact where they can be, bent and lit where they must be, nothing touched beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from maquette.core.geometry import Box
from maquette.core.picture import size_of
from maquette.core.pixel_tasks import Layer
from maquette.core.recipe import Composite, Recipe
from maquette.core.surface import Surface, surface_of_box
from maquette.engines.base import Cancel, Picture, Progress
from maquette.engines.pixels import create
from maquette.engines.pixels.faithful import unrolled
from maquette.errors import Cancelled, EngineFailed

A, B, C = "a" * 64, "b" * 64, "c" * 64
ALL = ((0.0, 0.5), (400.0, 0.0), (400.0, 400.0), (0.0, 400.0))
WALL = ((60.0, 40.0), (200.0, 40.0), (200.0, 160.0), (60.0, 160.0))


def noise(width: int = 40, height: int = 30, mode: str = "RGB", seed: int = 1) -> Image.Image:
    random = np.random.default_rng(seed)
    return Image.fromarray(random.integers(0, 256, (height, width, len(mode)), dtype=np.uint8))


def logo() -> Image.Image:
    image = Image.new("RGBA", (300, 200))
    draw = ImageDraw.Draw(image)
    draw.ellipse((10, 20, 150, 160), fill=(200, 30, 30, 255))
    draw.polygon([(170, 180), (290, 180), (230, 30)], fill=(20, 20, 90, 255))
    return image


def laid(source: Image.Image, *layers: Layer, **inputs: Image.Image) -> Picture:
    recipe = Recipe(engine="pixels", task=Composite(image=A, layers=layers), size=size_of(source))
    given = {A: source, **{{"b": B, "c": C}[name]: image for name, image in inputs.items()}}
    last = list(create().run([recipe], given))[-1]
    assert isinstance(last, Picture) and last.image.mode == source.mode
    return last


def at(x: int, y: int, width: int, height: int, **more: Any) -> Layer:
    return Layer(image=B, surface=surface_of_box(Box(x=x, y=y, width=width, height=height)), **more)


@settings(max_examples=40)
@given(x=st.integers(0, 35), y=st.integers(0, 25), seed=st.integers(0, 99))
def test_at_its_own_size_a_layer_is_copied(x: int, y: int, seed: int) -> None:
    source, layer = noise(), noise(12, 9, seed=seed)
    made = np.asarray(laid(source, at(x, y, 12, 9), b=layer).image)
    expected = source.copy()
    expected.paste(layer, (x, y))
    assert np.array_equal(made, np.asarray(expected))


@settings(max_examples=40)
@given(
    dx=st.floats(-15, 15),
    dy=st.floats(-15, 15),
    arc=st.sampled_from([0.0, 100.0]),
    shading=st.floats(0, 1),
    blend=st.sampled_from(["normal", "multiply", "screen", "overlay", "soft-light", "add"]),
)
def test_what_no_layer_covers_keeps_its_bytes(
    dx: float, dy: float, arc: float, shading: float, blend: Any
) -> None:
    source = noise(120, 90)
    corners = ((30 + dx, 20), (90, 20 + dy / 3), (90, 70), (30, 70 + dy))
    surface = Surface(corners=corners, arc=arc, bend=0.1 if arc else 0)
    layer = Layer(image=B, surface=surface, shading=shading, blend=blend)
    made = np.asarray(laid(source, layer, b=noise(50, 40)).image)
    rows, columns = np.mgrid[0:90, 0:120]
    u, v = surface.from_picture(columns + 0.5, rows + 0.5)
    # A pixel may be touched when some of it lies inside: half its diagonal away at most.
    corner_u, corner_v = surface.from_picture(
        columns + np.array([0.0, 1, 1, 0])[:, None, None],
        rows + np.array([0.0, 0, 1, 1])[:, None, None],
    )
    inside = (corner_u >= 0) & (corner_u <= 1) & (corner_v >= 0) & (corner_v <= 1)
    away = ~inside.any(axis=0) & ~((u >= 0) & (u <= 1) & (v >= 0) & (v <= 1))
    grown = np.zeros_like(away)
    grown[1:-1, 1:-1] = np.lib.stride_tricks.sliding_window_view(away, (3, 3)).all(axis=(2, 3))
    assert grown.any() and np.array_equal(made[grown], np.asarray(source)[grown])


def test_opacity_and_alpha_mix_as_they_should() -> None:
    source, layer = (
        Image.new("RGB", (20, 20), (100, 100, 100)),
        Image.new("RGBA", (10, 10), (200, 0, 0, 128)),
    )
    half = np.asarray(laid(source, at(5, 5, 10, 10, opacity=0.5), b=layer).image)
    share = 128 / 255 / 2
    assert half[10, 10].tolist() == [
        round(100 + 100 * share),
        round(100 - 100 * share),
        round(100 - 100 * share),
    ]


def test_on_a_transparent_ground_a_layer_brings_its_own() -> None:
    source, layer = Image.new("RGBA", (20, 20), (9, 9, 9, 0)), Image.new("RGB", (10, 10), (1, 2, 3))
    made = np.asarray(laid(source, at(5, 5, 10, 10, blend="multiply"), b=layer).image)
    assert made[10, 10].tolist() == [1, 2, 3, 255] and made[0, 0].tolist() == [9, 9, 9, 0]


@pytest.mark.parametrize(
    ("blend", "expected"),
    [
        ("normal", 200),
        ("multiply", 78),
        ("screen", 222),
        ("overlay", 157),
        ("soft-light", 134),
        ("darken", 100),
        ("lighten", 200),
        ("add", 255),
    ],
)
def test_blends(blend: Any, expected: int) -> None:
    below, above = Image.new("RGB", (8, 8), (100,) * 3), Image.new("RGB", (8, 8), (200,) * 3)
    assert laid(below, at(0, 0, 8, 8, blend=blend), b=above).image.getpixel((4, 4))[0] == expected


def test_layers_lie_in_their_order_and_within_their_masks() -> None:
    source = Image.new("RGB", (20, 20))
    mask = Image.new("L", (20, 20))
    mask.paste(255, (0, 0, 10, 20))
    upper = Layer(
        image=C, mask=A, surface=surface_of_box(Box(x=0, y=0, width=20, height=20))
    ).model_copy(update={"mask": "d" * 64})
    recipe = Recipe(
        engine="pixels",
        task=Composite(image=A, layers=(at(0, 0, 20, 20), upper)),
        size=size_of(source),
    )
    red, blue = (Image.new("RGB", (20, 20), colour) for colour in ("red", "blue"))
    inputs = {A: source, B: red, C: blue, "d" * 64: mask}
    [last] = [e for e in create().run([recipe], inputs) if isinstance(e, Picture)]
    assert last.image.getpixel((5, 5)) == (0, 0, 255) and last.image.getpixel((15, 5)) == (
        255,
        0,
        0,
    )


def test_a_crop_is_a_part_and_cannot_leave() -> None:
    layer = noise(30, 30)
    made = laid(noise(), at(2, 3, 10, 10, crop=Box(x=5, y=6, width=10, height=10)), b=layer).image
    assert np.array_equal(np.asarray(made)[3:13, 2:12], np.asarray(layer)[6:16, 5:15])
    with pytest.raises(EngineFailed):
        laid(noise(), at(0, 0, 9, 9, crop=Box(x=25, y=0, width=9, height=9)), b=layer)


def test_a_feather_lets_the_ground_through_at_the_border() -> None:
    source, layer = Image.new("RGB", (40, 40)), Image.new("RGB", (40, 40), "white")
    made = np.asarray(laid(source, at(0, 0, 40, 40, feather=10), b=layer).image)[20, :, 0].astype(
        int
    )
    assert made[0] < 5 and made[20] == 255 and (np.diff(made[:20]) >= 0).all()


def test_it_stops_within_a_layer() -> None:
    source, cancel = noise(400, 400), Cancel()
    task = Composite(image=A, layers=(Layer(image=B, surface=Surface(corners=ALL)),))
    recipe = Recipe(engine="pixels", task=task, size=size_of(source))
    events = create().run([recipe], {A: source, B: noise()}, cancel=cancel)
    first = next(events)
    assert isinstance(first, Progress) and first.steps > 1
    cancel.set()
    with pytest.raises(Cancelled):
        next(events)


def test_shading_takes_on_the_light_below() -> None:
    ramp = np.tile(np.linspace(60, 240, 256)[None, :, None], (200, 1, 3)).astype(np.uint8)
    surface = Surface(corners=WALL)
    white = Image.new("RGB", (50, 50), "white")
    shaded, plain = (
        np.asarray(
            laid(Image.fromarray(ramp), Layer(image=B, surface=surface, shading=s), b=white).image
        )[100, :, 0].astype(int)
        for s in (1.0, 0.0)
    )
    assert (plain[70:190] == 255).all()
    assert shaded[70] < shaded[130] < shaded[185] and shaded[185] > 235


@pytest.mark.parametrize(("arc", "bend"), [(0.0, 0.0), (120.0, 0.0), (120.0, 0.12), (160.0, 0.2)])
def test_a_logo_on_a_wall_is_found_undistorted(arc: float, bend: float) -> None:
    surface = Surface(corners=WALL, arc=arc, bend=bend)
    wide = 0.6
    tall = wide * surface.proportion / 1.5
    window = (0.2, 0.5 - tall / 2, 0.8, 0.5 + tall / 2)
    ground = Image.new("RGB", (260, 200), (230, 228, 224))
    layer = Layer(image=B, surface=surface, window=window, shading=1)
    notes = laid(ground, layer, b=logo()).notes
    assert notes["faithful"] > 0.9 and notes["stretch"] == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("stretch", [0.85, 1.2])
def test_a_stretched_logo_is_noticed(stretch: float) -> None:
    surface = Surface(corners=WALL, arc=120)
    tall = 0.5 * surface.proportion / 1.5 / stretch
    layer = Layer(image=B, surface=surface, window=(0.25, 0.5 - tall / 2, 0.75, 0.5 + tall / 2))
    notes = laid(Image.new("RGB", (260, 200), (230, 228, 224)), layer, b=logo()).notes
    assert notes["stretch"] == pytest.approx(stretch, rel=0.05)


def test_a_logo_that_cannot_be_seen_is_noticed() -> None:
    layer = Layer(image=B, surface=Surface(corners=WALL), opacity=0.02, window=(0.2, 0.2, 0.8, 0.8))
    notes = laid(noise(260, 200), layer, b=logo()).notes
    assert notes["faithful"] < 0.6


def test_what_is_unrolled_is_what_was_laid() -> None:
    surface = Surface(corners=WALL, arc=120, bend=0.1)
    pattern = Image.linear_gradient("L").resize((240, 120)).convert("RGB")
    made = laid(Image.new("RGB", (260, 200)), Layer(image=B, surface=surface), b=pattern).image
    flat = np.asarray(unrolled(made, surface, 100).convert("L"), float)
    expected = np.asarray(pattern.convert("L").resize((flat.shape[1], 100)), float)
    assert np.abs(flat - expected)[8:-8, 8:-8].mean() < 3
