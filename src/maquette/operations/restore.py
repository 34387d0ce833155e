"""Restore: the faces of a picture drawn anew by a network."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.core.pixel_tasks import Face, Restore
from maquette.core.recipe import Recipe
from maquette.core.value import ModelRef
from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.operations import settings
from maquette.operations.faces import MOST_FACES

__all__ = ["restore"]


def restore(
    version: Version, faces: Sequence[Face], *, network: ModelRef, strength: float = 0.8
) -> Recipe:
    """The recipe of a picture whose ``faces`` a network draws anew, mixed in at ``strength``.

    Raises:
        SettingRefused: no face, or a strength out of its range.
    """
    if not faces:
        raise SettingRefused(
            f"no face was found in version {version.short}",
            hint="give the face's place with --box X,Y,WIDTH,HEIGHT",
        )
    return Recipe(
        engine="learned",
        task=Restore(
            image=version.image,
            faces=tuple(faces[:MOST_FACES]),
            strength=settings.bounded("strength", strength, 0.0, 1.0, open_=True),
        ),
        size=version.size,
        model=network,
    )
