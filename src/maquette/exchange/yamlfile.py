"""Reading YAML that people write: plain values only, bounded, each fault in one line.

YAML 1.1 by PyYAML's safe constructors (no objects are made). Anchors and aliases are refused, for
a few lines of them can stand for gigabytes, and so are keys that are given twice.
"""

from __future__ import annotations

from typing import Any

import yaml

from maquette.errors import MaquetteError, TemplateRefused

__all__ = ["MAX_YAML", "MAX_YAML_DEPTH", "read_yaml"]

MAX_YAML = 500_000
"""The most characters of a YAML file."""

MAX_YAML_DEPTH = 32
"""How deep lists and mappings may nest."""


def read_yaml(
    text: str | bytes, *, what: str, refused: type[MaquetteError] = TemplateRefused
) -> dict[str, Any]:
    """The mapping that a YAML text is; ``what`` names it in messages (``the brief``).

    Keys are texts (a number or a date as a key is one too), values are texts, numbers, booleans,
    None, lists and mappings. Dates stay texts.

    Raises:
        TemplateRefused: or ``refused``, with the line of what is wrong.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refused(f"{what} is not a UTF-8 text: byte {error.start}") from error
    if len(text) > MAX_YAML:
        raise refused(f"{what} has {len(text):,} characters, more than {MAX_YAML:,}")
    try:
        _survey(text, what, refused)
        found: Any = yaml.load(text, Loader=_Plain)  # noqa: S506 - a SafeLoader
    except UnicodeEncodeError as error:
        raise refused(f"{what} is not YAML: it holds a character that is no text") from error
    except yaml.YAMLError as error:
        raise refused(f"{what} is not YAML: {_said(error)}") from error
    if found is None:
        raise refused(f"{what} is empty")
    if not isinstance(found, dict):
        raise refused(f"{what} is a {type(found).__name__}, not a mapping of keys to values")
    return found


# libyaml's parser, ten times as fast, where PyYAML came with it; the constructors are the same.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Plain(_Safe):
    """Safe, without dates, and strict about keys."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Plain, node: yaml.MappingNode) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key is a word", problem_mark=key_node.start_mark)
        key = key_node.value
        if key in made:
            about = f"the key '{key[:60]}' is given twice"
            raise yaml.MarkedYAMLError(problem=about, problem_mark=key_node.start_mark)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


_Plain.add_constructor("tag:yaml.org,2002:map", _mapping)


def _survey(text: str, what: str, refused: type[MaquetteError]) -> None:
    """Refuse what is too deep or refers to itself, before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Safe):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise refused(
                f"{what}, line {line}: anchors and aliases are not read", hint="write it out"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_YAML_DEPTH:
                raise refused(f"{what}, line {line}: nested deeper than {MAX_YAML_DEPTH}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _said(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "malformed"
    where = f"line {mark.line + 1}: " if mark is not None else ""
    return f"{where}{str(problem)[:200]}"
