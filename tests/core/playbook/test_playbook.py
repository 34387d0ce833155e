"""Playbooks: read strictly, filled, tested by themselves, compared, written out, chained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from maquette.core.playbook import (
    Picked,
    Playbook,
    as_html,
    as_markdown,
    differences,
    fill,
    lint,
    load_playbook,
    needs,
    replace_phrase,
    run_tests,
    step_says,
)
from maquette.errors import TemplateRefused, WordLocked, WordUnknown
from maquette.exchange.yamlfile import read_yaml

TEXT = (Path(__file__).parent / "acme.yaml").read_text()


def raw() -> dict[str, Any]:
    return read_yaml(TEXT, what="acme")


@pytest.fixture
def acme() -> Playbook:
    return load_playbook(raw())


def test_it_is_read(acme: Playbook) -> None:
    assert (acme.name, acme.version, acme.locked) == ("acme", "1.2", ("Acme red",))
    assert acme.wildcards["light/soft"] == ("soft light", "window light")
    assert needs(acme, "hero") == ("product",)
    assert lint(acme) == []
    assert all(check.ok for check in run_tests(acme)) and len(run_tests(acme)) == 6


def test_a_template_is_filled_with_what_the_brand_wants(acme: Playbook) -> None:
    first, second = fill(acme, "hero", {"product": "lamp"}, n=None)
    assert first.text == "an Acme red lamp, studio backdrop, soft light"
    assert second.text.endswith("hard light")
    assert first.locked == ("Acme red", "studio backdrop")
    assert (first.negative, first.quality, first.size) == ("text, watermark", "final", (256, 256))
    (scene,) = fill(acme, "scene", {"subject": "an Acme red mug"}, seed=5)
    assert (scene.negative, scene.quality) == ("text, watermark, people", "draft")
    assert scene == fill(acme, "scene", {"subject": "an Acme red mug"}, seed=5, n=3)[0]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("hero", {}, "template 'hero' needs a value for product"),
        ("hero", {"product": "sofa"}, "product is 'sofa'"),
        ("hero", {"product": "mug", "colours": "x"}, "has no variable 'colours'"),
        ("heros", {"product": "mug"}, "has no template 'heros'"),
    ],
)
def test_wrong_values_are_one_line(
    acme: Playbook, name: str, values: dict[str, str], message: str
) -> None:
    with pytest.raises(TemplateRefused, match=message) as refused:
        fill(acme, name, values)
    assert refused.value.hint


@pytest.mark.parametrize("colour", ["blue", "[Acme red", "Acme red:0.2", "[Acme red|blue]", "Acme"])
def test_no_row_removes_or_weakens_what_is_locked(acme: Playbook, colour: str) -> None:
    if colour.endswith(":0.2"):
        colour = f"({colour})"
    with pytest.raises(WordLocked, match="'Acme red' is locked"):
        fill(acme, "hero", {"product": "mug", "colour": colour})


def changed(path: str, value: Any) -> dict[str, Any]:
    data = raw()
    *way, last = path.split(".")
    place: Any = data
    for key in way:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("templtes", {}, "templtes: unknown key; did you mean 'templates'?"),
        ("templates.hero.exmples", [], "templates.hero.exmples: unknown key; did you mean"),
        ("templates", {}, "templates: Dictionary should have at least 1 item"),
        ("playbook", 2, "playbook: Input should be 1"),
        ("name", "Acme Inc", "name: String should match"),
        ("quality", "best", "quality: Input should be 'draft', 'preview' or 'final'"),
        ("templates.hero.variables", {"a b": {}}, "'a b' is no name for a variable"),
        ("wildcards.season", "summer", "wildcards.season"),
        ("chains.launch.steps", [], "chains.launch.steps"),
        ("chains.launch.steps.0.n", 0, "chains.launch.steps.0.n"),
        ("chains.launch.steps.1.values", {"x": {"step": "a", "tkae": "b"}}, "did you mean 'take'"),
    ],
)
def test_what_is_not_known_is_refused_with_its_place(path: str, value: Any, message: str) -> None:
    with pytest.raises(TemplateRefused) as refused:
        load_playbook(changed(path, value), "acme.yaml")
    assert str(refused.value).startswith("acme.yaml, ")
    assert message in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        ("templates.hero.template", "{a", "templates.hero", "never closed"),
        ("templates.hero.template", "a ${product}", "templates.hero", "'Acme red' is locked"),
        ("templates.hero.template", "__where__", "templates.hero", "no wildcard 'where'"),
        ("wildcards.season", ["__season__"], "templates.scene", "season → season"),
        ("templates.hero.examples.0.count", 3, "templates.hero.examples.1", "2 ways, not 3"),
        ("templates.hero.examples.0.expect", ["x"], "templates.hero.examples.1", "text 1 is 'an"),
        ("templates.hero.examples.1.lacks", ["vase"], "templates.hero.examples.2", "holds 'vase'"),
        ("templates.hero.examples.1.holds", ["sofa"], "templates.hero.examples.2", "not hold"),
        ("templates.hero.examples.1.expect", "x", "templates.hero.examples.2", "it says 'an"),
        ("templates.hero.examples.1.values", {}, "templates.hero.examples.2", "needs a value"),
        (
            "chains.launch.steps.1.values.subject",
            {"step": "later"},
            "chains.launch.in_use",
            "not there",
        ),
        ("chains.launch.steps.0.words_of", "in_use", "chains.launch.alone", "either"),
        ("chains.launch.steps.2.words_of", "outdoors", "chains.launch.outdoors", "comes later"),
        ("chains.launch.steps.0.template", "nowhere", "chains.launch.alone", "no template"),
    ],
)
def test_its_own_tests_fail_where_it_is_wrong(
    path: str, value: Any, where: str, message: str
) -> None:
    failed = [check for check in run_tests(load_playbook(changed(path, value))) if not check.ok]
    assert any(check.where == where and message in check.wrong for check in failed), failed


def test_lint_says_what_nobody_would_notice() -> None:
    data = changed("wildcards.unused", ["x"])
    data["templates"]["hero"]["variables"]["old"] = {}
    data["templates"]["hero"]["template"] += ", (moon:9) --chaos 300"
    data["templates"]["scene"].pop("examples")
    data["templates"]["scene"].pop("variables")
    data["purpose"] = ""
    said = {(remark.where, remark.severity) for remark in lint(load_playbook(data))}
    told = " ".join(remark.message for remark in lint(load_playbook(data)))
    assert ("purpose", "warning") in said and ("templates.scene", "warning") in said
    assert ("templates.hero.variables.old", "warning") in said
    assert "a weight of 9 is strong" in told and "--chaos takes" in told
    assert "'subject' is not described" in told


def test_differences_between_versions(acme: Playbook) -> None:
    data = changed("templates.hero.template", "an Acme red ${product}, studio backdrop")
    data["version"] = 2
    data["templates"]["new"] = data["templates"].pop("scene")
    del data["chains"]
    found = {each.where: each for each in differences(acme, load_playbook(data))}
    assert found["version"].after == "2"
    assert found["templates.new"].kind == "added"
    assert found["templates.scene"].kind == "removed"
    assert found["templates.hero.template"].kind == "changed"
    assert found["chains.launch"].kind == "removed"
    assert differences(acme, acme) == []


def test_the_document_says_everything_and_runs_nothing() -> None:
    data = changed("purpose", "Cheap <script>alert(1)</script> & *good* `code`")
    data["templates"]["hero"]["template"] += "\n# ``` fence"
    book = load_playbook(data)
    page, html = as_markdown(book), as_html(book)
    for word in ("# acme, version 1.2", "## Template hero", "what is shown", "boards/kitchen.png"):
        assert word in page
    assert "an Acme red mug, studio backdrop" in page and "one of mug, vase, lamp" in page
    assert "\n````\n" in page and "\\<script\\>" in page
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "prompt of alone" in html


def test_phrases_are_replaced_where_they_stand() -> None:
    text = "a Wolf in a (misty  forest:1.3), misty forest"
    assert replace_phrase(text, "misty forest", "harbour") == "a Wolf in a (harbour:1.3), harbour"
    assert replace_phrase("a wolf", "wolf", "fox") == "a fox"
    with pytest.raises(WordUnknown, match="no 'desert'"):
        replace_phrase(text, "desert", "sea")


def test_a_chain_goes_on_from_what_was_picked(acme: Playbook) -> None:
    alone, in_use, outdoors = acme.chains["launch"].steps
    first = step_says(acme, alone, {}, {"product": "mug"})
    assert len(first) == 2
    picked = {"alone": Picked(first[0].text, first[0].negative, first[0].values)}
    says = step_says(acme, in_use, picked, {"product": "mug"}, seed=1)
    assert all(each.text.startswith(first[0].text + ", on a wooden table in") for each in says)
    picked["in_use"] = Picked(says[0].text, says[0].negative, says[0].values)
    (last,) = step_says(acme, outdoors, picked, {})
    assert "on a stone wall in" in last.text and last.negative == "text, watermark, people"
    with pytest.raises(TemplateRefused, match="has not been carried out"):
        step_says(acme, in_use, {}, {})
    with pytest.raises(TemplateRefused, match="needs a value for product"):
        step_says(acme, alone, {}, {})
