"""A1111's infotext, both ways: the prompt's lines, the negative prompt, one line of settings.

The last line counts as settings when it holds at least three ``Key: value`` pairs; values with a
comma, colon, quote or line break are JSON strings. There is no standard; the format is what
A1111, Forge and their many readers agree on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from maquette.core.geometry import Size
from maquette.core.recipe import ImageToImage, Inpaint, Lora, Recipe
from maquette.exchange.maker import MAKER, MAKER_VERSION
from maquette.exchange.parameters import Parameters, size_or_none
from maquette.exchange.samplers import A1111_NAMES, read_a1111

__all__ = ["pairs", "quote", "read_infotext", "unquote", "write_infotext"]

_NEGATIVE = "Negative prompt:"
_LONGEST_SETTINGS = 64 * 1024
_RUN = re.compile(r"[\w \-/]+")
_KEY = re.compile(r"\w[\w \-/]+")
_QUOTED = re.compile(r'\s*("(?:\\.|[^\\"])+")(?=,|$)')
_BARE = re.compile(r"\s*([^,]*)")
_LORA = re.compile(r"<lora:([^:<>]{1,200}):([0-9.]{1,10})[^<>]{0,100}>")
_SIZE = re.compile(r"(\d{1,9})\s*x\s*(\d{1,9})")


def quote(value: object) -> str:
    """A value as it may stand in the settings line."""
    text = str(value)
    awkward = any(mark in text for mark in ",:\n\r") or text.startswith('"') or text != text.strip()
    return json.dumps(text, ensure_ascii=False) if awkward else text


def unquote(text: str) -> str:
    """The value that ``quote`` was given; text that is no JSON string as it stands."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def pairs(line: str) -> Iterator[tuple[str, str]]:
    r"""The ``Key: value`` pairs of a settings line, values as written.

    Finds what ``\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)`` finds, in one pass: the
    expression alone takes time by the square of the line's length on hostile text.
    """
    at = 0
    while run := _RUN.search(line, at):
        key = _KEY.search(line, run.start(), run.end())
        if key is None or line[run.end() : run.end() + 1] != ":":
            at = run.end()
            continue
        value = _QUOTED.match(line, run.end() + 1) or _BARE.match(line, run.end() + 1)
        if value is None:  # cannot happen: a bare value may be empty
            return
        yield key[0], value[1]
        at = value.end() + 1


def write_infotext(recipe: Recipe, version_id: str = "") -> str:
    """The infotext of a recipe, as A1111 would have written it.

    A prompt that nobody interprets has its brackets escaped, so that A1111 reads letters too.
    """
    lines: list[str] = []
    if recipe.prompt is not None:
        escape = _escaped if recipe.prompt.interpreter == "plain" else str
        lines += [escape(recipe.prompt.text)]
        if recipe.prompt.negative:
            lines += [f"{_NEGATIVE} {escape(recipe.prompt.negative)}"]
    settings: dict[str, object] = {}
    if recipe.sampling is not None:
        settings |= {
            "Steps": recipe.sampling.steps,
            "Sampler": A1111_NAMES[recipe.sampling.sampler],
            "CFG scale": _decimal(recipe.sampling.guidance),
            "Seed": recipe.sampling.seed,
        }
    settings["Size"] = recipe.size
    if recipe.model is not None:
        settings |= {"Model hash": recipe.model.digest[:10], "Model": recipe.model.name}
    if isinstance(recipe.task, ImageToImage | Inpaint):
        settings["Denoising strength"] = _decimal(recipe.task.strength)
    loras = [each for each in recipe.conditionings if isinstance(each, Lora)]
    if loras:
        settings["Lora hashes"] = ", ".join(f"{lora.name}: {lora.digest[:12]}" for lora in loras)
    if len(settings) < 2:
        settings["Engine"] = recipe.engine  # three pairs make a settings line
    if version_id:
        settings["Maquette version"] = version_id
    settings["Version"] = f"{MAKER.lower()} {MAKER_VERSION}"
    lines += [", ".join(f"{key}: {quote(value)}" for key, value in settings.items())]
    return "\n".join(lines)


def read_infotext(text: str) -> Parameters:
    """What an infotext says. Never fails: text without settings is all prompt."""
    *lines, last = text.strip().split("\n")
    settings: dict[str, str] = {}
    if len(last) <= _LONGEST_SETTINGS:
        found = list(pairs(last))
        settings = {key: unquote(value) for key, value in found} if len(found) >= 3 else {}
    if not settings:
        lines.append(last)
    prompt, negative = _prompts(lines)
    return _parameters(prompt, negative, settings)


def _prompts(lines: list[str]) -> tuple[str, str]:
    parts: tuple[list[str], list[str]] = ([], [])
    where = 0
    for raw in lines:
        line = raw.strip()
        if line.startswith(_NEGATIVE):
            where, line = 1, line[len(_NEGATIVE) :].strip()
        if parts[where] or line:  # a prompt does not begin with empty lines
            parts[where].append(line)
    return "\n".join(parts[0]), "\n".join(parts[1])


def _parameters(prompt: str, negative: str, settings: dict[str, str]) -> Parameters:
    left = dict(settings)
    unread: list[str] = []

    def number(key: str) -> float | None:
        written = left.pop(key, None)
        if written is None:
            return None
        try:
            value = float(written)
        except ValueError:
            value = float("nan")
        if abs(value) < 2**63:
            return value
        unread.append(f"{key}: {written}")
        return None

    def whole(key: str) -> int | None:
        written = left.get(key, "").strip()
        if written.isascii() and written.isdigit() and len(written) <= 20:
            return int(left.pop(key))
        value = number(key)
        if value is None or value == int(value):
            return None if value is None else int(value)
        unread.append(f"{key}: {written}")
        return None

    sampler = read_a1111(left.pop("Sampler", ""), left.pop("Schedule type", ""))
    size = _SIZE.fullmatch(left.get("Size", "").strip())
    shape: Size | None = size_or_none(int(size[1]), int(size[2])) if size else None
    if shape:
        left.pop("Size")
    # Who wrote it is no setting; our own id is read from our own metadata.
    for key in ("Version", "Maquette version", "Engine"):
        left.pop(key, None)
    # A strength stays listed too: the picture that it was applied to is not in the file.
    strength = left.get("Denoising strength", "")
    parameters = Parameters(
        prompt=prompt,
        negative=negative,
        sampler=sampler.sampler,
        steps=whole("Steps"),
        guidance=number("CFG scale"),
        seed=whole("Seed"),
        size=shape,
        model=left.pop("Model", ""),
        model_hash=left.pop("Model hash", ""),
        strength=float(strength) if re.fullmatch(r"[01](\.\d{1,9})?", strength) else None,
        loras=tuple((name, float(weight)) for name, weight in _loras(prompt)),
    )
    unread += [f"{key}: {value}" for key, value in left.items()]
    return parameters.model_copy(update={"unread": (*sampler.unread, *unread)})


def _loras(prompt: str) -> Iterator[tuple[str, str]]:
    for name, weight in _LORA.findall(prompt):
        if re.fullmatch(r"\d+(\.\d*)?|\.\d+", weight):
            yield name, weight


def _decimal(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(text: str) -> str:
    return re.sub(r"([\\()\[\]])", r"\\\1", text)
