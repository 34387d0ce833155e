"""The face: its addresses."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from maquette.server.answers import answer
from maquette.server.compat.a1111 import calls, extras, listing
from maquette.server.compat.a1111.answering import refuse
from maquette.server.compat.faces import Endpoint, Face
from maquette.server.problems import HttpRefused

__all__ = ["face"]

_ALL = ("GET", "POST", "PUT", "PATCH", "DELETE")
_V1 = "/sdapi/v1"
_CALLS: dict[str, Endpoint] = {
    f"{_V1}/txt2img": calls.text_to_image,
    f"{_V1}/img2img": calls.image_to_image,
    f"{_V1}/interrupt": calls.interrupt,
    f"{_V1}/skip": calls.skip,
    f"{_V1}/extra-single-image": extras.single,
    f"{_V1}/extra-batch-images": extras.batch,
    f"{_V1}/png-info": extras.png_info,
    f"{_V1}/interrogate": extras.interrogate,
    f"{_V1}/options": listing.set_options,
    "/controlnet/detect": listing.detect,
}


async def done(request: Request) -> Response:
    """Calls that ask for what happens here by itself: models are read when they are needed."""
    _ = request
    return answer({})


async def nothing_here(request: Request) -> Response:
    """Everything else."""
    _ = request
    raise HttpRefused(404, "not-found", "Not Found")


def face() -> Face:
    """See ``compat.faces``."""
    idle = ("refresh-checkpoints", "refresh-vae", "refresh-loras", "refresh-embeddings")
    idle += ("unload-checkpoint", "reload-checkpoint")
    return Face(
        name="a1111",
        paths=r"/(sdapi|controlnet)(/|$)",
        routes=(
            *((("POST",), path, call) for path, call in _CALLS.items()),
            *((("GET",), path, told) for path, told in listing.LISTS.items()),
            (("GET",), f"{_V1}/progress", calls.progress),
            (("GET",), f"{_V1}/options", listing.get_options),
            *((("POST",), f"{_V1}/{name}", done) for name in idle),
            (_ALL, "/sdapi/{rest:path}", nothing_here),
            (_ALL, "/controlnet/{rest:path}", nothing_here),
        ),
        refuse=refuse,
    )
