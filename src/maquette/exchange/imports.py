"""What a picture file from anyone says about how it was made.

Looked for in this order: Maquette's own metadata, A1111's infotext, ComfyUI's graph, InvokeAI's
metadata. Whatever was there but could not be carried over is named, never dropped in silence.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from maquette.core.recipe import PromptText, Recipe, Sampling
from maquette.exchange.comfyui import read_comfyui_graph
from maquette.exchange.containers import Texts, read_texts
from maquette.exchange.infotext import read_infotext
from maquette.exchange.invokeai import UNREADABLE, read_invokeai
from maquette.exchange.own import KEYWORD, read_own
from maquette.exchange.parameters import Parameters, sampling_of
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
    invoked = read_invokeai(texts.texts)
    if invoked is None:
        return Found()
    readable = invoked.unread != (UNREADABLE,)
    return _of("invokeai", invoked) if readable else Found(unread=invoked.unread)


def _of(source: Literal["a1111", "comfyui", "invokeai"], parameters: Parameters) -> Found:
    sampling, why_not = sampling_of(parameters)
    prompt = None
    if parameters.prompt or parameters.negative:
        prompt = PromptText(
            text=parameters.prompt,
            negative=parameters.negative,
            interpreter="a1111",
        )
    return Found(
        source=source,
        prompt=prompt,
        sampling=sampling,
        model=parameters.model,
        parameters=parameters,
        unread=(*parameters.unread, *why_not),
    )
