"""What people type to name a version: an id, a prefix of one, ``@``, ``@~2``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from maquette.core.version import SHORT
from maquette.errors import AmbiguousVersion, VersionUnknown

__all__ = ["SHORTEST", "WHOLE", "pick", "read_reference"]

SHORTEST = 4
"""The fewest characters of an id that name a version."""

WHOLE = 64
"""All of them."""

_STEPS = re.compile(r"@(?:~([0-9]{1,9}))?")
_PREFIX = re.compile(rf"[0-9a-f]{{{SHORTEST},{WHOLE}}}")


def read_reference(reference: str) -> int | str:
    """How many versions before the newest, or the prefix of an id in lower case.

    Raises:
        VersionUnknown: for what can be neither.
    """
    text = reference.strip().lower()
    if match := _STEPS.fullmatch(text):
        return int(match[1] or 0)
    if _PREFIX.fullmatch(text):
        return text
    hint = f"{SHORTEST} or more characters of an id, '@' for the newest, '@~1' for the one before"
    raise VersionUnknown(f"{reference!r} names no version", hint=hint)


def pick(reference: str, ids: Sequence[str]) -> str:
    """The one id that a reference led to.

    Raises:
        VersionUnknown: when there is none.
        AmbiguousVersion: when there are several.
    """
    if not ids:
        raise VersionUnknown(f"no version answers to {reference.strip()!r}")
    if len(ids) > 1:
        few = ", ".join(found[:SHORT] for found in ids[:3]) + (" …" if len(ids) > 3 else "")
        raise AmbiguousVersion(f"{reference.strip()!r} begins several versions: {few}")
    return ids[0]
