"""Import: a picture that came from outside, kept as it is."""

from __future__ import annotations

from maquette.core.geometry import Size
from maquette.core.recipe import Import, ModelRef, PromptText, Recipe, Sampling

__all__ = ["import_picture"]


def import_picture(
    *,
    image_digest: str,
    size: Size,
    original: str | None = None,
    source: str = "",
    prompt: PromptText | None = None,
    sampling: Sampling | None = None,
    model: ModelRef | None = None,
) -> Recipe:
    """The recipe of a picture from outside.

    ``image_digest`` names its decoded PNG, ``original`` the file as it came, ``source`` who wrote
    the file's metadata. Prompt, sampling and model are what that metadata told, if anything: they
    say where the picture came from and are not run.
    """
    return Recipe(
        engine="pixels",
        task=Import(image=image_digest, original=original, source=source),
        size=size,
        prompt=prompt,
        model=model,
        sampling=sampling,
    )
