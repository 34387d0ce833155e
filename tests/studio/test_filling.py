"""Pictures from templates and playbooks, and where each came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette import Studio
from maquette.errors import SettingRefused, TemplateRefused, WordLocked

ACME = Path(__file__).parents[1] / "core" / "playbook" / "acme.yaml"


def words(studio: Studio) -> list[str]:
    return [version.recipe.prompt.text for version in studio.log()[::-1] if version.recipe.prompt]


def test_a_template_by_its_text(studio: Studio) -> None:
    made = studio.fill("a {red|blue} ${what:mug}", n=None, seed=7, same_seed=True, quality="draft")
    assert words(studio) == ["a red mug", "a blue mug"]
    assert [version.recipe.sampling.seed for version in made if version.recipe.sampling] == [7, 7]
    told = studio.origin(made[1])
    assert told["template"] == "a {red|blue} ${what:mug}" and told["text"] == 2
    assert "playbook" not in told and "locked" not in told


def test_rows_and_a_playbook_file(studio: Studio) -> None:
    rows = [{"product": "mug"}, {"product": "vase", "colour": "bright Acme red"}]
    made = studio.fill("hero", playbook=ACME, rows=rows, seed=3, quality="draft", choose=1)
    assert len(made) == 2
    told = studio.origin(made[1])
    assert (told["playbook"], told["version"], told["template"]) == ("acme", "1.2", "hero")
    assert told["row"] == 2 and told["values"] == rows[1] and told["revision"] is None
    assert studio.locked(made[0]) == ("Acme red", "studio backdrop")
    recipe = made[0].recipe
    assert recipe.prompt and recipe.prompt.negative == "text, watermark"
    assert (recipe.size.width, recipe.size.height) == (256, 256)
    with pytest.raises(WordLocked):
        studio.reweight(made[0], {"backdrop": 0.5})


def test_the_same_choice_is_the_same_picture(studio: Studio) -> None:
    asked = {"playbook": ACME, "values": {"product": "mug"}, "seed": 5, "choose": 9, "n": 2}
    first, second = studio.fill("hero", **asked), studio.fill("hero", **asked)
    assert [one.recipe.digest for one in first] == [two.recipe.digest for two in second]


def test_flags_in_a_template(studio: Studio) -> None:
    (made,) = studio.fill("a wolf --ar 3:2 --no ${never}", values={"never": "fog"}, seed=1)
    assert made.recipe.size.width > made.recipe.size.height
    assert made.recipe.prompt and made.recipe.prompt.negative == "fog"


def test_saved_revisions_are_used_by_name(studio: Studio) -> None:
    assert studio.save_playbook(ACME).number == 1
    second = ACME.read_text().replace("version: 1.2", "version: 1.3").encode()
    assert studio.save_playbook(second).number == 2
    (made,) = studio.fill("hero", playbook="acme", values={"product": "mug"}, seed=1)
    assert studio.origin(made)["revision"] == 2 and studio.origin(made)["version"] == "1.3"
    assert studio.playbook("acme@1").playbook.version == "1.2"
    assert studio.playbooks.names() == ["acme"]
    for wrong in ("acme@9", "acme@x", "other", "none.yaml"):
        with pytest.raises(TemplateRefused):
            studio.playbook(wrong)
    with pytest.raises(TemplateRefused, match=r"templates\.hero"):
        studio.save_playbook(ACME.read_bytes().replace(b"<lock:studio backdrop>", b"{"))
    assert len(studio.playbooks.revisions("acme")) == 2


def test_nothing_is_begun_when_a_row_is_wrong(studio: Studio) -> None:
    rows = [{"product": "mug"}, {"product": "sofa"}]
    with pytest.raises(TemplateRefused, match="row 2: template 'hero': product is 'sofa'"):
        studio.fill("hero", playbook=ACME, rows=rows)
    with pytest.raises(WordLocked, match="'Acme red'"):
        studio.fill("hero", playbook=ACME, values={"product": "mug", "colour": "blue"})
    with pytest.raises(SettingRefused, match="cannot make"):
        studio.fill("{a|b} {a|b} {1|2|3|4|5|6|7|8|9}" + "{a|b}" * 6, n=None, quality="draft")
    assert studio.log() == [] and studio.jobs() == []


def test_a_chain_is_played(studio: Studio) -> None:
    links = studio.play(ACME, "launch", {"product": "mug"}, seed=3)
    assert [link.step for link in links] == ["alone", "in_use", "outdoors"]
    assert [len(link.versions) for link in links] == [2, 2, 1]
    alone, in_use, outdoors = links
    assert all(version.parents == (alone.picked.id,) for version in in_use.versions)
    assert outdoors.picked.parents == (in_use.picked.id,)
    said = outdoors.picked.recipe.prompt
    assert said and "on a stone wall in" in said.text and "Acme red mug" in said.text
    told = studio.origin(outdoors.picked)
    assert (told["chain"], told["step"]) == ("launch", "outdoors")
    assert "Acme red" in studio.locked(outdoors.picked)
    with pytest.raises(TemplateRefused, match="has no chain 'lunch'"):
        studio.play(ACME, "lunch")
    with pytest.raises(TemplateRefused, match="needs a value for product"):
        studio.play(ACME, "launch")
