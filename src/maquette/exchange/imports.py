"""What a picture file from anyone says about how it was made.

Looked for in this order: Maquette's own metadata, A1111's infotext, ComfyUI's graph, InvokeAI's
metadata. Whatever was there but could not be carried over is named, never dropped in silence.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from maquette.core.recipe import PromptText, Recipe, Sampling
from maquette.exchange.comfyui import read_comfyui_graph
from maquette.exchange.containers import Texts, read_texts
from maquette.exchange.infotext import read_infotext
from maquette.exchange.own import KEYWORD, read_own
from maquette.exchange.parameters import Parameters, sampling_of, size_or_none
from maquette.exchange.samplers import read_comfyui
from maquette.exchange.verify import State, verify

__all__ = ["Found", "read_metadata"]


class Found(BaseModel):
    """What was found. ``recipe`` is there only for our own files, exact and with its digest right.

    ``parameters`` holds all that another program's metadata gave, ``sampling`` only a complete
    set in this house's range. ``credentials`` is the state of the file's content credentials
    (without a list of trusted signers, so never 'trusted').
    """

    model_config = ConfigDict(frozen=True)
    source: Literal["maquette", "a1111", "comfyui", "invokeai", ""] = ""
    prompt: PromptText | None = None
    sampling: Sampling | None = None
    model: str = ""
    recipe: Recipe | None = None
    version_id: str = ""
    parameters: Parameters | None = None
    digital_source_type: str | None = None
    credentials: State = "unsigned"
    unread: tuple[str, ...] = ()


def read_metadata(data: bytes, *, name: str = "") -> Found:
    """Everything that a file says about its making.

    Raises:
        PictureRefused: no picture of a known format, or too large to open safely.
    """
    texts = read_texts(data, name)
    verdict = verify(data, texts=texts)
    found = _found(texts)
    unread = (*texts.unread, *found.unread)
    if verdict.state == "invalid":
        unread += tuple(f"credentials: {problem}" for problem in verdict.problems)
    return found.model_copy(
        update={
            "digital_source_type": verdict.digital_source_type,
            "credentials": verdict.state,
            "unread": unread,
        }
    )


def _found(texts: Texts) -> Found:
    ours = texts.texts.get(KEYWORD) or texts.xmp.get("maquette:recipe")
    own = read_own(ours) if ours else None
    if own is not None and own.recipe is not None:
        return Found(
            source="maquette",
            prompt=own.recipe.prompt,
            sampling=own.recipe.sampling,
            model=own.recipe.model.name if own.recipe.model else "",
            recipe=own.recipe,
            version_id=own.version_id,
        )
    found = _foreign(texts)
    if own is None:
        return found
    if not found.source:
        return Found(source="maquette", version_id=own.version_id, unread=own.problems)
    return found.model_copy(update={"unread": (*own.problems, *found.unread)})


def _foreign(texts: Texts) -> Found:
    infotext = texts.texts.get("parameters", "")
    if infotext:
        return _of("a1111", read_infotext(infotext))
    graph, workflow = texts.texts.get("prompt", ""), texts.texts.get("workflow", "")
    if graph or workflow:
        parameters = read_comfyui_graph(graph, workflow)
        if parameters is None:
            return Found(unread=("ComfyUI graph: no sampler that leads to a saved image",))
        return _of("comfyui", parameters)
    invoked = texts.texts.get("invokeai_metadata")
    return _invokeai(invoked) if invoked else Found()


def _of(source: Literal["a1111", "comfyui", "invokeai"], parameters: Parameters) -> Found:
    sampling, why_not = sampling_of(parameters)
    prompt = None
    if parameters.prompt or parameters.negative:
        prompt = PromptText(
            text=parameters.prompt,
            negative=parameters.negative,
            interpreter="a1111" if source != "invokeai" else "plain",
        )
    return Found(
        source=source,
        prompt=prompt,
        sampling=sampling,
        model=parameters.model,
        parameters=parameters,
        unread=(*parameters.unread, *why_not),
    )


_INVOKEAI_USED = {
    *("positive_prompt", "negative_prompt", "scheduler", "steps", "cfg_scale", "seed"),
    *("width", "height", "model", "app_version", "generation_mode", "rand_device"),
}


def _invokeai(text: str) -> Found:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return Found(unread=("InvokeAI metadata: not readable",))
    model: Any = document.get("model")
    model_name = (model.get("name") or model.get("model_name")) if isinstance(model, dict) else ""
    reading = read_comfyui(_text(document.get("scheduler")))
    left = [str(key)[:60] for key, value in document.items() if key not in _INVOKEAI_USED and value]
    parameters = Parameters(
        prompt=_text(document.get("positive_prompt")),
        negative=_text(document.get("negative_prompt")),
        sampler=reading.sampler,
        steps=_whole(document.get("steps")),
        guidance=_number(document.get("cfg_scale")),
        seed=_whole(document.get("seed")),
        size=size_or_none(document.get("width"), document.get("height")),
        model=_text(model_name),
        unread=(*reading.unread, *left),
    )
    return _of("invokeai", parameters)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 2**63 else None
