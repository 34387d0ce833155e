"""A signed file, read back as anyone would, and once more with one byte flipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from demo.story import Signed
from maquette.core.version import SHORT, Version
from maquette.exchange import Verdict
from maquette.exchange.verify import Action
from maquette.studio import Studio

__all__ = ["flip_byte", "sign"]


def flip_byte(data: bytes) -> tuple[bytes, int]:
    """The file with one bit of one byte of its picture data flipped, and where."""
    if data.startswith(b"\x89PNG"):
        start, end = data.find(b"IDAT"), data.rfind(b"IEND")
    else:
        start, end = data.rfind(b"\xff\xda"), len(data)
    at = (max(start, 0) + end) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], at


def sign(studio: Studio, version: Version, path: Path) -> Signed:
    """Export a version signed, verify the file, then verify a copy with one bit flipped."""
    released = studio.export(version, path)
    verdict = studio.verify(path)
    flipped, at = flip_byte(path.read_bytes())
    altered = studio.verify(flipped)
    return Signed(
        file=f"{path.parent.name}/{path.name}",
        format=released.format,
        bytes=released.bytes,
        digest=released.digest,
        state=_state(verdict),
        ok=verdict.state in {"trusted", "valid"},
        facts=tuple(_facts(verdict)),
        actions=tuple(_action(action) for action in verdict.actions),
        flipped_at=at,
        flipped_state=_state(altered),
        caught=altered.state == "invalid",
    )


def _state(verdict: Verdict) -> str:
    problems = "; ".join(verdict.problems)
    return f"{verdict.state}, {problems}" if problems else verdict.state


def _facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    if verdict.signer:
        yield "Signed by", verdict.signer
    if verdict.generator:
        yield "Made with", verdict.generator
    if verdict.digital_source_type:
        yield "Source type", verdict.digital_source_type
    for ingredient in verdict.ingredients:
        yield "Made from", ingredient.title or "an unnamed picture"


def _action(action: Action) -> str:
    said = action.description or action.action
    name = action.details.get("version", "")[:SHORT]
    when = action.when[11:19]
    notes = ", ".join(each for each in (action.action, name, when and f"{when} UTC") if each)
    return f"{said[:1].upper()}{said[1:]} ({notes})"
