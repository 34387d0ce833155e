"""From recipes to versions: check, open jobs, draw, keep each picture the moment it is done."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image

from maquette.core.cost import Cost
from maquette.core.finding import Finding
from maquette.core.job import Job, Status
from maquette.core.picture import decode_mask, decode_picture, encode_png, size_of
from maquette.core.recipe import Inpaint, Recipe, TextToImage
from maquette.core.trace import pack_trace
from maquette.core.version import Version, make_version
from maquette.critics.base import Critic
from maquette.engines.base import Cancel, Engine, Event, Picture, Substitution
from maquette.errors import Cancelled, EngineFailed, MaquetteError
from maquette.storage.base import Blobs, Records

__all__ = ["Order", "load_inputs", "produce", "repeat"]


@dataclass(frozen=True)
class Order:
    """What is to be made: recipes of one operation on the same parents."""

    operation: str
    recipes: tuple[Recipe, ...]
    parents: tuple[str, ...] = ()


def load_inputs(recipes: Sequence[Recipe], blobs: Blobs) -> dict[str, Image.Image]:
    """Decode every picture and mask that the recipes name.

    Raises:
        BlobMissing, BlobDamaged, PictureRefused, MaskRefused.
    """
    inputs: dict[str, Image.Image] = {}
    for recipe in recipes:
        task = recipe.task
        if isinstance(task, TextToImage):
            continue
        if task.image not in inputs:
            inputs[task.image] = decode_picture(blobs.get(task.image), name="the picture")
        if isinstance(task, Inpaint) and task.mask not in inputs:
            size = size_of(inputs[task.image])
            inputs[task.mask] = decode_mask(blobs.get(task.mask), size=size)
    return inputs


def produce(
    order: Order,
    *,
    engine: Engine,
    blobs: Blobs,
    records: Records,
    critics: Sequence[Critic] = (),
    maps: bool = True,
    previews: bool = False,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_version: Callable[[Version], None] | None = None,
) -> list[Version]:
    """Make a version of each recipe, in the order's order.

    A recipe that this very build has drawn before is not drawn again: a new version gets the
    picture that is there, at no cost. Each version is stored as soon as its picture is there, so
    an interruption loses nothing that was finished; ``on_version`` hears of it then.

    Raises:
        RecipeRefused, SettingRefused: before anything is queued.
        Cancelled, EngineFailed, StorageFull: the versions made until then are kept.
    """
    said = [_said(engine.check(recipe)) for recipe in order.recipes]
    made: dict[int, Version] = {}
    for index, recipe in enumerate(order.recipes):
        known = _known(recipe, engine.build, records, maps=maps)
        if known is not None:
            made[index] = repeat(known, order.operation, order.parents, records)
    waiting = [index for index in range(len(order.recipes)) if index not in made]
    if not waiting:
        return [made[index] for index in range(len(order.recipes))]

    recipes = [order.recipes[index] for index in waiting]
    inputs = load_inputs(recipes, blobs)
    jobs = [_open_job(recipe, order, records) for recipe in recipes]
    ended = Status.FAILED, "stopped by an unforeseen fault"
    try:
        for event in engine.run(recipes, inputs, maps=maps, previews=previews, cancel=cancel):
            if isinstance(event, Picture):
                version = _keep(event, recipes[event.index], order, engine.build, blobs)
                findings = said[waiting[event.index]] + [
                    finding
                    for critic in critics
                    for finding in critic.look(version, event.image, event.trace, event.notes)
                ]
                records.add(version, job=jobs[event.index], findings=findings)
                made[waiting[event.index]] = version
                if on_version is not None:
                    on_version(version)
            if on_event is not None:
                on_event(event)
        ended = Status.FAILED, "the engine ended without this picture"
    except (Cancelled, KeyboardInterrupt) as stop:
        ended = Status.CANCELLED, "stopped by the person"
        raise Cancelled(_kept(made, order)) from stop
    except MaquetteError as error:
        ended = Status.FAILED, str(error)
        raise
    finally:
        open_jobs = [job for place, job in enumerate(jobs) if waiting[place] not in made]
        _close_jobs(open_jobs, *ended, records)
    missing = [index for index in waiting if index not in made]
    if missing:
        raise EngineFailed(
            f"engine '{engine.name}' ended without {len(missing)} of {len(recipes)} pictures",
            hint="run the command again; what was finished is kept",
        )
    return [made[index] for index in range(len(order.recipes))]


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


def _known(recipe: Recipe, build: str, records: Records, *, maps: bool) -> Version | None:
    """A version of this recipe by this build, with token maps if they are wanted."""
    for version in records.find(recipe.digest, build):
        if version.trace is not None or not maps or recipe.prompt is None:
            return version
    return None


def repeat(known: Version, operation: str, parents: Sequence[str], records: Records) -> Version:
    """A new version with the recipe, picture and token maps of a known one, at no cost.

    Raises:
        VersionUnknown: when a parent is not there.
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
    records.add(version, findings=records.findings(known.id))
    return version


def _open_job(recipe: Recipe, order: Order, records: Records) -> Job:
    job = Job(
        id=uuid.uuid4().hex,
        operation=order.operation,
        recipe=recipe,
        parents=order.parents,
        status=Status.RUNNING,
        owner=f"{os.getpid()}@{socket.gethostname()}",
        created_at=datetime.now(UTC),
    )
    records.open_job(job)
    return job


def _close_jobs(jobs: Sequence[Job], status: Status, message: str, records: Records) -> None:
    for job in jobs:
        records.move_job(job.to(status, message=message))


def _kept(made: dict[int, Version], order: Order) -> str:
    return f"stopped; {len(made)} of {len(order.recipes)} finished and kept"


def _keep(picture: Picture, recipe: Recipe, order: Order, build: str, blobs: Blobs) -> Version:
    image = blobs.put(encode_png(picture.image))
    trace = blobs.put(pack_trace(picture.trace)) if picture.trace is not None else None
    return make_version(
        parents=order.parents,
        operation=order.operation,
        recipe=recipe,
        image=image,
        size=size_of(picture.image),
        trace=trace,
        build=build,
        cost=Cost(seconds=round(picture.seconds, 3)),
        created_at=datetime.now(UTC),
    )
