"""A playbook as a document for people: one list of blocks, written as Markdown or as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from maquette.core.playbook.filling import bind, fill, locked_by, needs
from maquette.core.playbook.model import Card, FromStep, Playbook, Step
from maquette.core.template import MOST_WAYS
from maquette.errors import MaquetteError

__all__ = ["as_html", "as_markdown"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Block:
    """A heading of a level, prose, code, or a table whose first row is its head."""

    kind: Literal["heading", "prose", "code", "table"]
    text: str = ""
    level: int = 1
    rows: tuple[tuple[str, ...], ...] = ()


def as_markdown(playbook: Playbook) -> str:
    """The document as Markdown; ends in a line break."""
    lines: list[str] = []
    for block in _blocks(playbook):
        match block.kind:
            case "heading":
                lines.append("#" * block.level + " " + _escaped(block.text))
            case "code":
                longest = max((len(run) for run in re.findall("`+", block.text)), default=0)
                fence = "`" * max(3, longest + 1)
                lines.append(f"{fence}\n{block.text}\n{fence}")
            case "table":
                head, *rows = block.rows
                said = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
                top = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
                lines.append("\n".join([*top, *said]))
            case _:
                lines.append(_escaped(block.text))
    return "\n\n".join(lines) + "\n"


def as_html(playbook: Playbook) -> str:
    """The document as one HTML page without scripts; everything in it is escaped."""
    out: list[str] = []
    for block in _blocks(playbook):
        said = html.escape(block.text)
        match block.kind:
            case "heading":
                out.append(f"<h{block.level}>{said}</h{block.level}>")
            case "code":
                out.append(f"<pre>{said}</pre>")
            case "table":
                head, *rows = block.rows
                out.append("<table><tr>" + "".join(f"<th>{html.escape(c)}</th>" for c in head))
                out += [
                    "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
                    for row in rows
                ]
                out.append("</table>")
            case _:
                out.append(f"<p>{said}</p>")
    title = html.escape(f"{playbook.name} {playbook.version}")
    return _PAGE.format(title=title, body="\n".join(out))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto;
padding: 0 1rem }}
pre {{ background: #8881; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere }}
table {{ border-collapse: collapse }} th, td {{ text-align: left; padding: .2rem 1rem .2rem 0;
vertical-align: top; border-bottom: 1px solid #8884 }}
</style></head><body>
{body}
</body></html>
"""


def _blocks(playbook: Playbook) -> Iterator[_Block]:
    yield _Block("heading", f"{playbook.name}, version {playbook.version}")
    for text in (playbook.purpose, playbook.when):
        if text.strip():
            yield _Block("prose", text.strip())
    rules = [("locked words", ", ".join(playbook.locked)), ("never", playbook.negative)]
    rules += [("quality", playbook.quality), ("size", _size(playbook.size))]
    yield _Block("table", rows=(("rule", "says"), *(rule for rule in rules if rule[1])))
    if playbook.references:
        yield _Block("heading", "References", 2)
        rows = [(each.picture, each.role, each.note) for each in playbook.references]
        yield _Block("table", rows=(("picture", "for", "note"), *rows))
    for name, card in playbook.templates.items():
        yield from _card(playbook, name, card)
    if playbook.chains:
        yield _Block("heading", "Chains", 2)
    for name, chain in playbook.chains.items():
        yield _Block("heading", name, 3)
        if chain.purpose.strip():
            yield _Block("prose", chain.purpose.strip())
        rows = [
            (step.name, _source(step), f"{step.n} × {step.quality}", step.pick)
            for step in chain.steps
        ]
        yield _Block("table", rows=(("step", "words", "draws", "picks"), *rows))
    if playbook.wildcards:
        yield _Block("heading", "Wildcards", 2)
        rows = [(name, ", ".join(entries)) for name, entries in playbook.wildcards.items()]
        yield _Block("table", rows=(("name", "entries"), *rows))


def _card(playbook: Playbook, name: str, card: Card) -> Iterator[_Block]:
    yield _Block("heading", f"Template {name}", 2)
    for text in (card.purpose, card.when):
        if text.strip():
            yield _Block("prose", text.strip())
    yield _Block("code", card.template.strip())
    try:
        required = needs(playbook, name)
        shown = dict(card.examples[0].values) if card.examples else {}
        values = {variable: shown.get(variable, variable) for variable in required} | shown
        ways = bind(playbook, name, values)[0].ways
        texts = [filled.text for filled in fill(playbook, name, values, n=_SHOWN)]
        locks = locked_by(playbook, card)
    except MaquetteError as refused:
        yield _Block("prose", f"It cannot be used: {refused}")
        return
    rows = [
        (
            variable,
            card.variables[variable].about if variable in card.variables else "",
            _default(card, variable, variable in required),
        )
        for variable in dict.fromkeys([*required, *card.variables])
    ]
    if rows:
        yield _Block("table", rows=(("variable", "what it is", "default"), *rows))
    facts = [("ways to fill it", f"{ways:,}" + (" or more" if ways >= MOST_WAYS else ""))]
    facts += [("locked words", ", ".join(locks)), ("never", card.negative)]
    facts += [("quality", card.quality or ""), ("size", _size(card.size))]
    yield _Block("table", rows=(("rule", "says"), *(fact for fact in facts if fact[1])))
    yield _Block("prose", "It says, for instance:")
    yield _Block("code", "\n".join(texts))


def _default(card: Card, variable: str, required: bool) -> str:
    about = card.variables.get(variable)
    if about is None:
        return "must be given"
    said = about.default if about.default is not None else "must be given" if required else ""
    return said + (f" (one of {', '.join(about.one_of)})" if about.one_of else "")


def _source(step: Step) -> str:
    if step.words_of is not None:
        changes = "; ".join(f"'{old}' becomes '{new}'" for old, new in step.replace.items())
        return f"those of {step.words_of}" + (f", {changes}" if changes else "")
    given = [
        f"{name} = " + (f"{value.take} of {value.step}" if isinstance(value, FromStep) else value)
        for name, value in step.values.items()
    ]
    return f"template {step.template}" + (f" with {', '.join(given)}" if given else "")


def _size(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else ""


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split()))
