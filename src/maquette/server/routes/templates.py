"""Templates and playbooks: what they say, the project's own, and whether they are good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from maquette.core.playbook import (
    Card,
    Playbook,
    VariableCard,
    as_markdown,
    bind,
    fill,
    lint,
    locked_by,
    needs,
    run_tests,
)
from maquette.core.template import parse_template
from maquette.errors import MaquetteError
from maquette.server.answers import answer
from maquette.server.context import Open
from maquette.server.described import fails
from maquette.server.shapes_templates import (
    CheckOut,
    ChecksOut,
    Expand,
    Expanded,
    FilledOut,
    PlaybookIn,
    PlaybookOut,
    Playbooks,
    RowText,
    SavedOut,
    TemplateOut,
    Tried,
    Try,
    VariableOut,
)
from maquette.studio.filling import loose, row_texts

__all__ = ["router"]

router = APIRouter(tags=["templates"])

BookName = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$",
        description="A playbook, as `playbooks` lists it.",
        examples=["acme"],
    ),
]
Number = Annotated[
    int | None, Query(ge=1, le=999_999, description="A revision; the newest when left out.")
]


@router.post(
    "/template", summary="Fill a template", response_model=Expanded, responses=fails(400, 422)
)
def expand_template(body: Expand) -> Response:
    """How many ways there are to fill a template, and some of the prompts, or all of them. The
    same `choose` gives the same prompts. Draws nothing and needs no project."""
    book = loose(body.template, {name: tuple(each) for name, each in body.wildcards.items()})
    ways = bind(book, "text", body.values)[0].ways
    found = fill(book, "text", body.values, n=body.n, seed=body.choose)
    items = [
        FilledOut(text=each.text, negative=each.negative, locked=list(each.locked))
        for each in found
    ]
    return answer(Expanded(ways=ways, items=items))


@router.post(
    "/projects/{project}/template",
    summary="Try a template",
    response_model=Tried,
    responses=fails(400, 404, 409, 422, 503),
)
def try_template(room: Open, body: Try) -> Response:
    """What a template of the project asks for, which words of it are locked, and what it says row
    by row. Draws nothing; `operations/fill` with the same fields draws it."""
    if body.playbook is None:
        book, name = loose(body.template, None), "text"
    else:
        book, name = room.studio.playbook(body.playbook).playbook, body.template
    asked, card = _asked(book, name), book.card(name)
    needed, rows = needs(book, name), body.rows or [{}]
    missing = [each for each in needed if not all({**body.values, **row}.get(each) for row in rows)]
    ways, items = 0, list[RowText]()
    if not missing:
        ways = bind(book, name, {**body.values, **rows[0]})[0].ways
        found = row_texts(book, name, body.values, body.rows, n=body.n, choose=body.choose)
        items = [
            RowText(row=row, text=said.text, negative=said.negative, locked=list(said.locked))
            for row, _, said in found
        ]
    locked = list(locked_by(book, card))
    return answer(Tried(variables=asked, locked=locked, missing=missing, ways=ways, items=items))


@router.get(
    "/projects/{project}/playbooks",
    summary="List the playbooks",
    response_model=Playbooks,
    responses=fails(404, 422, 503),
)
def list_playbooks(room: Open) -> Response:
    """The playbooks that are saved in the project, by name, each with its newest revision."""
    saved = [_saved(room, name) for name in room.studio.playbooks.names()]
    return answer(Playbooks(items=saved))


@router.post(
    "/projects/{project}/playbooks",
    status_code=201,
    summary="Save a playbook",
    response_model=SavedOut,
    responses=fails(400, 404, 413, 422, 503),
)
def save_playbook(room: Open, body: PlaybookIn) -> Response:
    """Keep a playbook as the next revision of its name. Earlier ones stay; the newest one's very
    text again adds nothing. One with a template that cannot be used is refused."""
    kept = room.studio.save_playbook(body.text.encode("utf-8", "replace"))
    return answer(_saved(room, kept.name), 201)


@router.get(
    "/projects/{project}/playbooks/{name}",
    summary="Open a playbook",
    response_model=PlaybookOut,
    responses=fails(404, 422, 503),
)
def get_playbook(room: Open, name: BookName, revision: Number = None) -> Response:
    """A playbook in full: its templates with their variables and locked words, its text, and the
    document for people."""
    books = room.studio.playbooks
    text, kept = books.read(name, revision)
    book = room.studio.playbook(f"{name}@{kept.number}").playbook
    return answer(
        PlaybookOut(
            name=name,
            revision=kept.number,
            revisions=[each.number for each in books.revisions(name)],
            version=book.version,
            digest=book.digest,
            purpose=book.purpose,
            when=book.when,
            templates=[_template(book, each) for each in book.templates],
            chains=list(book.chains),
            wildcards={each: len(entries) for each, entries in book.wildcards.items()},
            text=text,
            document=as_markdown(book),
        )
    )


@router.post(
    "/projects/{project}/playbooks/{name}/test",
    summary="Test a playbook",
    response_model=ChecksOut,
    responses=fails(404, 422, 503),
)
def test_playbook(room: Open, name: BookName, revision: Number = None) -> Response:
    """Carry out a playbook's own tests: every template can be filled with its locked words kept,
    every example gives what it says; then remarks on how it is written."""
    kept = room.studio.playbooks.read(name, revision)[1]
    book = room.studio.playbook(f"{name}@{kept.number}").playbook
    tests = run_tests(book)
    items = [
        CheckOut(where=each.where, ok=each.ok, message=each.wrong, kind="test") for each in tests
    ]
    items += [
        CheckOut(where=each.where, ok=False, message=each.message, kind="remark")
        for each in lint(book)
        if each.severity == "warning"
    ]
    return answer(ChecksOut(passed=all(each.ok for each in tests), items=items))


def _saved(room: Open, name: str) -> SavedOut:
    kept = room.studio.playbooks.revisions(name)[-1]
    try:
        version = room.studio.playbook(name).playbook.version
    except MaquetteError:
        version = ""
    return SavedOut(name=name, revision=kept.number, version=version)


def _template(book: Playbook, name: str) -> TemplateOut:
    card, problem = book.card(name), ""
    asked, locked = tuple[str, ...](), tuple[str, ...]()
    try:
        asked, locked = needs(book, name), locked_by(book, card)
    except MaquetteError as refused:
        problem = str(refused)
    variables = _variables(card, (*asked, *card.variables))
    return TemplateOut(
        name=name,
        purpose=card.purpose,
        when=card.when,
        template=card.template,
        variables=variables,
        locked=list(locked),
        problem=problem,
    )


def _asked(book: Playbook, name: str) -> list[VariableOut]:
    """Every variable of a template: those that need a value first."""
    card = book.card(name)
    own = parse_template(card.template).variables
    return _variables(card, (*needs(book, name), *card.variables, *own))


def _variables(card: Card, names: Iterable[str]) -> list[VariableOut]:
    return [
        VariableOut(
            name=name,
            about=about.about,
            default=about.default,
            one_of=None if about.one_of is None else list(about.one_of),
        )
        for name in dict.fromkeys(names)
        for about in (card.variables.get(name, VariableCard()),)
    ]
