"""How a typed prompt is taken: as it stands, or with Midjourney's flags translated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from maquette.core.capabilities import Capabilities
from maquette.core.flags import Translation, flag_problems, read_flags, translate
from maquette.errors import SettingRefused
from maquette.studio.steering import Likeness

if TYPE_CHECKING:
    from maquette.studio.desk import Desk

__all__ = ["Flags", "chosen", "joined", "likenesses", "origin_of", "read_words"]

Flags = Literal["auto", "midjourney", "none"]
"""``auto``: flags at the end are translated where at least one is Midjourney's. ``midjourney``:
flags and ``::`` parts are read in any case, and a flag that counts for nothing is refused.
``none``: the text is drawn as it stands."""


def read_words(prompt: str, flags: str, able: Capabilities) -> Translation:
    """The words of a prompt, and what its flags ask of an engine with these capabilities.

    Raises:
        SettingRefused: for another ``flags``; with ``midjourney`` for a flag that is unknown or
            has a value that it cannot have.
    """
    if flags not in get_args(Flags):
        raise SettingRefused(f"flags are not read as '{flags}'", hint=", ".join(get_args(Flags)))
    read = read_flags(prompt) if flags != "none" else None
    if read is None or (flags == "auto" and not read.any_known):
        return Translation(prompt)
    if flags == "midjourney":
        for problem in flag_problems(read):
            if problem.severity == "error":
                raise SettingRefused(problem.message, hint="correct the flag, or leave it out")
    return translate(read, able)


def origin_of(typed: str, said: Translation) -> dict[str, Any]:
    """What a version's origin tells of its flags; empty when there were none."""
    if not (said.done or said.left):
        return {}
    return {
        "typed": typed,
        "flags": [[outcome.flag, outcome.says] for outcome in said.done],
        "left": [[outcome.flag, outcome.says] for outcome in said.left],
    }


def joined(*negatives: str) -> str:
    """Negative prompts as one."""
    return ", ".join(text for text in negatives if text.strip())


def likenesses(said: Translation, desk: Desk) -> list[Likeness]:
    """The references that flags ask for. Addresses are fetched by the guarded client.

    Raises:
        VersionUnknown, AmbiguousVersion: for a version.
        AddressRefused, ServiceUnreachable, ServiceRefused, ServiceFailed, PictureRefused: for an
            address.
    """
    from maquette.net import fetch

    return [
        Likeness(
            wanted.role,
            fetch(wanted.source).data if "://" in wanted.source else desk.version(wanted.source),
            wanted.strength,
        )
        for wanted in said.references
    ]


def chosen(given: Any, default: Any, settings: Mapping[str, Any], name: str) -> Any:
    """What was asked for by name, else by a flag, else the default."""
    return settings.get(name, default) if given == default else given
