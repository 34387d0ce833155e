"""Which encoder a studio searches with: the CLIP beside its model, else that of the settings."""

from __future__ import annotations

from pathlib import Path

from maquette.core.canonical import digest_of
from maquette.engines.base import Engine
from maquette.engines.diffusers.digests import sha256_of
from maquette.engines.diffusers.imports import patient_threads
from maquette.errors import ModelMissing
from maquette.search import Clip, Encoder, FakeEncoder, files_of, has_clip
from maquette.settings import Settings

__all__ = ["brings_clip", "can_look", "encoder_for"]


def encoder_for(engine: Engine, settings: Settings) -> Encoder:
    """The encoder for pictures of this engine's model. Loads no weights.

    Raises:
        ModelMissing: there is none.
        ModelRefused: its settings cannot be read.
    """
    folder = _folder(engine, settings)
    if folder is not None:
        patient_threads()
        digest = digest_of({file.name: sha256_of(file) for file in files_of(folder)})
        return Clip(folder, digest)
    if engine.name == "fake":
        return FakeEncoder()
    if settings.clip is not None:
        raise ModelMissing(
            f"there is no CLIP in {settings.clip.name}",
            hint="MAQUETTE_CLIP names a folder with a CLIPModel's config.json, safetensors,"
            " preprocessor_config.json and tokenizer",
        )
    model = engine.capabilities().model
    raise ModelMissing(
        f"the model '{model.name}' brings no CLIP to look with"
        if model is not None
        else f"the engine '{engine.name}' brings no CLIP to look with",
        hint="search in words, choose a model that brings one, or name one: MAQUETTE_CLIP",
    )


def can_look(engine: Engine, settings: Settings) -> bool:
    """Whether ``encoder_for`` finds one."""
    return engine.name == "fake" or _folder(engine, settings) is not None


def brings_clip(engine: Engine) -> bool:
    """Whether the CLIP is the model's own, which knows the same words."""
    return _own(engine) is not None


def _own(engine: Engine) -> Path | None:
    folder = getattr(getattr(engine, "card", None), "folder", None)
    beside = folder / "clip" if isinstance(folder, Path) else None
    return beside if beside is not None and has_clip(beside) else None


def _folder(engine: Engine, settings: Settings) -> Path | None:
    own = _own(engine)
    if own is None and settings.clip is not None and has_clip(settings.clip):
        return settings.clip
    return own
