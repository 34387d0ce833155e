"""The engines at hand, each loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maquette.core.recipe import Recipe
from maquette.engines.base import Engine
from maquette.settings import Settings

__all__ = ["Engines"]


class Engines:
    """Engines by name and model. Several studios may share one of these, and so its models."""

    def __init__(
        self, settings: Settings, engine: str | None = None, model: str | Path | None = None
    ) -> None:
        """``engine`` and ``model`` are the defaults (else those of the settings)."""
        self._settings = settings
        self._name = engine or settings.engine
        self._model = model if model is not None else settings.model
        self._loaded: dict[tuple[str, str], Engine] = {}

    def get(self, name: str | None = None, model: str | Path | None = None) -> Engine:
        """An engine by name and model (default: those that were named at the start).

        Raises:
            RecipeRefused, ExtraMissing, ModelMissing, ModelRefused.
        """
        from maquette.engines.registry import load_engine

        name = name or self._name
        model = model if model is not None else self._model
        key = (name, str(model) if name == "diffusers" else "")
        if key not in self._loaded:
            options: dict[str, Any] = {}
            if name == "diffusers":
                options = {
                    "model": model,
                    "models": self._settings.models,
                    "threads": self._settings.threads,
                }
            if name == "learned":
                options = {"models": self._settings.models, "threads": self._settings.threads}
            self._loaded[key] = load_engine(name, **options)
        return self._loaded[key]

    def of(self, recipe: Recipe) -> Engine:
        """The engine that a recipe asks for, with the recipe's own model."""
        own = self.get(recipe.engine)
        if recipe.model is None or own.capabilities().model == recipe.model:
            return own
        return self.get(recipe.engine, recipe.model.name)
