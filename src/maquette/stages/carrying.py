"""Jobs that order work themselves: the loop over one picture, a campaign, a playbook's chain, a
training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from maquette.core.canonical import canonical_json
from maquette.core.job import Job, Status
from maquette.core.playbook import load_playbook
from maquette.core.training import load_training
from maquette.engines.base import Event, Picture
from maquette.errors import EngineFailed
from maquette.stages.chain import play
from maquette.stages.hands import Producer
from maquette.stages.improve import answered, improve
from maquette.stages.order import Order, Ordered
from maquette.stages.plan import Campaign, make_brief, run
from maquette.stages.plan.campaign import CAMPAIGN
from maquette.stages.teaching import Teacher, study
from maquette.storage.origin import ORIGIN

__all__ = ["CARRYING", "carry", "home_of", "one_job"]

CARRYING = frozenset({"improve", "campaign", "play", "train"})
"""Operations that make versions by orders of their own and end with a result."""


def home_of(root: Path, campaign: str) -> Path:
    """Where a campaign that was begun in the studio keeps its files."""
    return root / "campaigns" / campaign


def carry(
    job: Job,
    hands: Producer,
    fetch: Callable[[str], bytes] | None = None,
    ended: Sequence[Job] = (),
) -> dict[str, Any]:
    """Carry such a job out. ``ended`` are the jobs that it waited for.

    Returns:
        Of improve ``{best, before, after, ended, steps}``, of a campaign ``{campaign, stage,
        waiting}``: where it stands, and the stage at which it waits for a person or None; of play
        ``{steps}``, each with what it drew and what it picked; of train ``{training, name, kind,
        adapter, identity, samples, sheet}``.

    Raises:
        Ordered: a campaign waits for pictures that others draw.
        EngineFailed: they did not draw them; and
        what ``improve`` and the stages of a plan raise; what was made stays.
    """
    asked: dict[str, Any] = dict(job.arguments)
    if job.operation == "improve":
        return answered(improve(hands.version(job.parents[0]), hands, **asked))
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
    if job.operation == "train":
        return _trained(asked["training"], cast("Teacher", hands), job.priority)
    _all_well(ended)
    brief = make_brief(asked["brief"])
    answers = {each.parents[0]: each.result for each in ended if each.parents and each.result}
    home = home_of(hands.root, brief.campaign)
    try:
        state = run(Campaign(brief, hands, home, fetch=fetch, others=True, answers=answers))
    except Ordered as first:
        _no_circle(first.orders, ended)
        raise
    waiting = state.waiting.stage if state.waiting is not None else None
    return {"campaign": state.campaign, "stage": state.stage, "waiting": waiting}


def _all_well(ended: Sequence[Job]) -> None:
    """Go on only where all that was waited for is there.

    Raises:
        EngineFailed: some of it failed or was cancelled; what was made stays.
    """
    failed = [each for each in ended if each.status is Status.FAILED]
    if failed:
        raise EngineFailed(
            f"{len(failed)} of {len(ended)} parts of the campaign failed: {failed[0].message}",
            hint=failed[0].hint,
        )
    cancelled = sum(each.status is Status.CANCELLED for each in ended)
    if cancelled:
        raise EngineFailed(
            f"{cancelled} of {len(ended)} parts of the campaign were cancelled",
            hint="begin it again: it goes on with what is there",
        )


def _no_circle(orders: Sequence[Order], ended: Sequence[Job]) -> None:
    """What was drawn a moment ago must not be missing again: that would go on for ever.

    Raises:
        EngineFailed.
    """

    def places(origins: Iterable[Any]) -> set[str]:
        return {canonical_json(each[CAMPAIGN]) for each in origins if each and CAMPAIGN in each}

    there = places(each.arguments.get(ORIGIN) for each in ended if each.version)
    if there & places(origin for order in orders for origin in order.origins):
        raise EngineFailed(
            "a part of the campaign is another one each time that it is asked for",
            hint="give its edits a seed",
        )


def _trained(digest: str, hands: Teacher, priority: int) -> dict[str, Any]:
    training = load_training(json.loads(hands.blobs.get(digest)))
    report = study(training, hands, priority=priority)
    told = report.model_dump(mode="json")
    keys = ("training", "name", "kind", "adapter", "identity", "samples", "sheet")
    return {key: told[key] for key in keys}


def one_job(hear: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    """Events of many orders as those of the one job that they are made for."""
    if hear is None:
        return None

    def told(event: Event) -> None:
        if not isinstance(event, Picture):
            hear(replace(event, index=0))

    return told
