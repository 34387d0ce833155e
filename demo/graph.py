"""The graph of versions as a drawing: time runs right, a branch takes a lane of its own."""

from __future__ import annotations

from demo.html import Child, Markup, el
from demo.story import Plate, Story

__all__ = ["graph", "lanes"]

NODE, GAP, TOP = 96, 46, 8
SMALL, SMALL_GAP = 52, 10
LANE = 156
NAMES = {
    "generate": "final",
    "reweight": "reweight",
    "inpaint": "inpaint",
    "rollback": "go back",
    "upscale": "upscale",
}


def lanes(plates: list[Plate]) -> dict[str, int]:
    """A lane for each version by id. A version goes on in its first parent's lane while it is the
    first to do so; a second child, and a step back, open another."""
    found: dict[str, int] = {}
    tips: dict[int, str] = {}
    for plate in plates:
        made = plate.version
        lane = found.get(made.parents[0], -1) if made.parents else 0
        taken = tips.get(lane) not in {None, *made.parents[:1]} and bool(made.parents)
        if lane < 0 or taken or made.operation == "rollback":
            lane = max(found.values(), default=-1) + 1
        found[made.id] = lane
        tips[lane] = made.id
    return found


def graph(story: Story) -> Markup:
    """Thumbnails on lanes, each a link to its place on the page."""
    drafts = [draft.plate for draft in story.drafts]
    later = [plate for plate in story.plates if plate not in drafts]
    lane_of = lanes(later)
    left = 2 * SMALL + SMALL_GAP + GAP if drafts else 0
    at: dict[str, tuple[float, float]] = {}
    nodes: list[Child] = []
    paths: list[Child] = []
    for index, plate in enumerate(drafts):
        x = (index % 2) * (SMALL + SMALL_GAP)
        y = TOP + (index // 2) * (SMALL + SMALL_GAP)
        at[plate.version.id] = x, y
        nodes.append(_node(plate, x, y, SMALL, f"Draft {index + 1}", chosen=index == story.picked))
    for index, plate in enumerate(later):
        x, y = left + index * (NODE + GAP), TOP + lane_of[plate.version.id] * LANE
        at[plate.version.id] = x, y
        name = NAMES.get(plate.version.operation, plate.version.operation)
        nodes.append(_node(plate, x, y, NODE, name.capitalize(), label=name))
        for parent in plate.version.parents:
            if parent in at:
                between = [p for p in at.values() if p[1] == y and at[parent][0] < p[0] < x]
                paths.append(_path(at[parent], (x, y), over=bool(between)))
    if story.picked is not None and story.finished is not None:
        x, y = at[drafts[story.picked].version.id]
        end_x, end_y = at[story.finished.version.id]
        # From the chosen draft over the stack's right edge, so that it crosses no other draft.
        right = 2 * SMALL + SMALL_GAP
        start = (x + SMALL, y + SMALL / 2)
        via = (
            f"L {right + 6} {start[1]:.0f}"
            if x + SMALL >= right
            else (
                f"L {x + SMALL + SMALL_GAP / 2} {start[1]:.0f} "
                f"L {x + SMALL + SMALL_GAP / 2} {y + SMALL + SMALL_GAP / 2:.0f} "
                f"L {right + 6} {y + SMALL + SMALL_GAP / 2:.0f}"
            )
        )
        last = start[1] if x + SMALL >= right else y + SMALL + SMALL_GAP / 2
        curve = (
            f"M {start[0]:.0f} {start[1]:.0f} {via} "
            f"C {right + 30} {last:.0f} {end_x - 24:.0f} {end_y + NODE / 2} "
            f"{end_x} {end_y + NODE / 2}"
        )
        paths.insert(0, el("path", d=curve, class_="kin"))
    rows = max(lane_of.values(), default=0) + 1
    width = left + len(later) * (NODE + GAP) - GAP if later else 2 * SMALL + SMALL_GAP
    height = max(TOP + (rows - 1) * LANE + NODE + 40, TOP + 3 * (SMALL + SMALL_GAP) + 18)
    nodes.append(
        el(
            "text",
            f"{len(drafts)} drafts",
            x=0,
            y=TOP + 3 * (SMALL + SMALL_GAP) + 10,
            class_="name",
        )
    )
    return el(
        "nav",
        el(
            "svg",
            paths,
            nodes,
            viewBox=f"-4 0 {width + 8:.0f} {height:.0f}",
            role="group",
            aria_label="Graph of versions: each picture leads to its place below",
        ),
        class_="graph scroll",
        aria_label="Versions",
        tabindex=0,
    )


def _node(
    plate: Plate,
    x: float,
    y: float,
    side: int,
    title: str,
    *,
    label: str = "",
    chosen: bool = False,
) -> Markup:
    made = plate.version
    texts = (
        el("text", label, x=x, y=y + side + 18, class_="name"),
        el("text", made.short[:7], x=x, y=y + side + 34),
    )
    said = f"{title}, version {made.short}" + (", chosen" if chosen else "")
    return el(
        "a",
        el("title", said),
        el("image", href=plate.file, x=x, y=y, width=side, height=side),
        el("rect", x=x, y=y, width=side, height=side),
        texts if label else None,
        href=f"#{plate.anchor}",
        aria_label=said,
        class_="chosen" if chosen else None,
    )


def _path(start: tuple[float, float], end: tuple[float, float], *, over: bool) -> Markup:
    x, y = start[0] + NODE, start[1] + NODE / 2
    to_x, to_y = end[0], end[1] + NODE / 2
    if y == to_y and not over:
        return el("path", d=f"M {x} {y} L {to_x} {to_y}")
    if y == to_y:
        # Past the pictures between: above the lane, where no text stands.
        return el(
            "path",
            d=f"M {x - NODE / 2} {start[1]} C {x - NODE / 2 + 20} {start[1] - TOP - 6} "
            f"{to_x + NODE / 2 - 20} {end[1] - TOP - 6} {to_x + NODE / 2} {end[1]}",
        )
    return el(
        "path",
        d=f"M {x} {y} C {x + GAP * 0.7:.0f} {y} {x + GAP * 0.3:.0f} {to_y} {x + GAP} {to_y} "
        f"L {to_x} {to_y}",
    )
