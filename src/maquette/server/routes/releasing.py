"""Releasing: a version as a file for the world, and what a file from anyone says of itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fastapi import APIRouter, Response

from maquette.server.answers import answer
from maquette.server.context import Here, Open, Room
from maquette.server.described import fails, picture_answer
from maquette.server.shapes_release import (
    ActionOut,
    Export,
    VerdictOut,
    WorkflowAsk,
    WorkflowOut,
)
from maquette.server.uploads import PictureBody, upload_body
from maquette.stages.release import Release
from maquette.studio import verify_file
from maquette.studio.workflows import workflow_of

__all__ = ["file_of", "router"]

router = APIRouter(tags=["releasing"])

_SUFFIX = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


@router.post(
    "/projects/{project}/exports",
    summary="Export a version",
    response_class=Response,
    responses={
        **picture_answer("image/png", "image/jpeg", "image/webp", says="The file."),
        **fails(400, 404, 409, 422, 503),
    },
)
def export(room: Open, body: Export) -> Response:
    """The version's picture with its metadata, the mark that says it was made by a machine, and
    signed credentials. The answer is the file itself."""
    name, data, done = file_of(room, body)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Maquette-Digest": done.digest,
        "X-Maquette-Signed": "true" if done.signed else "false",
    }
    return Response(data, 200, headers, f"image/{body.format}")


def file_of(room: Room, body: Export) -> tuple[str, bytes, Release]:
    """The name and bytes of a version's file for the world, and what is said of it (its path is
    gone by then).

    Raises:
        VersionUnknown, AmbiguousVersion, ExportRefused, KeyRefused, StorageFull.
    """
    version = room.studio.version(body.version)
    name = f"{room.id}-{version.short}{_SUFFIX[body.format]}"
    with tempfile.TemporaryDirectory(prefix="maquette-export-") as folder:
        done = room.studio.export(
            version,
            Path(folder) / name,
            format=body.format,
            quality=body.quality,
            prompts=body.prompts,
            sign=body.sign,
        )
        return name, done.path.read_bytes(), done


@router.post(
    "/projects/{project}/workflows",
    summary="Export a workflow",
    response_model=WorkflowOut,
    responses=fails(400, 404, 409, 422, 503),
)
def export_workflow(room: Open, body: WorkflowAsk) -> Response:
    """The version, with the versions that it was made from, as a graph of ComfyUI's own nodes.
    `pictures/{digest}` has the files that it loads."""
    found = workflow_of(room.studio, room.studio.chain(body.version), body.kind)
    return answer(
        WorkflowOut(
            workflow=found.graph,
            pictures=dict(found.pictures),
            models=list(found.models),
            notes=list(found.notes),
        )
    )


@router.post(
    "/verify",
    summary="Verify a file",
    response_model=VerdictOut,
    responses=fails(413, 422),
    openapi_extra=upload_body("A picture file from anyone."),
)
def verify(context: Here, data: PictureBody) -> Response:
    """Who signed a file, whether it was changed since, and what its history says. Nothing of it is
    kept, and nothing is fetched."""
    found = verify_file(data, context.rooms.settings)
    return answer(
        VerdictOut(
            state=found.state,
            signer=found.signer,
            signed_at=found.signed_at,
            generator=found.generator,
            digital_source_type=found.digital_source_type,
            actions=[
                ActionOut(
                    action=item.action,
                    when=item.when,
                    description=item.description,
                    software=item.software,
                    digital_source_type=item.digital_source_type,
                    details=dict(item.details),
                )
                for item in found.actions
            ],
            problems=list(found.problems),
        )
    )
