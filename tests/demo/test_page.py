"""The demo, end to end over the fake engine, and the page that it writes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from demo.run import main

from demo import steps
from maquette.studio import Studio

HOSTILE = "a lone wolf <script>alert('1')</script> & \"quotes\" under a full moon, misty forest"
VOID = {"img", "input", "br", "hr", "meta", "link", "image", "path"}


@dataclass
class Page(HTMLParser):
    """What the tests look at, from Python's own parser; broken nesting is noted."""

    source: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    scripts: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def ids(self) -> set[str]:
        return {attributes["id"] for _, attributes in self.tags if "id" in attributes}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Page]:
    """One whole run with a hostile prompt."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAQUETTE_HOME", str(folder / "home"))
        code = main(["--engine", "fake", "--out", str(folder / "out"), "--prompt", HOSTILE])
    assert code == 0
    page = (folder / "out" / "index.html").read_text(encoding="utf-8")
    return folder / "out", Page(page)


def test_the_page_is_well_formed(told: tuple[Path, Page]) -> None:
    _, page = told
    assert page.broken == []
    assert page.open == []
    levels = [int(tag[1]) for tag, _ in page.tags if tag in {"h1", "h2", "h3", "h4"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for landmark in ("header", "main", "nav", "footer"):
        assert len(page.all(landmark)) == 1, landmark
    assert page.all("html")[0]["lang"] == "en"


def test_every_link_leads_somewhere_near(told: tuple[Path, Page]) -> None:
    folder, page = told
    links = [
        attributes[key]
        for _, attributes in page.tags
        for key in ("src", "href", "data-map")
        if key in attributes
    ]
    assert len(links) > 40
    for link in links:
        if link == "data:,":
            continue
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            assert (folder / link).is_file(), link
    assert "url(" not in page.source
    assert "@import" not in page.source


def test_every_version_has_its_place(told: tuple[Path, Page]) -> None:
    folder, page = told
    with Studio(folder / "project", engine="fake") as studio:
        versions = studio.log()
    assert len(versions) == 11
    for version in versions:
        assert f"v-{version.short}" in page.ids
        assert version.id in page.text
        assert version.recipe.digest in page.text


def test_every_picture_is_described(told: tuple[Path, Page]) -> None:
    _, page = told
    pictures = page.all("img")
    assert len(pictures) > 20
    for picture in pictures:
        # The place where a hovered map appears is empty until a word is pointed at.
        assert picture["alt"] or picture.get("class") == "over", picture
    assert all(attributes.get("aria-label") for attributes in page.all("input"))
    links = [attributes for attributes in page.all("a") if attributes["href"].startswith("#v-")]
    assert len(links) == 11
    assert all(attributes["aria-label"] for attributes in links)


def test_a_hostile_prompt_is_only_text(told: tuple[Path, Page]) -> None:
    _, page = told
    assert HOSTILE in page.text
    assert len(page.scripts) == 1
    assert "alert" not in page.scripts[0]
    assert not [name for name, attributes in page.tags for key in attributes if key[:2] == "on"]


def test_the_story_is_told(told: tuple[Path, Page]) -> None:
    _, page = told
    for said in (
        "pixels outside the mask have the same bytes as before",
        "Credentials: trusted",
        "the picture was changed after it was signed",
        "comes out exact",
        "maquette log --project",
        "Where the time went",
    ):
        assert said in page.text, said
    assert any(attributes.get("class") == "picked" for attributes in page.all("article"))


def test_the_times_are_kept(told: tuple[Path, Page]) -> None:
    folder, _ = told
    times = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    assert times["complete"] is True
    assert [step["step"] for step in times["steps"]] == list(range(1, 10))
    assert times["seconds"] >= sum(step["seconds"] for step in times["steps"])


def test_a_second_run_starts_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(steps, "STEPS", steps.STEPS[:1])
    out = tmp_path / "out"
    assert main(["--engine", "fake", "--out", str(out)]) == 0
    (out / "pictures" / "old.png").touch()
    assert main(["--engine", "fake", "--out", str(out)]) == 0
    assert not (out / "pictures" / "old.png").exists()
    assert "index.html" in capsys.readouterr().out


def test_a_foreign_folder_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "letter.txt").write_text("dear")
    assert main(["--engine", "fake", "--out", str(tmp_path)]) == 2
    assert (tmp_path / "project" / "letter.txt").read_text() == "dear"
    assert "left alone" in capsys.readouterr().out


def test_a_failing_step_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAQUETTE_HOME", str(tmp_path / "home"))
    out = tmp_path / "out"
    prompt = "a wolf and a moon in the forest"
    assert main(["--engine", "fake", "--out", str(out), "--prompt", prompt, "--steps", "0"]) == 13
    said = capsys.readouterr().out
    assert "step 2, ‘Choose one and finish it’ failed: steps 0 is out of range" in said
    assert "Traceback" not in said
    page = Page((out / "index.html").read_text(encoding="utf-8"))
    assert "Draft 6" in page.text
    assert "cut short" in page.text
    assert not json.loads((out / "times.json").read_text())["complete"]


def test_a_fault_of_ours_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(kit: steps.Kit) -> str:
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr(steps, "STEPS", (steps.Task("Break", broken),))
    assert main(["--engine", "fake", "--out", str(tmp_path / "out")]) == 1
    assert "step 1, ‘Break’ failed: ZeroDivisionError: one (see" in capsys.readouterr().out
    assert "ZeroDivisionError" in (tmp_path / "out" / "fault.txt").read_text()


def test_ctrl_c_keeps_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(kit: steps.Kit) -> str:
        raise KeyboardInterrupt

    tasks = (*steps.STEPS[:3], steps.Task("Wait", interrupted))
    monkeypatch.setattr(steps, "STEPS", tasks)
    out = tmp_path / "out"
    assert main(["--engine", "fake", "--out", str(out)]) == 130
    assert "Stopped in step 4, ‘Wait’" in capsys.readouterr().out
    page = Page((out / "index.html").read_text(encoding="utf-8"))
    assert page.broken == []
    assert "First final" in page.text
    with Studio(out / "project", engine="fake") as studio:
        assert len(studio.log()) == 7
