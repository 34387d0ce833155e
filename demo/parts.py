"""The page's pieces: a plate with its words, a swipe, findings, recipes, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from demo.html import Child, Markup, el
from demo.story import Change, Look, Plate, Story
from maquette.core.finding import Finding
from maquette.core.version import Version

__all__ = [
    "change_table",
    "facts",
    "findings",
    "percent",
    "picture",
    "prompt_line",
    "recipe",
    "spelt",
    "stage",
    "swipe",
    "version",
    "with_minus",
    "words",
]

OPERATIONS = {
    "generate": "generated",
    "reweight": "reweighted",
    "inpaint": "repainted in a mask",
    "rollback": "gone back",
    "upscale": "enlarged",
}


def percent(part: float) -> str:
    """A share as people read it."""
    return f"{part * 100:.1f}%"


def picture(plate: Plate, story: Story, *, whole: bool = False) -> Markup:
    """A version's picture. ``whole`` draws its pixels as squares, at a whole multiple."""
    size = plate.version.size
    return el(
        "img",
        src=plate.file,
        alt=describe(plate, story),
        width=size.width,
        height=size.height,
        class_="whole" if whole else None,
        loading="lazy",
    )


def with_minus(value: float) -> str:
    """A number with a real minus."""
    return f"{value:.2f}".replace("-", "−")


def spelt(number: int) -> str:
    """A small number as a word."""
    words = "no one two three four five six seven eight nine ten eleven twelve"
    return dict(enumerate(words.split())).get(number, str(number))


def describe(plate: Plate, story: Story) -> str:
    """A picture's alternative text: what it was asked to show and how it was made."""
    kind = OPERATIONS.get(plate.version.operation, plate.version.operation)
    text = plate.version.recipe.prompt.text if plate.version.recipe.prompt else story.prompt
    return f"Version {plate.version.short}, {kind}: {text}"


def stage(plate: Plate, story: Story) -> Markup:
    """The picture with a place above it where a word's map appears."""
    over = el("img", class_="over", src=plate.file, alt="") if plate.looks else None
    return el(
        "div", picture(plate, story, whole=plate.version.size.width <= 256), over, class_="stage"
    )


def _says(look: Look) -> str:
    return f"Map of ‘{look.word}’: {percent(look.share)} of the attention, hottest at {look.peak}"


def _button(look: Look, *children: Child) -> Markup:
    return el("button", *children, type="button", data_map=look.file, data_says=_says(look))


def words(looks: Iterable[Look], *, before: Iterable[Look] = ()) -> Markup:
    """Words with the share of the attention that each holds, and, where there are looks from
    ``before``, by how many points it moved."""
    looks = list(looks)
    most = max((look.share for look in looks), default=1.0) or 1.0
    old = {look.word.lower(): look.share for look in before}
    return el("ul", (el("li", _word(look, most, old)) for look in looks), class_="words")


def _word(look: Look, most: float, old: Mapping[str, float]) -> Markup:
    filled = el("i", style=f"--part:{look.share / most:.1%}")
    moved = 100 * (look.share - old.get(look.word.lower(), look.share))
    return _button(
        look,
        el("span", look.word, class_="name"),
        el("span", filled, class_="bar", aria_hidden="true"),
        el("span", percent(look.share), class_="part"),
        el("span", _moved(moved), class_="part") if old else None,
    )


def _moved(points: float) -> str:
    return "0.0" if abs(points) < 0.05 else f"{points:+.1f}".replace("-", "−")


def prompt_line(text: str, looks: Iterable[Look]) -> Markup:
    """The prompt, each word that has a map as a button."""
    waiting = list(looks)
    parts: list[Child] = []
    for piece in re.split(r"(\w+)", text):
        look = waiting[0] if waiting else None
        if look is not None and piece.lower() == look.word.partition("#")[0].lower():
            parts.append(_button(look, piece))
            waiting.pop(0)
        else:
            parts.append(piece)
    return el("p", "“", parts, "”", class_="prompt")


def swipe(
    before: Plate, after: Plate, story: Story, caption: Child, names: tuple[str, str]
) -> Markup:
    """Two pictures over one another with an edge to drag, or to move with the arrow keys."""
    return el(
        "figure",
        el(
            "div",
            picture(before, story, whole=before.version.size.width <= 256),
            el("div", picture(after, story, whole=after.version.size.width <= 256), class_="after"),
            el("span", class_="edge"),
            el("span", names[0], class_="tag left", aria_hidden="true"),
            el("span", names[1], class_="tag right", aria_hidden="true"),
            el(
                "input",
                type="range",
                min=0,
                max=100,
                value=50,
                aria_label=f"Swipe between {names[0]} and {names[1]}",
            ),
            class_="stage",
        ),
        el("figcaption", caption) if caption else None,
        class_="swipe",
        style="--at:50%",
    )


def findings(found: Iterable[Finding], version: Version, project: str) -> Markup | None:
    """What the critics said, each with its remedy and the command that carries it out."""
    items = [
        el(
            "li",
            el("span", f"{finding.severity}, {finding.score:.2f} ", class_="kind"),
            finding.message,
            el(
                "div",
                f"Remedy: {finding.suggestion.says}. ",
                el("code", f"maquette apply {version.short} {finding.name} --project {project}"),
            )
            if finding.suggestion
            else None,
        )
        for finding in found
    ]
    if not items:
        return el("p", "The critics found nothing to remark.", class_="soft nothing")
    return el("ul", items, class_="findings")


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")  # pyright: ignore[reportUnknownArgumentType]
        elif item not in (None, "", [], ()):
            yield f"{prefix}{key}", str(item)


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """Names and values."""
    return el("dl", ((el("dt", name), el("dd", value)) for name, value in pairs))


def recipe(version: Version) -> Markup:
    """Everything that decided the picture, folded."""
    pairs = [
        ("version", version.id),
        ("parents", ", ".join(parent[:10] for parent in version.parents) or "none"),
        ("recipe", version.recipe.digest),
        ("picture", version.image),
        *_flat(version.recipe.model_dump(mode="json")),
        ("build", version.build),
    ]
    shown = ((name, el("span", value, class_="mono")) for name, value in pairs)
    return el("details", el("summary", "Recipe"), facts(shown))


def version(plate: Plate, *children: Child, title: str = "") -> Markup:
    """A version's place on the page."""
    made = plate.version
    seconds = made.cost.seconds
    head = el(
        "h3",
        title or OPERATIONS.get(made.operation, made.operation).capitalize(),
        el(
            "span",
            f" · {made.short} · {made.size.width} × {made.size.height} px · "
            + (f"{seconds:.2f} s" if seconds >= 0.005 else "under 0.01 s"),
            class_="soft",
        ),
    )
    return el("article", head, *children, id=plate.anchor, data_look=bool(plate.looks))


def change_table(changes: Iterable[Change], names: Mapping[str, str]) -> Markup:
    """Measured differences, a row for each pair; ``names`` by version id."""
    rows = []
    for change in changes:
        measured, pair = change.measured, (change.before, change.after)
        size = min(change.before.version.size, change.after.version.size, key=lambda s: s.width)
        part = measured.changed_pixels / (size.width * size.height)
        rows.append(
            el(
                "tr",
                el("th", " → ".join(_named(side, names) for side in pair), scope="row"),
                el("td", f"{measured.changed_pixels:,} ({percent(part)})", class_="figure"),
                el(
                    "td",
                    "alike" if measured.psnr is None else f"{measured.psnr:.1f} dB",
                    class_="figure",
                ),
                el("td", f"{measured.ssim:.3f}", class_="figure"),
            )
        )
    heads = ("Versions", "Pixels changed", "PSNR", "SSIM")
    head = (
        el("th", name, scope="col", class_="figure" if n else None) for n, name in enumerate(heads)
    )
    return el(
        "div",
        el("table", el("thead", el("tr", head)), el("tbody", rows)),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label="What changed, measured",
    )


def _named(plate: Plate, names: Mapping[str, str]) -> str:
    return names.get(plate.version.id, plate.version.short)
