"""What that program lists: models, samplers, adapters, its options; most of it is read once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from maquette.core.adapter import Adapter
from maquette.core.capabilities import Capabilities
from maquette.engines.base import Adapting
from maquette.engines.learned.catalogue import networks
from maquette.exchange.samplers import A1111_NAMES
from maquette.operations.controls import KINDS
from maquette.server.answers import answer
from maquette.server.compat.a1111 import styles
from maquette.server.compat.a1111.making import model_named, title_of
from maquette.server.compat.a1111.state import state_of
from maquette.server.compat.a1111.units import condition_of
from maquette.server.compat.bodies import json_body
from maquette.server.compat.faces import Endpoint
from maquette.server.compat.home import context_of, room_of, studio_with
from maquette.server.compat.pictures import in_base64, out_base64
from maquette.server.context import Context, Room
from maquette.studio.steering import FILLING

__all__ = ["LISTS", "detect", "get_options", "set_options"]

Listed = Callable[[Context, Room], Any]


def _listing(made: Listed) -> Endpoint:
    async def listed(request: Request) -> Response:
        room = await room_of(request)
        return answer(await run_in_threadpool(made, context_of(request), room))

    return listed


def _able(context: Context, room: Room) -> Capabilities:
    chosen = state_of(room).options.get("sd_model_checkpoint")
    name = model_named(context, str(chosen)) if chosen else None
    return studio_with(context, room, name).capabilities()


def _adapters(context: Context, room: Room) -> list[Adapter]:
    chosen = state_of(room).options.get("sd_model_checkpoint")
    name = model_named(context, str(chosen)) if chosen else None
    engine = context.catalogue.engine(None, name)
    found = engine.adapters() if isinstance(engine, Adapting) else ()
    return [each for each in found if not each.misfit]


def models(context: Context, room: Room) -> list[dict[str, Any]]:
    """Checkpoints. Their files are nobody's business: ``filename`` is the name alone."""
    _ = room
    return [
        {
            "title": title_of(offer.capabilities),
            "model_name": offer.name,
            "hash": offer.capabilities.model.digest[:10] if offer.capabilities.model else None,
            "sha256": offer.capabilities.model.digest if offer.capabilities.model else None,
            "filename": offer.name,
            "config": None,
        }
        for offer in context.catalogue.offers()
    ]


def samplers(context: Context, room: Room) -> list[dict[str, Any]]:
    """Samplers of the checkpoint in use."""
    able = _able(context, room)
    return [
        {"name": theirs, "aliases": [ours], "options": {}}
        for ours, theirs in A1111_NAMES.items()
        if not able.samplers or ours in able.samplers
    ]


def schedulers(context: Context, room: Room) -> list[dict[str, Any]]:
    """One: each sampler has its own."""
    _ = context, room
    return [
        {
            "name": "automatic",
            "label": "Automatic",
            "aliases": None,
            "default_rho": -1.0,
            "need_inner_model": False,
        }
    ]


def upscalers(context: Context, room: Room) -> list[dict[str, Any]]:
    """Lanczos, and the networks that are at hand."""
    _ = context
    found = networks("upscalers", room.studio.settings.models)
    names = ["None", "Lanczos", *(each.name for each in found if not each.problem)]
    return [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": 4.0}
        for name in names
    ]


def restorers(context: Context, room: Room) -> list[dict[str, Any]]:
    """Networks that draw faces anew."""
    _ = context
    found = networks("restorers", room.studio.settings.models)
    return [{"name": each.name, "cmd_dir": None} for each in found if not each.problem]


def loras(context: Context, room: Room) -> list[dict[str, Any]]:
    """LoRAs that go with the checkpoint."""
    return [
        {
            "name": each.name,
            "alias": each.name,
            "path": each.name,
            "metadata": {"ss_tag_frequency": {}, "trigger": each.trigger},
        }
        for each in _adapters(context, room)
        if each.kind == "lora"
    ]


def embeddings(context: Context, room: Room) -> dict[str, Any]:
    """Learned words."""
    about = {
        "step": None,
        "sd_checkpoint": None,
        "sd_checkpoint_name": None,
        "shape": 0,
        "vectors": 1,
    }
    found = _adapters(context, room)
    return {"loaded": {e.name: about for e in found if e.kind == "embedding"}, "skipped": {}}


def scripts(context: Context, room: Room) -> dict[str, list[str]]:
    """ControlNet's, where the checkpoint takes adapters."""
    _ = room
    names = ["controlnet"] if isinstance(context.catalogue.engine(), Adapting) else []
    return {"txt2img": names, "img2img": names}


def script_info(context: Context, room: Room) -> list[dict[str, Any]]:
    """The same with arguments: units are told of in ControlNet's own documents."""
    return [
        {"name": name, "is_alwayson": True, "is_img2img": kind == "img2img", "args": []}
        for kind, names in scripts(context, room).items()
        for name in names
    ]


def memory(context: Context, room: Room) -> dict[str, Any]:
    """Of this machine in bytes; the workers that draw have their own."""
    _ = context, room
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
    ram = {"free": free, "used": total - free, "total": total}
    return {"ram": ram, "cuda": {"error": "workers draw, not this process"}}


def control_models(context: Context, room: Room) -> dict[str, list[str]]:
    """Control networks that go with the checkpoint."""
    kinds = {"control", "t2i-adapter"}
    return {"model_list": [each.name for each in _adapters(context, room) if each.kind in kinds]}


def control_modules(context: Context, room: Room) -> dict[str, Any]:
    """What makes maps of pictures."""
    _ = context, room
    names = ["none", *KINDS, "inpaint_only", "reference_only"]
    about: dict[str, Any] = {"model_free": False, "sliders": []}
    return {"module_list": names, "module_detail": dict.fromkeys(names, about)}


def control_types(context: Context, room: Room) -> dict[str, Any]:
    """Modules and networks by what they are for."""
    names = control_models(context, room)["model_list"]
    found: dict[str, Any] = {}
    for kind in (*KINDS, FILLING):
        fit = [name for name in names if condition_of(name) == kind]
        module = "inpaint_only" if kind == FILLING else kind
        found[kind.capitalize()] = {
            "module_list": ["none", module],
            "model_list": ["None", *fit],
            "default_option": module,
            "default_model": fit[0] if fit else "None",
        }
    return {"control_types": found}


def options(context: Context, room: Room) -> dict[str, Any]:
    """Those that clients look at, with what was set since the server began."""
    able = _able(context, room)
    return {
        "samples_format": "png",
        "CLIP_stop_at_last_layers": 1,
        "sd_vae": "None",
        "inpainting_mask_weight": 1.0,
        "initial_noise_multiplier": 1.0,
        "img2img_color_correction": False,
        "show_progress_every_n_steps": 1,
        "randn_source": "CPU",
        "enable_emphasis": True,
        **state_of(room).options,
        "sd_model_checkpoint": title_of(able),
        "sd_checkpoint_hash": able.model.digest if able.model else "",
    }


def _nothing(context: Context, room: Room) -> list[Any]:
    _ = context, room
    return []


def _flags(context: Context, room: Room) -> dict[str, Any]:
    _ = context, room
    return {"api": True, "nowebui": True, "api_auth": None, "api_server_stop": False}


def _modes(context: Context, room: Room) -> list[dict[str, str]]:
    _ = context, room
    return [{"name": "Latent"}]  # named by clients' defaults; pixels are enlarged instead


LISTS: dict[str, Endpoint] = {
    path: _listing(made)
    for path, made in {
        "/sdapi/v1/sd-models": models,
        "/sdapi/v1/samplers": samplers,
        "/sdapi/v1/schedulers": schedulers,
        "/sdapi/v1/upscalers": upscalers,
        "/sdapi/v1/latent-upscale-modes": _modes,
        "/sdapi/v1/face-restorers": restorers,
        "/sdapi/v1/loras": loras,
        "/sdapi/v1/embeddings": embeddings,
        "/sdapi/v1/scripts": scripts,
        "/sdapi/v1/script-info": script_info,
        "/sdapi/v1/memory": memory,
        "/sdapi/v1/cmd-flags": _flags,
        "/sdapi/v1/sd-vae": _nothing,
        "/sdapi/v1/sd-modules": _nothing,
        "/sdapi/v1/hypernetworks": _nothing,
        "/sdapi/v1/realesrgan-models": _nothing,
        "/sdapi/v1/prompt-styles": styles.listed,
        "/sdapi/v1/extensions": _nothing,
        "/controlnet/version": lambda _, __: {"version": 2},
        "/controlnet/model_list": control_models,
        "/controlnet/module_list": control_modules,
        "/controlnet/control_types": control_types,
        "/controlnet/settings": lambda _, __: {"control_net_unit_count": 3},
    }.items()
}
"""Every address that only tells something."""


async def get_options(request: Request) -> Response:
    """``GET /sdapi/v1/options``."""
    room = await room_of(request)
    return answer(await run_in_threadpool(options, context_of(request), room))


async def set_options(request: Request) -> Response:
    """``POST /sdapi/v1/options``: kept until the server ends. The checkpoint and the format of
    pictures are acted on, all others only told again."""
    room, given = await room_of(request), await json_body(request)
    if chosen := given.get("sd_model_checkpoint"):
        await run_in_threadpool(model_named, context_of(request), str(chosen))
    kept = {key[:100]: value for key, value in given.items() if _small(value)}
    state = state_of(room)
    state.options = dict(list({**state.options, **kept}.items())[:200])
    return answer(None)


def _small(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, bool | int | float)
        or (isinstance(value, str) and len(value) <= 1_000)
    )


async def detect(request: Request) -> Response:
    """``POST /controlnet/detect``: maps of pictures, to be looked at or painted over."""
    room, body = await room_of(request), await json_body(request)
    kind = condition_of(str(body.get("controlnet_module") or ""))
    images = body.get("controlnet_images")
    given = [str(each) for each in images][:16] if isinstance(images, list) else []

    def maps() -> list[str]:
        from maquette.core.picture import encode_png

        if kind is None:
            return given
        made = [room.studio.control_map(in_base64(each), kind) for each in given]
        return [out_base64(encode_png(each)) for each in made]

    return answer({"images": await run_in_threadpool(maps), "info": "Success"})
