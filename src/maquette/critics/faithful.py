"""The critic ``faithful``: whether a logo stands on its surface as it was drawn, and whether
what was laid on a picture keeps its texture.

It reads what the engine measured when it unrolled the surface and searched it for the logo.
"""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from maquette.core.finding import Finding
from maquette.core.recipe import Composite
from maquette.core.trace import Trace
from maquette.core.version import Version

__all__ = ["ALIKE", "STRETCHED", "TEXTURE", "Faithful"]

ALIKE = 0.8
"""A normalised correlation from which a logo is the one that was given."""
TEXTURE = 0.8
"""A correlation of fine detail from which a texture is the one that was given."""
STRETCHED = 0.05
"""How much wider or narrower than drawn is noticed in a logo."""


class Faithful:
    """Looks at versions that a logo was put on."""

    name = "faithful"

    def look(
        self,
        version: Version,
        picture: Image.Image,  # noqa: ARG002 - measured while it was made
        trace: Trace | None,  # noqa: ARG002
        notes: Mapping[str, float] | None = None,
    ) -> list[Finding]:
        """``logo`` with the figures when it is as it should be, ``logo-distorted`` when not; of
        other layers ``texture`` or ``texture-lost``."""
        task = version.recipe.task
        if version.operation == "composite" and isinstance(task, Composite):
            return self._texture(version, task, notes or {})
        if version.operation != "logo" or not isinstance(task, Composite):
            return []
        measured = notes or {}
        if "faithful" not in measured:
            return []
        alike, stretch = measured["faithful"], measured.get("stretch", 1.0)
        [layer] = task.layers
        region = layer.surface.bounds(version.size)
        figures = f"correlation {alike:.2f}, {abs(stretch - 1):.1%} stretched"
        if alike >= ALIKE and abs(stretch - 1) <= STRETCHED:
            return [
                Finding(
                    critic=self.name,
                    name="logo",
                    message=f"the logo stands undistorted on its surface ({figures})",
                    severity="note",
                    score=0.0,
                    region=region,
                )
            ]
        worse = max(1 - max(alike, 0.0), min(1.0, 4 * abs(stretch - 1)))
        return [
            Finding(
                critic=self.name,
                name="logo-distorted",
                message=f"the logo cannot be told on its surface ({figures})"
                if alike < ALIKE
                else f"the logo is stretched on its surface ({figures})",
                severity="warning" if alike >= 0.5 else "fault",
                score=round(max(0.3, worse), 4),
                region=region,
            )
        ]

    def _texture(
        self, version: Version, task: Composite, measured: Mapping[str, float]
    ) -> list[Finding]:
        if "texture" not in measured:
            return []
        alike, off = measured["texture"], measured.get("tint", 0.0)
        kept = alike >= TEXTURE
        figures = f"correlation of its detail {alike:.2f}, colours {off:.1f} off"
        return [
            Finding(
                critic=self.name,
                name="texture" if kept else "texture-lost",
                message=f"what was laid on top keeps its texture ({figures})"
                if kept
                else f"what was laid on top loses its texture ({figures})",
                severity="note" if kept else "warning",
                score=0.0 if kept else round(min(1.0, max(0.3, 1 - alike)), 4),
                region=task.layers[-1].surface.bounds(version.size),
            )
        ]
