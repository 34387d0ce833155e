"""What recipes are made of: frozen values, and digests that name bytes."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from maquette.core.canonical import canonical_json, sha256_hex

__all__ = ["Digest", "ModelRef", "Stated", "Value"]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a blob, as 64 lower-case hexadecimal digits."""


class Value(BaseModel):
    """Frozen, refuses fields that it does not know and numbers that are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Stated(Value):
    """A value that has a name of its own: the digest of all that it states."""

    @cached_property
    def canonical(self) -> str:
        """Canonical JSON: every field, defaults too, in one spelling."""
        return canonical_json(self.model_dump(mode="json"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return sha256_hex(self.canonical.encode("utf-8", "surrogatepass"))


class ModelRef(Value):
    """A model by name and by the digest of its files."""

    name: str
    digest: Digest
