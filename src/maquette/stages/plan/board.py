"""The mood board: references, the colours they have, and what a person wrote beside them."""

from __future__ import annotations

from maquette.core.swatches import Swatch, swatches
from maquette.core.version import Version
from maquette.errors import BriefRefused
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.parts import BoardItem

__all__ = ["STAGE", "Pinned", "pin", "pinned"]

STAGE = "board"


Pinned = tuple[BoardItem, Version, tuple[Swatch, ...]]
"""A reference of the brief, the version that holds its picture, its colours."""


def pin(campaign: Campaign) -> list[Pinned]:
    """Every reference of the brief as a version with its palette. One that is there already is
    not taken in again.

    Raises:
        BriefRefused: a link, where links cannot be followed.
        PictureRefused, VersionUnknown, AddressRefused, ServiceUnreachable: as their names say.
    """
    there = {item.source: (version, colours) for item, version, colours in pinned(campaign)}
    board: list[Pinned] = []
    for item in campaign.brief.board:
        if item.source in there:
            version, colours = there[item.source]
        else:
            version = _taken_in(campaign, item)
            colours = swatches(campaign.hands.picture(version))
            told = {
                "source": item.source,
                "note": item.note,
                "palette": [[swatch.colour, swatch.share] for swatch in colours],
            }
            campaign.note(version, STAGE, told)
        board.append((item, version, colours))
    return board


def pinned(campaign: Campaign) -> list[Pinned]:
    """What is on the board now, in the brief's order."""
    kept = {told["source"]: (version, told) for version, told in campaign.notes(STAGE)}
    board: list[Pinned] = []
    for item in campaign.brief.board:
        if item.source in kept:
            version_id, told = kept[item.source]
            colours = tuple(Swatch(colour=c, share=float(share)) for c, share in told["palette"])
            board.append((item, campaign.hands.version(version_id), colours))
    return board


def _taken_in(campaign: Campaign, item: BoardItem) -> Version:
    if item.version:
        return campaign.hands.version(item.version)
    if item.link:
        if campaign.fetch is None:
            raise BriefRefused(
                f"the board's link {item.link} cannot be followed here",
                hint="save the picture beside the brief and name the file",
            )
        source = campaign.fetch(item.link)
    else:
        source = campaign.folder / item.file
    version, _ = campaign.hands.import_picture(source)
    return version
