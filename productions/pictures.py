"""Carries productions out, whole, and takes the handbook's pictures of them.

``PYTHONPATH=. .venv/bin/python productions/pictures.py [NAME …]`` takes some minutes.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from maquette import Settings, Studio
from maquette.core.raster import side_by_side
from maquette.exchange.yamlfile import read_yaml
from maquette.stages.plan import State

PRODUCTIONS = Path(__file__).parent
PAGES = PRODUCTIONS.parent / "docs" / "productions"
NAMES = sorted(path.parent.name for path in PRODUCTIONS.glob("*/brief.yaml"))
WIDE = 1060


def brief_of(name: str) -> dict[str, Any]:
    """A production's brief as plain values."""
    return read_yaml((PRODUCTIONS / name / "brief.yaml").read_text("utf-8"), what="the brief")


def carry_out(
    studio: Studio, name: str, folder: Path, changes: Mapping[str, Any] | None = None
) -> State:
    """Carry a production out in a copy of its folder; ``changes`` replace keys of its brief."""
    place = folder / name
    shutil.copytree(PRODUCTIONS / name, place, dirs_exist_ok=True)
    return studio.campaign({**brief_of(name), **(changes or {})}, folder=place)


def save_picture(state: State, path: Path) -> None:
    """The picture of the handbook's page: the production's own sheet, or its files in a row."""
    if state.page is not None:
        shown = Image.open(state.page).convert("RGB")
    else:
        shown = side_by_side([Image.open(file).convert("RGB") for file in state.files])
    if shown.width > WIDE:
        tall = round(shown.height * WIDE / shown.width)
        shown = shown.resize((WIDE, tall), Image.Resampling.LANCZOS)
    shown.save(path, quality=86, optimize=True, progressive=True)


def main(names: list[str]) -> None:
    """Carry these out, or all."""
    for name in names or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            with Studio(
                home / "room", create=True, settings=Settings(home=home / "home")
            ) as studio:
                state = carry_out(studio, name, home)
                save_picture(state, PAGES / f"{name}.jpg")
                print(
                    name, *sorted({f.message for v in state.polished for f in studio.findings(v)})
                )


if __name__ == "__main__":
    main(sys.argv[1:])
