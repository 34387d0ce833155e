"""The production 'logo on a mug' on the shipped model, with fewer drafts than the brief asks for.

With ``MAQUETTE_PICTURES=docs/pictures`` the whole brief is carried out and the handbook's picture
taken.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from maquette import Settings, Studio
from maquette.core.raster import side_by_side
from maquette.exchange.yamlfile import read_yaml

FOLDER = Path(__file__).parents[2] / "productions" / "logo-on-a-mug"


@pytest.mark.model
def test_its_logos_stand_undistorted(tmp_path: Path) -> None:
    place = tmp_path / "production"
    shutil.copytree(FOLDER, place)
    brief = read_yaml((place / "brief.yaml").read_text("utf-8"), what="the brief")
    pictures = os.environ.get("MAQUETTE_PICTURES")
    if not pictures:
        brief |= {"drafts": {"count": 3}, "select": {"count": 1}}
        brief["refine"] = {"steps": 10}
    with Studio(
        tmp_path / "room", create=True, settings=Settings(home=tmp_path / "home")
    ) as studio:
        state = studio.campaign(brief, folder=place)
        assert state.stage == "done" and len(state.files) == len(state.polished) > 0
        for version in state.polished:
            assert version.operation == "logo" and version.size.width == 512
            names = {finding.name for finding in studio.findings(version)}
            assert "logo" in names and "logo-distorted" not in names
        shown = [Image.open(path).convert("RGB").resize((344, 344)) for path in state.files]
    if pictures:
        side_by_side(shown).save(Path(pictures) / "logo-on-a-mug.png", optimize=True)
