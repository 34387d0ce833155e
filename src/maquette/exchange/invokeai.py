"""InvokeAI's metadata, of all three of its ages.

``invokeai_metadata`` (version 3 and later): a flat JSON object. ``sd-metadata`` (2): JSON with the
settings below ``image``. ``Dream`` (1 and 2): the command that was typed. Prompts hold Compel's
weights; a negative prompt stood in square brackets inside the prompt until version 3.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping
from typing import Any

from maquette.exchange.compel import read_compel
from maquette.exchange.parameters import Lead, Parameters, size_or_none
from maquette.exchange.samplers import read_comfyui

__all__ = ["UNREADABLE", "read_invokeai"]

UNREADABLE = "InvokeAI metadata: not readable"
_MOST = 32
_READ = frozenset(
    {
        *("positive_prompt", "negative_prompt", "scheduler", "steps", "cfg_scale", "seed"),
        *("width", "height", "model", "loras", "lora", "strength", "guidance", "app_version"),
        *("generation_mode", "rand_device"),
    }
)
"""Keys of a flat object that are read, or say nothing of the picture."""

_USUAL = {"clip_skip": 0, "cfg_rescale_multiplier": 0, "seamless_x": False, "seamless_y": False}
"""Settings that change nothing as long as they have these values."""

_STARTED = {
    "controlnets": "control",
    "t2iAdapters": "control",
    "control_layers": "control",
    "ipAdapters": "reference",
    "ref_images": "reference",
    "init_image": "the picture that it started from",
    "canvas_v2_metadata": "the canvas that it was drawn on",
}
_OLD = {"dpmpp_2": "dpmpp_2m", "dpm_2": "dpm_2", "plms": "pndm"}
_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")


def read_invokeai(texts: Mapping[str, str]) -> Parameters | None:
    """What a file's texts say; None where InvokeAI wrote none. Never fails: what cannot be read
    is named in ``unread``."""
    if text := texts.get("invokeai_metadata"):
        document = _object(text)
        return _flat(document) if document is not None else Parameters(unread=(UNREADABLE,))
    if text := texts.get("sd-metadata"):
        document = _object(text)
        image = document.get("image") if document is not None else None
        if document is None or not isinstance(image, dict):
            return Parameters(unread=(UNREADABLE,))
        return _nested(document, image)
    if text := texts.get("Dream"):
        return _command(text)
    return None


def _flat(document: Mapping[str, Any]) -> Parameters:
    reading = read_comfyui(_text(document.get("scheduler")))
    prompt, more = read_compel(_text(document.get("positive_prompt")))
    negative, less = read_compel(_text(document.get("negative_prompt")))
    loras, strength = _loras(document), _number(document.get("strength"))
    unread = [*reading.unread, *dict.fromkeys((*more, *less))]
    if strength is not None and strength < 1:
        unread.append(f"strength: {strength:g}")
    unread += [f"LoRA {name}: {weight:g}" for name, weight in loras]
    guidance = _number(document.get("cfg_scale"))
    if (distilled := _number(document.get("guidance"))) is not None:
        unread.append(f"distilled guidance: {distilled:g}")
    for key, value in document.items():
        if key in _READ or not value or _USUAL.get(key, ...) == value:
            continue
        unread.append(_told(str(key), value))
    return Parameters(
        prompt=prompt,
        negative=negative,
        sampler=reading.sampler,
        steps=_whole(document.get("steps")),
        guidance=guidance,
        seed=_whole(document.get("seed")),
        size=size_or_none(document.get("width"), document.get("height")),
        model=_name(document.get("model")),
        strength=strength,
        loras=loras,
        unread=tuple(dict.fromkeys(unread)),
    )


def _told(key: str, value: Any) -> str:
    """A setting that has no place here, in words."""
    what = _STARTED.get(key)
    if what is not None and isinstance(value, list):
        names = [_name(each.get(_adapter(key))) for each in value[:_MOST] if isinstance(each, dict)]
        return f"{what}: {', '.join(filter(None, names)) or len(value)}"
    if isinstance(value, str | int | float | bool):
        return f"{what or key[:60]}: {str(value)[:100]}"
    named = _name(value)
    return f"{what or key[:60]}: {named}" if named else (what or key[:60])


def _adapter(key: str) -> str:
    kinds = {"controlnets": "control_model", "t2iAdapters": "t2i_adapter_model"}
    return kinds.get(key, "ip_adapter_model")


def _loras(document: Mapping[str, Any]) -> tuple[Lead, ...]:
    found: list[Lead] = []
    listed = document.get("loras")
    for each in listed[:_MOST] if isinstance(listed, list) else []:
        if not isinstance(each, dict):
            continue
        name = _name(each.get("model") or each.get("lora"))
        weight = _number(each.get("weight"))
        if name:
            found.append((name, 1.0 if weight is None else weight))
    return tuple(found)


def _nested(document: Mapping[str, Any], image: Mapping[str, Any]) -> Parameters:
    told = image.get("prompt")
    if isinstance(told, list):
        texts = [_text(each.get("prompt")) for each in told[:_MOST] if isinstance(each, dict)]
    else:
        texts = [_text(told)]
    unread = [f"prompts: {len(texts)} of them, joined with commas"] if len(texts) > 1 else []
    settings = {
        key: image.get(key) for key in ("sampler", "steps", "cfg_scale", "seed", "width", "height")
    }
    for key in ("perlin", "threshold", "hires_fix", "seamless", "variations", "strength"):
        if value := image.get(key):
            unread.append(_told(key, value))
    if image.get("init_image_path") or image.get("type") == "img2img":
        unread.append("the picture that it started from")
    if after := image.get("postprocessing"):
        kinds = [_text(each.get("type")) for each in after if isinstance(each, dict)][:_MOST]
        unread.append(f"postprocessing: {', '.join(kinds)}")
    model = _text(document.get("model_weights")) or _text(document.get("model"))
    return _older(", ".join(texts), settings, model, unread)


_LETTERS = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale"}
_NAMED = {"f": "strength", "I": "the picture that it started from", "U": "upscale", "G": "faces"}


def _command(text: str) -> Parameters:
    """``"a prompt" -s 50 -S 123 -W 512 -H 512 -C 7.5 -A k_lms``, numbers also joined to letters."""
    try:
        words = shlex.split(text[:100_000])
    except ValueError:
        return Parameters(unread=(UNREADABLE,))
    prompt: list[str] = []
    settings: dict[str, Any] = {}
    unread: list[str] = []
    rest = iter(words)
    for word in rest:
        if not re.match(r"-[A-Za-z]", word) or word.startswith("--"):
            prompt.append(word)
            continue
        letter, value = word[1], word[2:] or next(rest, "")
        if letter == "A":
            settings["sampler"] = value
        elif letter in _LETTERS:
            settings[_LETTERS[letter]] = _read(value)
        else:
            unread.append(f"{_NAMED.get(letter, f'option -{letter}')}: {value[:100]}")
    return _older(" ".join(prompt), settings, "", unread)


def _read(text: str) -> int | float | None:
    if re.fullmatch(r"\d{1,19}", text):
        return int(text)
    return float(text) if re.fullmatch(r"\d{1,9}\.\d{0,9}", text) else None


def _older(text: str, settings: Mapping[str, Any], model: str, unread: list[str]) -> Parameters:
    against = [each.strip() for each in _NEGATIVE.findall(text)]
    prompt, more = read_compel(re.sub(r"\s{2,}", " ", _NEGATIVE.sub("", text)).strip())
    negative, less = read_compel(", ".join(filter(None, against)))
    name = _text(settings.get("sampler")).removeprefix("k_")
    reading = read_comfyui(_OLD.get(name, name))
    return Parameters(
        prompt=prompt,
        negative=negative,
        sampler=reading.sampler,
        steps=_whole(settings.get("steps")),
        guidance=_number(settings.get("cfg_scale")),
        seed=_whole(settings.get("seed")),
        size=size_or_none(settings.get("width"), settings.get("height")),
        model=model,
        unread=(*reading.unread, *dict.fromkeys((*more, *less, *unread))),
    )


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _name(value: object) -> str:
    """The name of a model, as any of its versions writes it."""
    if isinstance(value, str):
        return value[:200]
    if not isinstance(value, dict):
        return ""
    inner = value.get("model")
    inner = inner if isinstance(inner, dict) else value
    return _text(inner.get("name") or inner.get("model_name") or inner.get("image_name"))[:200]


def _text(value: object) -> str:
    return value[:100_000] if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 2**63 and math.isfinite(value) else None
