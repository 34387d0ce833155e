"""Families of models, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maquette.engines.diffusers.families.base import Family, Part
from maquette.engines.diffusers.families.flux import Flux
from maquette.engines.diffusers.families.sd import StableDiffusion
from maquette.engines.diffusers.families.sd3 import StableDiffusion3
from maquette.engines.diffusers.families.sdxl import StableDiffusionXL
from maquette.errors import ModelRefused

__all__ = ["FAMILIES", "Family", "Part", "family_of"]

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (StableDiffusion(), StableDiffusionXL(), StableDiffusion3(), Flux())
}
"""By name."""


def family_of(name: str, unet: Mapping[str, Any], transformer: Mapping[str, Any]) -> Family:
    """The family of a model folder, by the configuration of the network that it has.

    Both empty: Stable Diffusion, whose reader then says what is missing.

    Raises:
        ModelRefused: for a transformer that none of them has.
    """
    if transformer:
        kind = str(transformer.get("_class_name") or "thing without a name")
        for family in FAMILIES.values():
            if family.network == "transformer" and kind in family.parts["transformer"].classes:
                return family
        raise ModelRefused(
            f"the part 'transformer' of {name} is a {kind}",
            hint="Stable Diffusion 1, 2, XL and 3 and FLUX.1 are driven",
        )
    if unet.get("addition_embed_type") == "text_time":
        return FAMILIES["sdxl"]
    return FAMILIES["sd"]
