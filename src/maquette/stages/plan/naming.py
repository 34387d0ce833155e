"""How a brief names pictures, and how a row's values get into its edits.

A picture is ``{file: mood.png}`` (beside the brief) or ``{version: 3f2a}`` (of the project), never
a bare text: what a row or a request says must not be read as a path of the machine by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from maquette.core.version import Version
from maquette.errors import BriefRefused
from maquette.stages.hands import Hands

__all__ = ["files_in", "named_as_files", "names_in", "shown", "with_values"]

_PICTURES = frozenset({"palette", "mask", "picture", "logo", "image"})
"""Keys whose values are pictures."""
_BY_NAME = frozenset({"model", "adapter", "lora", "embedding"})
"""Keys whose values are names of networks, which may be paths."""
_HOLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def named_as_files(data: Any) -> Any:
    """The same values, every picture that is given as a text as ``{file: text}``."""
    if isinstance(data, Mapping):
        return {
            key: {"file": value}
            if key in _PICTURES and isinstance(value, str)
            else named_as_files(value)
            for key, value in data.items()
        }
    if isinstance(data, list | tuple):
        return [named_as_files(each) for each in data]
    return data


def files_in(data: Any) -> list[str]:
    """What these values name outside the project: files, and networks by a path."""
    return list(_files(data))


def _files(data: Any, by_name: bool = False) -> Iterator[str]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            if key == "file" and value is not None:
                yield str(value)
            elif by_name and _is_path(key):
                yield str(key)
            yield from _files(value, key in _BY_NAME)
    elif isinstance(data, list | tuple):
        for each in data:
            yield from _files(each, by_name)
    elif by_name and _is_path(data):
        yield str(data)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and any(mark in value for mark in "/\\~")


def names_in(data: Any) -> set[str]:
    """The names that ``${name}`` stands for in any text of these values."""
    if isinstance(data, str):
        return set(_HOLE.findall(data))
    if isinstance(data, Mapping):
        return {name for each in (*data.keys(), *data.values()) for name in names_in(each)}
    if isinstance(data, list | tuple):
        return {name for each in data for name in names_in(each)}
    return set()


def with_values(data: Any, values: Mapping[str, str], where: str) -> Any:
    """The same values, each ``${name}`` replaced by the row's. A text that is nothing but one hole
    and stands for a number, or yes or no, becomes that.

    Raises:
        BriefRefused: a name that the row does not have.
    """
    if isinstance(data, str):
        whole = _HOLE.fullmatch(data)
        filled = _HOLE.sub(lambda hole: _value(hole[1], values, where), data)
        return _number(filled) if whole else filled
    if isinstance(data, Mapping):
        return {key: with_values(value, values, where) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [with_values(each, values, where) for each in data]
    return data


def _value(name: str, values: Mapping[str, str], where: str) -> str:
    if name not in values:
        known = ", ".join(sorted(values)) or "none: give a template with rows"
        raise BriefRefused(f"{where}: no row has '{name}'", hint=f"values here: {known}")
    return values[name]


def _number(text: str) -> str | float | bool:
    if text in {"yes", "no"}:
        return text == "yes"
    try:
        return float(text)
    except ValueError:
        return text


def shown(named: Mapping[str, Any], hands: Hands, folder: Path, where: str) -> Path | Version:
    """What a picture's name stands for: a file beside the brief, or a version.

    Raises:
        BriefRefused: not exactly one of ``file`` and ``version``, or a file that is not there.
        VersionUnknown, AmbiguousVersion.
    """
    if ("file" in named) == ("version" in named):
        raise BriefRefused(f"{where}: a picture is a file or a version", hint="give one of them")
    if "version" in named:
        # Looked up here: what names a version must never be read as a file's path.
        return hands.version(str(named["version"]))
    path = folder / str(named["file"])
    if not path.is_file():
        raise BriefRefused(
            f"{where}: there is no file {named['file']}", hint=f"files are looked for in {folder}"
        )
    return path
