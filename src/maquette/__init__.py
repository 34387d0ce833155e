"""Maquette: the studio and production line for AI-made pictures.

>>> import maquette
>>> studio = maquette.Studio("postcards", create=True)
>>> wolf = studio.generate("a lone wolf under a full moon, misty forest", seed=7)[0]

Everything public is named in ``__all__``; each name is loaded on first use, so that
``import maquette`` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from maquette.core.finding import Finding
    from maquette.core.recipe import Recipe
    from maquette.core.trace import Trace
    from maquette.core.version import Version
    from maquette.errors import MaquetteError
    from maquette.settings import Settings
    from maquette.studio import Studio

_HOMES = {
    "Finding": "maquette.core.finding",
    "MaquetteError": "maquette.errors",
    "Recipe": "maquette.core.recipe",
    "Settings": "maquette.settings",
    "Studio": "maquette.studio",
    "Trace": "maquette.core.trace",
    "Version": "maquette.core.version",
}

__all__ = [
    "Finding",
    "MaquetteError",
    "Recipe",
    "Settings",
    "Studio",
    "Trace",
    "Version",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'maquette' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
