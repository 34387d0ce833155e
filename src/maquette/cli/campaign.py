"""Commands that go on by themselves: the loop over one picture, and a whole campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.cli.call import Call
from maquette.cli.options import EngineName, ModelName, Version, read_number

if TYPE_CHECKING:
    from maquette.stages.plan import State

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Carry on"


def improve(
    call: Call,
    v: Version,
    *,
    until: Annotated[
        float,
        typer.Option(
            metavar="X", callback=read_number, help="The score to reach: 1 is nothing amiss."
        ),
    ] = 1.0,
    steps: Annotated[int, typer.Option(metavar="N", help="The most versions to make.")] = 6,
    budget: Annotated[
        float | None, typer.Option(metavar="S", help="The most seconds of drawing.")
    ] = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Mend what the critics find, one remedy after another.

    Every version says why it was made, and the answer is never worse than the version that it
    began with.
    """
    from maquette.cli.progress import Bars, interruptible

    with (
        call.studio(engine=engine, model=model) as studio,
        Bars(call.errors, "mending", steps) as bars,
        interruptible(studio.cancel, call.errors),
    ):
        studio.on_event = bars
        done = studio.improve(v, until=until, steps=steps, seconds=budget)
    if call.json:
        call.voice.emit(
            {
                "version": done.best.id,
                "before": done.before,
                "after": done.after,
                "ended": done.ended,
                "seconds": round(done.seconds, 3),
                "steps": [
                    {
                        "version": step.version.id,
                        "finding": step.finding,
                        "remedy": step.remedy,
                        "score": step.score,
                        "better": step.better,
                    }
                    for step in done.steps
                ],
            }
        )
        return
    from maquette.cli.output import table, text

    if done.steps:
        grid = table("version", "score", "because of", "what was done", right=("score",))
        for step in done.steps:
            grid.add_row(
                text(step.version.short, "bold" if step.version == done.best else ""),
                text(f"{step.score:.2f}"),
                text(step.finding),
                text(step.remedy),
            )
        call.voice.show(grid)
    ends = {
        "reached": "the score is reached",
        "budget": "the budget is spent",
        "exhausted": "no remedy is left",
    }
    call.voice.aside(
        f"{done.best.short} is the best: {done.before:.2f} before, {done.after:.2f} now;"
        f" {ends[done.ended]}"
    )


def campaign(
    call: Call,
    brief: Annotated[
        Path, typer.Argument(metavar="BRIEF", help="A YAML file: see docs/stages.md.")
    ],
    *,
    pause: Annotated[
        str | None,
        typer.Option(
            metavar="STAGES", help="Wait for a person at select, approve or select,approve."
        ),
    ] = None,
    choose: Annotated[
        list[str] | None,
        typer.Option(metavar="V", help="A draft to finish; give it once for each, best first."),
    ] = None,
    approve: Annotated[
        list[str] | None, typer.Option(metavar="V", help="A final to deliver, or 'all'.")
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Only say where it stands; make nothing.")
    ] = False,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Carry a campaign from its brief to its files.

    Drafts, select, refine, polish, deliver. Interrupted at any moment, the same command goes on.
    """
    from maquette.cli.progress import Bars, interruptible

    stages = None if pause is None else [each.strip() for each in pause.split(",") if each.strip()]
    with call.studio(create=not status, engine=engine, model=model) as studio:
        if choose:
            studio.choose(brief, "select", choose)
        if approve:
            chosen = _all_of(studio.campaign_state(brief)) if approve == ["all"] else approve
            studio.choose(brief, "approve", chosen)
        if status:
            state = studio.campaign_state(brief, pause=stages)
        else:
            with (
                Bars(call.errors, "campaign", 1) as bars,
                interruptible(studio.cancel, call.errors),
            ):
                studio.on_event = bars
                state = studio.campaign(brief, pause=stages, tell=_teller(call))
    _show(call, state)


def _all_of(state: State) -> list[str]:
    return [version.id for version in (state.polished or state.finals)]


def _teller(call: Call) -> Any:
    def tell(stage: str, says: str) -> None:
        call.voice.remark(f"{stage}: {says}")

    return tell


def _show(call: Call, state: State) -> None:
    from maquette.stages.plan import ledger_facts

    ledger = ledger_facts(state.ledger) if state.ledger is not None else None
    waiting = state.waiting
    if call.json:
        call.voice.emit(
            {
                "campaign": state.campaign,
                "stage": state.stage,
                "waiting": waiting
                and {
                    "stage": waiting.stage,
                    "says": waiting.says,
                    "versions": [version.id for version in waiting.versions],
                    "suggested": [version.id for version in waiting.suggested],
                },
                "drafts": [version.id for version in state.drafts],
                "chosen": [version.id for version in state.chosen],
                "finals": [version.id for version in state.finals],
                "polished": [version.id for version in state.polished],
                "files": [str(path) for path in state.files],
                "ledger": ledger,
            }
        )
        return
    from maquette.cli.output import table, text

    if ledger is not None:
        grid = table(
            "stage", "pictures", "expected", "took", "cost", right=("pictures", "expected", "took")
        )
        for line in ledger["stages"]:
            expected = "–" if line["estimate"] is None else f"{line['estimate']:.1f} s"
            took = f"{line['seconds']:.1f} s"
            grid.add_row(
                *(text(x) for x in (line["stage"], line["pictures"], expected, took, line["money"]))
            )
        call.voice.show(grid)
        if ledger["saved"] is not None and state.finals:
            call.voice.aside(
                f"{ledger['baseline']} would take {ledger['baseline_seconds']:.1f} s;"
                f" drafts and finals saved {ledger['saved']:.0%} of that"
            )
    for path in state.files:
        call.voice.aside(str(path))
    if waiting is not None:
        ids = " ".join(version.short for version in waiting.suggested)
        call.voice.remark(f"waiting at '{waiting.stage}': {waiting.says}; suggested: {ids}")
        option = "--choose" if waiting.stage == "select" else "--approve"
        call.voice.hint(
            f"maquette campaign BRIEF {option} V …, or star them in the studio and call it again"
        )


COMMANDS = (improve, campaign)
