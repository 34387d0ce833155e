"""Upscale: the same picture with more pixels."""

from __future__ import annotations

from maquette.core.recipe import Recipe, Upscale
from maquette.core.value import ModelRef
from maquette.core.version import Version
from maquette.operations import settings

__all__ = ["upscale"]


def upscale(version: Version, *, scale: float, network: ModelRef | None = None) -> Recipe:
    """The recipe of a picture with ``scale`` times as many pixels a side (above 1, at most 8): by
    interpolation, or drawn by a ``network``.

    Raises:
        SettingRefused: a scale out of its range, or a result of too many pixels.
    """
    scale = settings.bounded("scale", scale, 1.0, 8.0, open_=True)
    size = version.size
    large = settings.small_enough(round(size.width * scale), round(size.height * scale))
    if network is None:
        return Recipe(engine="pixels", task=Upscale(image=version.image, scale=scale), size=large)
    return Recipe(
        engine="learned",
        task=Upscale(image=version.image, scale=scale, method="learned", tile=256),
        size=large,
        model=network,
    )
