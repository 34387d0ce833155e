"""The conditionings of one recipe, put on a model together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from maquette.core.conditioning import Control, Embedding, Lora, Reference
from maquette.core.geometry import Box, Size
from maquette.core.recipe import Recipe
from maquette.core.value import ModelRef
from maquette.engines.base import Inputs
from maquette.engines.diffusers.conditions.catalogue import Catalogue
from maquette.engines.diffusers.conditions.embedding import learned
from maquette.engines.diffusers.conditions.faceid import loras_of, recognised
from maquette.engines.diffusers.conditions.headers import read_json
from maquette.engines.diffusers.conditions.lora import merged
from maquette.engines.diffusers.conditions.references import referred
from maquette.engines.diffusers.conditions.structures import check_sizes, controlled
from maquette.engines.diffusers.hooks import Condition, Hole, Steering
from maquette.engines.diffusers.weights import Parts
from maquette.errors import RecipeRefused

__all__ = ["Conditioned"]


class Conditioned(Steering):
    """See ``hooks.Steering``. Pictures and maps come decoded among the inputs, by digest."""

    def __init__(self, recipe: Recipe, inputs: Inputs, catalogue: Catalogue) -> None:
        self.size = recipe.size
        self.inputs = inputs
        self.catalogue = catalogue
        each = recipe.conditionings
        self.loras = [c for c in each if isinstance(c, Lora)]
        self.embeddings = [c for c in each if isinstance(c, Embedding)]
        self.controls = [c for c in each if isinstance(c, Control)]
        shown = [c for c in each if isinstance(c, Reference)]
        self.faces = [c for c in shown if c.recogniser is not None]
        self.references = [c for c in shown if c.recogniser is None]

    @contextmanager
    def around(self, parts: Parts) -> Iterator[Parts]:
        """LoRAs merged and words added, inside; the parts as they were, afterwards."""
        with ExitStack() as stack:
            given = parts
            encoders = _encoders(parts)
            if self.embeddings:
                told = [(c, self._path(c.word, c.digest, "embedding")) for c in self.embeddings]
                spelt = [
                    stack.enter_context(learned(tokenizer, encoder, told, name))
                    for name, (tokenizer, encoder) in encoders.items()
                ]
                rest = parts.tokenizers[len(spelt) :]
                given = replace(given, tokenizers=(*spelt, *rest))
            found = [(c, self._path(c.name, c.digest, "lora")) for c in self.loras]
            of_faces = loras_of(self.faces, parts, self.catalogue)
            if found or of_faces:
                networks = {name: encoder for name, (_, encoder) in encoders.items()}
                networks["unet" if _is_unet(parts) else "transformer"] = parts.network
                stack.enter_context(merged(networks, [*found, *of_faces]))
                given = replace(given, scheduler={**given.scheduler, **_settings(found)})
            yield given

    def conditions(
        self, parts: Parts, size: Size, region: Box | None, holes: Sequence[Hole] = ()
    ) -> Sequence[Condition]:
        """Controls first, then references.

        Raises:
            RecipeRefused: a map of another size than the picture.
        """
        check_sizes(self.controls, self.size if region is not None else size, self._picture)
        return [
            *self._controls(parts, size, region, holes),
            *self._referred(parts, size, region),
            *self._recognised(parts, size, region),
        ]

    def _controls(
        self, parts: Parts, size: Size, region: Box | None, holes: Sequence[Hole]
    ) -> Iterator[Condition]:
        return controlled(
            self.controls,
            parts,
            size,
            region,
            holes,
            catalogue=self.catalogue,
            picture=self._picture,
        )

    def _referred(self, parts: Parts, size: Size, region: Box | None) -> Iterator[Condition]:
        return referred(
            self.references, parts, size, region, catalogue=self.catalogue, picture=self._picture
        )

    def _recognised(self, parts: Parts, size: Size, region: Box | None) -> Iterator[Condition]:
        return recognised(
            self.faces, parts, size, region, catalogue=self.catalogue, picture=self._picture
        )

    def _path(self, name: str, digest: str, kind: Any) -> Path:
        return Path(self.catalogue.by_digest(ModelRef(name=name, digest=digest), kind).path)

    def _picture(self, digest: str) -> Image.Image:
        if digest not in self.inputs:
            raise RecipeRefused(
                f"the picture {digest[:12]} that the recipe names was not handed over"
            )
        return self.inputs[digest]


def _settings(loras: Sequence[tuple[Lora, Path]]) -> dict[str, Any]:
    """What a LoRA for few steps says of its sampler."""
    for _, path in loras:
        file = path / "scheduler" / "scheduler_config.json"
        if file.is_file() and "original_inference_steps" in (told := read_json(file)):
            return {"original_inference_steps": int(told["original_inference_steps"])}
    return {}


def _is_unet(parts: Parts) -> bool:
    return "unet" in parts.card.configs


def _encoders(parts: Parts) -> dict[str, tuple[Any, Any]]:
    """Tokenizer and text encoder, by the text encoder's name; those of CLIP's kind."""
    names = ("text_encoder", "text_encoder_2", "text_encoder_3")
    return {
        name: (tokenizer, encoder)
        for name, tokenizer, encoder in zip(
            names, parts.tokenizers, parts.text_encoders, strict=False
        )
        if encoder is not None and "CLIP" in type(encoder).__name__
    }
