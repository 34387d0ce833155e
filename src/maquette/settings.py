"""Settings from the environment (``MAQUETTE_…``). Only the studio reads them."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from maquette.core.cost import Money

__all__ = ["Settings"]


def _home() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "maquette"


def _data() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "maquette"


def _projects() -> Path:
    return _data() / "projects"


def _models() -> Path:
    return _data() / "models"


class Settings(BaseSettings):
    """``project``: the folder to work in. ``projects``: where the studio keeps its own. ``home``:
    where the person's own things live (the signing key). ``models``: a folder of more models,
    into which what is trained goes as well.
    ``engine`` and ``model``: the defaults. ``threads``: processor threads for
    drawing, 0 = as many as there are cores. ``device`` (``cpu``, ``cuda``, ``auto``), ``dtype``,
    ``offload``, ``tiles`` and ``compile``: how a local model is fitted to the machine (see
    engines/diffusers/fitting.py), and how many pictures are drawn ``together`` at most (0: one on a
    processor, eight elsewhere). ``budget``: what services may bill for a project in
    all, in US dollars; none is no limit. ``…_url``: where a service is, when not at its usual
    address. ``judge``: a folder with a judge (judge.json, judge.safetensors), for models that bring
    none; ``clip``: a folder with a CLIP (as transformers writes it) to search pictures with."""

    model_config = SettingsConfigDict(env_prefix="MAQUETTE_", extra="ignore", frozen=True)
    project: Path = Path()
    projects: Path = Field(default_factory=_projects)
    home: Path = Field(default_factory=_home)
    models: Path = Field(default_factory=_models)
    engine: str = "diffusers"
    model: str = "postcard"
    threads: int = Field(default=0, ge=0)
    device: str = "cpu"
    dtype: str = "auto"
    offload: str = "auto"
    tiles: str = "auto"
    compile: bool = False
    together: int = Field(default=0, ge=0)
    judge: Path | None = None
    clip: Path | None = None
    budget: Decimal | None = Field(default=None, ge=0)
    a1111_url: str = ""
    comfyui_url: str = ""
    comfyui_workflow: Path | None = None
    openai_url: str = ""
    replicate_url: str = ""
    huggingface_url: str = ""
    firefly_url: str = ""
    remote_url: str = ""

    @property
    def most_money(self) -> Money | None:
        """The budget as money."""
        return None if self.budget is None else Money(amount=self.budget)
