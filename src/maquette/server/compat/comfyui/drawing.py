"""The nodes that draw: each becomes an order of the studio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from maquette.core.geometry import Size
from maquette.core.recipe import MAX_SEED
from maquette.core.version import Version
from maquette.engines.comfyui.adapters import UNION_MODES
from maquette.errors import PromptRefused, RecipeRefused
from maquette.exchange.samplers import read_comfyui
from maquette.server.compat.comfyui.nodes import UNION_TYPES
from maquette.server.compat.comfyui.pixels import resized
from maquette.server.compat.comfyui.values import (
    Control,
    Guider,
    Latent,
    Model,
    Net,
    Schedule,
    Shot,
)
from maquette.stages.order import Order
from maquette.studio import Studio
from maquette.studio.steering import fitted

__all__ = ["Drawing", "advanced", "condition_of", "orders_of", "plain", "taken_from"]

_EVEN = 1e-4
"""Added to a strength that floating point would cut to one step less."""


@dataclass(frozen=True)
class Drawing:
    """What a sampler node asks for. ``notes`` are what is drawn otherwise than the graph says."""

    guider: Guider
    latent: Latent
    schedule: Schedule
    seed: int
    notes: tuple[str, ...] = ()


def plain(inputs: dict[str, Any]) -> Drawing:
    """``KSampler``: its steps are taken over the last share ``denoise`` of the way."""
    return Drawing(
        _guider(inputs),
        inputs["latent_image"],
        taken_from(inputs["scheduler"], inputs["steps"], inputs["denoise"], inputs["sampler_name"]),
        inputs["seed"],
    )


def taken_from(scheduler: str, steps: int, denoise: float, sampler: str = "") -> Schedule:
    """So many steps over the last share of the way, as the last of more steps over all of it."""
    if denoise >= 0.9999:
        return Schedule(scheduler, steps, 1.0, sampler)
    if denoise <= 0:
        return Schedule(scheduler, steps, 0.0, sampler)
    whole = int(steps / denoise)
    return Schedule(scheduler, whole, _share(steps, whole), sampler)


def advanced(inputs: dict[str, Any]) -> Drawing:
    """``KSamplerAdvanced``: the last of its steps.

    Raises:
        RecipeRefused: it stops before the end, or begins with noise that was left over.
    """
    steps, start = inputs["steps"], inputs["start_at_step"]
    if inputs["end_at_step"] < steps or inputs["return_with_leftover_noise"] == "enable":
        raise RecipeRefused(
            "a drawing that stops before its last step cannot be handed on here",
            hint="draw it with one sampler",
        )
    if inputs["add_noise"] == "disable":
        raise RecipeRefused("a drawing always begins with its own noise here")
    count = max(0, steps - start)
    schedule = Schedule(
        inputs["scheduler"],
        steps,
        1.0 if count >= steps else _share(count, steps),
        inputs["sampler_name"],
    )
    return Drawing(_guider(inputs), inputs["latent_image"], schedule, inputs["noise_seed"])


def _share(count: int, steps: int) -> float:
    share = count / steps
    return share if int(steps * share) == count else share + _EVEN


def _guider(inputs: dict[str, Any]) -> Guider:
    return Guider(inputs["model"], inputs["positive"], inputs["negative"], inputs["cfg"])


def orders_of(
    studio: Studio, drawing: Drawing, version_of: Callable[[Shot], Version]
) -> tuple[list[Order], tuple[str, ...]]:
    """The orders of a drawing, one for each picture that it starts from, and what is said of it.

    Runs in a thread: pictures that it starts from become versions (``version_of``).

    Raises:
        MaquetteError: what the studio's orders raise.
    """
    latent, guider = drawing.latent, drawing.guider
    notes = [*drawing.notes, *drawing.schedule.notes]
    reading = read_comfyui(drawing.schedule.sampler, drawing.schedule.scheduler)
    if not reading.sampler:
        raise RecipeRefused(
            f"there is no sampler '{drawing.schedule.sampler[:60]}' here",
            hint="object_info/KSampler lists those there are",
        )
    notes += [_schedule_note(each) for each in reading.unread]
    seed = drawing.seed % (MAX_SEED + 1)
    if seed != drawing.seed:
        notes.append(f"seed {drawing.seed}: {seed}, which is its last 32 bits")
    text = guider.positive.text
    if not text.strip():
        raise PromptRefused("the prompt is empty", hint="say what the picture shows")
    given: dict[str, Any] = {
        "negative": guider.negative.text if guider.negative is not None else "",
        "seed": seed,
        "steps": drawing.schedule.steps,
        "guidance": _guidance(guider),
        "sampler": reading.sampler,
    }
    text, given = _adapted(guider, text, given)
    if not latent.shots:
        return _from_nothing(studio, drawing, text, given, notes)
    if drawing.schedule.strength <= 0:
        return [], (*notes, "denoise 0: nothing is drawn")
    if latent.mask is not None and latent.mask.getbbox() is None:
        return [], (*notes, "the mask is empty: nothing is drawn")
    orders = [
        _from_picture(
            studio, drawing, version_of(_at_size(shot, latent)), text, {**given, "seed": each}
        )
        for shot, each in zip(latent.shots, _seeds(seed, len(latent.shots)), strict=True)
    ]
    return orders, tuple(notes)


def _at_size(shot: Shot, latent: Latent) -> Shot:
    """A picture as large as its latent was made, where only a part of it will be drawn."""
    if latent.mask is None or shot.size == latent.size:
        return shot
    return shot.altered(resized(shot.image, latent.size, "lanczos", "disabled"), "enlarged")


def _seeds(seed: int, count: int) -> list[int]:
    return [(seed + place) % (MAX_SEED + 1) for place in range(count)]


def _schedule_note(unread: str) -> str:
    if unread.startswith("schedule "):
        return f"{unread}: the model's own schedule"
    return unread


def _guidance(guider: Guider) -> float:
    distilled = guider.positive.guidance
    return distilled if distilled is not None and guider.guidance <= 1 else guider.guidance


def _adapted(guider: Guider, text: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """LoRAs and learned words. A LoRA that weighs otherwise on the words is a tag in the prompt,
    which can say so."""
    own, told = dict(guider.model.loras), dict(guider.positive.model.told)
    weights = {name: (own.get(name, 0.0), told.get(name, 0.0)) for name in {**own, **told}}
    even = {name: first for name, (first, second) in weights.items() if first == second}
    tags = "".join(
        f" <lora:{name}:{second:g}:{first:g}>"
        for name, (first, second) in weights.items()
        if first != second
    )
    names = guider.positive.embeddings
    if guider.negative is not None:
        names = tuple(dict.fromkeys((*names, *guider.negative.embeddings)))
    return text + tags, {**given, "lora": even, "embedding": list(names)}


def _from_nothing(
    studio: Studio, drawing: Drawing, text: str, given: dict[str, Any], notes: list[str]
) -> tuple[list[Order], tuple[str, ...]]:
    latent, able = drawing.latent, studio.capabilities()
    if drawing.schedule.strength < 1:
        notes.append("denoise: nothing is there to keep, so it is drawn from noise alone")
    step = 1 if able.sizes else able.multiple
    width, height = (side // step * step for side in latent.size)
    if (width, height) != latent.size:
        notes.append(f"size {latent.size[0]}x{latent.size[1]}: {width}x{height}, the model's grid")
    if latent.count > 1:
        notes.append("a batch: each picture has a seed of its own, from the graph's on")
    size = Size(width=max(1, width), height=max(1, height))
    order = studio.orders.generate(
        text,
        n=latent.count,
        size=(width, height),
        interpreter=_reader(studio),
        flags="none",
        control=_controls(studio, drawing.guider.positive.controls, size),
        **given,
    )
    return [order], tuple(notes)


def _from_picture(
    studio: Studio, drawing: Drawing, start: Version, text: str, given: dict[str, Any]
) -> Order:
    latent, strength = drawing.latent, drawing.schedule.strength
    if latent.fresh and latent.mask is not None:
        strength = 1.0
    controls = drawing.guider.positive.controls
    if latent.mask is not None:
        mask = latent.mask.convert("L")
        size = (start.size.width, start.size.height)
        return studio.orders.inpaint(
            start,
            mask if mask.size == size else mask.resize(size),
            text,
            strength=strength,
            feather=0,
            control=_controls(studio, controls, start.size),
            **given,
        )
    size = studio.capabilities().nearest(
        Size(width=max(1, latent.size[0]), height=max(1, latent.size[1]))
    )
    return studio.orders.vary(
        start,
        strength=strength,
        prompt=text,
        size=(size.width, size.height),
        control=_controls(studio, controls, size),
        **given,
    )


def _reader(studio: Studio) -> str:
    """Who reads the brackets: the model's attention, where it can."""
    able = studio.capabilities().interpreters
    return next((each for each in ("attention", "a1111", "plain") if each in able), "plain")


def condition_of(network: Net, reads: Sequence[str]) -> str:
    """What a network is to read. Of one with modes (FLUX's unions) by their numbers, which ComfyUI
    calls by the names of SDXL's; of another by name.

    Raises:
        RecipeRefused: for a mode that none of the conditions here has.
    """
    if network.type not in UNION_TYPES:
        return reads[0]
    if set(reads) != set(UNION_MODES):
        named = UNION_TYPES[network.type]
        return named if named in reads else reads[0]
    for condition, there in UNION_MODES.items():
        if there == network.type:
            return condition
    raise RecipeRefused(
        f"the union '{network.name}' has no mode here that is called '{network.type}' there",
        hint=", ".join(f"'{there}' is {own}" for own, there in UNION_MODES.items()),
    )


def _controls(studio: Studio, controls: tuple[Control, ...], size: Size) -> list[dict[str, Any]]:
    from maquette.engines.base import Adapting

    engine = studio.engine()
    known = engine.adapters() if isinstance(engine, Adapting) else ()
    found: list[dict[str, Any]] = []
    for each in controls:
        name = each.network.name
        reads = next((a.conditions for a in known if a.name == name and a.conditions), ())
        if not reads:
            raise RecipeRefused(f"the control '{name}' does not say what it reads")
        found.append(
            {
                "condition": condition_of(each.network, reads),
                "image": fitted(each.shot.image, size),
                "adapter": name,
                "strength": each.strength,
                "start": each.start,
                "end": each.end,
            }
        )
    return found


def with_loras(model: Model, *, own: dict[str, float], told: dict[str, float]) -> Model:
    """A model with more LoRAs on it; the same one twice counts by its sum, as there."""
    return replace(model, loras=_summed(model.loras, own), told=_summed(model.told, told))


def _summed(
    before: tuple[tuple[str, float], ...], more: dict[str, float]
) -> tuple[tuple[str, float], ...]:
    found = dict(before)
    for name, weight in more.items():
        found[name] = found.get(name, 0.0) + weight
    return tuple(found.items())
