"""Train: what a campaign's figure or style looks like, learned before anything is drawn with it."""

from __future__ import annotations

from maquette.errors import BriefRefused
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.ledger import Line

__all__ = ["STAGE", "taught"]

STAGE = "train"


def taught(campaign: Campaign) -> Line | None:
    """The brief's adapter, learned from its pictures; None where the brief asks for none. A
    training that is done is not done again, one that was stopped goes on.

    Raises:
        BriefRefused: pictures that are not there.
        TrainingRefused, PictureRefused, SettingRefused: before anything is learned.
        Cancelled, EngineFailed, StorageFull: what was learned is kept.
    """
    asked, hands = campaign.brief.train, campaign.hands
    if asked is None:
        return None
    sources = [campaign.folder / each for each in asked.pictures]
    for source, named in zip(sources, asked.pictures, strict=True):
        if not source.exists():
            raise BriefRefused(
                f"train.pictures: there is no {named}",
                hint=f"files and folders are looked for in {campaign.folder}",
            )
    if not hands.datasets.revisions(asked.name):
        hands.curate(
            asked.name,
            sources,
            trigger=asked.trigger or asked.name,
            subject=asked.subject,
            licence=asked.licence,
        )
    campaign.tell(STAGE, f"'{asked.name}' from {', '.join(asked.pictures)}")
    how = {"method": asked.method, "steps": asked.steps, "seed": asked.seed}
    report = hands.train(asked.name, name=asked.name, **how)
    identity = report.identity
    if identity is not None:
        campaign.tell(
            STAGE,
            f"learned in {report.seconds:.0f} s: likeness {identity.base:.2f} before,"
            f" {identity.trained:.2f} now, {identity.examples:.2f} among the examples",
        )
    seconds = round(float(report.seconds), 3)
    return Line(STAGE, len(report.samples), None, seconds, campaign.priced(seconds))
