"""Train: what a campaign's figure or style looks like, learned before anything is drawn with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from maquette.core.training import load_training
from maquette.core.version import Version
from maquette.errors import BriefRefused
from maquette.stages.order import Order, Ordered
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.ledger import Line
from maquette.stages.plan.parts import Train

__all__ = ["STAGE", "taught"]

STAGE = "train"


def taught(campaign: Campaign) -> Line | None:
    """The brief's adapter, learned from its pictures; None where the brief asks for none. A
    training that is done is not done again, one that was stopped goes on. Where the pictures or
    the settings are others than those that an adapter of this name was learned from, which earlier
    pictures depend on, it is a new one with a number, and the campaign's drafts mean that.

    Raises:
        BriefRefused: pictures that are not there.
        TrainingRefused, PictureRefused, VersionUnknown, SettingRefused: before anything is learned.
        Ordered: where others draw, the training as a job of its own.
        Cancelled, EngineFailed, StorageFull: what was learned is kept.
    """
    asked, hands = campaign.brief.train, campaign.hands
    if asked is None:
        return None
    told: dict[str, Any] = {
        key: getattr(asked, key) or None for key in ("trigger", "subject", "licence")
    }
    if asked.pictures:
        sources = [_shown(campaign, each) for each in asked.pictures]
        hands.curate(asked.name, sources, exactly=True, **told)
    elif any(told.values()):
        hands.dataset(asked.dataset)  # there has to be one
        hands.curate(asked.dataset, **told)
    order = _order(campaign, asked)
    digest = str(order.arguments["training"])
    name = load_training(json.loads(hands.blobs.get(digest))).name
    campaign.called[asked.name] = name
    if campaign.others and hands.training_files.report(digest) is None:
        raise Ordered([order])
    instead = "" if name == asked.name else f" (there is another '{asked.name}' already)"
    campaign.tell(STAGE, f"'{name}' from {_from(asked)}{instead}")
    report = hands.go_on(digest)
    identity = report.identity
    if identity is not None:
        campaign.tell(
            STAGE,
            f"learned in {report.seconds:.0f} s: likeness {identity.base:.2f} before,"
            f" {identity.trained:.2f} now, {identity.examples:.2f} among the examples",
        )
    seconds = round(float(report.seconds), 3)
    return Line(STAGE, len(report.samples), None, seconds, campaign.priced(seconds))


def _order(campaign: Campaign, asked: Train) -> Order:
    how: dict[str, Any] = {"method": asked.method, "steps": asked.steps, "seed": asked.seed}
    dataset = asked.dataset or asked.name
    return campaign.hands.orders.train(dataset, name=asked.name, numbered=True, **how)


def _shown(campaign: Campaign, named: dict[str, str]) -> Path | Version:
    if "version" in named:
        return campaign.hands.version(named["version"])
    path = campaign.folder / named["file"]
    if not path.exists():
        raise BriefRefused(
            f"train.pictures: there is no {named['file']}",
            hint=f"files and folders are looked for in {campaign.folder}",
        )
    return path


def _from(asked: Train) -> str:
    if asked.dataset:
        return f"the dataset '{asked.dataset}'"
    return ", ".join(name for each in asked.pictures for name in each.values())
