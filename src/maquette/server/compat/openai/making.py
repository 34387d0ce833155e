"""From that API's calls to orders."""

from __future__ import annotations

import numpy as np
from PIL import Image

from maquette.core.picture import decode_picture, size_of
from maquette.core.version import Version
from maquette.errors import ModelMissing
from maquette.server.compat.drawing import for_seeds, told_by
from maquette.server.compat.home import studio_with
from maquette.server.compat.openai.asked import Asked, Edit, Generation, ParameterRefused, Variation
from maquette.server.compat.pictures import taken
from maquette.server.compat.sizes import fitting
from maquette.server.context import Context, Room
from maquette.server.problems import HttpRefused
from maquette.stages.order import Order
from maquette.studio import Studio

__all__ = ["edit_order", "generation_order", "variation_order"]

FACE = "openai"
KEPT = {"high": 0.45, "low": 0.75}
"""How strongly a whole picture is drawn anew, by how closely it is to be kept."""
USUAL, NEAR = 0.6, 0.4
SOMETHING = "a picture"
"""What a variation is told to show where nobody knows its words."""


def generation_order(context: Context, room: Room, asked: Generation) -> Order:
    """Pictures from words."""
    studio = _studio(context, room, asked)
    wanted, able = asked.wanted, studio.capabilities()
    size = fitting(able, wanted) if wanted is not None else None
    order = studio.orders.generate(
        asked.prompt,
        negative=asked.negative_prompt or "",
        seed=asked.seed,
        n=asked.count,
        size=(size.width, size.height) if size is not None else None,
        quality=asked.preset,
        steps=asked.steps,
        guidance=asked.guidance,
        sampler=asked.sampler,
    )
    return told_by(order, FACE, **_about(asked), style=asked.style)


def edit_order(
    context: Context, room: Room, asked: Edit, pictures: list[bytes], mask: bytes | None
) -> Order:
    """A picture changed as words say: where its mask is transparent, or all of it. Pictures after
    the first are references, where the model can be shown some."""
    studio = _studio(context, room, asked)
    if not pictures:
        raise ParameterRefused(
            "missing_required_parameter", "Missing required parameter: 'image'.", "image"
        )
    version = taken(room, pictures[0])
    transparent = _transparent(mask, pictures[0], version)
    reference = [{"role": "object", "image": each} for each in pictures[1:16]]

    def inpaint(seed: int) -> Order:
        assert transparent is not None  # noqa: S101 (asked for only then)
        return studio.orders.inpaint(
            version,
            transparent,
            asked.prompt,
            negative=asked.negative_prompt or "",
            seed=seed,
            strength=asked.strength or 1.0,
            quality=asked.preset,
            steps=asked.steps,
            guidance=asked.guidance,
            sampler=asked.sampler,
            reference=reference,
        )

    if transparent is not None:
        order = for_seeds(asked.seed, asked.count, inpaint)
    else:
        wanted, able = asked.wanted, studio.capabilities()
        size = fitting(able, wanted or version.size)
        order = studio.orders.vary(
            version,
            strength=asked.strength or KEPT.get(asked.input_fidelity or "", USUAL),
            seed=asked.seed,
            n=asked.count,
            prompt=asked.prompt,
            negative=asked.negative_prompt,
            size=(size.width, size.height),
            quality=asked.preset,
            steps=asked.steps,
            guidance=asked.guidance,
            sampler=asked.sampler,
            reference=reference,
        )
    return told_by(order, FACE, **_about(asked))


def variation_order(context: Context, room: Room, asked: Variation, picture: bytes) -> Order:
    """Pictures near a picture, by its own words where they are known."""
    studio = _studio(context, room, asked)
    version = taken(room, picture)
    words = version.recipe.prompt
    size = fitting(studio.capabilities(), asked.wanted or version.size)
    order = studio.orders.vary(
        version,
        strength=asked.strength or NEAR,
        seed=asked.seed,
        n=asked.count,
        prompt=None if words is not None and words.text.strip() else SOMETHING,
        size=(size.width, size.height),
        steps=asked.steps,
        guidance=asked.guidance,
        sampler=asked.sampler,
    )
    return told_by(order, FACE, **_about(asked))


def _studio(context: Context, room: Room, asked: Asked) -> Studio:
    try:
        return studio_with(context, room, asked.model_here)
    except ModelMissing as error:
        raise HttpRefused(
            404,
            "model_not_found",
            f"The model `{asked.model}` does not exist or you do not have access to it.",
            hint=error.hint,
        ) from error


def _about(asked: Asked) -> dict[str, str | None]:
    told = getattr(asked, "safety_identifier", None) or asked.user
    return {"model": asked.model, "size": asked.size, "user": told}


def _transparent(mask: bytes | None, first: bytes, version: Version) -> Image.Image | None:
    """Where to draw, white, by a mask's transparency or, without a mask, by the picture's own;
    None = everywhere. The picture's size."""
    image = decode_picture(mask if mask is not None else first, name="the mask")
    if image.mode != "RGBA":
        if mask is None:
            return None
        raise ParameterRefused(
            "invalid_mask_image_format",
            "Invalid mask image format - mask image missing alpha channel",
            "mask",
        )
    if size_of(image) != version.size:
        raise ParameterRefused(
            "invalid_mask_image_size",
            f"Invalid mask image size - mask is {size_of(image)}, the image {version.size}.",
            "mask",
        )
    drawn = Image.fromarray(255 - np.asarray(image.getchannel("A")))
    if mask is None and drawn.getbbox() is None:
        return None
    return drawn
