"""The engine ``remote``: another Maquette, by its address and token."""

from __future__ import annotations

from maquette.engines.remote.engine import Remote, create

__all__ = ["Remote", "create"]
