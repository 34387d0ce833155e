"""The handbook's page on stages says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from maquette import Settings, Studio
from maquette.cli import program
from maquette.stages.improve.policy import FAILURES
from maquette.stages.plan.brief import Brief

PAGE = (Path(__file__).parents[3] / "docs" / "stages.md").read_text("utf-8")


def test_its_brief_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    small = example.replace("count: 30", "count: 6") + "size: 64x64\n"
    (tmp_path / "brief.yaml").write_text(small)
    settings = Settings(home=tmp_path / "home", engine="fake")
    with Studio(tmp_path / "project", create=True, settings=settings) as studio:
        state = studio.campaign(tmp_path / "brief.yaml")
    assert state.stage == "done" and len(state.files) == 5
    assert state.ledger is not None and state.ledger.money.currency == "EUR"


def test_it_names_every_key() -> None:
    table = PAGE.partition("### The keys")[2].partition("###")[0]
    for name, field in Brief.model_fields.items():
        assert f"`{name}`" in table, name
        for inner in getattr(field.annotation, "model_fields", {}):
            row = next(line for line in table.splitlines() if f"| `{name}` |" in line)
            assert f"`{inner}`" in row or name == "board", f"{name}.{inner}"


@pytest.mark.parametrize("command", ["campaign", "improve", "refine", "reweight", "select"])
def test_its_commands_are_there(command: str) -> None:
    known = program().commands[command]
    options = {name for each in known.get_params(typer.Context(known)) for name in each.opts}
    for line in re.findall(rf"maquette {command} ([^\n`#]*)", PAGE):
        assert set(re.findall(r"--[a-z-]+", line)) <= options


def test_every_failure_mode_is_told() -> None:
    said = PAGE.partition("## The loop")[2]
    told = {"weak": "weak", "missing": "missing", "count": "count", "colour": "colour",
            "strong": "too much", "drift": "drift", "blur": "blur", "blank": "flat colour",
            "dark": "dark", "bright": "bright", "clipped-highlights": "clipped",
            "clipped-shadows": "clipped", "banding": "run smoothly", "seam": "seam",
            "damage": "broken place"}  # fmt: skip
    assert told.keys() == FAILURES.keys()
    assert all(words in said for words in told.values())
