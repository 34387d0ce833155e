"""Refine: a chosen draft at another quality, its composition kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack

from maquette.core.capabilities import Capabilities
from maquette.core.geometry import Size, fit_size
from maquette.core.recipe import Continue, ImageToImage, Recipe, TextToImage
from maquette.core.trajectory import Kept, nearest
from maquette.core.version import Version
from maquette.errors import RecipeRefused, SettingRefused
from maquette.operations import settings
from maquette.operations.drawing import How, drawn

__all__ = ["BEGIN", "STRENGTH", "WHOLE", "Way", "going_on", "refine"]

Way = Literal["auto", "continue", "picture", "seed"]
"""How a draft is finished. ``continue``: from the latents that it kept. ``picture``: from the
picture itself, by image-to-image. ``seed``: from the same noise, with more steps. ``auto``: the
first of them that the version allows."""

BEGIN = 0.5
"""The share of the draft's steps after which it is taken up."""
STRENGTH = 0.5
"""How far image-to-image may go from the draft."""
WHOLE = frozenset({"text-to-image", "image-to-image", "continue", "anchored"})
"""Tasks that draw a whole picture, whose latents are those of all of it."""


def refine(
    version: Version,
    *,
    kept: Sequence[Kept] = (),
    capabilities: Capabilities,
    way: Way = "auto",
    begin: float = BEGIN,
    strength: float = STRENGTH,
    size: Size | tuple[int, int] | None = None,
    **how: Unpack[How],
) -> Recipe:
    """The recipe of the finished picture: the version's words and seed at another quality.

    ``kept`` is what the version's trace kept. ``begin`` (0 to 1) is after which share of the
    draft's steps to take it up: early leaves more to be drawn anew, and costs more. ``size`` is a
    larger size of the same shape; such a picture is drawn from the draft's (way ``picture``).

    Raises:
        PromptRefused: the version has no words.
        SettingRefused: a number out of its range, a size of another shape, an unknown name.
        RecipeRefused: the way that was asked for cannot be gone with this version.
    """
    target = _target(version, size, capabilities)
    own = version.recipe.engine, version.recipe.model, version.size
    same = own == (capabilities.engine, capabilities.model, target)
    words = settings.prompt_or_own(version, None, None)
    begin = settings.bounded("begin", begin, 0.0, 1.0)
    if way == "continue" or (way == "auto" and same and _keeps(version, kept)):
        task = going_on(version, kept, begin)
    elif way == "seed":
        task = TextToImage()
    else:
        task = ImageToImage(
            image=version.image,
            strength=settings.bounded("strength", strength, 0.0, 1.0, open_=True),
        )
    if way in {"continue", "seed"} and not same:
        raise RecipeRefused(
            f"version {version.short} was drawn by another model or at another size",
            hint="refine it from its picture: way 'picture'",
        )
    if way == "seed" and version.recipe.task.kind != "text-to-image":
        raise RecipeRefused(
            f"version {version.short} was not drawn from noise alone",
            hint="refine it from its picture: way 'picture'",
        )
    settings.needs_task(capabilities, task.kind)
    return drawn(
        task,
        words,
        target,
        capabilities=capabilities,
        seed=version.recipe.sampling.seed if version.recipe.sampling else 0,
        conditionings=version.recipe.conditionings if target == version.size else (),
        version=version,
        **how,
    )


def going_on(version: Version, kept: Sequence[Kept], share: float) -> Continue:
    """The task that goes on from a version's drawing, after about this share of its steps.

    Raises:
        RecipeRefused: the version kept no latents, or none of the whole picture.
    """
    found = nearest(kept, share) if _keeps(version, kept) else None
    if found is None or version.trace is None:
        raise RecipeRefused(
            f"version {version.short} kept nothing to go on from",
            hint="only a picture drawn as a whole, with token maps, keeps its latents",
        )
    return Continue(trace=version.trace, step=found.step)


def _target(
    version: Version, size: Size | tuple[int, int] | None, capabilities: Capabilities
) -> Size:
    if size is None:
        return fit_size(
            version.size, capabilities.multiple, capabilities.min_side, capabilities.max_side
        )
    target = settings.drawable_size(capabilities, size)
    shape, asked = version.size.width / version.size.height, target.width / target.height
    if max(shape / asked, asked / shape) > 1 + capabilities.multiple / min(
        target.width, target.height
    ):
        raise SettingRefused(
            f"{target} has another shape than version {version.short} ({version.size})",
            hint="refine it in its own shape, then outpaint the sides that are missing",
        )
    return target


def _keeps(version: Version, kept: Sequence[Kept]) -> bool:
    return bool(kept) and version.trace is not None and version.recipe.task.kind in WHOLE
