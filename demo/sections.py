"""The nine sections of the story, each written from what its step found."""

from __future__ import annotations

from collections.abc import Callable

from demo import choose
from demo.html import Child, Markup, el
from demo.parts import (
    change_table,
    describe,
    facts,
    findings,
    percent,
    picture,
    prompt_line,
    recipe,
    spelt,
    stage,
    swipe,
    version,
    with_minus,
    words,
)
from demo.story import Change, Plate, Signed, Story

__all__ = ["SECTIONS"]


def drafts(story: Story, project: str) -> Child:
    """The contact sheet."""
    cells = []
    for index, draft in enumerate(story.drafts):
        made, chosen = draft.plate.version, index == story.picked
        sampling = made.recipe.sampling
        seed = str(sampling.seed) if sampling else "none"
        score = f"focus {draft.focus:.2f} − faults {draft.faults:.2f} = {with_minus(draft.score)}"
        faults = draft.plate.findings
        cells.append(
            el(
                "article",
                picture(draft.plate, story),
                el("h3", f"Draft {index + 1}, seed {seed}", ", finished below" if chosen else None),
                el("p", score, class_="soft"),
                el(
                    "details",
                    el("summary", f"Findings: {len(faults)}"),
                    findings(faults, made, project),
                )
                if faults
                else None,
                recipe(made),
                id=draft.plate.anchor,
                class_="picked" if chosen else None,
            )
        )
    cost = sum(draft.plate.version.cost.seconds for draft in story.drafts)
    sampling = story.drafts[0].plate.version.recipe.sampling
    steps = f"{sampling.steps} sampling steps each" if sampling else "one pass each"
    return (
        el(
            "p",
            "A maquette is the small model that a sculptor makes first. Here are "
            f"{spelt(len(cells))} of them: the same words, neighbouring seeds, {steps}, drawn in "
            f"one batch in {cost:.1f} s. At this price a person can be choosy.",
        ),
        el("div", cells, class_="sheet"),
    )


def finish(story: Story, project: str) -> Child:
    """The chosen seed at full quality."""
    plate = story.finished
    if plate is None or story.picked is None:
        return None
    chosen = story.drafts[story.picked]
    made = plate.version
    ratio = made.cost.seconds / max(chosen.plate.version.cost.seconds, 1e-6)
    sampling = made.recipe.sampling
    return (
        el("p", f"Draft {story.picked + 1} it is: {choose.reason(story.drafts, story.picked)}."),
        el("p", choose.RULE, class_="soft"),
        version(
            plate,
            el(
                "div",
                stage(plate, story),
                el(
                    "div",
                    el(
                        "p",
                        f"The same seed at final quality: {sampling.steps if sampling else 1} "
                        f"steps in {made.cost.seconds:.2f} s, {ratio:.1f} times what its draft "
                        "cost. The composition is settled before the time is spent.",
                    ),
                    el(
                        "p",
                        "Point at a word, or reach it with the Tab key, to see where it looked.",
                        class_="soft",
                    ),
                    words(plate.looks),
                    findings(plate.findings, made, project),
                    recipe(made),
                ),
                class_="notes",
            ),
            title="First final",
        ),
    )


def look(story: Story, project: str) -> Child:
    """Where each word looked."""
    del project
    plate = story.finished
    subject = plate.look(story.subject) if plate else None
    if plate is None or subject is None:
        return None
    others = [each for each in plate.looks if each is not subject]
    side = plate.version.size.width
    text = plate.version.recipe.prompt.text if plate.version.recipe.prompt else story.prompt
    return (
        el(
            "p",
            "While it drew, the engine kept how much each place of the picture attended to each "
            f"word. Of all that attention ‘{subject.word}’ holds {percent(subject.share)}, and it "
            f"is hottest at x {subject.peak[0]}, y {subject.peak[1]}. Bright is hot; the words "
            "below can be pointed at.",
        ),
        el(
            "div",
            prompt_line(text, plate.looks),
            el(
                "div",
                el(
                    "figure",
                    stage(plate, story),
                    el("figcaption", "The picture, and the map of the word that is pointed at"),
                ),
                el(
                    "figure",
                    el(
                        "div",
                        el(
                            "img",
                            src=subject.file,
                            width=side,
                            height=side,
                            class_="whole",
                            alt=f"Map of ‘{subject.word}’ over the picture in greys: hottest "
                            f"at x {subject.peak[0]}, y {subject.peak[1]}",
                        ),
                        class_="stage",
                    ),
                    el(
                        "figcaption", f"‘{subject.word}’, {percent(subject.share)} of the attention"
                    ),
                ),
                class_="pair",
            ),
            data_look=True,
        ),
        el(
            "div",
            (
                el(
                    "figure",
                    el(
                        "img",
                        src=each.file,
                        width=side,
                        height=side,
                        loading="lazy",
                        alt=f"Map of ‘{each.word}’, hottest at x {each.peak[0]}, y {each.peak[1]}",
                    ),
                    el("figcaption", f"{each.word}, {percent(each.share)}"),
                )
                for each in others
            ),
            class_="maps",
            style="margin-top:24px",
        ),
    )


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
            _swipe(change, story, ("weight 1", f"weight {story.raised_to:g}")),
            _difference(change),
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
            _swipe(change, story, ("before", "after")) if change else None,
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
                el("figure", _plain(plate, story), el("figcaption", name))
                for plate, name in ((change.before, "First final"), (change.after, "Edited"))
            ),
            _difference(change),
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
            el("div", _plain(plate, story), class_="stage small"),
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


def _plain(plate: Plate, story: Story) -> Markup:
    size = plate.version.size
    return el(
        "img",
        src=plate.file,
        alt=describe(plate, story),
        width=size.width,
        height=size.height,
        loading="lazy",
    )


def _alike(change: Change) -> str:
    return f"The rest stays alike: SSIM {change.measured.ssim:.3f} over the whole picture."


def _swipe(change: Change, story: Story, names: tuple[str, str]) -> Markup:
    caption = f"Drag the edge: {names[0]} to the left of it, {names[1]} to the right"
    return swipe(change.before, change.after, story, caption, names)


def _difference(change: Change) -> Markup:
    return el(
        "figure",
        el(
            "div",
            el(
                "img",
                src=change.file,
                class_="whole",
                loading="lazy",
                width=change.before.version.size.width,
                height=change.before.version.size.height,
                alt=f"Difference of versions {change.before.version.short} and "
                f"{change.after.version.short}: black where they are alike",
            ),
            class_="stage",
        ),
        el("figcaption", "Their difference, four times amplified; black is alike"),
    )


def _said(item: object) -> str:
    return " → ".join(str(part) for part in item) if isinstance(item, (list, tuple)) else str(item)


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:10] + "…"


SECTIONS: tuple[Callable[[Story, str], Child], ...] = (
    drafts,
    finish,
    look,
    reweigh,
    repaint,
    compare,
    go_back,
    enlarge,
    prove,
)
