"""Templates and playbooks on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette.cli.records import KEYS

from .conftest import Maquette

ACME = Path(__file__).parents[1] / "core" / "playbook" / "acme.yaml"


def test_a_template_is_shown_without_a_project(maquette: Maquette, place: Path) -> None:
    said = maquette("template", "a {red|blue} ${what}", "--set", "what=mug", "--all", "--json")
    assert [record["text"] for record in said.records] == ["a red mug", "a blue mug"]
    assert said.records[0].keys() == KEYS["template"].keys() and said.records[0]["ways"] == 2
    out = maquette("template", "a {red|blue} mug").out
    assert "a red mug\n" in out and "2 of 2 ways" in out
    assert list(place.iterdir()) == []


def test_from_files(maquette: Maquette, place: Path) -> None:
    (place / "t.txt").write_text("# mine\na __colours__ ${product}\n")
    (place / "lists").mkdir()
    (place / "lists" / "colours.txt").write_text("red\nblue\n")
    (place / "rows.csv").write_text("product\nmug\nvase\n")
    asked = ("@t.txt", "--wildcards", "lists", "--rows", "rows.csv")
    records = maquette("template", *asked, "--all", "--json").records
    assert [(record["row"], record["text"]) for record in records] == [
        (1, "a red mug"),
        (1, "a blue mug"),
        (2, "a red vase"),
        (2, "a blue vase"),
    ]
    made = maquette("fill", *asked, "-n", 1, "--seed", 3, "--quality", "draft", "--json")
    assert made.code == 0 and len(made.records) == 2
    assert made.records[0].keys() == KEYS["fill"].keys()


def test_a_playbook_keeps_its_words(maquette: Maquette) -> None:
    asked = ("hero", "--playbook", ACME, "--set", "product=mug")
    texts = [record["text"] for record in maquette("template", *asked, "--all", "--json").records]
    assert texts[0] == "an Acme red mug, studio backdrop, soft light"
    said = maquette("fill", *asked, "--set", "colour=blue")
    assert said.code == 35 and "'Acme red' is locked and is missing" in said.err
    assert maquette("fill", *asked, "--quality", "draft", "--seed", 1).code == 0
    said = maquette("reweight", "@", "red=0.5")
    assert said.code == 35 and "weighs 0.5, less than 1" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("template", "{a"), 34, "'{' is never closed"),
        (("template", "${x}"), 34, "needs a value for x"),
        (("template", "a", "--set", "x"), 2, "is not NAME=TEXT"),
        (("template", "a", "--set", "x=1", "--set", "x=2"), 2, "'x' is given twice"),
        (("template", "@none.txt"), 34, "there is no file none.txt"),
        (("template", "a", "--rows", "none.csv"), 34, "there is no file none.csv"),
        (("template", "a", "-n", "0"), 34, "cannot make 0 texts"),
        (("template", "nothing", "--playbook", ACME), 34, "has no template 'nothing'"),
        (("play", ACME, "lunch"), 34, "has no chain 'lunch'"),
        (("playbook", "test"), 2, "takes one playbook"),
        (("playbook", "diff", ACME), 2, "takes two playbooks"),
        (("playbook", "test", ACME, "-o", "x.md"), 2, "only render writes a file"),
        (("playbook", "test", "none.yaml"), 34, "there is no file none.yaml"),
    ],
)
def test_mistakes_are_one_line(
    maquette: Maquette, arguments: tuple[object, ...], code: int, message: str
) -> None:
    said = maquette(*arguments)
    assert said.code == code and message in said.err
    assert len(said.err.splitlines()) == 1


def test_a_chain(maquette: Maquette) -> None:
    said = maquette("play", ACME, "launch", "--set", "product=mug", "--seed", 2, "--json")
    assert [record["step"] for record in said.records] == ["alone"] * 2 + ["in_use"] * 2 + [
        "outdoors"
    ]
    assert said.records[0].keys() == KEYS["play"].keys()
    assert sum(record["picked"] for record in said.records) == 3
    assert "stone wall" in maquette("play", ACME, "launch", "--set", "product=mug").out


def test_a_playbook_is_tested_and_written_out(maquette: Maquette, place: Path) -> None:
    assert "6 of 6 passed" in maquette("playbook", "test", ACME).out
    assert "nothing to mend" in maquette("playbook", "check", ACME).out
    (place / "b.yaml").write_text(ACME.read_text().replace("count: 2", "count: 3"))
    said = maquette("playbook", "test", "b.yaml", "--json")
    assert said.code == 1
    assert [record["ok"] for record in said.records].count(False) == 1
    assert said.records[0].keys() == KEYS["playbook"].keys()
    assert maquette("playbook", "render", ACME).out.startswith("# acme, version 1.2\n")
    assert maquette("playbook", "render", ACME, "-o", "out/book.html").code == 0
    assert (place / "out" / "book.html").read_text().startswith("<!doctype html>")
    said = maquette("playbook", "diff", ACME, "b.yaml", "--json")
    assert [record["where"] for record in said.records] == ["templates.hero.examples"]
    assert "templates.hero.examples: changed" in maquette("playbook", "diff", ACME, "b.yaml").out


def test_a_playbook_is_kept_by_revision(maquette: Maquette, place: Path) -> None:
    assert maquette("playbook", "save", ACME, "--json").record["revision"] == 1
    (place / "b.yaml").write_text(ACME.read_text().replace("version: 1.2", "version: 1.3"))
    maquette("playbook", "save", "b.yaml")
    listed = maquette("playbook", "list", "--json").record
    assert (listed["playbook"], listed["revision"]) == ("acme", 2)
    assert listed["message"] == "version 1.3, revision 2"
    (change,) = maquette("playbook", "diff", "acme@1", "acme", "--json").records
    assert (change["where"], change["before"], change["after"]) == ("version", "1.2", "1.3")
    asked = ("hero", "--playbook", "acme@1", "--set", "product=mug")
    assert maquette("template", *asked, "--json").records[0]["text"].startswith("an Acme red mug")
