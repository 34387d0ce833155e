"""The engine ``openai``: the Images API of OpenAI, and of whoever speaks it."""

from __future__ import annotations

from maquette.engines.openai.engine import OpenAI, create

__all__ = ["OpenAI", "create"]
