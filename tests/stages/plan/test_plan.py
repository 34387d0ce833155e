"""The plan: six stages on the fake engine, paused, killed, changed and gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maquette import Settings, Studio, Version
from maquette.core.picture import encode_png
from maquette.errors import (
    BriefRefused,
    BudgetReached,
    EngineFailed,
    PromptRefused,
    SettingRefused,
    TemplateRefused,
    VersionUnknown,
)
from maquette.stages.order import Order
from maquette.stages.plan import Campaign, make_brief, run
from maquette.stages.plan.campaign import TIMED
from maquette.stages.plan.edits import sides
from maquette.storage.origin import origins_of

BRIEF: dict[str, Any] = {
    "campaign": "autumn",
    "prompts": ["a red mug on a table", "a blue mug under a moon"],
    "seed": 5,
    "size": [64, 64],
    "drafts": {"count": 6},
    "select": {"count": 2},
    "polish": {"steps": 0},
}


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    settings = Settings(home=tmp_path / "home", engine="fake")
    with Studio(tmp_path / "project", create=True, settings=settings) as opened:
        yield opened


def test_from_the_brief_to_the_files(studio: Studio, tmp_path: Path) -> None:
    told: list[str] = []
    state = studio.campaign(BRIEF, folder=tmp_path, tell=lambda stage, _: told.append(stage))
    assert state.stage == "done" and state.waiting is None
    assert told == ["drafts", "refine", "polish", "deliver"]
    assert (len(state.drafts), len(state.chosen), len(state.finals)) == (6, 2, 2)
    assert [v.recipe.sampling.seed for v in state.drafts if v.recipe.sampling] == list(range(5, 11))
    assert {v.recipe.prompt.text for v in state.drafts if v.recipe.prompt} == set(BRIEF["prompts"])
    for draft, final in zip(state.chosen, state.finals, strict=True):
        assert final.parents == (draft.id,) and final.recipe.task.kind == "continue"
    assert all(path.is_file() and studio.verify(path).state for path in state.files)
    facts = json.loads((tmp_path / "delivered" / "report.json").read_text())
    assert [each["version"] for each in facts["finals"]] == [v.id for v in state.polished]
    assert all(each["chosen_because"] for each in facts["finals"])
    assert "autumn" in (tmp_path / "delivered" / "report.md").read_text()
    assert Image.open(tmp_path / "delivered" / "drafts.png").width > 300


def test_the_same_call_makes_nothing_again(studio: Studio, tmp_path: Path) -> None:
    first = studio.campaign(BRIEF, folder=tmp_path)
    count = studio.records.count()
    again = studio.campaign(BRIEF, folder=tmp_path)
    assert studio.records.count() == count
    assert again.drafts == first.drafts and again.polished == first.polished
    assert again.files == first.files


class Stumbling(Studio):
    """Dies after so many pictures, as a process does that is killed between two."""

    left = 0

    def carry_out(self, order: Order) -> list[Version]:
        made: list[Version] = []
        for place in range(len(order.recipes)):
            if self.left == 0:
                raise EngineFailed("killed")
            self.left -= 1
            origins = order.origins[place : place + 1]
            one = Order(
                order.operation,
                order.recipes[place : place + 1],
                order.parents,
                order.maps,
                order.arguments,
                origins,
            )
            made += super().carry_out(one)
        return made


@pytest.mark.parametrize("after", range(10))
def test_killed_anywhere_it_goes_on_without_redoing(after: int, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", engine="fake")
    brief = {**BRIEF, "polish": {"steps": 0, "upscale": 2}}
    with Stumbling(tmp_path / "project", create=True, settings=settings) as studio:
        studio.left = after
        with pytest.raises(EngineFailed):
            studio.campaign(brief, folder=tmp_path)
        assert studio.records.count() == after
        assert studio.campaign_state(brief, folder=tmp_path).stage != "done"
        studio.left = 1000
        state = studio.campaign(brief, folder=tmp_path)
        assert state.stage == "done" and studio.records.count() == 6 + 2 + 2
        assert 1000 - studio.left == 10 - after


def test_prompts_take_turns_among_the_suggestions(studio: Studio, tmp_path: Path) -> None:
    state = studio.campaign(BRIEF, folder=tmp_path)
    assert {v.recipe.prompt.text for v in state.chosen if v.recipe.prompt} == set(BRIEF["prompts"])


def test_it_waits_for_a_person_at_select(studio: Studio, tmp_path: Path) -> None:
    brief = {**BRIEF, "pause": ["select"]}
    state = studio.campaign(brief, folder=tmp_path)
    assert state.stage == "select" and state.waiting is not None
    assert len(state.waiting.versions) == 6 and len(state.waiting.suggested) == 2
    assert studio.campaign(brief, folder=tmp_path).waiting is not None, "it waits on"
    assert studio.campaign_state(brief, folder=tmp_path).waiting is not None
    mine = [state.drafts[5], state.drafts[0]]
    studio.choose(brief, "select", mine)
    done = studio.campaign(brief, folder=tmp_path)
    assert done.stage == "done" and done.chosen == mine


def test_stars_are_a_choice(studio: Studio, tmp_path: Path) -> None:
    brief = {**BRIEF, "pause": ["select"]}
    state = studio.campaign(brief, folder=tmp_path)
    studio.mark(state.drafts[3], "star", True)
    assert studio.campaign(brief, folder=tmp_path).chosen == [state.drafts[3]]


def test_without_the_pause_the_suggestions_count(studio: Studio, tmp_path: Path) -> None:
    waiting = studio.campaign(BRIEF, folder=tmp_path, pause=["select"]).waiting
    assert waiting is not None
    done = studio.campaign(BRIEF, folder=tmp_path, pause=[])
    assert tuple(done.chosen) == waiting.suggested


def test_it_waits_for_approval_and_delivers_what_was_approved(
    studio: Studio, tmp_path: Path
) -> None:
    brief = {**BRIEF, "pause": ["approve"]}
    state = studio.campaign(brief, folder=tmp_path)
    assert state.waiting is not None and state.waiting.stage == "approve" and not state.files
    seen = studio.campaign_state(brief, folder=tmp_path)
    assert seen.waiting is not None and seen.waiting.versions == state.waiting.versions
    studio.choose(brief, "approve", [state.polished[1]])
    done = studio.campaign(brief, folder=tmp_path)
    assert done.stage == "done" and len(done.files) == 1
    assert state.polished[1].short in done.files[0].name


@pytest.mark.parametrize("stage", ["select", "approve"])
def test_a_stranger_is_not_chosen(studio: Studio, tmp_path: Path, stage: str) -> None:
    studio.campaign(BRIEF, folder=tmp_path)
    (other,) = studio.generate("a cat", seed=1)
    with pytest.raises(SettingRefused, match="not among"):
        studio.choose(BRIEF, stage, [other])
    with pytest.raises(SettingRefused, match="nothing was chosen"):
        studio.choose(BRIEF, stage, [])
    with pytest.raises(BriefRefused, match="nothing is chosen at 'lunch'"):
        studio.choose(BRIEF, "lunch", [other])


def test_more_drafts_are_added_and_the_choice_made_anew(studio: Studio, tmp_path: Path) -> None:
    first = studio.campaign(BRIEF, folder=tmp_path)
    more = studio.campaign({**BRIEF, "drafts": {"count": 9}}, folder=tmp_path)
    assert more.drafts[:6] == first.drafts and len(more.drafts) == 9
    assert more.stage == "done"


def test_other_words_are_other_drafts(studio: Studio, tmp_path: Path) -> None:
    first = studio.campaign(BRIEF, folder=tmp_path)
    other = studio.campaign({**BRIEF, "prompts": ["a green mug"]}, folder=tmp_path)
    assert not {v.id for v in other.drafts} & {v.id for v in first.drafts}


def test_drafts_from_a_template(studio: Studio, tmp_path: Path) -> None:
    template = {
        "text": "a {red|blue} ${what} on a table",
        "rows": [{"what": "mug"}, {"what": "cup"}],
    }
    brief = {**BRIEF, "template": template}
    del brief["prompts"]
    state = studio.campaign(brief, folder=tmp_path)
    texts = [v.recipe.prompt.text for v in state.drafts if v.recipe.prompt]
    assert len(texts) == 6 and set(texts) == {
        f"a {colour} {what} on a table" for colour in ("red", "blue") for what in ("mug", "cup")
    }
    told = origins_of(studio.records, [v.id for v in state.drafts])
    assert all(each["campaign"]["stage"] == "drafts" and each["row"] for each in told.values())
    count = studio.records.count()
    assert studio.campaign(brief, folder=tmp_path).drafts == state.drafts
    assert studio.records.count() == count


def test_a_template_that_cannot_be_filled(studio: Studio, tmp_path: Path) -> None:
    brief = {**BRIEF, "template": {"text": "a ${what} on a table"}}
    del brief["prompts"]
    with pytest.raises(TemplateRefused, match="what"):
        studio.campaign(brief, folder=tmp_path)
    assert studio.records.count() == 0


def test_two_campaigns_in_one_project(studio: Studio, tmp_path: Path) -> None:
    first = studio.campaign(BRIEF, folder=tmp_path)
    other = studio.campaign({**BRIEF, "campaign": "winter", "seed": 90}, folder=tmp_path)
    assert not {v.id for v in other.drafts} & {v.id for v in first.drafts}
    found = studio.campaigns()
    assert set(found) == {"autumn", "winter"} and found["winter"].seed == 90


@pytest.mark.parametrize("budget", [{"seconds": 1e-7}, {"money": "0.0000001"}])
def test_a_budget_stops_it_before_the_stage(
    studio: Studio, tmp_path: Path, budget: dict[str, Any]
) -> None:
    brief = {**BRIEF, "prices": {"second": 1}, "budget": budget}
    studio.generate("a mug", seed=1, size=(64, 64), quality="draft")  # something to go by
    with pytest.raises(BudgetReached, match="'drafts' would bring"):
        studio.campaign(brief, folder=tmp_path)
    assert studio.records.count() == 1


def test_a_brief_that_cannot_be_drawn_is_refused_before_anything(
    studio: Studio, tmp_path: Path
) -> None:
    with pytest.raises(SettingRefused):
        studio.campaign({**BRIEF, "size": [63, 64]}, folder=tmp_path)
    with pytest.raises(PromptRefused):
        studio.campaign({**BRIEF, "prompts": ["a\0b"]}, folder=tmp_path)
    assert studio.records.count() == 0


def test_the_board_keeps_references_with_their_colours(studio: Studio, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (200, 30, 30)).save(tmp_path / "mood.png")
    (sky,) = studio.generate("a sky", seed=3, size=(64, 64))
    board = [{"file": "mood.png", "note": "this red"}, {"version": sky.short}]
    brief = {**BRIEF, "board": board}
    state = studio.campaign(brief, folder=tmp_path)
    (item, version, colours), (_, second, _) = state.board
    assert item.note == "this red" and colours[0].colour == "#c81e1e"
    assert version.recipe.task.kind == "import" and second == sky
    count = studio.records.count()
    assert studio.campaign(brief, folder=tmp_path).board == state.board
    assert studio.records.count() == count, "taken in once"
    report = (tmp_path / "delivered" / "report.md").read_text()
    assert "mood.png: #c81e1e" in report and "this red" in report


def test_a_link_to_this_machine_is_not_followed(studio: Studio, tmp_path: Path) -> None:
    from maquette.errors import AddressRefused

    for link in ("http://127.0.0.1/a.png", "https://169.254.169.254/x", "file:///etc/passwd"):
        with pytest.raises(AddressRefused):
            studio.campaign({**BRIEF, "board": [{"link": link}]}, folder=tmp_path)
    assert studio.records.count() == 0


def test_polish_mends_shapes_and_enlarges(studio: Studio, tmp_path: Path) -> None:
    polish = {"steps": 2, "until": 1, "aspect": "5:4", "upscale": 2}
    state = studio.campaign({**BRIEF, "polish": polish}, folder=tmp_path)
    assert [str(v.size) for v in state.polished] == ["160x128"] * 2
    count = studio.records.count()
    studio.campaign({**BRIEF, "polish": polish}, folder=tmp_path)
    assert studio.records.count() == count


def test_polish_puts_a_logo_on(studio: Studio, tmp_path: Path) -> None:
    Image.new("RGBA", (30, 20), "red").save(tmp_path / "logo.png")
    place = {"corners": [[10, 10], [50, 10], [50, 50], [10, 50]], "arc": 60}
    logo = {"file": "logo.png", "surface": place, "size": 0.5}
    state = studio.campaign({**BRIEF, "polish": {"steps": 0, "logo": logo}}, folder=tmp_path)
    assert {version.operation for version in state.polished} == {"logo"}
    for bad in ({"file": "logo.png", "colour": "red"}, {"size": 1}):
        with pytest.raises((SettingRefused, BriefRefused)):
            studio.campaign({**BRIEF, "polish": {"steps": 0, "logo": bad}}, folder=tmp_path)
    with pytest.raises(BriefRefused, match="files of this machine"):
        studio.orders.campaign({**BRIEF, "polish": {"logo": {"file": "logo.png", "on": "mug"}}})


@pytest.mark.parametrize("verb", ["retouch", "logo"])
def test_a_key_that_the_verb_does_not_have(studio: Studio, tmp_path: Path, verb: str) -> None:
    (other,) = studio.generate("a logo", seed=1, size=(64, 64))
    wrong = {"brightness": 2, **({"version": other.id} if verb == "logo" else {})}
    with pytest.raises(BriefRefused, match=f"polish.{verb}: there is no 'brightness'"):
        studio.campaign({**BRIEF, "polish": {"steps": 0, verb: wrong}}, folder=tmp_path)
    assert studio.records.count() == 1, "nothing was drawn"


def test_a_version_is_never_read_as_a_file(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    Image.new("RGB", (20, 20), "red").save(path)
    logo = {"version": str(path), "box": [0, 0, 20, 20]}
    with pytest.raises(VersionUnknown):
        studio.campaign({**BRIEF, "polish": {"steps": 0, "logo": logo}}, folder=tmp_path)


def test_every_version_says_which_campaign_made_it(studio: Studio, tmp_path: Path) -> None:
    state = studio.campaign(BRIEF, folder=tmp_path)
    told = origins_of(studio.records, [v.id for v in (*state.drafts, *state.finals)])
    stages = [told[v.id]["campaign"]["stage"] for v in (*state.drafts, *state.finals)]
    assert stages == ["drafts"] * 6 + ["refine"] * 2


def test_the_ledger_knows_what_was_spent(studio: Studio, tmp_path: Path) -> None:
    brief = {**BRIEF, "prices": {"second": "0.01", "currency": "EUR"}}
    ledger = studio.campaign(brief, folder=tmp_path).ledger
    assert ledger is not None and ledger.baseline == "6 finals"
    assert [line.stage for line in ledger.lines] == ["drafts", "refine", "polish"]
    spent = sum(v.cost.seconds for v in studio.log())
    assert ledger.seconds == pytest.approx(spent, abs=0.01)
    assert ledger.money.currency == "EUR" and ledger.saved is not None


def test_a_link_is_fetched_once(studio: Studio, tmp_path: Path) -> None:
    asked: list[str] = []
    red = encode_png(Image.new("RGB", (20, 20), (200, 30, 30)))

    def fetch(link: str) -> bytes:
        asked.append(link)
        return red

    brief = make_brief({**BRIEF, "board": [{"link": "https://example.org/a.png"}]})
    for _ in range(2):
        state = run(Campaign(brief, studio, tmp_path, fetch=fetch))
    assert asked == ["https://example.org/a.png"]
    assert state.board[0][2][0].colour == "#c81e1e"
    with pytest.raises(BriefRefused, match="cannot be followed"):
        run(Campaign(make_brief({**BRIEF, "board": [{"link": "https://b"}]}), studio, tmp_path))


def test_the_clock_goes_by_the_newest_drawings(studio: Studio, tmp_path: Path) -> None:
    brief = make_brief(BRIEF)
    campaign = Campaign(brief, studio, tmp_path)
    assert campaign.clock() is None
    studio.generate("a mug", seed=1, size=(128, 128))
    assert campaign.clock() is None, "pictures of another size say nothing"
    studio.generate("a mug", seed=1, n=90, size=(64, 64), quality="draft", maps=False)
    clock = campaign.clock()
    assert clock is not None and clock.of == TIMED


@pytest.mark.parametrize(
    ("size", "aspect", "added"),
    [
        ((256, 256), "5:4", (32, 32, 0, 0)),
        ((256, 256), "4:5", (0, 0, 32, 32)),
        ((256, 256), "1:1", (0, 0, 0, 0)),
        ((320, 256), "1:1", (0, 0, 32, 32)),
    ],
)
def test_sides(size: tuple[int, int], aspect: str, added: tuple[int, ...]) -> None:
    from maquette.core.geometry import Size

    found = sides(Size(width=size[0], height=size[1]), aspect)
    assert tuple(found[side] for side in ("left", "right", "top", "bottom")) == added
