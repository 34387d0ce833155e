"""The page of a campaign: all that is delivered on one ground, a version like any other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from maquette.core.canonical import canonical_json
from maquette.core.picture import encode_png
from maquette.core.version import Version
from maquette.stages.plan.campaign import Campaign
from maquette.stages.plan.parts import Sheet

__all__ = ["STAGE", "lay_out"]

STAGE = "sheet"


def lay_out(
    campaign: Campaign, finals: Sequence[Version], asked: Sheet, names: Sequence[str]
) -> Version:
    """The finals on one page with their names, as a composite whose parents they are. What is
    there already is not made again.

    Raises:
        SettingRefused: more pictures than a composite takes.
    """
    columns = min(asked.columns, len(finals))
    rows = math.ceil(len(finals) / columns)
    wide = asked.cell or finals[0].size.width
    heights = [max(1, round(wide * each.size.height / each.size.width)) for each in finals]
    line = max(12, wide // 14) if any(names) else 0
    tall = max(heights) + line
    step, down = wide + asked.gap, tall + asked.gap
    page = asked.gap + columns * step, asked.gap + rows * down
    places = [
        (asked.gap + place % columns * step, asked.gap + place // columns * down)
        for place in range(len(finals))
    ]
    says = [
        (x, y + height, name) for (x, y), height, name in zip(places, heights, names, strict=False)
    ]
    ground = _ground(campaign, page, asked.ground, line, says)
    layers: list[dict[str, Any]] = [
        {"picture": final, "box": (x, y, wide, height)}
        for final, (x, y), height in zip(finals, places, heights, strict=True)
    ]
    order = campaign.hands.orders.composite(ground, layers)
    return campaign.carry_out(STAGE, [(0, order)])[0]


def _ground(
    campaign: Campaign,
    size: tuple[int, int],
    colour: str,
    line: int,
    says: Sequence[tuple[int, int, str]],
) -> Version:
    """A page of one colour with the names on it, taken in once."""
    told = canonical_json([list(size), colour, line, [list(each) for each in says]])
    for version, known in campaign.notes(f"{STAGE}/ground"):
        if known.get("page") == told:
            return campaign.hands.version(version)
    page = Image.new("RGB", size, colour)
    if says:
        pen = ImageDraw.Draw(page)
        dark = sum(page.getpixel((0, 0))) < 3 * 128  # type: ignore[arg-type]
        font = ImageFont.load_default(size=max(9, round(line * 0.7)))
        for x, y, name in says:
            pen.text((x, y + line // 6), name, "#f4f4f4" if dark else "#222222", font)
    version, _ = campaign.hands.import_picture(encode_png(page))
    campaign.note(version, f"{STAGE}/ground", {"page": told})
    return version
