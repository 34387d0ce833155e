"""Boxes and sizes in whole pixels. x runs right, y runs down, the origin is the top left corner."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Box", "Size"]


class Size(BaseModel):
    """Width and height in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    width: int = Field(ge=1)
    height: int = Field(ge=1)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Box(BaseModel):
    """A rectangle: left edge, top edge, width and height in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(ge=1)
    height: int = Field(ge=1)

    @property
    def right(self) -> int:
        """First column past the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row past the box."""
        return self.y + self.height

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom), as Pillow wants it."""
        return self.x, self.y, self.right, self.bottom
