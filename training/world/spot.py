"""Where a thing stands."""

from __future__ import annotations

from dataclasses import dataclass

from training.world.shapes import Point


@dataclass(frozen=True)
class Spot:
    """x: centre of the thing; base: y on which it stands; height: how tall it is (pixels)."""

    x: float
    base: float
    height: float
    mirrored: bool = False

    @property
    def sign(self) -> int:
        """-1 when the thing looks the other way, else 1."""
        return -1 if self.mirrored else 1

    def at(self, u: float, v: float) -> Point:
        """The pixel of a place in the thing: u from its middle, v from its top, in heights."""
        return (self.x + self.sign * u * self.height, self.base - self.height + v * self.height)
