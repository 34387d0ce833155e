"""The two edits: a word raised, a background replaced."""

from __future__ import annotations

from demo.html import Child, el
from demo.parts import findings, percent, recipe, stage, version, words
from demo.sections.figures import difference, swiped
from demo.story import Change, Story

__all__ = ["repaint", "reweigh"]


def reweigh(story: Story, project: str) -> Child:
    """The subject raised."""
    plate, change = story.raised, story.change(story.finished, story.raised)
    if plate is None or change is None:
        return None
    moved = next((h for h in change.measured.heat if h.token == story.subject.lower()), None)
    told = (
        f"Its share of the attention went from {percent(moved.before)} to {percent(moved.after)}. "
        if moved
        else ""
    )
    return (
        el(
            "p",
            f"‘{story.subject}’ now weighs {story.raised_to:g} instead of 1; the seed and every "
            f"other setting stay. {told}{_alike(change)}",
        ),
        version(
            plate,
            el(
                "div",
                stage(plate, story),
                el(
                    "div",
                    words(plate.looks, before=change.before.looks),
                    findings(plate.findings, plate.version, project),
                    recipe(plate.version),
                ),
                class_="notes",
            ),
            title=f"‘{story.subject}’ raised",
        ),
        el(
            "div",
            swiped(change, story, ("weight 1", f"weight {story.raised_to:g}")),
            difference(change),
            class_="pair",
        ),
    )


def repaint(story: Story, project: str) -> Child:
    """The mask, and what came into it."""
    plate, edit = story.inpainted, story.edit
    change = story.change(story.raised, story.inpainted)
    if edit is None:
        return None
    total = edit.inside + edit.outside
    region = edit.region
    where = (
        f" Only a window of {region.width} × {region.height} px around it was drawn."
        if region is not None and region.width * region.height < total
        else ""
    )
    promise = (
        f"All {edit.outside:,} pixels outside the mask have the same bytes as before; of the "
        f"{edit.inside:,} inside, {edit.changed:,} changed."
        if not edit.strayed
        else f"{edit.strayed:,} of the {edit.outside:,} pixels outside the mask changed, which "
        "must never happen."
    )
    return (
        el(
            "p",
            f"The background may be better. The mask is {edit.how}: "
            f"{percent(edit.inside / total)} of the picture.{where}",
        ),
        el(
            "p",
            el("strong", promise),
            f" The seam scores {edit.seam:.3f} (0 cannot be seen, 1 is as bad as it gets).",
        ),
        el(
            "div",
            el(
                "figure",
                el(
                    "div",
                    el(
                        "img",
                        src=edit.overlay,
                        class_="whole",
                        width=256,
                        height=256,
                        alt="The picture with everything outside the mask darkened",
                    ),
                    class_="stage",
                ),
                el("figcaption", "What the mask leaves open"),
            ),
            swiped(change, story, ("before", "after")) if change else None,
            class_="pair",
        ),
        version(
            plate,
            el(
                "div",
                stage(plate, story),
                el(
                    "div",
                    el("p", f"Into the mask: “{story.replacement}”."),
                    words(plate.looks),
                    findings(plate.findings, plate.version, project),
                    recipe(plate.version),
                ),
                class_="notes",
            ),
            title="Another background",
        )
        if plate
        else None,
    )


def _alike(change: Change) -> str:
    return f"The rest stays alike: SSIM {change.measured.ssim:.3f} over the whole picture."
