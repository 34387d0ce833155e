"""What changed from one version of a playbook to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from maquette.core.playbook.model import Playbook

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A place that differs. ``before`` is None for what was added, ``after`` for what was taken
    away."""

    where: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any


def differences(before: Playbook, after: Playbook) -> list[Difference]:
    """The places that differ, in the order of the format."""
    return list(_differing("", before.model_dump(mode="json"), after.model_dump(mode="json")))


def _differing(where: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        old: Mapping[str, Any] = before  # pyright: ignore[reportUnknownVariableType]
        new: Mapping[str, Any] = after  # pyright: ignore[reportUnknownVariableType]
        for key in dict.fromkeys([*old, *new]):
            place = f"{where}.{key}" if where else key
            if key not in new:
                yield Difference(place, "removed", old[key], None)
            elif key not in old:
                yield Difference(place, "added", None, new[key])
            else:
                yield from _differing(place, old[key], new[key])
    else:
        yield Difference(where, "changed", before, after)
