"""Words: how a prompt is read, and turning the weight of some of them. Needs no project."""

from __future__ import annotations

from fastapi import APIRouter, Response

from maquette.core.explore import Proposal, styles, suggestions
from maquette.core.flags import Flagged, flag_problems, read_flags, translate, without_flags
from maquette.core.grammar import chips, explain, reweigh_span
from maquette.core.recipe import PromptText
from maquette.server.answers import answer
from maquette.server.context import Context, Here
from maquette.server.described import fails
from maquette.server.shapes_words import (
    AskStyles,
    AskSuggestions,
    ChipOut,
    FlagsOut,
    OutcomeOut,
    PromptOut,
    PromptProblem,
    ProposalOut,
    Proposals,
    ReadPrompt,
    Reweigh,
    Reweighed,
    WantedOut,
)

__all__ = ["router"]

router = APIRouter(prefix="/prompt", tags=["words"])


@router.post("", summary="Read a prompt", response_model=PromptOut, responses=fails(400, 422))
def read_prompt(body: ReadPrompt, context: Here) -> Response:
    """Weights, swaps and alternations of a prompt, its words as chips, doubtful places, and the
    words that the model never saw; what Midjourney's flags at its end become. Any text can be read:
    problems are remarks, not refusals."""
    read = read_flags(body.text)
    if body.flags == "none" or not (read.any_known or body.flags == "midjourney"):
        read = None
    words = body.text[: read.flags[0].span[0]] if read and read.flags else body.text
    unknown = _unknown(context, words, body.negative, body.engine, body.model)
    told = explain(words, body.steps)
    doubts = [(*item["span"], item["message"], item["severity"]) for item in told["problems"]]
    if read is not None:
        doubts += [(*item.span, item.message, item.severity) for item in flag_problems(read)]
    return answer(
        PromptOut(
            runs=told["runs"],
            chips=_chips(words, unknown),
            negative_chips=_chips(body.negative, unknown),
            problems=[
                PromptProblem(start=start, end=end, message=message, severity=severity)
                for start, end, message, severity in doubts
            ],
            schedule=told["schedule"],
            unknown=list(unknown),
            flags=None if read is None else _flags(context, body, read, len(words)),
        )
    )


def _flags(context: Context, body: ReadPrompt, read: Flagged, start: int) -> FlagsOut:
    able = context.catalogue.engine(body.engine, body.model).capabilities()
    told = translate(read, able)
    return FlagsOut(
        start=start,
        prompt=told.prompt,
        negative=told.negative,
        version=read.version,
        settings=dict(told.settings),
        references=[
            WantedOut(role=each.role, source=each.source, strength=each.strength)
            for each in told.references
        ],
        done=[OutcomeOut(flag=each.flag, says=each.says) for each in told.done],
        left=[OutcomeOut(flag=each.flag, says=each.says) for each in told.left],
    )


@router.post(
    "/reweigh",
    summary="Turn the weight of some words",
    response_model=Reweighed,
    responses=fails(400, 422),
)
def reweigh_prompt(body: Reweigh, context: Here) -> Response:
    """Set the weight of the words at a place by editing the text as little as possible."""
    text = reweigh_span(body.text, body.start, body.end, body.weight)
    words = without_flags(text)[0]
    unknown = _unknown(context, words, "", body.engine, body.model)
    return answer(Reweighed(text=text, chips=_chips(words, unknown)))


@router.post(
    "/styles", summary="Suggest other styles", response_model=Proposals, responses=fails(400, 422)
)
def suggest_styles(body: AskStyles, context: Here) -> Response:
    """The prompt in other styles that the model knows: the nearest first, or far ones."""
    known = context.catalogue.engine(body.engine, body.model).capabilities().vocabulary
    return _proposed(styles(body.text, reach=body.reach, count=body.count, vocabulary=known))


@router.post(
    "/suggestions",
    summary="Suggest what to add",
    response_model=Proposals,
    responses=fails(400, 422),
)
def suggest_words(body: AskSuggestions, context: Here) -> Response:
    """What the prompt leaves open (light, place, time, style), in words that the model knows."""
    known = context.catalogue.engine(body.engine, body.model).capabilities().vocabulary
    return _proposed(suggestions(body.text, count=body.count, vocabulary=known))


def _proposed(found: list[Proposal]) -> Response:
    items = [ProposalOut(slot=each.slot, adds=each.adds, text=each.text) for each in found]
    return answer(Proposals(items=items))


def _unknown(
    context: Context, text: str, negative: str, engine: str | None, model: str | None
) -> tuple[str, ...]:
    asked = PromptText(text=text, negative=negative)
    return context.catalogue.unknown_words(asked, engine=engine, model=model)


def _chips(text: str, unknown: tuple[str, ...]) -> list[ChipOut]:
    strange = set(unknown)
    return [
        ChipOut(
            text=chip.text,
            start=chip.start,
            end=chip.end,
            weight=chip.weight,
            kind=chip.kind,
            known=chip.kind != "word" or chip.text not in strange,
        )
        for chip in chips(text)
    ]
