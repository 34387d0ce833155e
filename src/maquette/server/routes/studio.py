"""The studio itself: models at hand, and the session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from maquette import __version__
from maquette.core.capabilities import Capabilities
from maquette.core.picture import MAX_BYTES, MAX_PIXELS
from maquette.server.answers import answer
from maquette.server.context import Here, Open
from maquette.server.described import fails
from maquette.server.estimating import Asked, estimate
from maquette.server.shapes_words import (
    Estimate,
    EstimateQuery,
    ModelOut,
    Models,
    PresetOut,
    SessionOut,
)
from maquette.studio.catalogue import Offer

__all__ = ["router"]

router = APIRouter(tags=["studio"])


@router.get("/models", summary="List models", response_model=Models, responses=fails(422, 503))
def list_models(context: Here) -> Response:
    """The models at hand and what each can do: tasks, presets, sizes, samplers, its words."""
    return answer(Models(items=[model_out(offer) for offer in context.catalogue.offers()]))


@router.get("/session", summary="See the session", response_model=SessionOut, responses=fails())
def get_session(context: Here) -> Response:
    """What the browser asks first."""
    return answer(
        SessionOut(
            version=__version__,
            csrf=context.access.csrf,
            role="owner",
            loopback=context.access.loopback,
            limits={"picture_bytes": MAX_BYTES, "picture_pixels": MAX_PIXELS},
        ),
        headers={"Cache-Control": "no-store"},
    )


@router.get(
    "/projects/{project}/estimate",
    summary="Estimate how long it takes",
    response_model=Estimate,
    responses=fails(404, 422, 503),
)
def get_estimate(room: Open, context: Here, asked: Annotated[EstimateQuery, Query()]) -> Response:
    """By what the newest versions of this project took on this machine."""
    past = room.past(room.studio.stamp())
    given = Asked(**asked.model_dump())
    return answer(estimate(given, past, context.capabilities()))


def model_out(offer: Offer) -> ModelOut:
    """A model and what its engine can do with it."""
    able: Capabilities = offer.capabilities
    return ModelOut(
        name=offer.name,
        digest=able.model.digest if able.model else None,
        engine=able.engine,
        default=offer.default,
        tasks=sorted(able.tasks),
        presets={
            name: PresetOut(
                sampler=preset.sampler,
                steps=preset.steps,
                guidance=preset.guidance,
                loras=[lora.name for lora in preset.loras],
            )
            for name, preset in able.presets.items()
        },
        width=able.best_size.width,
        height=able.best_size.height,
        multiple=able.multiple,
        min_side=able.min_side,
        max_side=able.max_side,
        max_steps=able.max_steps,
        samplers=list(able.samplers),
        interpreters=sorted(able.interpreters),
        token_maps=able.token_maps,
        vocabulary=sorted(able.vocabulary) if able.vocabulary is not None else None,
        negatives=able.negatives,
        family=able.family,
        notes=list(able.notes),
        licence=able.licence,
        clip=offer.clip,
    )
