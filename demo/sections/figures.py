"""Figures that several sections share."""

from __future__ import annotations

from demo.html import Markup, el
from demo.parts import describe, swipe
from demo.story import Change, Plate, Story

__all__ = ["difference", "plain", "swiped"]


def plain(plate: Plate, story: Story) -> Markup:
    """A version’s picture at its own size."""
    size = plate.version.size
    return el(
        "img",
        src=plate.file,
        alt=describe(plate, story),
        width=size.width,
        height=size.height,
        loading="lazy",
    )


def swiped(change: Change, story: Story, names: tuple[str, str]) -> Markup:
    """A measured change as a swipe."""
    caption = f"Drag the edge: {names[0]} to the left of it, {names[1]} to the right"
    return swipe(change.before, change.after, story, caption, names)


def difference(change: Change) -> Markup:
    """The difference picture of a change."""
    return el(
        "figure",
        el(
            "div",
            el(
                "img",
                src=change.file,
                class_="whole",
                loading="lazy",
                width=change.before.version.size.width,
                height=change.before.version.size.height,
                alt=f"Difference of versions {change.before.version.short} and "
                f"{change.after.version.short}: black where they are alike",
            ),
            class_="stage",
        ),
        el("figcaption", "Their difference, four times amplified; black is alike"),
    )
