"""What every operation checks: prompts, numbers in their ranges, presets.

A refusal names the range and the nearest value that fits.
"""

from __future__ import annotations

import math
from typing import get_args

from maquette.core.capabilities import Capabilities, Preset
from maquette.core.geometry import Size
from maquette.core.grammar import MAX_LENGTH
from maquette.core.picture import MAX_PIXELS
from maquette.core.recipe import MAX_SEED, Interpreter, PromptText, Sampling
from maquette.core.version import Version
from maquette.errors import PromptRefused, RecipeRefused, SettingRefused

__all__ = [
    "bounded",
    "drawable_size",
    "needs_task",
    "prompt_or_own",
    "prompt_text",
    "sampling",
    "small_enough",
    "whole",
]

_PLAIN_PRESET = Preset(sampler="ddim", steps=30, guidance=5.0)
"""For engines that state no presets."""


def prompt_text(text: str, negative: str = "", interpreter: str = "attention") -> PromptText:
    """A checked prompt.

    Raises:
        PromptRefused: empty, longer than ``MAX_LENGTH`` characters, or not text.
        SettingRefused: for an interpreter that does not exist.
    """
    if not text.strip():
        raise PromptRefused("the prompt is empty", hint="say what the picture shows")
    for what, words in (("prompt", text), ("negative prompt", negative)):
        if len(words) > MAX_LENGTH:
            raise PromptRefused(
                f"the {what} has {len(words):,} characters, more than the {MAX_LENGTH:,} allowed",
                hint="shorten it; models read some 75 words at most",
            )
        if "\0" in words or any("\ud800" <= letter <= "\udfff" for letter in words):
            raise PromptRefused(
                f"the {what} holds a character that is no text", hint="type it again"
            )
    return PromptText(text=text, negative=negative, interpreter=_interpreter(interpreter))


def prompt_or_own(version: Version, text: str | None, negative: str | None) -> PromptText:
    """A new prompt for a version, or its own where ``text`` is None or blank.

    A new prompt is read as the version's own was; its negative prompt stays unless another is
    given.

    Raises:
        PromptRefused: no prompt was given and the version has none.
    """
    own = version.recipe.prompt
    if text is not None and text.strip():
        interpreter = own.interpreter if own is not None else "attention"
        return prompt_text(text, negative or "", interpreter)
    if own is None or not own.text.strip():
        raise PromptRefused(
            f"version {version.short} has no prompt of its own", hint="say what to draw"
        )
    return prompt_text(own.text, own.negative if negative is None else negative, own.interpreter)


def _interpreter(name: str) -> Interpreter:
    for known in get_args(Interpreter):
        if name == known:
            return known
    raise SettingRefused(
        f"no interpreter '{name}'", hint=f"one of {', '.join(get_args(Interpreter))}"
    )


def sampling(
    capabilities: Capabilities,
    *,
    seed: int,
    quality: str = "final",
    steps: int | None = None,
    guidance: float | None = None,
    sampler: str | None = None,
    negative: bool = False,
) -> Sampling:
    """Checked sampling: the quality's preset, with whatever was asked for instead. ``negative``
    says that there is a negative prompt. A preset whose LoRAs have guidance built in cannot heed
    one, and lends its guidance to no other sampler: then the fullest guidance of a preset counts.

    Raises:
        SettingRefused: an unknown quality or sampler, or a number out of its range.
    """
    preset = _preset(capabilities, quality)
    name = sampler if sampler is not None else preset.sampler
    if guidance is None and preset.loras and (negative or sampler not in {None, preset.sampler}):
        guidance = max(each.guidance for each in capabilities.presets.values())
    known = capabilities.samplers or _SAMPLERS
    if name not in known or name not in _SAMPLERS:
        raise SettingRefused(f"no sampler '{name}'", hint=f"one of {', '.join(known)}")
    return Sampling.model_validate(
        {
            "sampler": name,
            "steps": whole(
                "steps", preset.steps if steps is None else steps, 1, capabilities.max_steps
            ),
            "guidance": bounded(
                "guidance", preset.guidance if guidance is None else guidance, 0.0, 50.0
            ),
            "seed": whole("seed", seed, 0, MAX_SEED),
        }
    )


_SAMPLERS: tuple[str, ...] = get_args(Sampling.model_fields["sampler"].annotation)


def _preset(capabilities: Capabilities, quality: str) -> Preset:
    if not capabilities.presets:
        return _PLAIN_PRESET
    if quality not in capabilities.presets:
        raise SettingRefused(
            f"no quality '{quality}'", hint=f"one of {', '.join(capabilities.presets)}"
        )
    return capabilities.presets[quality]


def whole(name: str, value: int, lowest: int, highest: int) -> int:
    """``value``, a whole number from ``lowest`` to ``highest``.

    Raises:
        SettingRefused: naming the range and the nearest value that fits.
    """
    checked = bounded(name, value, lowest, highest)
    if checked != int(checked):
        raise SettingRefused(f"{name} {value} is no whole number", hint=f"use {round(checked)}")
    return int(checked)


def bounded(
    name: str, value: float, lowest: float, highest: float, *, open_: bool = False
) -> float:
    """``value``, a number from ``lowest`` to ``highest`` (above ``lowest`` when ``open_``).

    Raises:
        SettingRefused: naming the range and the nearest value that fits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise SettingRefused(f"{name} {value!r} is no number")
    if lowest < value <= highest or (value == lowest and not open_):
        return value
    reach = f"above {lowest:g} and up to {highest}" if open_ else f"{lowest:g} to {highest}"
    if value > highest:
        hint = f"use {highest}"
    else:
        hint = f"use more than {lowest:g}" if open_ else f"use {lowest}"
    raise SettingRefused(f"{name} {value} is out of range: {reach}", hint=hint)


def drawable_size(capabilities: Capabilities, size: Size | tuple[int, int] | None) -> Size:
    """The size to draw: the model's best one, or the one asked for if it can be drawn.

    Raises:
        SettingRefused: off the model's grid or range; the hint is the nearest size that fits.
    """
    if size is None:
        return capabilities.best_size
    width, height = (size.width, size.height) if isinstance(size, Size) else size
    near = capabilities.nearest(Size(width=max(1, width), height=max(1, height)))
    if capabilities.sizes and (width, height) != (near.width, near.height):
        raise SettingRefused(
            f"{width}x{height} cannot be drawn: this model has {len(capabilities.sizes)} sizes,"
            f" {', '.join(map(str, capabilities.sizes))}",
            hint=f"use {near}",
        )
    if (width, height) != (near.width, near.height):
        raise SettingRefused(
            f"{width}x{height} cannot be drawn: sides are multiples of {capabilities.multiple}"
            f" from {capabilities.min_side} to {capabilities.max_side} pixels",
            hint=f"use {near}",
        )
    return near


def small_enough(width: int, height: int) -> Size:
    """The size of a result.

    Raises:
        SettingRefused: more pixels than Maquette opens again.
    """
    if width * height > MAX_PIXELS:
        raise SettingRefused(
            f"the result would have {width}x{height} pixels,"
            f" more than {MAX_PIXELS // 10**6} million",
            hint="make it smaller",
        )
    return Size(width=width, height=height)


def needs_task(capabilities: Capabilities, kind: str) -> None:
    """Refuse early what the engine never does.

    Raises:
        RecipeRefused: the engine lacks the task; the hint lists those that it has.
    """
    if kind not in capabilities.tasks:
        raise RecipeRefused(
            f"engine '{capabilities.engine}' does no {kind}",
            hint=f"it does {', '.join(sorted(capabilities.tasks)) or 'nothing'}",
        )
