"""What changed, the way back, the larger picture, the signed files."""

from __future__ import annotations

from demo.html import Child, Markup, el
from demo.parts import change_table, facts, findings, picture, recipe, version
from demo.sections.figures import difference, plain
from demo.story import Signed, Story

__all__ = ["compare", "enlarge", "go_back", "prove"]


def compare(story: Story, project: str) -> Child:
    """Measured differences."""
    del project
    change = story.change(story.finished, story.inpainted)
    if change is None:
        return None
    titled = (
        (story.finished, "first final"),
        (story.raised, "moon raised"),
        (story.inpainted, "edited"),
    )
    names = {plate.version.id: name for plate, name in titled if plate is not None}
    words_changed = [
        (kind, ", ".join(_said(item) for item in items))
        for kind, items in change.measured.words.items()
        if items
    ]
    parameters = [
        (name, el("span", f"{_short(old)} → {_short(new)}", class_="mono"))
        for name, (old, new) in change.measured.parameters.items()
    ]
    return (
        el(
            "p",
            "Any two versions can be laid side by side: pixels, words, settings, and where "
            "the attention moved. From the first final to the edited picture:",
        ),
        el(
            "div",
            (
                el("figure", plain(plate, story), el("figcaption", name))
                for plate, name in ((change.before, "First final"), (change.after, "Edited"))
            ),
            difference(change),
            class_="three",
        ),
        change_table(story.changes, names),
        el(
            "details",
            el("summary", "Words and settings that changed"),
            facts([*words_changed, *parameters]),
        ),
    )


def go_back(story: Story, project: str) -> Child:
    """The rollback."""
    del project
    plate, raised = story.back, story.raised
    if plate is None or raised is None:
        return None
    promise = (
        f"Its picture is the same bytes as {raised.version.short}, SHA-256 and all"
        if story.back_same
        else f"Its picture is not that of {raised.version.short}, which must never happen"
    )
    return (
        el(
            "p",
            "Second thoughts: the picture as it was before the edit. Going back is a version "
            f"of its own and takes no drawing. {promise}, and the edit is "
            "still there, one step away: the next step goes on from it.",
        ),
        version(
            plate,
            el("div", plain(plate, story), class_="stage small"),
            recipe(plate.version),
            title="Gone back",
        ),
    )


def enlarge(story: Story, project: str) -> Child:
    """The upscaled picture."""
    plate = story.upscaled
    if plate is None:
        return None
    size = plate.version.size
    return (
        el(
            "p",
            f"{size.width} × {size.height} px, by Lanczos: it interpolates and invents nothing, "
            "so nothing in it has to be checked for made-up detail.",
        ),
        version(
            plate,
            el(
                "div",
                el("div", picture(plate, story), class_="stage"),
                el("div", findings(plate.findings, plate.version, project), recipe(plate.version)),
                class_="notes",
            ),
            title="Edited, twice the size",
        ),
    )


def prove(story: Story, project: str) -> Child:
    """Signed files and the replay."""
    del project
    proof = story.proof
    if proof is None:
        return None
    played = proof.played
    nearness = f" at {played.psnr:.1f} dB" if played.psnr is not None else ""
    because = f" ({'; '.join(played.reasons)})" if played.reasons else ""
    return (
        el(
            "p",
            "The picture leaves the studio marked as made by AI, with its history signed. "
            "Whoever gets the file can ask where it came from, and would notice if a single byte "
            "were altered.",
        ),
        el(
            "p",
            "The key is this machine’s own, made on its first signature. To those who have not "
            "been given its certificate the same file reads ‘valid’, its signer unknown.",
            class_="soft",
        ),
        el("div", (_file(signed) for signed in proof.signed), class_="pair"),
        el("h3", "Replay", style="margin-top:32px"),
        el(
            "p",
            f"Drawn again from its recipe, the first final {played.version.short} comes out ",
            el("strong", f"{played.verdict}{nearness}"),
            f"{because}, in {played.seconds:.2f} s.",
        ),
    )


def _file(signed: Signed) -> Markup:
    name = signed.file.rpartition("/")[2]
    caught = (
        f"With one bit of byte {signed.flipped_at:,} flipped: {signed.flipped_state}."
        if signed.caught
        else f"One flipped bit went unnoticed: {signed.flipped_state}."
    )
    return el(
        "div",
        el(
            "h3",
            el("a", name, href=signed.file),
            el("span", f" · {signed.format.upper()}, {signed.bytes:,} bytes", class_="soft"),
        ),
        el("p", el("strong", f"Credentials: {signed.state}. "), caught),
        el("h4", "What was done, by its own account") if signed.actions else None,
        el("ol", (el("li", action) for action in signed.actions), class_="actions"),
        facts([*signed.facts, ("SHA-256", el("span", signed.digest, class_="mono"))]),
    )


def _said(item: object) -> str:
    return " → ".join(str(part) for part in item) if isinstance(item, (list, tuple)) else str(item)


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:10] + "…"
