"""Maps and references to be used, and the adapters that use them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from PIL import Image
from pydantic import ValidationError

from maquette.core.adapter import Adapter
from maquette.core.figure import FIGURE
from maquette.core.picture import FORMATS, decode_picture, encode_png
from maquette.engines.base import Adapting
from maquette.errors import ModelMissing
from maquette.server.answers import answer
from maquette.server.context import Here, Open, Room
from maquette.server.described import fails, picture_answer
from maquette.server.shapes_steering import AdapterOut, Adapters, Condition, ControlAsk, MapOut
from maquette.server.uploads import PictureBody, upload_body
from maquette.settings import Settings
from maquette.studio.catalogue import Catalogue

__all__ = ["router"]

router = APIRouter()

_JSON = {
    "application/json": {
        "schema": {"$ref": "#/components/schemas/ControlAsk"},
        "examples": {"edges": {"value": {"version": "@", "kind": "canny"}}},
    }
}


@router.post(
    "/projects/{project}/controls",
    status_code=201,
    tags=["pictures"],
    summary="Keep a control map or a reference",
    response_model=MapOut,
    responses=fails(400, 404, 409, 413, 415, 422, 503),
    openapi_extra=upload_body(
        f"A picture ({', '.join(FORMATS)}); or, as JSON, of which to make a map.", more=_JSON
    ),
)
def make_control(
    room: Open,
    request: Request,
    data: PictureBody,
    kind: Annotated[
        Condition | None,
        Query(
            description="Of an uploaded picture: make this map of it; else it is kept as it is.",
            examples=["canny"],
        ),
    ] = None,
) -> Response:
    """A picture kept under its digest, for `control` and `reference` of a drawing. A map can be
    fetched, painted over and sent back before it is used."""
    if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        return _kept(room, _made(room, _asked(data)))
    image = decode_picture(data)
    return _kept(room, room.studio.control_map(image, kind) if kind is not None else image)


@router.get(
    "/adapters",
    tags=["studio"],
    summary="List adapters",
    response_model=Adapters,
    responses=fails(404, 422, 503),
)
def list_adapters(
    context: Here,
    model: Annotated[
        str | None,
        Query(
            pattern=r"^[^/\\]{1,200}$",
            description="For this model, by name; null = the default.",
            examples=["postcard"],
        ),
    ] = None,
) -> Response:
    """LoRAs, learned words, control and reference networks, with what does not fit and why."""
    named = {offer.name for offer in context.catalogue.offers()}
    engine = context.catalogue.engine(None, model if model in named else None)
    found = engine.adapters() if isinstance(engine, Adapting) else ()
    items = [
        AdapterOut(
            **each.model_dump(exclude={"path", "figures"}),
            skeleton=FIGURE if each.figures else None,
        )
        for each in found
    ]
    return answer(Adapters(items=items))


@router.get(
    "/adapters/{name}/file",
    tags=["studio"],
    summary="Get an adapter's file",
    response_class=Response,
    responses={
        **picture_answer("application/octet-stream", says="A safetensors file."),
        **fails(404, 422, 503),
    },
)
def get_adapter(
    context: Here,
    name: Annotated[
        str,
        Path(
            min_length=1,
            max_length=200,
            description="A LoRA or learned word, as `adapters` lists it.",
            examples=["pim"],
        ),
    ],
    layout: Annotated[
        Literal["own", "kohya"],
        Query(description="As it is; or, of a LoRA, as Kohya's scripts write it."),
    ] = "own",
) -> Response:
    """For other programs: what was taught here, or any other LoRA or learned word at hand."""
    engine, adapter = _named(context.catalogue, name)
    if layout == "own":
        data = engine.written(adapter, layout)
    else:
        data = context.apart.call(_written, context.catalogue.settings, name, layout)
    headers = {
        "Content-Disposition": 'attachment; filename="adapter.safetensors"',
        "Cache-Control": "no-store",
    }
    return Response(data, 200, headers, "application/octet-stream")


def _named(catalogue: Catalogue, name: str) -> tuple[Adapting, Adapter]:
    engine = catalogue.engine()
    # By its name alone: what a request says must not be read as a path of the machine.
    known = engine.adapters() if isinstance(engine, Adapting) else ()
    found = next((a for a in known if a.name == name and a.kind in {"lora", "embedding"}), None)
    if found is None or not isinstance(engine, Adapting):
        raise ModelMissing(f"there is no LoRA and no learned word '{name[:60]}'")
    return engine, found


def _written(settings: Settings, name: str, layout: str) -> bytes:
    """For a process apart, since other layouts are written with torch."""
    engine, adapter = _named(Catalogue(settings), name)
    return engine.written(adapter, layout)


def _asked(data: bytes) -> ControlAsk:
    try:
        return ControlAsk.model_validate_json(data)
    except ValidationError as error:
        raise RequestValidationError(
            [
                {**item, "loc": ("body", *item["loc"]), "ctx": {}}
                for item in error.errors(include_context=False)
            ]
        ) from error


def _made(room: Room, asked: ControlAsk) -> Image.Image:
    source = (
        room.studio.blobs.get(asked.image)
        if asked.image is not None
        else room.studio.version(asked.version or "@")
    )
    return room.studio.control_map(source, asked.kind, size=asked.size)


def _kept(room: Room, image: Image.Image) -> Response:
    digest = room.studio.blobs.put(encode_png(image))
    where = f"/api/v1/projects/{room.id}/pictures/{digest}"
    found = MapOut(digest=digest, width=image.width, height=image.height)
    return answer(found, 201, {"Location": where})
