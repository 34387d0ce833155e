"""Deliver: the approved as marked files in a folder, a sheet of all drafts, and a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from maquette.core.palette import palette_of, palettes_apart
from maquette.core.version import Version
from maquette.errors import ExportRefused
from maquette.stages.plan.board import Pinned
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.ledger import Ledger
from maquette.stages.plan.naming import with_values
from maquette.stages.plan.page import STAGE as PAGE_STAGE
from maquette.stages.plan.page import lay_out
from maquette.stages.plan.sheet import contact_sheet

__all__ = [
    "STAGE",
    "Shown",
    "deliver",
    "deliver_page",
    "delivered",
    "folder_of",
    "ledger_facts",
    "report",
]

STAGE = "deliver"
SHEET, REPORT, FACTS = "drafts.png", "report.md", "report.json"


def folder_of(campaign: Campaign) -> Path:
    """Where the files go."""
    return campaign.folder / campaign.brief.deliver.folder


def delivered(campaign: Campaign) -> dict[str, str]:
    """What was delivered: version to file name."""
    return {version: str(told["file"]) for version, told in campaign.notes(STAGE)}


def deliver(campaign: Campaign, finals: Sequence[Version]) -> list[Path]:
    """Write every final that is not there yet. Files are never overwritten by another version.

    Raises:
        ExportRefused, KeyRefused, StorageFull.
    """
    folder = folder_of(campaign)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportRefused(
            f"cannot make {folder}: {error.strerror or error}",
            hint="name another deliver.folder in the brief",
        ) from error
    brief, there = campaign.brief, delivered(campaign)
    return [
        _written(campaign, version, f"{brief.campaign}-{number:02d}-{version.short}", there)
        for number, version in enumerate(finals, start=1)
    ]


def deliver_page(
    campaign: Campaign, finals: Sequence[Version], values: Sequence[Mapping[str, str]]
) -> Path | None:
    """All of them on one page, where the brief asks for it; ``values`` are those of their rows.

    Raises:
        BriefRefused: a name asks for a value that a row does not have.
        SettingRefused: more pictures than go on one page.
    """
    asked = campaign.brief.deliver.sheet
    if asked is None or not finals:
        return None
    names = [str(with_values(asked.name, row, "deliver.sheet.name")) for row in values]
    version = lay_out(campaign, finals, asked, names)
    return _written(
        campaign, version, f"{campaign.brief.campaign}-sheet-{version.short}", {}, PAGE_STAGE
    )


def _written(
    campaign: Campaign,
    version: Version,
    name: str,
    there: Mapping[str, str],
    stage: str = STAGE,
) -> Path:
    """A version's file, written unless it is there; noted beside the version."""
    asked = campaign.brief.deliver
    file = f"{name}.{asked.format}"
    path = folder_of(campaign) / file
    if there.get(version.id) != file or not path.is_file():
        campaign.hands.export(
            version,
            path,
            format=asked.format,
            quality=asked.quality,
            prompts=asked.prompts,
            sign=asked.sign,
        )
        campaign.note(version, stage, {"file": file})
    return path


@dataclass(frozen=True)
class Shown:
    """What a report tells of: ``finals`` with the files they went to and the drafts they were."""

    board: Sequence[Pinned]
    drafts: Sequence[Version]
    chosen: Sequence[Version]
    finals: Sequence[Version]
    files: Sequence[Path]
    ledger: Ledger
    page: Path | None = None


def report(campaign: Campaign, shown: Shown) -> list[Path]:
    """The sheet of drafts and the report, as text and as JSON."""
    folder = folder_of(campaign)
    turns = {version.id: turn for turn, version in enumerate(shown.chosen, start=1)}
    pictures = [
        (campaign.hands.picture(version), turns.get(version.id), version.short)
        for version in shown.drafts
    ]
    contact_sheet(pictures).save(folder / SHEET)
    facts = _facts(campaign, shown)
    (folder / FACTS).write_text(
        json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / REPORT).write_text(_page(campaign, facts), encoding="utf-8")
    return [folder / SHEET, folder / REPORT, folder / FACTS]


def _facts(campaign: Campaign, shown: Shown) -> dict[str, Any]:
    reasons = {version: told["reason"] for version, told in campaign.notes("select")}
    return {
        "campaign": campaign.brief.campaign,
        "purpose": campaign.brief.purpose,
        "without": list(campaign.without),
        "board": [
            {
                "source": item.source,
                "note": item.note,
                "palette": [swatch.colour for swatch in colours],
            }
            for item, _, colours in shown.board
        ],
        "finals": [
            {
                "file": path.name,
                "version": final.id,
                "draft": draft.id,
                "prompt": draft.recipe.prompt.text if draft.recipe.prompt else "",
                "size": str(final.size),
                "chosen_because": reasons.get(draft.id, ""),
                "findings": [each.message for each in campaign.hands.findings(final)],
            }
            for path, final, draft in zip(shown.files, shown.finals, shown.chosen, strict=True)
        ],
        "page": shown.page.name if shown.page is not None else None,
        "apart": {
            "drafts": _apart(campaign, shown.chosen),
            "finals": _apart(campaign, shown.finals),
        },
        "ledger": ledger_facts(shown.ledger),
    }


def _apart(campaign: Campaign, versions: Sequence[Version]) -> float | None:
    """How far the palettes of these pictures lie apart on the mean, in hundredths of OKLab."""
    palettes = [palette_of(campaign.hands.picture(version)) for version in versions]
    pairs = [palettes_apart(a, b) for a, b in combinations(palettes, 2)]
    return round(100 * sum(pairs) / len(pairs), 2) if pairs else None


def ledger_facts(ledger: Ledger) -> dict[str, Any]:
    """The ledger as plain values."""
    return {
        "stages": [
            {
                "stage": line.stage,
                "pictures": line.pictures,
                "estimate": line.estimate,
                "seconds": line.seconds,
                "money": str(line.money),
            }
            for line in ledger.lines
        ],
        "seconds": round(ledger.seconds, 3),
        "money": str(ledger.money),
        "baseline": ledger.baseline,
        "baseline_seconds": ledger.baseline_seconds,
        "saved": None if ledger.saved is None else round(ledger.saved, 4),
    }


def _page(campaign: Campaign, facts: dict[str, Any]) -> str:
    brief, ledger = campaign.brief, facts["ledger"]
    lines = [f"# {brief.campaign}", ""]
    if brief.purpose:
        lines += [brief.purpose, ""]
    if facts["without"]:
        lines += [f"Drawn otherwise than it asks: {'; '.join(facts['without'])}.", ""]
    lines += [f"![drafts]({SHEET})", "", "## Finals", ""]
    for each in facts["finals"]:
        lines += [f"- [{each['file']}](<{each['file']}>) {each['size']}: {each['prompt']}"]
        if each["chosen_because"]:
            lines += [f"  chosen: {each['chosen_because']}"]
        lines += [f"  {message}" for message in each["findings"]]
    if facts["page"]:
        lines += ["", f"![all of them](<{facts['page']}>)"]
    if facts["apart"]["finals"] is not None:
        lines += [
            "",
            f"Colours of the finals lie {facts['apart']['finals']:.1f} apart on the mean (distance"
            f" of palettes, hundredths of OKLab); those of their drafts"
            f" {facts['apart']['drafts']:.1f}.",
        ]
    if facts["board"]:
        lines += ["", "## Board", ""]
        lines += [
            f"- {each['source']}: {' '.join(each['palette'])} {each['note']}".rstrip()
            for each in facts["board"]
        ]
    lines += ["", "## Ledger", "", "| stage | pictures | expected | took | cost |"]
    lines += ["|---|---|---|---|---|"]
    for line in ledger["stages"]:
        expected = "–" if line["estimate"] is None else f"{line['estimate']:.1f} s"
        lines += [
            f"| {line['stage']} | {line['pictures']} | {expected} | {line['seconds']:.1f} s"
            f" | {line['money']} |"
        ]
    if ledger["baseline_seconds"]:
        lines += [
            "",
            f"Baseline {ledger['baseline']}: {ledger['baseline_seconds']:.1f} s, computed from what"
            f" drawings took here. Drafts and finals saved {ledger['saved']:.0%} of it.",
        ]
    return "\n".join(lines) + "\n"
