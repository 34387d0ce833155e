"""The engine ``diffusers``: local models of the Stable Diffusion family, watched while they draw.

Importing this is cheap: torch and the weights are loaded by the first drawing.
"""

from maquette.engines.diffusers.engine import DiffusersEngine, create
from maquette.engines.diffusers.models import ModelCard, find_model, list_models, read_model

__all__ = [
    "DiffusersEngine",
    "ModelCard",
    "create",
    "find_model",
    "list_models",
    "read_model",
]
