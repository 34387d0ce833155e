"""A studio in a folder of its own, drawing with the fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maquette import Settings, Studio, Version


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    settings = Settings(home=tmp_path / "home", engine="fake")
    with Studio(tmp_path / "project", create=True, settings=settings) as open_studio:
        yield open_studio


@pytest.fixture
def wolf(studio: Studio) -> Version:
    return studio.generate("a lone wolf under a full moon, misty forest", seed=7)[0]
