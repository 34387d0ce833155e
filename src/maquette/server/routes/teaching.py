"""Teaching: datasets curated, trainings ordered, and how far they are."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from maquette.core.dataset import Dataset
from maquette.core.geometry import Box
from maquette.errors import SettingRefused
from maquette.server.answers import answer
from maquette.server.context import Open, Room
from maquette.server.described import fails
from maquette.server.routes.operations import FAILS, Key, queued
from maquette.server.shapes_teaching import (
    Curate,
    DatasetOut,
    Datasets,
    EntryOut,
    PointOut,
    RemarkOut,
    ReportOut,
    SheetOut,
    Train,
    TrainingOut,
    Trainings,
    TrainingSummary,
)
from maquette.server.shapes_work import Accepted
from maquette.stages.teaching import Progressed

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project}", tags=["teaching"])

Name = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$",
        description="A dataset, as `datasets` lists it.",
        examples=["pim"],
    ),
]
Training = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$",
        description="A training by its digest, a prefix of it, or its adapter's name.",
        examples=["pim"],
    ),
]


@router.get(
    "/datasets", summary="List datasets", response_model=Datasets, responses=fails(404, 422, 503)
)
def list_datasets(room: Open) -> Response:
    """Those that were curated here, by name."""
    return answer(Datasets(items=room.studio.datasets.names()))


@router.get(
    "/datasets/{name}",
    summary="See a dataset",
    response_model=DatasetOut,
    responses=fails(404, 422, 503),
)
def show_dataset(room: Open, name: Name) -> Response:
    """Its pictures with their captions and what is amiss with them, as they stand."""
    return answer(_dataset(room, room.studio.dataset(name)))


@router.post(
    "/datasets/{name}",
    summary="Curate a dataset",
    response_model=DatasetOut,
    responses=FAILS,
)
def curate_dataset(room: Open, name: Name, body: Curate) -> Response:
    """Makes the dataset if there is none of that name, adds versions to it, and changes captions,
    crops and what is learned from; the new revision. Duplicates, blurred, empty and too small
    pictures are left out unless they are kept."""
    studio = room.studio
    edits = body.edits
    dataset = studio.curate(
        name,
        [studio.version(each) for each in body.add],
        trigger=body.trigger,
        subject=body.subject,
        licence=body.licence,
        captions={each.number: each.caption for each in edits if each.caption is not None},
        keep=[each.number for each in edits if each.kept is True],
        drop=[each.number for each in edits if each.kept is False],
        crops={each.number: _box(each.crop) for each in edits if each.crop is not None},
    )
    return answer(_dataset(room, dataset))


@router.post(
    "/operations/train",
    status_code=202,
    summary="Teach the model",
    response_model=Accepted,
    responses=FAILS,
)
def train(room: Open, body: Train, key: Key = None) -> Response:
    """A LoRA, one by DreamBooth, or a learned word, of a dataset's pictures. A long job: it gives
    way to more urgent ones and goes on afterwards, and a kill costs it a few steps at most. Its
    result: `{training, name, kind, adapter, identity, samples, sheet}`."""
    given: dict[str, Any] = body.model_dump(exclude={"priority"})
    return queued(room, body, key, lambda: room.studio.orders.train(**given), body.priority)


@router.get(
    "/trainings",
    summary="List trainings",
    response_model=Trainings,
    responses=fails(404, 422, 503),
)
def list_trainings(room: Open) -> Response:
    """Those that were begun, the latest first."""
    return answer(Trainings(items=[_summary(each) for each in room.studio.trainings()]))


@router.get(
    "/trainings/{training}",
    summary="See a training",
    response_model=TrainingOut,
    responses=fails(404, 422, 503),
)
def show_training(room: Open, training: Training) -> Response:
    """How far it is: losses, sheets, and once it is done figures, samples and the prompt guide.
    Pictures are fetched by their digests."""
    found = room.studio.training(training)
    report = found.report
    told = None
    if report is not None:
        values = report.model_dump(mode="json")
        told = ReportOut.model_validate({**values, "adapter": report.adapter.digest})
    return answer(
        TrainingOut(
            **_summary(found).model_dump(),
            losses=[PointOut(step=step, loss=loss) for step, loss in found.losses],
            sheets=[SheetOut(step=step, image=image) for step, image in found.sheets],
            samples=list(found.training.samples),
            report=told,
        )
    )


def _summary(found: Progressed) -> TrainingSummary:
    of = found.training
    return TrainingSummary(
        training=of.digest,
        name=of.name,
        method=of.method.kind,
        trigger=of.trigger,
        model=of.model.name,
        licence=of.licence,
        examples=len(of.examples),
        step=found.step,
        steps=of.course.steps,
        done=found.report is not None,
    )


def _dataset(room: Room, dataset: Dataset) -> DatasetOut:
    entries = [
        EntryOut(
            number=number,
            image=entry.image,
            source=entry.source,
            width=entry.size.width,
            height=entry.size.height,
            used=entry.used,
            kept=entry.kept,
            caption=entry.caption,
            told=entry.told,
            reads=dataset.caption_of(entry),
            crop=None
            if entry.box is None
            else [entry.box.x, entry.box.y, entry.box.width, entry.box.height],
            sharpness=entry.sharpness,
            remarks=[RemarkOut.model_validate(each.model_dump()) for each in entry.remarks],
        )
        for number, entry in enumerate(dataset.entries, 1)
    ]
    return DatasetOut(
        name=dataset.name,
        revision=room.studio.datasets.revisions(dataset.name)[-1].number,
        trigger=dataset.trigger or dataset.name,
        subject=dataset.subject,
        licence=dataset.licence,
        used=len(dataset.used),
        entries=entries,
    )


def _box(sides: list[int]) -> Box:
    x, y, width, height = sides
    if min(x, y) < 0 or min(width, height) < 1:
        raise SettingRefused(f"the crop {sides} is none", hint="x, y, width and height in pixels")
    return Box(x=x, y=y, width=width, height=height)
