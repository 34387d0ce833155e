"""The engines at hand, each loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maquette.core.recipe import Recipe
from maquette.engines.base import Engine
from maquette.settings import Settings

__all__ = ["SERVICES", "Engines", "service_options"]

SERVICES = ("a1111", "comfyui", "openai", "replicate", "huggingface", "firefly", "remote")
"""The engines behind services, each with an address of its own in the settings."""


def service_options(
    settings: Settings, name: str, model: str | Path | None = None
) -> dict[str, Any]:
    """What a service's engine is created with: the model that was named (its own default unless
    the settings name it together with this engine), and where it is."""
    if model is None and name == settings.engine and "model" in settings.model_fields_set:
        model = settings.model
    options: dict[str, Any] = {
        "model": str(model) if model is not None else "",
        "url": getattr(settings, f"{name}_url"),
    }
    if name == "comfyui":
        options["workflow"] = settings.comfyui_workflow
    return options


class Engines:
    """Engines by name and model. Several studios may share one of these, and so its models."""

    def __init__(
        self, settings: Settings, engine: str | None = None, model: str | Path | None = None
    ) -> None:
        """``engine`` and ``model`` are the defaults (else those of the settings)."""
        self._settings = settings
        self._name = engine or settings.engine
        self._named = model
        self._model = model if model is not None else settings.model
        self._loaded: dict[tuple[str, str], Engine] = {}

    def get(self, name: str | None = None, model: str | Path | None = None) -> Engine:
        """An engine by name and model (default: those that were named at the start).

        Raises:
            RecipeRefused, ExtraMissing, ModelMissing, ModelRefused.
        """
        from maquette.engines.registry import load_engine

        name = name or self._name
        if name in SERVICES:
            return self._service(name, model)
        model = model if model is not None else self._model
        key = (name, str(model) if name == "diffusers" else "")
        if key not in self._loaded:
            options: dict[str, Any] = {}
            if name == "diffusers":
                options = {
                    "model": model,
                    "models": self._settings.models,
                    "threads": self._settings.threads,
                    "device": self._settings.device,
                    "dtype": self._settings.dtype,
                    "offload": self._settings.offload,
                    "tiles": self._settings.tiles,
                    "compiled": self._settings.compile,
                    "together": self._settings.together,
                    "notes": self._settings.home / "adapters",
                }
            if name == "learned":
                options = {"models": self._settings.models, "threads": self._settings.threads}
            self._loaded[key] = load_engine(name, **options)
        return self._loaded[key]

    def of(self, recipe: Recipe) -> Engine:
        """The engine that a recipe asks for, with the recipe's own model."""
        if recipe.engine in SERVICES and recipe.model is not None:
            return self.get(recipe.engine, recipe.model.name)
        own = self.get(recipe.engine)
        if recipe.model is None or own.capabilities().model == recipe.model:
            return own
        return self.get(recipe.engine, recipe.model.name)

    def _service(self, name: str, model: str | Path | None) -> Engine:
        from maquette.engines.registry import load_engine

        named = model if model is not None or name != self._name else self._named
        options = service_options(self._settings, name, named)
        key = (name, options["model"])
        if key not in self._loaded:
            self._loaded[key] = load_engine(name, **options)
        return self._loaded[key]
