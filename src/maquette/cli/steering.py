"""Options for what steers a picture beside its words, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from maquette.core.conditioning import Conditioning, Control, Reference

__all__ = ["Controls", "Embeddings", "Loras", "References", "read_steering_options", "steered_by"]

Controls = Annotated[
    list[str] | None,
    typer.Option(
        "--control",
        metavar="KIND=MAP",
        help="A structure to obey: canny, lineart, scribble, depth, pose or tile = a map of the"
        " picture's size. KIND[@NETWORK]=MAP[:STRENGTH[:START-END]]; from:PICTURE makes the map of"
        " a picture. A picture is a file or a version. With inpaint and outpaint also inpaint"
        "[@NETWORK][:STRENGTH[:START-END]]: a network that looks at what surrounds the hole. May be"
        " repeated.",
    ),
]
References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="ROLE=PICTURE",
        help="A picture to be like, in style, character, object or face."
        " ROLE[@ADAPTER]=PICTURE[:STRENGTH[:START-END]]; ROLE@attention looks at it without one,"
        " face#2 is the second face from the left."
        " May be repeated.",
    ),
]
Loras = Annotated[
    list[str] | None,
    typer.Option(
        "--lora",
        metavar="NAME[:W]",
        help="A LoRA by name or file, and its weight. May be repeated.",
    ),
]
Embeddings = Annotated[
    list[str] | None,
    typer.Option(
        "--embedding",
        metavar="NAME[=WORD]",
        help="A learned word of the prompt, by the name of its file. May be repeated.",
    ),
]

_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_SHOWN = re.compile(
    rf"(?P<kind>[\w-]+)(?:#(?P<face>\d{{1,2}}))?(?:@(?P<adapter>[^=]+))?=(?P<image>.+?)"
    rf"(?::(?P<strength>{_NUMBER})(?::(?P<start>{_NUMBER})-(?P<end>{_NUMBER}))?)?"
)
_FILLING = re.compile(
    rf"(?P<kind>inpaint)(?:@(?P<adapter>[^=:]+))?"
    rf"(?::(?P<strength>{_NUMBER})(?::(?P<start>{_NUMBER})-(?P<end>{_NUMBER}))?)?"
)
_LORA = re.compile(r"(?P<name>.+?)(?::(?P<weight>[+-]?(?:\d+(?:\.\d+)?|\.\d+)))?")
FROM = "from:"


def read_steering_options(
    control: Sequence[str] | None,
    reference: Sequence[str] | None,
    lora: Sequence[str] | None,
    embedding: Sequence[str] | None,
) -> dict[str, Any]:
    """The studio's arguments ``control``, ``reference``, ``lora`` and ``embedding``.

    Raises:
        typer.BadParameter: for any other form, or a LoRA or word that is given twice.
    """
    return {
        "control": [_control(text) for text in control or ()],
        "reference": [_reference(text) for text in reference or ()],
        "lora": _once([_lora(text) for text in lora or ()], "--lora"),
        "embedding": _once([_embedding(text) for text in embedding or ()], "--embedding"),
    }


def steered_by(conditioning: Conditioning) -> str:
    """A conditioning in a line."""
    told = conditioning
    match told.kind:
        case "lora":
            text = "" if told.text_weight is None else f", {told.text_weight:g} on the words"
            return f"LoRA {told.name} at {told.weight:g}{text}"
        case "embedding":
            return f"the learned word '{told.word}'"
        case "control":
            by = f"by {told.adapter.name} at {told.strength:g}{_when(told)}"
            if told.condition == "inpaint":
                return f"what surrounds the hole, {by}"
            return f"{told.condition} {told.image[:10]}, {by}"
        case "reference":
            way = told.adapter.name if told.adapter is not None else "attention to the picture"
            if told.recogniser is not None:
                way += f" and the recogniser {told.recogniser.name}"
            part = ", in a part" if told.mask is not None else ""
            how = f"at {told.strength:g}{_when(told)}{part}"
            return f"{told.role} of {told.image[:10]}, by {way} {how}"


def _when(told: Control | Reference) -> str:
    return "" if (told.start, told.end) == (0, 1) else f", {told.start:g} to {told.end:g}"


def _control(text: str) -> dict[str, Any]:
    if filling := _FILLING.fullmatch(text):
        adapter = filling["adapter"]
        return {"condition": filling["kind"], "adapter": adapter, **_numbers(filling)}
    found = _SHOWN.fullmatch(text)
    if found is None or found["face"]:
        raise typer.BadParameter(
            f"{text!r} is not KIND=MAP, such as canny=lines.png or depth=map.png:0.8:0-0.6",
            param_hint="--control",
        )
    image, make = found["image"], found["image"].startswith(FROM)
    return {
        "condition": found["kind"],
        "image": image.removeprefix(FROM),
        "make": make,
        "adapter": found["adapter"],
        **_numbers(found),
    }


def _reference(text: str) -> dict[str, Any]:
    found = _SHOWN.fullmatch(text)
    if found is None:
        raise typer.BadParameter(
            f"{text!r} is not ROLE=PICTURE, such as style=mood.png or character=@:0.8:0-0.5",
            param_hint="--reference",
        )
    return {
        "role": found["kind"],
        "image": found["image"],
        "adapter": found["adapter"],
        **({"face": int(found["face"])} if found["face"] else {}),
        **_numbers(found),
    }


def _numbers(found: re.Match[str]) -> dict[str, float]:
    return {key: float(found[key]) for key in ("strength", "start", "end") if found[key]}


def _lora(text: str) -> tuple[str, float]:
    found = _LORA.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r} is not NAME or NAME:WEIGHT", param_hint="--lora")
    return found["name"], float(found["weight"]) if found["weight"] else 1.0


def _embedding(text: str) -> tuple[str, str]:
    name, _, word = text.partition("=")
    if not name.strip():
        raise typer.BadParameter(f"{text!r} is not NAME or NAME=WORD", param_hint="--embedding")
    return name.strip(), word.strip() or name.strip()


def _once(pairs: Sequence[tuple[str, Any]], option: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise typer.BadParameter(f"{name!r} is given twice", param_hint=option)
        found[name] = value
    return found
