"""Select and approve: the stages where a person may decide.

A choice is a set of marks, all with the same number; the latest counts. A star that a person sets
on drafts in the studio is a choice as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, zip_longest
from typing import Literal

from maquette.core.canonical import digest_of
from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.stages.plan.campaign import Campaign, Waiting
from maquette.stages.select import Pick

__all__ = ["APPROVE", "SELECT", "approved", "choose", "chosen", "decide", "suggest"]

SELECT, APPROVE = "select", "approve"
Stage = Literal["select", "approve"]


def suggest(campaign: Campaign, drafts: Sequence[Version]) -> list[Pick]:
    """The drafts that score and diversity speak for, first one first.

    Scores of different words do not compare (long prompts share out their attention more), so each
    prompt has its own ranking, and they take turns, the best score first.
    """
    count = campaign.brief.select.count
    by_prompt: dict[str, list[Version]] = {}
    for draft in drafts:
        text = draft.recipe.prompt.text if draft.recipe.prompt is not None else ""
        by_prompt.setdefault(text, []).append(draft)
    if len(by_prompt) > count:  # not every prompt can have a turn: let them compete
        by_prompt = {"": list(drafts)}
    ranked: list[list[Pick]] = []
    for mine in by_prompt.values():
        picks = [pick for pick in campaign.hands.select(mine, count) if pick.suggested]
        ranked.append(sorted(picks, key=lambda pick: pick.suggested or 0))
    ranked.sort(key=lambda picks: -picks[0].score if picks else 0.0)
    turns = (pick for turn in zip_longest(*ranked) for pick in turn if pick is not None)
    return list(islice(turns, count))


def choose(
    campaign: Campaign,
    stage: Stage,
    versions: Sequence[Version],
    among: Sequence[Version],
    *,
    by: str = "a person",
    reasons: Sequence[str] = (),
) -> None:
    """Write a choice down.

    Raises:
        SettingRefused: nothing chosen, or something that was not to be chosen from.
    """
    if not versions:
        raise SettingRefused(f"nothing was chosen at '{stage}'", hint="name one version or more")
    ids = {version.id for version in among}
    for version in versions:
        if version.id not in ids:
            raise SettingRefused(
                f"version {version.short} is not among those to choose from at '{stage}'",
                hint=f"choose from {', '.join(version.short for version in among[:6])} …",
            )
    number = 1 + max((told["choice"] for _, told in campaign.notes(stage)), default=0)
    for turn, version in enumerate(versions, start=1):
        reason = reasons[turn - 1] if turn <= len(reasons) else ""
        campaign.note(
            version,
            stage,
            {"choice": number, "turn": turn, "by": by, "reason": reason, "of": _of(among)},
        )


def chosen(campaign: Campaign, stage: Stage, among: Sequence[Version]) -> list[Version]:
    """What was chosen last, or what is starred; nothing where nobody chose. What scores chose
    counts only among the very versions that they saw."""
    notes = campaign.notes(stage)
    last = max((told["choice"] for _, told in notes), default=0)
    latest = [(told["turn"], version, told) for version, told in notes if told["choice"] == last]
    here = {version.id: version for version in among}
    if stage == SELECT and (starred := _starred(campaign, among)):
        by_hand = any(told["by"] == "a person" for _, _, told in latest)
        if not by_hand:
            return starred
    if any(told["by"] == "score" and told["of"] != _of(among) for _, _, told in latest):
        return []
    turns = {turn: version for turn, version, _ in latest if version in here}
    return [here[turns[turn]] for turn in sorted(turns)]


def decide(campaign: Campaign, drafts: Sequence[Version]) -> list[Version] | Waiting:
    """The drafts to finish: a person's choice, or the suggestions, or the wait for a person."""
    if found := chosen(campaign, SELECT, drafts):
        return found
    picks = suggest(campaign, drafts)
    if SELECT in campaign.brief.pause:
        return Waiting(
            SELECT,
            f"choose {campaign.brief.select.count} of {len(drafts)} drafts",
            tuple(drafts),
            tuple(pick.version for pick in picks),
        )
    versions = [pick.version for pick in picks]
    choose(campaign, SELECT, versions, drafts, by="score", reasons=[pick.reason for pick in picks])
    return versions


def approved(campaign: Campaign, finals: Sequence[Version]) -> list[Version] | Waiting:
    """The finals that may go out: all, or those that a person approved."""
    if APPROVE not in campaign.brief.pause:
        return list(finals)
    if found := chosen(campaign, APPROVE, finals):
        return found
    return Waiting(APPROVE, f"approve {len(finals)} finals", tuple(finals), tuple(finals))


def _starred(campaign: Campaign, among: Sequence[Version]) -> list[Version]:
    stars = {
        mark.version: mark.value
        for mark in campaign.hands.records.marks([version.id for version in among])
        if mark.kind == "star"
    }
    return [version for version in among if stars.get(version.id)]


def _of(among: Sequence[Version]) -> str:
    return digest_of([version.id for version in among])[:16]
