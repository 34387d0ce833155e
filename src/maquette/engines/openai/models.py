"""The models of the Images API and what each can do.

From OpenAI's API reference and the types of its Python client (``images.generate``,
``images.edit``), looked at on 2026-11-21.
"""

from __future__ import annotations

from dataclasses import dataclass

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.geometry import Size
from maquette.engines.services.service import service_model

__all__ = ["MODELS", "Model", "capabilities", "model_of"]


def _sizes(*texts: str) -> tuple[Size, ...]:
    pairs = [text.split("x") for text in texts]
    return tuple(Size(width=int(width), height=int(height)) for width, height in pairs)


@dataclass(frozen=True)
class Model:
    """``qualities``: worst first, one for each step from 1 on. ``edits``: pictures and masks.
    ``gpt``: it streams, bills by tokens and always answers in base64. ``most``: characters of a
    prompt. No ``sizes``: any on a grid of ``multiple``, up to ``area`` pixels. ``retired`` is the
    day on which OpenAI took it away; other servers may still go by its name."""

    name: str
    qualities: tuple[str, ...]
    most: int
    sizes: tuple[Size, ...] = ()
    edits: bool = True
    gpt: bool = True
    references: int = 15
    fidelity: bool = False
    multiple: int = 16
    area: int = 8_294_400
    retired: str = ""


_GPT = ("low", "medium", "high")
_THREE = _sizes("1024x1024", "1536x1024", "1024x1536")

MODELS = {
    model.name: model
    for model in (
        Model("gpt-image-2", _GPT, 32_000),
        Model("gpt-image-1.5", _GPT, 32_000, _THREE, fidelity=True),
        Model("gpt-image-1", _GPT, 32_000, _THREE, fidelity=True),
        Model("gpt-image-1-mini", _GPT, 32_000, _THREE),
        Model(
            "dall-e-3",
            ("standard", "hd"),
            4_000,
            _sizes("1024x1024", "1792x1024", "1024x1792"),
            edits=False,
            gpt=False,
            references=0,
            retired="2026-05-12",
        ),
        Model(
            "dall-e-2",
            (),
            1_000,
            _sizes("256x256", "512x512", "1024x1024"),
            gpt=False,
            references=0,
            retired="2026-05-12",
        ),
    )
}


def model_of(name: str) -> Model:
    """A model by name. One that is not in the table is some other server's: it gets the least
    that such servers have in common."""
    known = MODELS.get(name) or MODELS.get(name.rsplit("-20", 1)[0])
    if known is not None:
        return Model(**{**known.__dict__, "name": name})
    return Model(name, (), 32_000, gpt=False, references=0, multiple=8)


def capabilities(model: Model, where: str) -> Capabilities:
    """What the engine declares for a model behind an address (empty for OpenAI's own)."""
    tasks = {"text-to-image"}
    if model.edits:
        tasks |= {"inpaint", "outpaint"} | ({"image-to-image"} if model.gpt else set[str]())
    least = min((size.width for size in model.sizes), default=256)
    most = max((max(size.width, size.height) for size in model.sizes), default=3840)
    last = max(1, len(model.qualities))
    return Capabilities(
        engine="openai",
        tasks=frozenset(tasks),
        model=service_model("openai", model.name, where),
        best_size=Size(width=1024, height=1024),
        multiple=8 if model.sizes else model.multiple,
        min_side=min(256, least),
        max_side=most,
        sizes=model.sizes,
        max_steps=last,
        interpreters=frozenset({"attention", "a1111", "plain"}),
        samplers=("ddim",),
        presets={
            "draft": Preset(sampler="ddim", steps=1, guidance=0),
            "preview": Preset(sampler="ddim", steps=(last + 1) // 2, guidance=0),
            "final": Preset(sampler="ddim", steps=last, guidance=0),
        },
        seeds=False,
        weights=False,
        negatives=False,
        references=model.references,
        billed=True,
    )
