"""Work on finished pictures: enlarging, faces, what a file says, what a picture shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.exchange.containers import read_texts
from maquette.exchange.infotext import pairs, read_infotext, unquote
from maquette.server.answers import answer
from maquette.server.compat.a1111.asked import Extras, read
from maquette.server.compat.a1111.calls import at_work, begun_by
from maquette.server.compat.a1111.making import FACE
from maquette.server.compat.a1111.state import Work
from maquette.server.compat.asking import ask, made
from maquette.server.compat.bodies import json_body
from maquette.server.compat.drawing import told_by
from maquette.server.compat.home import context_of, room_of
from maquette.server.compat.pictures import in_base64, out_base64, released, taken
from maquette.server.context import Context, Room
from maquette.server.problems import HttpRefused
from maquette.stages.order import Order

__all__ = ["batch", "interrogate", "png_info", "single"]


async def single(request: Request) -> Response:
    """``POST /sdapi/v1/extra-single-image``."""
    context, room = context_of(request), await room_of(request)
    asked = read(Extras, await json_body(request))
    with at_work(room, 1) as work:
        image, said = await _finished(context, room, asked, asked.image, work)
    shown = out_base64(image) if asked.show_extras_results else None
    return answer({"html_info": _html(said), "image": shown})


async def batch(request: Request) -> Response:
    """``POST /sdapi/v1/extra-batch-images``."""
    context, room = context_of(request), await room_of(request)
    asked = read(Extras, await json_body(request))
    images: list[str] = []
    said: list[str] = []
    with at_work(room, len(asked.imageList)) as work:
        for each in asked.imageList:
            image, says = await _finished(context, room, asked, str(each.get("data", "")), work)
            images.append(out_base64(image))
            said += [line for line in says if line not in said]
    return answer({"html_info": _html(said), "images": images})


async def _finished(
    context: Context, room: Room, asked: Extras, text: str, work: Work
) -> tuple[bytes, list[str]]:
    said: list[str] = []
    version = await run_in_threadpool(lambda: taken(room, in_base64(text)))
    steps: list[Callable[[Version], Order | None]] = [
        lambda before: _faces(room, before, asked),
        lambda before: _enlarged(room, before, asked, said),
    ]
    for step in reversed(steps) if asked.upscale_first else steps:
        version = await _carried_out(context, room, version, step, work)
    return await run_in_threadpool(released, room, version), said


async def _carried_out(
    context: Context,
    room: Room,
    version: Version,
    step: Callable[[Version], Order | None],
    work: Work,
) -> Version:
    order = await run_in_threadpool(step, version)
    if order is None:
        return version
    jobs = await ask(
        context,
        room,
        lambda: told_by(order, FACE),
        hear=work.hear,
        begun=begun_by(room, work),
        keep=True,
    )
    return (await run_in_threadpool(made, room, jobs))[0]


def _faces(room: Room, version: Version, asked: Extras) -> Order | None:
    strength = max(asked.gfpgan_visibility, asked.codeformer_visibility)
    if not strength:
        return None
    return room.studio.orders.restore(version, strength=strength)


def _enlarged(room: Room, version: Version, asked: Extras, said: list[str]) -> Order | None:
    name = asked.upscaler_1
    if name in {"", "None"}:
        return None
    if asked.upscaler_2 not in {"", "None"} and asked.extras_upscaler_2_visibility:
        said.append(f"{asked.upscaler_2} is not mixed in")
    scale = asked.upscaling_resize
    if asked.resize_mode == 1:
        across = asked.upscaling_resize_w / version.size.width
        down = asked.upscaling_resize_h / version.size.height
        scale = min(across, down)
        if across != down:
            said.append("fitted into the size that was asked for, in its own shape")
    if scale == 1:
        return None
    if name == "Lanczos":
        return room.studio.orders.upscale(version, scale)
    if name not in _upscalers(room):
        raise SettingRefused(
            f"no upscaler '{name[:60]}'", hint=f"there are: None, {', '.join(_upscalers(room))}"
        )
    return room.studio.orders.upscale(version, scale, method="learned", model=name)


def _upscalers(room: Room) -> list[str]:
    from maquette.engines.learned.catalogue import networks

    found = networks("upscalers", room.studio.settings.models)
    return ["Lanczos", *(each.name for each in found if not each.problem)]


def _html(said: list[str]) -> str:
    return "".join(f"<p>{line}</p>" for line in said)


async def png_info(request: Request) -> Response:
    """``POST /sdapi/v1/png-info``: what a file says of how it was made."""
    body = await json_body(request)
    data = in_base64(str(body.get("image") or ""))
    if not data:
        raise HttpRefused(404, "image-missing", "Image not found")
    return answer(await run_in_threadpool(_told, data))


def _told(data: bytes) -> dict[str, Any]:
    texts = dict(read_texts(data).texts)
    info = texts.get("parameters", "")
    if not info:
        return {"info": "", "items": texts, "parameters": {}}
    known = read_infotext(info)
    last = info.strip().split("\n")[-1]
    parameters: dict[str, Any] = {"Prompt": known.prompt, "Negative prompt": known.negative}
    parameters |= {key: unquote(value) for key, value in pairs(last)}
    if known.size is not None:
        parameters |= {"Size-1": known.size.width, "Size-2": known.size.height}
    return {"info": info, "items": texts, "parameters": parameters}


async def interrogate(request: Request) -> Response:
    """``POST /sdapi/v1/interrogate``: the words of a picture that are known. No network here
    looks at a picture and finds some."""
    room, body = await room_of(request), await json_body(request)
    data = in_base64(str(body.get("image") or ""))
    if not data:
        raise HttpRefused(404, "image-missing", "Image not found")
    version = await run_in_threadpool(taken, room, data)
    prompt = version.recipe.prompt
    if prompt is None or not prompt.text.strip():
        raise HttpRefused(
            404, "model-missing", "Model not found", hint="nobody knows this picture's words"
        )
    return answer({"caption": prompt.text})
