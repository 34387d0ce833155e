"""From six drafts to one finished picture, and what each of its words drew."""

from __future__ import annotations

from demo import choose
from demo.html import Child, el
from demo.parts import (
    findings,
    percent,
    picture,
    prompt_line,
    recipe,
    spelt,
    stage,
    version,
    with_minus,
    words,
)
from demo.story import Story

__all__ = ["drafts", "finish", "look"]


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
            f"{spelt(len(cells))} of them: the same words, neighbouring seeds, {steps}, drawn "
            f"one after the other in {cost:.1f} s. At this price a person can be choosy.",
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
