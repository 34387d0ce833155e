"""What other programs' metadata says about a picture, in this house's words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from maquette.core.geometry import Size
from maquette.core.recipe import MAX_SEED, Sampling

__all__ = ["Lead", "Parameters", "Sampler", "sampling_of", "size_or_none"]

Sampler = str
"""One of core's sampler names, '' where none was named or known."""

Lead = tuple[str, float]
"""A LoRA's name and weight."""


class Parameters(BaseModel):
    """Prompt and settings as another program wrote them.

    Numbers are None where the file is silent. ``unread`` names, in plain words, everything that
    was there but has no place here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    prompt: str = ""
    negative: str = ""
    sampler: Sampler = ""
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    size: Size | None = None
    model: str = ""
    model_hash: str = ""
    strength: float | None = None
    loras: tuple[Lead, ...] = ()
    unread: tuple[str, ...] = ()


def sampling_of(parameters: Parameters) -> tuple[Sampling | None, tuple[str, ...]]:
    """The sampling, or None and why: something is missing or out of this house's range."""
    needed = {
        "sampler": parameters.sampler or None,
        "steps": parameters.steps,
        "guidance": parameters.guidance,
        "seed": parameters.seed,
    }
    missing = [name for name, value in needed.items() if value is None]
    if missing:
        return None, (f"sampling: no {', no '.join(missing)} in the file",)
    if parameters.seed is not None and parameters.seed > MAX_SEED:
        return None, (f"seed {parameters.seed}: larger than {MAX_SEED}",)
    try:
        return Sampling.model_validate(needed), ()
    except ValidationError as error:
        return None, tuple(
            f"{first['loc'][0] if first['loc'] else 'sampling'} {first['input']}: {first['msg']}"
            for first in error.errors()
        )


def size_or_none(width: object, height: object) -> Size | None:
    """A size where both sides are sensible whole numbers."""
    match width, height:
        case int(), int() if 0 < width < 2**31 and 0 < height < 2**31:
            return Size(width=width, height=height)
        case _:
            return None
