"""The tables of docs/prompts.md that come from the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maquette.core.flags import Values

__all__ = ["PROMPTS", "write_prompts"]

PROMPTS = Path(__file__).resolve().parents[3] / "docs" / "prompts.md"

_PLACE = re.compile(
    r"(<!-- Written by `python -m maquette\.cli\.reference`: ([^>]*)\. -->\n)"
    r".*?(<!-- /Written -->)",
    re.DOTALL,
)


def write_prompts(page: str) -> str:
    """The page with its tables as the code has them now."""
    tables = {"what the flags become": _becomes, "the flags": _flags}

    def table(found: re.Match[str]) -> str:
        return found[1] + "\n".join(tables[found[2]]()) + "\n" + found[3]

    return _PLACE.sub(table, page)


def _becomes() -> Iterator[str]:
    from maquette.core.flags import TABLE

    yield "| flag | becomes |"
    yield "|---|---|"
    for flag, says in TABLE.items():
        yield f"| {', '.join(f'`{each}`' for each in flag.split(', '))} | {says} |"


def _flags() -> Iterator[str]:
    from maquette.core.flags import FLAGS

    yield "| flag | what it is | takes |"
    yield "|---|---|---|"
    for spec in FLAGS.values():
        names = ", ".join(f"`--{name}`" for name in (spec.name, *spec.aliases))
        takes = "; ".join(
            _versions(values.since, values.until) + _values(spec.kind, values)
            for values in spec.values
        )
        yield f"| {names} | {spec.about} | {takes} |"


def _versions(since: str, until: str) -> str:
    from maquette.core.flags import NEWEST, VERSIONS

    if since == VERSIONS[0] and until == NEWEST:
        return ""
    return f"{since}: " if since == until else f"{since} to {until}: "


def _values(kind: str, values: Values) -> str:
    if values.choices:
        return ", ".join(values.choices)
    if values.high:
        return f"{values.low:g} to {values.high:.0f}"
    return {
        "ratio": "W:H",
        "words": "words",
        "pictures": "addresses or versions",
        "codes": "a name",
        "switch": "nothing",
    }[kind]
