"""The critic ``invented``: detail that an upscale has and its source does not speak for.

It reads what the engine measured with both pictures before it (``maquette.core.detail``).
"""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from maquette.core.detail import FAITHFUL, Detail
from maquette.core.finding import Finding, Suggestion
from maquette.core.geometry import Box
from maquette.core.recipe import Upscale
from maquette.core.trace import Trace
from maquette.core.version import Version

__all__ = ["Invented"]


class Invented:
    """Looks at upscales that a network drew."""

    name = "invented"

    def look(
        self,
        version: Version,
        picture: Image.Image,  # noqa: ARG002 - measured while it was made
        trace: Trace | None,  # noqa: ARG002
        notes: Mapping[str, float] | None = None,
    ) -> list[Finding]:
        """``invented``, ``invented:2`` … for each place, the worst first, with the remedy: what
        interpolation gives there."""
        task = version.recipe.task
        detail = Detail.read(dict(notes or {}))
        if detail is None or not isinstance(task, Upscale):
            return []
        return [
            Finding(
                critic=self.name,
                name="invented" if at == 1 else f"invented:{at}",
                message=(
                    f"reduced again, this place is not its source ({decibels:.1f} dB, honest is"
                    f" {FAITHFUL:g} or more)"
                    if decibels < FAITHFUL
                    else "this place has a texture where its source is flat"
                ),
                severity="warning",
                score=round(min(1.0, max(0.3, 0.4 + (FAITHFUL - decibels) / 30)), 4),
                region=box,
                suggestion=_plain(version, task, box),
            )
            for at, (box, decibels) in enumerate(detail.regions, 1)
        ]


def _plain(version: Version, task: Upscale, box: Box) -> Suggestion | None:
    """The source's own pixels there, interpolated and faded in."""
    if not version.parents:
        return None
    # On whole pixels of the source, so that nothing shifts.
    left, top = int(box.x / task.scale), int(box.y / task.scale)
    right, bottom = -int(-box.right // task.scale), -int(-box.bottom // task.scale)
    place = [round(side * task.scale) for side in (left, top, right, bottom)]
    if place[2] > version.size.width or place[3] > version.size.height:
        place[2:] = [version.size.width, version.size.height]
    return Suggestion(
        operation="composite",
        arguments={
            "layers": [
                {
                    "picture": version.parents[0],
                    "crop": [left, top, right - left, bottom - top],
                    "box": [place[0], place[1], place[2] - place[0], place[3] - place[1]],
                    "feather": min(16, max(2, round(4 * task.scale))),
                }
            ]
        },
        says="show what interpolation gives there instead",
    )
