"""That API's answers: pictures with their ``info``, and its errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from maquette import __version__
from maquette.core.version import Version
from maquette.exchange.infotext import write_infotext
from maquette.exchange.samplers import A1111_NAMES
from maquette.server.answers import answer
from maquette.server.compat.a1111.asked import ImageToImage
from maquette.server.compat.a1111.making import Sitting
from maquette.server.compat.a1111.state import state_of
from maquette.server.compat.faces import Refusal
from maquette.server.compat.pictures import Format, out_base64, released

__all__ = ["answered", "refuse"]

_FORMATS: dict[str, Format] = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}


def answered(sitting: Sitting, versions: Sequence[Version]) -> dict[str, Any]:
    """The answer of txt2img and img2img. Blocks."""
    asked = sitting.asked
    settings = {**state_of(sitting.room).options, **asked.override_settings}
    format = _FORMATS.get(str(settings.get("samples_format", "png")).lower(), "png")
    parameters = asked.model_dump(mode="json")
    if isinstance(asked, ImageToImage) and not asked.include_init_images:
        parameters |= {"init_images": None, "mask": None}
    images = [out_base64(released(sitting.room, each, format)) for each in versions]
    return {
        "images": images if asked.send_images else [],
        "parameters": parameters,
        "info": json.dumps(_info(sitting, versions)),
    }


def _info(sitting: Sitting, versions: Sequence[Version]) -> dict[str, Any]:
    asked, model, count = sitting.asked, sitting.able.model, len(versions)
    first = versions[0] if versions else None
    sampling = [each.recipe.sampling for each in versions]
    seeds = [each.seed if each is not None else -1 for each in sampling]
    used = sampling[0] if sampling else None
    prompts = [each.recipe.prompt for each in versions]
    return {
        "prompt": asked.prompt,
        "all_prompts": [each.text if each else asked.prompt for each in prompts],
        "negative_prompt": asked.negative_prompt,
        "all_negative_prompts": [
            each.negative if each else asked.negative_prompt for each in prompts
        ],
        "seed": seeds[0] if seeds else asked.seed,
        "all_seeds": seeds,
        "subseed": seeds[0] if seeds else -1,
        "all_subseeds": seeds,
        "subseed_strength": 0,
        "width": first.size.width if first else asked.width,
        "height": first.size.height if first else asked.height,
        "sampler_name": A1111_NAMES[used.sampler] if used else asked.sampler,
        "cfg_scale": used.guidance if used else asked.cfg_scale,
        "steps": used.steps if used else asked.steps,
        "batch_size": asked.batch_size,
        "restore_faces": asked.restore_faces,
        "face_restoration_model": None,
        "sd_model_name": model.name if model else sitting.able.engine,
        "sd_model_hash": model.digest[:10] if model else "",
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": getattr(first.recipe.task, "strength", None) if first else None,
        "extra_generation_params": (
            {"Instead": "; ".join(sitting.instead)} if sitting.instead else {}
        ),
        "index_of_first_image": 0,
        "infotexts": [write_infotext(each.recipe, each.id) for each in versions],
        "styles": list(asked.styles),
        "job_timestamp": f"{first.created_at:%Y%m%d%H%M%S}" if first else "0",
        "clip_skip": 1,
        "is_using_inpainting_conditioning": False,
        "version": f"maquette {__version__}",
        "maquette": {
            "project": sitting.room.id,
            "versions": [each.id for each in versions],
            "count": count,
            "instead": sitting.instead,
        },
    }


def refuse(refusal: Refusal) -> Response:
    """An error in that program's form; a malformed body in its framework's."""
    errors = getattr(refusal.error, "errors", None)
    if isinstance(errors, list):
        return answer({"detail": errors}, 422)
    body = {"error": refusal.code, "detail": refusal.text, "body": "", "errors": refusal.text}
    if refusal.status == 401:
        body["detail"] = "Incorrect username or password"
    return answer(body, refusal.status, refusal.headers)
