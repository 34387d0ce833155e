"""Briefs: read strictly, and what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maquette.errors import BriefRefused
from maquette.stages.plan import make_brief
from maquette.studio.planning import brief_of

BARE: dict[str, Any] = {"campaign": "autumn", "prompt": "a red mug"}


def test_little_is_enough() -> None:
    brief = make_brief(BARE)
    assert brief.prompts == ("a red mug",)
    assert (brief.drafts.count, brief.select.count, brief.refine.quality) == (30, 5, "final")
    assert make_brief(BARE).first_seed == brief.first_seed
    assert make_brief({**BARE, "campaign": "winter"}).first_seed != brief.first_seed
    assert make_brief({**BARE, "size": "256x192"}).size == (256, 192)


@pytest.mark.parametrize(
    ("wrong", "says", "hint"),
    [
        ({"cuont": 3}, "'cuont' is no key", "keys here"),
        ({"drafts": {"cuont": 3}}, "'drafts.cuont' is no key", "did you mean 'count'?"),
        ({"refine": {"qualty": "final"}}, "'refine.qualty'", "did you mean 'quality'?"),
        ({"board": [{"fil": "a.png"}]}, "'board.0.fil'", "did you mean 'file'?"),
        ({"board": [{"file": "a", "link": "https://b"}]}, "one of file, link and version", ""),
        ({"budget": {"seconds": 0}}, "allows nothing", "leave the budget out"),
        ({"budget": {"money": 0}}, "allows nothing", "leave the budget out"),
        ({"budget": {"seconds": -5}}, "allows nothing", ""),
        ({"drafts": {"count": 0}}, "drafts.count", ""),
        ({"drafts": {"count": 3}, "select": {"count": 4}}, "cannot be chosen of 3", ""),
        ({"prompts": ["a"]}, "both 'prompt' and 'prompts'", ""),
        ({"campaign": "Not a name"}, "campaign", ""),
        ({"campaign": "../../etc"}, "campaign", ""),
        ({"pause": ["lunch"]}, "pause", ""),
        ({"seed": -1}, "seed", ""),
        ({"template": {"text": "a ${b}"}}, "prompts, or a template", ""),
        ({"template": {"txt": "a"}}, "'template.txt' is no key", "did you mean 'text'?"),
        ({"template": {"name": "hero"}}, "its playbook", ""),
        ({"polish": {"aspect": "wide"}}, "polish.aspect", ""),
        ({"prompt": "  "}, "prompts", ""),
        ({"prompt": "x" * 100_001}, "prompts", ""),
    ],
)
def test_what_is_wrong_is_said_in_one_line(wrong: dict[str, Any], says: str, hint: str) -> None:
    with pytest.raises(BriefRefused) as told:
        make_brief({**BARE, **wrong})
    assert says in str(told.value) and hint in told.value.hint
    assert "\n" not in str(told.value) and len(str(told.value)) < 300


def test_a_brief_may_extend_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "campaign: base\nprompt: a mug\ndrafts: {count: 12, steps: 4}\nselect: {count: 2}\n"
    )
    (tmp_path / "own.yaml").write_text("extends: base.yaml\ncampaign: own\ndrafts: {count: 20}\n")
    brief, home = brief_of(tmp_path / "own.yaml")
    assert (brief.campaign, brief.drafts.count, brief.drafts.steps) == ("own", 20, 4)
    assert home == tmp_path


def test_briefs_that_extend_one_another_in_a_circle(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {other}.yaml\ncampaign: {name}\n")
    with pytest.raises(BriefRefused, match=r"a\.yaml → b\.yaml → c\.yaml → a\.yaml"):
        brief_of(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b\n", "a: [1", "a: &x [*x]", "\tcampaign: x", "campaign: a\ncampaign: b", "\0"],
)
def test_files_that_are_no_brief(text: str, tmp_path: Path) -> None:
    path = tmp_path / "brief.yaml"
    path.write_text(text)
    with pytest.raises(BriefRefused) as told:
        brief_of(path)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BriefRefused, match="cannot read"):
        brief_of(tmp_path / "none.yaml")
    (tmp_path / "brief.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BriefRefused):
        brief_of(tmp_path / "brief.yaml")
