"""The engine ``replicate``: any picture model on replicate.com, by what its schema says."""

from __future__ import annotations

from maquette.engines.replicate.engine import Replicate, create

__all__ = ["Replicate", "create"]
