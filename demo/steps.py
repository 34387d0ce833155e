"""The nine steps: each does its part of the loop and says in a line what came out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo.choose import background_mask, best_draft, focus_of
from demo.gallery import Gallery
from demo.proof import sign
from demo.story import Change, Draft, Edit, Plate, Played, Proof, Story
from maquette.core.raster import difference, seam_score
from maquette.core.recipe import Inpaint
from maquette.core.version import Version
from maquette.errors import MaquetteError
from maquette.studio import Studio

__all__ = ["DRAFTS", "STEPS", "DemoFailed", "Kit", "Task"]

DRAFTS = 6
FIRST_SEED = 11
REPAINT_SEED = 3
WORDS = ("wolf", "moon")
"""What the choice of the draft goes by, and what the edit stays clear of."""
PLACE = "forest"
"""The word whose region is repainted."""


class DemoFailed(MaquetteError):
    """Something the demo promises did not hold."""


@dataclass
class Kit:
    """What every step works with; ``steps`` are sampling steps of finished pictures, None for the
    engine's own."""

    studio: Studio
    gallery: Gallery
    story: Story
    folder: Path
    steps: int | None = None


@dataclass(frozen=True)
class Task:
    """A step before it is done. ``pictures`` says how many the engine will draw for it."""

    title: str
    run: Callable[[Kit], str]
    pictures: int = 0


def draft(kit: Kit) -> str:
    """Six cheap pictures."""
    studio, story = kit.studio, kit.story
    made = studio.generate(story.prompt, seed=FIRST_SEED, n=DRAFTS, quality="draft")
    for version in made:
        plate = kit.gallery.plate(studio, version, maps=False)
        faults = sum(finding.score for finding in plate.findings)
        story.drafts.append(Draft(plate, focus_of(studio, version, WORDS), faults))
    return f"{len(made)} drafts, {_cost(*made)}"


def finish(kit: Kit) -> str:
    """The best draft's seed again, at final quality."""
    story = kit.story
    story.picked = best_draft(story.drafts)
    chosen = story.drafts[story.picked].plate.version
    seed = chosen.recipe.sampling.seed if chosen.recipe.sampling else FIRST_SEED
    made = kit.studio.generate(story.prompt, seed=seed, quality="final", steps=kit.steps)[0]
    story.finished = kit.gallery.plate(kit.studio, made, maps=False)
    return f"seed {seed} finished, {_cost(made)}"


def look(kit: Kit) -> str:
    """Which places answered to which word."""
    story = kit.story
    plate = _made(story.finished)
    story.finished = kit.gallery.plate(kit.studio, plate.version)
    subject = story.finished.look(story.subject)
    if subject is None:
        raise DemoFailed(f"the prompt has no word ‘{story.subject}’ with a map")
    others = len(story.finished.looks)
    return f"{others} maps; ‘{story.subject}’ holds {subject.share:.1%} of the attention"


def reweigh(kit: Kit) -> str:
    """The subject weighs more; seed and composition stay."""
    story = kit.story
    before = _made(story.finished)
    made = kit.studio.reweight(before.version, {story.subject: story.raised_to})
    story.raised = kit.gallery.plate(kit.studio, made)
    change = _compare(kit, before, story.raised)
    moved = next((h for h in change.measured.heat if h.token == story.subject.lower()), None)
    told = f"‘{story.subject}’ {moved.before:.1%} → {moved.after:.1%}, " if moved else ""
    return f"{told}SSIM {change.measured.ssim:.3f}"


def repaint(kit: Kit) -> str:
    """Another background inside a mask; every other pixel keeps its bytes."""
    story, studio = kit.story, kit.studio
    before = _made(story.raised)
    mask, how = background_mask(studio, before.version, PLACE, WORDS)
    old = studio.picture(before.version).convert("RGB")
    made = studio.inpaint(
        before.version, mask, story.replacement, seed=REPAINT_SEED, steps=kit.steps
    )
    new = studio.picture(made).convert("RGB")
    a, b, inside = np.asarray(old), np.asarray(new), np.asarray(mask) > 0
    apart = (a != b).any(axis=-1)
    task = made.recipe.task
    story.edit = Edit(
        mask=kit.gallery.save(mask, f"{made.short}-mask"),
        overlay=kit.gallery.masked(old, mask, f"{made.short}-masked"),
        how=how,
        region=task.region if isinstance(task, Inpaint) else None,
        inside=int(inside.sum()),
        outside=int((~inside).sum()),
        changed=int((apart & inside).sum()),
        strayed=int((apart & ~inside).sum()),
        seam=seam_score(b, np.asarray(mask)),
    )
    story.inpainted = kit.gallery.plate(studio, made)
    if story.edit.strayed:
        raise DemoFailed(f"{story.edit.strayed} pixels outside the mask changed")
    return f"{story.edit.changed:,} pixels changed in the mask, 0 of {story.edit.outside:,} outside"


def compare(kit: Kit) -> str:
    """The edited picture beside each one before it."""
    story = kit.story
    after = _made(story.inpainted)
    changes = [_compare(kit, _made(plate), after) for plate in (story.raised, story.finished)]
    return f"against the first final: SSIM {changes[1].measured.ssim:.3f}, {_psnr(changes[1])}"


def go_back(kit: Kit) -> str:
    """The picture before the edit is the newest again; the edit stays in the history."""
    story = kit.story
    target = _made(story.raised).version
    made = kit.studio.rollback(target)
    story.back = kit.gallery.plate(kit.studio, made, maps=False)
    story.back_same = made.image == target.image
    if not story.back_same:
        raise DemoFailed("the picture that came back is not the one that was asked for")
    kept = len(kit.studio.log())
    return f"the same bytes as {target.short}; all {kept} versions are kept"


def enlarge(kit: Kit) -> str:
    """The edited picture with twice the pixels a side."""
    story = kit.story
    made = kit.studio.upscale(_made(story.inpainted).version, 2)
    story.upscaled = kit.gallery.plate(kit.studio, made, maps=False)
    return f"{made.size}, {_cost(made)}"


def prove(kit: Kit) -> str:
    """Signed files that can be checked, a flipped byte caught, and the first final drawn again."""
    story, studio = kit.story, kit.studio
    last, first = _made(story.upscaled).version, _made(story.finished).version
    signed = tuple(
        sign(studio, last, kit.folder / "signed" / f"picture.{ending}") for ending in ("png", "jpg")
    )
    started = time.perf_counter()
    again = studio.replay(first)
    took = time.perf_counter() - started
    played = Played(first, again.verdict, again.psnr, again.reasons, took)
    story.proof = Proof(signed, played)
    if not all(file.ok and file.caught for file in signed):
        raise DemoFailed("a signed file did not verify, or a flipped byte went unnoticed")
    return f"both files verify, a flipped byte is caught, replay is {again.verdict}"


STEPS = (
    Task("Draft six", draft, DRAFTS),
    Task("Choose one and finish it", finish, 1),
    Task("Ask which word drew what", look),
    Task("Raise the moon", reweigh, 1),
    Task("Mask the background and replace it", repaint, 1),
    Task("Compare", compare),
    Task("Go back", go_back),
    Task("Twice the size", enlarge, 1),
    Task("Sign, verify, replay", prove, 1),
)


def _made(plate: Plate | None) -> Plate:
    if plate is None:
        raise DemoFailed("a step before this one made nothing")
    return plate


def _cost(*versions: Version) -> str:
    return f"{sum(version.cost.seconds for version in versions):.1f} s of drawing"


def _psnr(change: Change) -> str:
    value = change.measured.psnr
    return "the same picture" if value is None else f"PSNR {value:.1f} dB"


def _compare(kit: Kit, before: Plate, after: Plate) -> Change:
    measured = kit.studio.compare(before.version, after.version)
    a, b = (np.asarray(kit.studio.picture(p.version).convert("RGB")) for p in (before, after))
    name = f"{before.version.short}-{after.version.short}-difference"
    change = Change(before, after, measured, kit.gallery.save(difference(a, b), name))
    kit.story.changes.append(change)
    return change
