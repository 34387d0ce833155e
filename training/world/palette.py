"""Colours by name, skies by time of day, and the arithmetic that keeps things readable."""

from __future__ import annotations

RGB = tuple[float, float, float]

COLOURS: dict[str, RGB] = {
    "red": (208, 48, 44),
    "orange": (238, 130, 40),
    "yellow": (246, 204, 60),
    "green": (66, 150, 78),
    "blue": (48, 104, 200),
    "teal": (32, 152, 152),
    "purple": (124, 74, 176),
    "pink": (242, 138, 170),
    "white": (246, 244, 238),
    "black": (36, 34, 44),
    "brown": (134, 86, 52),
    "grey": (112, 118, 134),
}

#: Top and horizon colour of the sky, two choices for each time of day.
SKIES: dict[str, tuple[tuple[RGB, RGB], ...]] = {
    "day": (((96, 170, 226), (206, 234, 246)), ((120, 190, 226), (240, 242, 228))),
    "sunset": (((104, 72, 140), (252, 168, 104)), ((226, 104, 92), (254, 212, 132))),
    "dawn": (((146, 166, 216), (255, 214, 190)), ((190, 158, 204), (255, 228, 186))),
    "night": (((12, 18, 50), (52, 72, 124)), ((20, 16, 50), (74, 66, 126))),
}

WHITE: RGB = (255, 255, 255)
DUSK: RGB = (16, 14, 36)
WOOD: RGB = (166, 112, 70)
MARBLE: RGB = (226, 227, 232)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """Colour `share` of the way from `a` (0) to `b` (1); sRGB 0-255, mixed without gamma."""
    return (
        a[0] + (b[0] - a[0]) * share,
        a[1] + (b[1] - a[1]) * share,
        a[2] + (b[2] - a[2]) * share,
    )


def shade(colour: RGB, amount: float) -> RGB:
    """Lighter for amount > 0 (towards white), darker for amount < 0 (towards dusk)."""
    return mix(colour, WHITE, amount) if amount >= 0 else mix(colour, DUSK, -amount)


def luminance(colour: RGB) -> float:
    """Relative luminance in 0..1 (Rec. 709 weights on linearised sRGB, as WCAG defines it)."""
    linear = [((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 255 / 12.92 for v in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: RGB, b: RGB) -> float:
    """How far apart two colours look, 0..~1.7: lightness difference plus half the hue difference.

    A ratio of luminances alone would call red on green unreadable, and black on navy readable.
    """
    light = abs(luminance(a) ** (1 / 2.4) - luminance(b) ** (1 / 2.4))
    mean_a, mean_b = sum(a) / 3, sum(b) / 3
    hue = sum(abs((x - mean_a) - (y - mean_b)) for x, y in zip(a, b, strict=True)) / 510
    return light + hue


def ambient(colour: RGB, time: str) -> RGB:
    """The colour as the light of that time shows it; slight, so that its name stays true."""
    if time == "sunset":
        return mix(mix(colour, (236, 124, 84), 0.14), DUSK, 0.08)
    if time == "dawn":
        return mix(colour, (255, 206, 190), 0.1)
    if time == "night":
        return mix(mix(colour, (60, 84, 160), 0.16), DUSK, 0.12)
    return colour


def land(colour: RGB, time: str) -> RGB:
    """The colour of ground and distance by that time: much darker than things at night."""
    if time == "sunset":
        return mix(mix(colour, (226, 112, 84), 0.3), DUSK, 0.24)
    if time == "dawn":
        return mix(mix(colour, (222, 178, 190), 0.3), DUSK, 0.06)
    if time == "night":
        return mix(mix(colour, (34, 52, 110), 0.5), (8, 10, 34), 0.34)
    return colour
