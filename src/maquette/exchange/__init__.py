"""Exchange: releases out with metadata and credentials, anyone's files in, and what they tell.

The names below are loaded on first use. ``verify`` is in ``maquette.exchange.verify``: a package
cannot hold a module and a function of one name.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maquette.exchange.export import Mark, export_picture
    from maquette.exchange.imports import Found, read_metadata
    from maquette.exchange.keys import Identity, bring, load_identity
    from maquette.exchange.verify import Verdict

_HOMES = {
    "Found": "imports",
    "Identity": "keys",
    "Mark": "export",
    "Verdict": "verify",
    "bring": "keys",
    "export_picture": "export",
    "load_identity": "keys",
    "read_metadata": "imports",
}

__all__ = [
    "Found",
    "Identity",
    "Mark",
    "Verdict",
    "bring",
    "export_picture",
    "load_identity",
    "read_metadata",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
