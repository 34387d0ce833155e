"""What recipes are made of: frozen values, and digests that name bytes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Digest", "ModelRef", "Value"]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a blob, as 64 lower-case hexadecimal digits."""


class Value(BaseModel):
    """Frozen, refuses fields that it does not know and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelRef(Value):
    """A model by name and by the digest of its files."""

    name: str
    digest: Digest
