"""Who writes a file: this program's name and version, as metadata state them."""

from __future__ import annotations

from importlib import metadata

__all__ = ["MAKER", "MAKER_VERSION"]

MAKER = "Maquette"

try:
    MAKER_VERSION = metadata.version("maquette")
except metadata.PackageNotFoundError:  # run from a checkout that was never installed
    MAKER_VERSION = "0"
