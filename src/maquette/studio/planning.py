"""Planning: briefs read from files, campaigns carried on, choices written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from maquette.core.version import Version
from maquette.errors import BriefRefused
from maquette.stages.hands import Producer
from maquette.stages.plan import Brief, Campaign, State, choose, look, make_brief, read_brief, run
from maquette.stages.plan.campaign import CAMPAIGN
from maquette.stages.plan.choice import APPROVE, SELECT
from maquette.storage.origin import origins_of

__all__ = ["brief_of", "campaign_of", "campaigns", "carry_on", "pick", "quiet_tell", "state_of"]


def quiet_tell(_stage: str, _says: str) -> None:
    """For those who want to hear nothing."""


def brief_of(source: Brief | Mapping[str, Any] | str | Path) -> tuple[Brief, Path]:
    """A brief, and the folder that its paths begin in: that of its file, or the present one.

    Raises:
        BriefRefused.
    """
    if isinstance(source, Brief):
        return source, Path.cwd()
    if isinstance(source, Mapping):
        return make_brief(source), Path.cwd()
    path = Path(source)
    return read_brief(path, _read_yaml), path.resolve().parent


def _read_yaml(data: bytes, name: str) -> Mapping[str, Any]:
    from maquette.exchange.yamlfile import read_yaml

    return read_yaml(data, what=name, refused=BriefRefused)


def campaign_of(
    hands: Producer,
    brief: Brief,
    folder: Path,
    *,
    pause: Sequence[str] | None = None,
    tell: Callable[[str, str], None] = quiet_tell,
) -> Campaign:
    """A brief at work in a project; ``pause`` counts before the brief's own."""
    if pause is not None:
        given = {**brief.model_dump(mode="json"), "pause": list(pause)}
        brief = make_brief(given)
    return Campaign(brief, hands, folder, tell, fetch=_fetched)


def carry_on(campaign: Campaign) -> State:
    """See ``stages.plan.run``."""
    return run(campaign)


def state_of(campaign: Campaign) -> State:
    """See ``stages.plan.look``."""
    return look(campaign)


def pick(campaign: Campaign, stage: str, versions: Sequence[Version | str]) -> None:
    """Write down what a person chose.

    Raises:
        SettingRefused, VersionUnknown, AmbiguousVersion.
        BriefRefused: for another stage.
    """
    state = look(campaign)
    found = [campaign.hands.version(each) for each in versions]
    if stage == SELECT:
        choose(campaign, SELECT, found, state.drafts)
    elif stage == APPROVE:
        among = [*state.finals, *(v for v in found if _polished(campaign, v))]
        choose(campaign, APPROVE, found, among)
    else:
        raise BriefRefused(f"nothing is chosen at '{stage}'", hint=f"{SELECT} or {APPROVE}")


def _polished(campaign: Campaign, version: Version) -> bool:
    """Whether a version comes from one of the campaign's finals."""
    finals = {each.id for each in campaign.made("refine").values()}
    line = version
    while line.id not in finals:
        if not line.parents:
            return False
        line = campaign.hands.version(line.parents[0])
    return True


def campaigns(hands: Producer) -> dict[str, Brief]:
    """The campaigns of a project that have begun, by name, each with its newest brief."""
    ids = list(
        dict.fromkeys(mark.version for mark in hands.records.marks() if mark.kind == "origin")
    )
    origins = origins_of(hands.records, ids)
    found: dict[str, str] = {}
    for version in ids:  # oldest first
        told = origins.get(version, {}).get(CAMPAIGN)
        if isinstance(told, dict) and told.get("brief"):
            found[str(told["name"])] = str(told["brief"])
    return {
        name: make_brief(json.loads(hands.blobs.get(digest)))
        for name, digest in sorted(found.items())
    }


def _fetched(link: str) -> bytes:
    from maquette.net import fetch

    return fetch(link).data
