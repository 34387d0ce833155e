"""Jobs that order work themselves: the loop over one picture, a campaign, a playbook's chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from maquette.core.job import Job
from maquette.core.playbook import load_playbook
from maquette.engines.base import Event, Picture
from maquette.stages.chain import play
from maquette.stages.hands import Producer
from maquette.stages.improve import improve
from maquette.stages.plan import Campaign, make_brief, run

__all__ = ["CARRYING", "carry", "home_of", "one_job"]

CARRYING = frozenset({"improve", "campaign", "play"})
"""Operations that make versions by orders of their own and end with a result."""


def home_of(root: Path, campaign: str) -> Path:
    """Where a campaign that was begun in the studio keeps its files."""
    return root / "campaigns" / campaign


def carry(job: Job, hands: Producer, fetch: Callable[[str], bytes] | None = None) -> dict[str, Any]:
    """Carry such a job out.

    Returns:
        Of improve ``{best, before, after, ended, steps}``, of a campaign ``{campaign, stage,
        waiting}``: where it stands, and the stage at which it waits for a person or None; of play
        ``{steps}``, each with what it drew and what it picked.

    Raises:
        what ``improve`` and the stages of a plan raise; what was made stays.
    """
    asked: dict[str, Any] = dict(job.arguments)
    if job.operation == "improve":
        done = improve(hands.version(job.parents[0]), hands, **asked)
        return {
            "best": done.best.id,
            "before": done.before,
            "after": done.after,
            "ended": done.ended,
            "steps": [
                {"version": step.version.id, "remedy": step.remedy, "score": step.score}
                for step in done.steps
            ],
        }
    if job.operation == "play":
        links = play(
            load_playbook(asked["playbook"]),
            asked["chain"],
            hands,
            asked["values"],
            seed=asked["seed"],
            revision=asked["revision"],
        )
        return {
            "steps": [
                {
                    "step": link.step,
                    "versions": [version.id for version in link.versions],
                    "picked": link.picked.id,
                }
                for link in links
            ]
        }
    brief = make_brief(asked["brief"])
    state = run(Campaign(brief, hands, home_of(hands.root, brief.campaign), fetch=fetch))
    waiting = state.waiting.stage if state.waiting is not None else None
    return {"campaign": state.campaign, "stage": state.stage, "waiting": waiting}


def one_job(hear: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    """Events of many orders as those of the one job that they are made for."""
    if hear is None:
        return None

    def told(event: Event) -> None:
        if not isinstance(event, Picture):
            hear(replace(event, index=0))

    return told
