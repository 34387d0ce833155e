"""Engines by name: a file or package of this folder, or an entry point of another package."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points
from typing import Any

from maquette.engines.base import Engine
from maquette.errors import ExtraMissing, RecipeRefused

__all__ = ["GROUP", "engine_names", "load_engine"]

GROUP = "maquette.engines"
"""The entry point group; each entry names a ``create`` function."""

# Files beside the engines that are no engines themselves.
_HELPERS = frozenset(
    {"onnx", "base", "checks", "compact", "local", "preprocess", "registry", "services", "wording"}
)


def engine_names() -> tuple[str, ...]:
    """Every engine that can be asked for, built-in ones first. Imports none of them."""
    package = importlib.import_module("maquette.engines")
    own = sorted(
        module.name
        for module in pkgutil.iter_modules(package.__path__)
        if module.name not in _HELPERS and not module.name.startswith("_")
    )
    others = sorted({entry.name for entry in entry_points(group=GROUP)} - set(own))
    return (*own, *others)


def load_engine(name: str, **options: Any) -> Engine:
    """Import an engine on use and create it with its own options.

    Raises:
        RecipeRefused: when no engine goes by that name.
        ExtraMissing: when a package that it needs is not installed.
    """
    if name not in engine_names():
        raise RecipeRefused(
            f"there is no engine '{name}'", hint=f"there are {', '.join(engine_names())}"
        )
    try:
        create = _factory(name)
        return create(**options)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "maquette"}:
            raise
        raise ExtraMissing(
            f"the engine '{name}' needs the package '{missing}'",
            hint=f"pip install 'maquette[{name}]'",
        ) from error


def _factory(name: str) -> Any:
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return entry.load()
    return importlib.import_module(f"maquette.engines.{name}").create
