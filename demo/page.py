"""The page: the whole run on one HTML file that needs nothing but the pictures beside it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from demo.graph import graph
from demo.html import Child, Markup, document, el
from demo.parts import facts, spelt, swipe
from demo.sections import SECTIONS
from demo.story import Story

__all__ = ["next_commands", "write_page"]

HERE = Path(__file__).parent


def write_page(folder: Path, story: Story, seconds: float) -> Path:
    """Write ``index.html`` into the folder and return its path."""
    project = str(folder / "project")
    body = [
        el("a", "Skip to the story", href="#story", class_="skip"),
        _header(story, seconds),
        el(
            "main",
            _sections(story, project),
            _times(story, seconds),
            _conditions(story),
            _next(folder, story),
            id="story",
        ),
        el(
            "footer",
            "Written by the demo of Maquette. Every number on this page was measured in "
            "the run that wrote it.",
        ),
    ]
    page = document(
        f"Maquette: {story.prompt}",
        body,
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def next_commands(folder: Path, story: Story) -> list[tuple[str, str]]:
    """Commands to try on what the demo left behind, each with what it does."""
    own, at = _program(), f"--project {folder / 'project'}"
    commands = [(f"{own} log {at}", "every version, newest first")]
    if story.finished is not None:
        short = story.finished.version.short
        commands += [
            (f"{own} show {short} {at}", "the first final with its recipe and findings"),
            (f"{own} heatmap {short} --token {story.subject} {at}", "where a word looked"),
            (f"{own} reweight {short} {story.subject}=2 {at}", "more of it, in a new version"),
        ]
    if story.proof is not None:
        signed = folder / story.proof.signed[0].file
        commands.append((f"{own} verify {signed}", "what the signed file says of itself"))
    return commands


def _program() -> str:
    """``maquette`` as it can be typed here: by its name, or by its place beside this Python."""
    beside = Path(sys.executable).with_name("maquette")
    if shutil.which("maquette") or not beside.is_file():
        return "maquette"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


def _header(story: Story, seconds: float) -> Markup:
    made = len(story.plates)
    if story.stopped:
        lead = (
            f"The run was cut short: {story.stopped}. The {made} versions that were finished "
            "until then are kept, and here they are."
        )
    else:
        outside = story.edit.outside if story.edit else 0
        lead = (
            f"{spelt(made).capitalize()} versions in {seconds:.0f} seconds: six drafts, one of "
            "them finished, its moon raised, its background replaced without touching any of the "
            f"{outside:,} pixels outside the mask, and a signed file that can prove it. Nothing "
            "was overwritten; every step is still here."
        )
    first, last = story.finished, story.inpainted
    hero: Child = None
    if first is not None and last is not None:
        hero = el(
            "div",
            swipe(
                first,
                last,
                story,
                "Drag the edge: the first final to the left, the edited picture to the right",
                ("first final", "edited"),
            ),
            class_="hero",
        )
    opening = el(
        "div",
        el("p", f"Maquette · the demo’s run of {story.started}", class_="eyebrow"),
        el("h1", f"“{story.prompt}”"),
        el("p", lead, class_="lead halt" if story.stopped else "lead"),
    )
    return el("header", el("div", opening, hero, class_="opening"), graph(story))


def _sections(story: Story, project: str) -> Child:
    for number, (step, write) in enumerate(zip(story.steps, SECTIONS, strict=False), 1):
        yield _section(number, step.title, write(story, project))
    # A step that failed half-way may have made something all the same.
    if story.stopped and len(story.steps) < len(SECTIONS):
        rest = SECTIONS[len(story.steps)](story, project) if story.drafts else None
        if rest is not None:
            yield _section(len(story.steps) + 1, "Where the run stopped", rest)


def _section(number: int | str, title: str, content: Child) -> Markup:
    name = f"step-{number}"
    return el(
        "section",
        el(
            "h2",
            el("span", f"{number}", class_="number") if isinstance(number, int) else None,
            " ",
            title,
            id=name,
        ),
        content,
        aria_labelledby=name,
    )


def _times(story: Story, seconds: float) -> Markup | None:
    if not story.steps:
        return None
    slowest = max(step.seconds for step in story.steps)
    rows = [
        el(
            "tr",
            el("th", f"{step.number}  {step.title}", scope="row"),
            el("td", step.outcome, class_="soft"),
            el(
                "td",
                el(
                    "span",
                    el("i", style=f"--part:{step.seconds / slowest:.1%}"),
                    class_="bar",
                    aria_hidden="true",
                ),
                class_="length",
            ),
            el("td", f"{step.seconds:.2f} s", class_="figure"),
        )
        for step in story.steps
    ]
    drawn = sum(plate.version.cost.seconds for plate in story.plates)
    foot = el(
        "tr",
        el("th", "Everything", scope="row"),
        el("td", f"of which drawing {drawn:.1f} s", class_="soft"),
        el("td"),
        el("td", f"{seconds:.2f} s", class_="figure"),
    )
    heads = (
        el("th", "Step", scope="col"),
        el("th", "What came out", scope="col"),
        el("td"),
        el("th", "Time", scope="col", class_="figure"),
    )
    table = el(
        "table", el("thead", el("tr", heads)), el("tbody", rows), el("tfoot", foot), class_="times"
    )
    return _section(
        "times",
        "Where the time went",
        (
            el("p", "The first step includes loading the libraries and the model.", class_="soft"),
            table,
        ),
    )


def _conditions(story: Story) -> Markup | None:
    if not story.conditions:
        return None
    pairs = ((name, el("span", value, class_="mono")) for name, value in story.conditions.items())
    return _section("conditions", "What it ran on", facts(pairs))


def _next(folder: Path, story: Story) -> Markup:
    items = (
        el("li", el("code", command), el("span", says[0].upper() + says[1:]))
        for command, says in next_commands(folder, story)
    )
    return _section("next", "Go on from here", el("ul", items, class_="commands"))
