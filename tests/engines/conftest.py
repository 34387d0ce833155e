"""Tiny engines, built once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines.tiny import build
from tests.engines.tiny_families import build_family

from maquette.engines.diffusers import DiffusersEngine, create


@pytest.fixture(scope="session")
def sd15(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shaped like Stable Diffusion 1.5."""
    return build(tmp_path_factory.mktemp("models") / "sd15", "sd15")


@pytest.fixture(scope="session")
def postcard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shaped like the model that ships."""
    return build(tmp_path_factory.mktemp("models") / "tiny", "postcard")


@pytest.fixture(scope="session")
def sd15_engine(sd15: Path) -> DiffusersEngine:
    return create(sd15, threads=1)


@pytest.fixture(scope="session")
def engine(postcard: Path) -> DiffusersEngine:
    return create(postcard, threads=1)


@pytest.fixture(scope="session")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shaped like Stable Diffusion XL."""
    return build_family(tmp_path_factory.mktemp("models") / "sdxl", "sdxl")


@pytest.fixture(scope="session")
def sd3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shaped like Stable Diffusion 3."""
    return build_family(tmp_path_factory.mktemp("models") / "sd3", "sd3")


@pytest.fixture(scope="session")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder shaped like FLUX.1 dev."""
    return build_family(tmp_path_factory.mktemp("models") / "flux", "flux")


@pytest.fixture(scope="session")
def sdxl_engine(sdxl: Path) -> DiffusersEngine:
    return create(sdxl, threads=1)


@pytest.fixture(scope="session")
def sd3_engine(sd3: Path) -> DiffusersEngine:
    return create(sd3, threads=1)


@pytest.fixture(scope="session")
def flux_engine(flux: Path) -> DiffusersEngine:
    return create(flux, threads=1)
