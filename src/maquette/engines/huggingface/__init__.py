"""The engine ``huggingface``: models that Hugging Face's inference serves, and own endpoints."""

from __future__ import annotations

from maquette.engines.huggingface.engine import HuggingFace, create

__all__ = ["HuggingFace", "create"]
