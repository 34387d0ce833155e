"""The worked productions: every brief is carried out to its files in miniature by the fake engine;
a logo's by the shipped model, for it looks for the wall of a thing that was drawn.

``productions/pictures.py`` carries them out whole and takes the handbook's pictures.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from productions.pictures import NAMES, PAGES, PRODUCTIONS, brief_of, carry_out

from maquette import Settings, Studio
from maquette.core.palette import palette_of, palettes_apart

SURFACES = {"logo-on-a-mug", "product-mockup"}
"""Those whose logos look for a thing's wall, which the fake engine does not draw."""


def smaller(name: str) -> dict[str, Any]:
    """The changes that make a brief a matter of seconds: two rows or prompts, each once."""
    brief = brief_of(name)
    drafts = {**brief["drafts"], "count": 2}
    drafts.pop("lora", None)  # the fake engine learns, and draws without
    if "picture" in drafts:
        drafts["picture"] = {**drafts["picture"], "strength": 0.5}
    polish = {**brief["polish"], "each": brief["polish"].get("each", [])[:2]}
    changed: dict[str, Any] = {"drafts": drafts, "select": {"count": 2}, "polish": polish}
    if "train" in brief:
        changed["train"] = {**brief["train"], "steps": 2}
    if "template" in brief:
        changed["template"] = {**brief["template"], "rows": brief["template"]["rows"][:2]}
    return changed


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SURFACES])
def test_in_miniature(name: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", models=tmp_path / "models", engine="fake")
    changes = smaller(name)
    with Studio(tmp_path / "room", create=True, settings=settings) as studio:
        state = carry_out(studio, name, tmp_path, changes)
        each = len(changes["polish"]["each"]) or 1
        assert state.stage == "done"
        assert len(state.files) == 2 * each
        assert all(studio.verify(file).state in {"trusted", "valid"} for file in state.files[:2])
        assert state.page is not None and state.page.is_file()


@pytest.mark.parametrize("name", NAMES)
def test_its_page_tells_of_it(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert f"maquette campaign productions/{name}/brief.yaml" in page
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert pictures and "## What it cannot" in page
    assert sum((PAGES / each).stat().st_size for each in pictures) < 150_000
    assert f"({name}.md)" in (PAGES / "README.md").read_text("utf-8")


def test_fifty_pictures_keep_every_thread(tmp_path: Path) -> None:
    """Every garment of the fashion set in one of its ten places, held against its own picture."""
    brief = brief_of("fashion-set")
    rows, each = brief["template"]["rows"], brief["polish"]["each"]
    assert len(rows) * len(each) == 50
    settings = Settings(home=tmp_path / "home", models=tmp_path / "models", engine="fake")
    changes = smaller("fashion-set")
    changes |= {"template": {**brief["template"], "rows": rows[:1]}, "polish": brief["polish"]}
    changes |= {"drafts": {"count": 1}, "select": {"count": 1}}
    with Studio(tmp_path / "room", create=True, settings=settings) as studio:
        state = carry_out(studio, "fashion-set", tmp_path, changes)
        assert len(state.files) == len(each)
        for version in state.polished:
            names = {finding.name for finding in studio.findings(version)}
            assert "texture" in names and "texture-lost" not in names


def test_heroes_come_into_one_mood(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", models=tmp_path / "models", engine="fake")
    mood = palette_of(Image.open(PRODUCTIONS / "product-heroes" / "mood.png"))
    with Studio(tmp_path / "room", create=True, settings=settings) as studio:
        state = carry_out(studio, "product-heroes", tmp_path, smaller("product-heroes"))
        before, after = (
            [palettes_apart(palette_of(studio.picture(each)), mood) for each in versions]
            for versions in (state.finals, state.polished)
        )
    assert np.mean(after) < 0.7 * np.mean(before)


@pytest.mark.model
def test_a_logo_stands_undistorted_on_a_mug(tmp_path: Path) -> None:
    small = {"drafts": {"count": 3}, "select": {"count": 1}, "refine": {"steps": 10}}
    with Studio(
        tmp_path / "room", create=True, settings=Settings(home=tmp_path / "home")
    ) as studio:
        state = carry_out(studio, "logo-on-a-mug", tmp_path, small)
        assert state.stage == "done" and len(state.files) == len(state.polished) == 1
        for version in state.polished:
            assert version.operation == "logo" and version.size.width == 512
            names = {finding.name for finding in studio.findings(version)}
            assert "logo" in names and "logo-distorted" not in names
