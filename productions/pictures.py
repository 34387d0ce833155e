"""Carries productions out, whole, and takes the handbook's pictures of them.

``PYTHONPATH=. .venv/bin/python productions/pictures.py [NAME …]`` takes some minutes.
``--otherwise`` draws them as with a model without networks for structure and references, ``--to``
puts the pictures elsewhere, so that both can be compared.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from maquette import Settings, Studio
from maquette.core.raster import side_by_side
from maquette.exchange.yamlfile import read_yaml
from maquette.stages.plan import State, make_brief

PRODUCTIONS = Path(__file__).parent
PAGES = PRODUCTIONS.parent / "docs" / "productions"
NAMES = sorted(path.parent.name for path in PRODUCTIONS.glob("*/brief.yaml"))
WIDE = 1060


def brief_of(name: str) -> dict[str, Any]:
    """A production's brief as plain values."""
    return read_yaml((PRODUCTIONS / name / "brief.yaml").read_text("utf-8"), what="the brief")


def carry_out(
    studio: Studio,
    name: str,
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    otherwise: bool = False,
) -> State:
    """Carry a production out in a copy of its folder; ``changes`` replace keys of its brief,
    ``otherwise`` takes it as a model without networks for what it asks draws it."""
    place = folder / name
    shutil.copytree(PRODUCTIONS / name, place, dirs_exist_ok=True)
    brief = make_brief({**brief_of(name), **(changes or {})})
    told = brief.instead() if otherwise and brief.otherwise is not None else brief
    return studio.campaign(told, folder=place, tell=lambda stage, says: print(f"  {stage}: {says}"))


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


def main() -> None:
    """Carry these out, or all."""
    parser = argparse.ArgumentParser(description="the pictures of docs/productions")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME")
    parser.add_argument("--otherwise", action="store_true", help="without structure, references")
    parser.add_argument("--to", type=Path, default=PAGES, help="the folder of the pictures")
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    for name in asked.names or NAMES:
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            with Studio(
                home / "room",
                create=True,
                settings=Settings(home=home / "home", models=home / "models"),
            ) as studio:
                state = carry_out(studio, name, home, otherwise=asked.otherwise)
                save_picture(state, asked.to / f"{name}.jpg")
                print(*sorted({f.message for v in state.polished for f in studio.findings(v)}))


if __name__ == "__main__":
    main()
