"""From recipes to versions: check, open jobs, draw, keep each picture the moment it is done.

The only place where versions are born. ``produce`` carries out an order now; a worker takes jobs
from the queue and lets ``draw`` carry them out (see ``stages/work.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from maquette.core.anchors import as_planes
from maquette.core.cost import Cost
from maquette.core.finding import Finding
from maquette.core.job import Job, Status
from maquette.core.picture import decode_mask, decode_picture, encode_png, size_of
from maquette.core.recipe import Anchored, Continue, Recipe
from maquette.core.trace import pack_trace, unpack_trace
from maquette.core.trajectory import as_picture
from maquette.core.version import Version, make_version
from maquette.critics.base import Critic
from maquette.engines.base import Cancel, Engine, Event, Picture, Substitution
from maquette.errors import Cancelled, EngineFailed, MaquetteError, Moderated, RecipeRefused
from maquette.stages.billing import Books, may_have_maps, open_diary
from maquette.stages.order import Order, jobs_of, this_process
from maquette.storage.base import Blobs, Records

__all__ = ["draw", "find_known", "load_inputs", "produce", "repeat"]


def load_inputs(recipes: Sequence[Recipe], blobs: Blobs) -> dict[str, Image.Image]:
    """Decode every picture and mask that the recipes name.

    Raises:
        BlobMissing, BlobDamaged, PictureRefused, MaskRefused.
        RecipeRefused: latents that were not kept.
    """
    inputs: dict[str, Image.Image] = {}
    for recipe in recipes:
        task = recipe.task
        if isinstance(task, Continue | Anchored):
            inputs |= _taken_up(task, blobs)
        for part in (*recipe.parts, *recipe.conditionings):
            picture, mask = getattr(part, "image", None), getattr(part, "mask", None)
            if picture is not None and picture not in inputs:
                inputs[picture] = decode_picture(blobs.get(picture), name="the picture")
            if mask is not None and mask not in inputs:
                # A task's masks, and its layers', belong to its picture; others to the result.
                own = getattr(task, "image", None) if part in recipe.parts else None
                size = recipe.size if own is None else size_of(inputs[own])
                inputs[mask] = decode_mask(blobs.get(mask), size=size)
    return inputs


def _taken_up(task: Continue | Anchored, blobs: Blobs) -> dict[str, Image.Image]:
    try:
        trace = unpack_trace(blobs.get(task.trace))
    except ValueError as error:
        raise RecipeRefused(f"the recipe goes on from {task.trace[:10]}: {error}") from error
    kept = {each.step: each for each in trace.kept}
    if task.step not in kept:
        raise RecipeRefused(
            f"the drawing {task.trace[:10]} kept no latents at step {task.step}",
            hint=f"it kept {', '.join(map(str, kept)) or 'none'}",
        )
    found = {task.latents: as_picture(kept[task.step])}
    return found | ({task.maps: as_planes(trace)} if isinstance(task, Anchored) else {})


def produce(
    order: Order,
    *,
    engine: Engine,
    blobs: Blobs,
    records: Records,
    critics: Sequence[Critic] = (),
    previews: bool = False,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_version: Callable[[Version], None] | None = None,
    books: Books | None = None,
) -> list[Version]:
    """Make a version of each recipe now, in this process, in the order's order.

    Each version is stored as soon as its picture is there, so an interruption loses nothing that
    was finished; ``on_version`` hears of it then.

    Raises:
        RecipeRefused, SettingRefused: before anything is begun.
        Cancelled, EngineFailed, StorageFull: the versions made until then are kept.
    """
    for recipe in order.recipes:
        engine.check(recipe)
    jobs = [_begin(job, records) for job in jobs_of(order)]
    made: dict[int, Version] = {}
    ended = Status.FAILED, "stopped by an unforeseen fault", ""
    try:
        for job, version in draw(
            jobs,
            engine=engine,
            blobs=blobs,
            records=records,
            critics=critics,
            previews=previews,
            cancel=cancel,
            on_event=on_event,
            books=books,
        ):
            made[job.place] = version
            if on_version is not None:
                on_version(version)
    except (Cancelled, KeyboardInterrupt) as stop:
        ended = Status.CANCELLED, "stopped by the person", ""
        kept = f"stopped; {len(made)} of {len(jobs)} finished and kept"
        raise Cancelled(kept) from stop
    except MaquetteError as error:
        ended = Status.FAILED, str(error), error.hint
        raise
    finally:
        status, message, hint = ended
        for job in jobs:
            if job.place not in made:
                records.move_job(job.to(status, message=message, hint=hint))
    return [made[job.place] for job in jobs]


def draw(
    jobs: Sequence[Job],
    *,
    engine: Engine,
    blobs: Blobs,
    records: Records,
    critics: Sequence[Critic] = (),
    previews: bool = False,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] | None = None,
    books: Books | None = None,
) -> Iterator[tuple[Job, Version]]:
    """Carry out jobs that this process holds, all with or all without maps. Each ends, DONE, in
    the same moment as its version is stored, and is yielded then.

    A recipe that this very build has drawn before is not drawn again: a new version gets the
    picture that is there, at no cost. ``on_event`` counts places among ``jobs``. An engine that
    sends bills needs ``books``.

    Raises:
        RecipeRefused, SettingRefused, BlobMissing, BlobDamaged: before anything is drawn.
        Cancelled, EngineFailed, StorageFull: what was yielded stands.
        JobLost: when another process has taken a job meanwhile; its picture is not stored.
    """
    said = [_said(engine.check(job.recipe)) for job in jobs]
    waiting: list[int] = []
    for place, job in enumerate(jobs):
        maps = job.maps and may_have_maps(engine)
        known = find_known(job.recipe, engine.build, records, maps=maps)
        if known is None:
            waiting.append(place)
        else:
            yield job, repeat(known, job.operation, job.parents, records, job)
    if not waiting:
        return
    recipes = [jobs[place].recipe for place in waiting]
    inputs = load_inputs(recipes, blobs)
    missing = set(waiting)
    diary = open_diary(engine, [jobs[place] for place in waiting], books, blobs)
    how: dict[str, Any] = {"maps": jobs[0].maps, "previews": previews, "cancel": cancel}
    if diary is not None:
        how["diary"] = diary
    for event in _watched(
        engine.run(recipes, inputs, **how), [jobs[place] for place in waiting], records
    ):
        place = waiting[event.index]
        if isinstance(event, Picture):
            version = _keep(event, jobs[place], engine.build, blobs)
            findings = said[place] + [
                finding
                for critic in critics
                for finding in critic.look(version, event.image, event.trace, event.notes)
            ]
            records.add(version, job=jobs[place], findings=findings)
            missing.discard(place)
            yield jobs[place], version
        if on_event is not None:
            on_event(replace(event, index=place))
    if missing:
        raise EngineFailed(
            f"engine '{engine.name}' ended without {len(missing)} of {len(recipes)} pictures",
            hint="run the command again; what was finished is kept",
        )


def _watched(events: Iterator[Event], jobs: Sequence[Job], records: Records) -> Iterator[Event]:
    """A service's refusal to draw something stays with the version that it was to start from."""
    left = list(range(len(jobs)))
    try:
        for event in events:
            if isinstance(event, Picture):
                left.remove(event.index)
            yield event
    except Moderated as error:
        told = Finding(
            critic="engine", name="moderated", message=str(error), severity="note", score=0.0
        )
        for parent in jobs[left[0]].parents if left else ():
            records.add_findings(parent, [told])
        raise


def _said(substitutions: Sequence[Substitution]) -> list[Finding]:
    """What the engine said beforehand stays with the picture, so that nobody has to remember."""
    return [
        Finding(
            critic="engine",
            name=f"instead:{item.asked}",
            message=f"'{item.asked}' was drawn as {item.given}: {item.reason}",
            severity="warning",
            score=0.5,
            words=(item.asked,),
        )
        for item in substitutions
    ]


def find_known(recipe: Recipe, build: str, records: Records, *, maps: bool) -> Version | None:
    """A version of this recipe by this build, with token maps if they are wanted."""
    for version in records.find(recipe.digest, build):
        if version.trace is not None or not maps or recipe.prompt is None:
            return version
    return None


def repeat(
    known: Version,
    operation: str,
    parents: Sequence[str],
    records: Records,
    job: Job | None = None,
) -> Version:
    """A new version with the recipe, picture and token maps of a known one, at no cost; the end
    of ``job``, if there is one.

    Raises:
        VersionUnknown: when a parent is not there.
        JobLost: when another process has the job by now.
    """
    version = make_version(
        parents=parents,
        operation=operation,
        recipe=known.recipe,
        image=known.image,
        size=known.size,
        trace=known.trace,
        build=known.build,
        cost=Cost(),
        created_at=datetime.now(UTC),
    )
    records.add(version, job=job, findings=records.findings(known.id))
    return version


def _begin(job: Job, records: Records) -> Job:
    running = job.to(Status.RUNNING).model_copy(update={"owner": this_process()})
    records.open_job(running)
    return running


def _keep(picture: Picture, job: Job, build: str, blobs: Blobs) -> Version:
    image = blobs.put(encode_png(picture.image))
    trace = blobs.put(pack_trace(picture.trace)) if picture.trace is not None else None
    return make_version(
        parents=job.parents,
        operation=job.operation,
        recipe=job.recipe,
        image=image,
        size=size_of(picture.image),
        trace=trace,
        build=build,
        cost=Cost(seconds=round(picture.seconds, 3), money=picture.money),
        created_at=datetime.now(UTC),
    )
