"""Edits of a brief, drafts that begin from a picture, a picture for each row, all on one page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maquette import Settings, Studio
from maquette.errors import BriefRefused, RecipeRefused
from maquette.stages.order import Order
from maquette.stages.plan import make_brief
from maquette.storage.origin import origins_of
from maquette.studio.orders import Orders
from maquette.studio.planning import campaign_of

BRIEF: dict[str, Any] = {
    "campaign": "rows",
    "template": {
        "text": "a ${thing} on a table",
        "rows": [{"thing": "mug"}, {"thing": "vase"}],
    },
    "seed": 3,
    "size": [64, 64],
    "drafts": {"count": 2},
    "select": {"count": 2},
    "polish": {"steps": 0},
}


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    settings = Settings(home=tmp_path / "home", models=tmp_path / "models", engine="fake")
    with Studio(tmp_path / "project", create=True, settings=settings) as opened:
        yield opened


def _cloth(path: Path, colour: str) -> None:
    picture = Image.new("RGBA", (60, 80), colour)
    pixels = np.array(picture)
    pixels[::4] = (20, 20, 20, 255)
    Image.fromarray(pixels).save(path)


def test_every_final_goes_out_once_for_each_row_of_each(studio: Studio, tmp_path: Path) -> None:
    for name in ("red", "blue"):
        _cloth(tmp_path / f"{name}.png", name)
    layer = {"file": "${cloth}.png", "stand": ["${at}", 0.95, 0.6], "shadow": 0.5}
    polish = {
        "steps": 0,
        "edits": [{"upscale": {"scale": 2}}, {"composite": {"layers": [layer]}}],
        "each": [{"cloth": "red"}, {"cloth": "blue"}],
    }
    rows = [{"thing": "mug", "at": "0.3"}, {"thing": "vase", "at": "0.7"}]
    brief = {**BRIEF, "polish": polish, "template": {**BRIEF["template"], "rows": rows}}
    state = studio.campaign(brief, folder=tmp_path)
    assert state.stage == "done" and len(state.files) == len(state.polished) == 4
    assert [v.operation for v in state.polished] == ["composite"] * 4
    told = origins_of(studio.records, [draft.id for draft in state.chosen])
    ats = [float(told[draft.id]["values"]["at"]) for draft in state.chosen]
    for place, version in enumerate(state.polished):
        task = version.recipe.task
        assert task.kind == "composite" and task.layers[0].blend == "multiply"
        middle = task.layers[-1].surface.corners
        across = (middle[0][0] + middle[1][0]) / 2 / 128
        assert across == pytest.approx(ats[place // 2], abs=0.02)
        assert {"texture"} <= {finding.name for finding in studio.findings(version)}
    red, blue = (np.asarray(studio.picture(v).convert("RGB"), int) for v in state.polished[:2])
    warmer = (red[..., 0] - red[..., 2]) - (blue[..., 0] - blue[..., 2])
    assert warmer.max() > 250, "one is red where the other is blue"
    count = studio.records.count()
    assert studio.campaign(brief, folder=tmp_path).polished == state.polished
    assert studio.records.count() == count, "nothing is made again"


def test_drafts_begin_from_a_picture_at_several_strengths(studio: Studio, tmp_path: Path) -> None:
    for name in ("mug", "vase"):
        Image.new("RGB", (64, 64), "teal").save(tmp_path / f"{name}.png")
    drafts = {"count": 4, "picture": {"file": "${thing}.png", "strength": [0.3, 0.6]}}
    state = studio.campaign({**BRIEF, "drafts": drafts}, folder=tmp_path)
    asked = [version.recipe.task for version in state.drafts]
    assert [task.kind for task in asked] == ["image-to-image"] * 4
    assert [task.strength for task in asked if task.kind == "image-to-image"] == [
        0.3,
        0.3,
        0.6,
        0.6,
    ]
    begun = {studio.version(version.parents[0]).operation for version in state.drafts}
    assert begun == {"import"}
    told = origins_of(studio.records, [version.id for version in state.drafts])
    assert {each["values"]["thing"] for each in told.values()} == {"mug", "vase"}
    count = studio.records.count()
    studio.campaign({**BRIEF, "drafts": drafts}, folder=tmp_path)
    assert studio.records.count() == count, "the picture is taken in once"


def test_all_on_one_page_whose_parents_they_are(studio: Studio, tmp_path: Path) -> None:
    sheet = {"columns": 2, "cell": 40, "gap": 4, "name": "a ${thing}", "ground": "#102030"}
    brief = {**BRIEF, "deliver": {"sheet": sheet}}
    state = studio.campaign(brief, folder=tmp_path)
    assert state.page is not None and studio.verify(state.page).state
    page = next(v for v in studio.log() if v.operation == "composite")
    assert {version.id for version in state.polished} < set(page.parents)
    assert (page.size.width, page.size.height) == (2 * 44 + 4, 40 + 12 + 2 * 4)
    facts = json.loads((tmp_path / "delivered" / "report.json").read_text())
    assert facts["page"] == state.page.name and facts["apart"]["finals"] >= 0
    count = studio.records.count()
    assert studio.campaign(brief, folder=tmp_path).page == state.page
    assert studio.records.count() == count


@pytest.mark.parametrize(
    ("polish", "says"),
    [
        ({"edits": [{"crop": {}}]}, "no verb 'crop'"),
        ({"edits": [{"upscale": {"scale": 2}, "logo": {}}]}, "edit 1 is not one verb"),
        ({"edits": [{"upscale": {"scal": 2}}]}, "polish.edits.1.upscale: there is no 'scal'"),
        ({"edits": [{"retouch": {"palette": "none.png"}}]}, "there is no file none.png"),
        ({"edits": [{"composite": {"layers": [{"file": "${cloth}.png"}]}}]}, "no row has 'cloth'"),
        ({"edits": [{"composite": {"layers": [{"at": [0, 0]}]}}]}, "a file or a version"),
        ({"logo": {"version": "zzzz", "on": "mug"}}, "zzzz"),
    ],
)
def test_a_faulty_edit_is_told_before_anything_is_drawn(
    studio: Studio, tmp_path: Path, polish: dict[str, Any], says: str
) -> None:
    from maquette.errors import MaquetteError

    with pytest.raises(MaquetteError, match=says):
        studio.campaign({**BRIEF, "polish": polish}, folder=tmp_path)
    assert studio.records.count() == 0


@pytest.mark.parametrize(
    "part",
    [
        {"polish": {"edits": [{"retouch": {"palette": "/etc/passwd"}}]}},
        {"polish": {"edits": [{"upscale": {"model": "../secret"}}]}},
        {"drafts": {"reference": [{"role": "style", "image": "secret.png"}]}},
        {"drafts": {"picture": "secret.png"}},
        {"drafts": {"lora": {"/elsewhere/x.safetensors": 1.0}}},
        {"otherwise": {"drafts": {"picture": "secret.png"}}},
    ],
)
def test_a_brief_from_elsewhere_names_no_file_of_this_machine(
    studio: Studio, part: dict[str, Any]
) -> None:
    with pytest.raises(BriefRefused, match="files of this machine"):
        studio.orders.campaign({**BRIEF, **part})


def test_inpaint_in_a_box_or_where_a_word_is(studio: Studio, tmp_path: Path) -> None:
    polish = {"steps": 0, "edits": [{"inpaint": {"box": [8, 8, 24, 24], "prompt": "a moon"}}]}
    state = studio.campaign({**BRIEF, "polish": polish}, folder=tmp_path)
    assert {version.operation for version in state.polished} == {"inpaint"}
    polish["edits"] = [{"inpaint": {"prompt": "a moon"}}]
    with pytest.raises(BriefRefused, match="nothing of where"):
        studio.campaign({**BRIEF, "polish": polish}, folder=tmp_path)


def test_what_is_taught_first_is_used_and_not_taught_twice(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[dict[str, float]] = []

    def generate(self: Orders, words: str, **how: Any) -> Order:
        used.append(how.pop("lora", {}))  # the fake engine learns, and draws without
        return drawn(self, words, **how)

    drawn = Orders.generate
    monkeypatch.setattr(Orders, "generate", generate)
    folder = tmp_path / "renders"
    folder.mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 255, (256, 256, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    train = {"name": "pim", "pictures": ["renders"], "subject": "mug", "steps": 2}
    brief = {**BRIEF, "train": train, "drafts": {"count": 2, "lora": {"pim": 1.0}}}
    told: list[str] = []
    state = studio.campaign(brief, folder=tmp_path, tell=lambda stage, _: told.append(stage))
    assert state.stage == "done" and told[0] == "train" and state.lines[0].stage == "train"
    assert len(studio.trainings()) == 1 and used[-1] == {"pim": 1.0}
    count = studio.records.count()
    studio.campaign(brief, folder=tmp_path)
    assert studio.records.count() == count and len(studio.trainings()) == 1
    with pytest.raises(BriefRefused, match="there is no elsewhere"):
        studio.campaign({**brief, "train": {**train, "pictures": ["elsewhere"]}}, folder=tmp_path)
    with pytest.raises(BriefRefused, match="files of this machine"):
        studio.orders.campaign(brief)
    changed = folder / "0.png"
    Image.fromarray(np.random.default_rng(9).integers(0, 255, (256, 256, 3), np.uint8)).save(
        changed
    )
    said: list[str] = []
    studio.campaign(brief, folder=tmp_path, tell=lambda _, says: said.append(says))
    names = [each.training.name for each in studio.trainings()]
    assert names == ["pim-2", "pim"], "pictures may depend on the first"
    assert any(says.startswith("'pim-2' from renders (there is another") for says in said)
    studio.campaign(brief, folder=tmp_path)
    assert len(studio.trainings()) == 2 and used[-1] == {"pim-2": 1.0}
    held = studio.dataset("pim").entries
    assert len(held) == 4 and len({entry.image for entry in held}) == 4, "the new one, not both"


def test_a_wrong_adapter_is_told_before_anything_is_learned(studio: Studio, tmp_path: Path) -> None:
    train = {"name": "pim", "dataset": "pim", "steps": 2}
    brief = {**BRIEF, "train": train, "drafts": {"count": 2, "lora": {"pim": 1.0, "pam": 1.0}}}
    with pytest.raises(RecipeRefused):
        studio.campaign(brief, folder=tmp_path)
    brief["drafts"] = {"count": 2, "embedding": {"pim": "pim"}}
    with pytest.raises(BriefRefused, match=r"'pim' is learned as a LoRA: name it in drafts\.lora"):
        studio.campaign(brief, folder=tmp_path)
    assert studio.trainings() == []


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ({"name": "pim"}, "give pictures, or a dataset"),
        ({"name": "pim", "pictures": ["a"], "dataset": "pim"}, "and not both"),
        ({"name": "pim", "pictures": [{"link": "a"}]}, "a file, a folder or a version"),
    ],
)
def test_what_is_learned_from_is_said_once(train: dict[str, Any], says: str) -> None:
    with pytest.raises(BriefRefused, match=says):
        make_brief({**BRIEF, "train": train})


def test_without_the_network_it_asks_for_a_brief_goes_another_way(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake engine has no networks; one that has is not asked to draw here."""
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "sketch.png")
    steers = [{"condition": "lineart", "file": "sketch.png", "make": True}]
    light = {"steps": 0, "edits": [{"retouch": {"exposure": 0.5}}]}
    brief = {
        **BRIEF,
        "drafts": {"count": 2, "control": steers},
        "otherwise": {"drafts": {"picture": {"file": "sketch.png"}}, "polish": light},
    }
    told: list[str] = []
    state = studio.campaign(brief, folder=tmp_path, tell=lambda _, says: told.append(says))
    assert {version.recipe.task.kind for version in state.drafts} == {"image-to-image"}
    assert {version.operation for version in state.polished} == {"retouch"}
    assert "takes no LoRAs, controls or references: drawn otherwise" in told[0]
    facts = json.loads((tmp_path / "delivered" / "report.json").read_text())
    assert len(facts["without"]) == 1
    monkeypatch.setattr(Orders, "lacking", lambda *_: ([""], []))
    whole = campaign_of(studio, make_brief(brief), tmp_path)
    assert whole.brief.drafts.control and whole.brief.drafts.picture is None
    assert whole.without == () and whole.brief.polish.edits == ()


@pytest.mark.parametrize(
    ("otherwise", "says"),
    [
        ({"deliver": {"folder": "/elsewhere"}}, "'deliver' is none of"),
        ({"drafts": {"cuont": 3}}, "'drafts.cuont' is no key"),
        ({"select": {"count": 9}}, "9 cannot be chosen of 2"),
    ],
)
def test_the_other_way_is_looked_at_at_once(otherwise: dict[str, Any], says: str) -> None:
    with pytest.raises(BriefRefused, match=says):
        make_brief({**BRIEF, "otherwise": otherwise})
