"""Settings from the environment (``MAQUETTE_…``). Only the studio reads them."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


def _home() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "maquette"


def _projects() -> Path:
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "maquette" / "projects"


class Settings(BaseSettings):
    """``project``: the folder to work in. ``projects``: where the studio keeps its own. ``home``:
    where the person's own things live (the signing key). ``models``: a folder of more models.
    ``engine`` and ``model``: the defaults. ``threads``: processor threads for
    drawing, 0 = as many as there are cores."""

    model_config = SettingsConfigDict(env_prefix="MAQUETTE_", extra="ignore", frozen=True)
    project: Path = Path()
    projects: Path = Field(default_factory=_projects)
    home: Path = Field(default_factory=_home)
    models: Path | None = None
    engine: str = "diffusers"
    model: str = "postcard"
    threads: int = Field(default=0, ge=0)
