"""The engine ``comfyui``: a ComfyUI server, with a graph of ours or any workflow of yours."""

from __future__ import annotations

from maquette.engines.comfyui.engine import ComfyUI, create

__all__ = ["ComfyUI", "create"]
