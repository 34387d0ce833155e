"""What a model cannot be steered by, told from headers and configurations before anything waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from maquette.core.adapter import Adapter
from maquette.core.conditioning import Control, Embedding, Lora, Reference
from maquette.core.recipe import Inpaint, Outpaint, Recipe
from maquette.core.value import ModelRef
from maquette.engines.diffusers.conditions.catalogue import (
    Catalogue,
    encoder_of,
    layout_of_faces,
    stamp,
    weights_of,
)
from maquette.engines.diffusers.conditions.control_fit import longest
from maquette.engines.diffusers.conditions.control_fit import misfit as net_misfit
from maquette.engines.diffusers.conditions.controlnets import ControlNet, read_controlnet
from maquette.engines.diffusers.conditions.face_lora import refuse_twice
from maquette.engines.diffusers.conditions.headers import (
    Shapes,
    network_shapes,
    read_header,
    read_json,
)
from maquette.engines.diffusers.conditions.ip_layouts import (
    encoder_misfit,
    joint_misfit,
    layout_of,
)
from maquette.engines.diffusers.conditions.keys import Misfit, match
from maquette.engines.diffusers.models import ModelCard
from maquette.engines.learned.recognise import by_ref
from maquette.errors import MaquetteError, RecipeRefused

__all__ = ["check", "fitting", "misfit", "networks_of", "triggers"]

_PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2")
_SECOND = {"text_encoder": ("emb_params", "clip_l"), "text_encoder_2": ("clip_g",)}
LINES = {"canny": "line", "lineart": "line", "scribble": "line"}
JOINED = 8
"""Channels of a network that reads several maps in one call."""


def check(recipe: Recipe, card: ModelCard, models: Path | None = None) -> None:
    """Refuse conditionings that this model cannot honour. Loads no weights.

    Raises:
        RecipeRefused: for an adapter of another family, a condition that its network does not
            read, or a combination that cannot be drawn.
        ModelMissing, ModelRefused: an adapter that is not at hand, or damaged.
    """
    catalogue = Catalogue(card, models)
    joined: set[str] = set()
    for each in recipe.conditionings:
        match each:
            case Lora():
                ref = ModelRef(name=each.name, digest=each.digest)
                _fits(catalogue.by_digest(ref, "lora"), card)
            case Embedding():
                ref = ModelRef(name=each.word, digest=each.digest)
                _fits(catalogue.by_digest(ref, "embedding"), card)
            case Control():
                found = catalogue.by_digest(each.adapter, "control", "t2i-adapter")
                _reads(found, each.condition)
                _fits(found, card)
                net = read_controlnet(Path(found.path)) if found.kind == "control" else None
                if net is not None:
                    _places(found, net, recipe, card)
                if net is not None and net.config.get("conditioning_channels") == JOINED:
                    joined.add(each.adapter.digest)
                if each.condition == "inpaint":
                    _fills(found, net, recipe, card)
            case Reference(adapter=None):
                if not _has_unet(card):
                    raise RecipeRefused(
                        f"{card.ref.name} cannot look at a picture without a network for it:"
                        " its attention knows places by their positions, and would take the"
                        " picture's for the drawing's own",
                        hint="give an IP-Adapter of its family, or use a model with a UNet",
                    )
            case Reference():
                assert each.adapter is not None  # noqa: S101 (the case before)
                found = catalogue.by_digest(each.adapter, "ip-adapter")
                _fits(found, card)
                _tells(each, found, catalogue.models)
    _together(recipe, joined)
    refuse_twice(recipe, catalogue)


def triggers(recipe: Recipe, card: ModelCard) -> frozenset[str]:
    """The words, in lower case, that the recipe's LoRAs say they answer to."""
    catalogue = Catalogue(card)
    asked = [each for each in recipe.conditionings if isinstance(each, Lora)]
    refs = [ModelRef(name=each.name, digest=each.digest) for each in asked]
    said = " ".join(catalogue.by_digest(ref, "lora").trigger for ref in refs)
    return frozenset(word.strip(",.;:") for word in said.lower().split())


def _together(recipe: Recipe, joined: Collection[str]) -> None:
    """``joined`` are the networks, by digest, that read several maps in one call, one of a kind."""
    given = Counter(
        (c.adapter.digest, LINES.get(c.condition, c.condition), c.start, c.end)
        for c in recipe.conditionings
        if isinstance(c, Control) and c.adapter.digest in joined
    )
    for (_, what, _, _), count in given.items():
        if count > 1:
            raise RecipeRefused(f"{count} maps for {what} go to one network", hint="give one")
    words = Counter(c.word.lower() for c in recipe.conditionings if isinstance(c, Embedding))
    if twice := [word for word, count in words.items() if count > 1]:
        raise RecipeRefused(f"the embedding '{twice[0]}' is given twice")


def fitting(catalogue: Catalogue, card: ModelCard) -> tuple[Adapter, ...]:
    """Every adapter at hand, each with why it does not go with the model, if it does not."""
    return tuple(each.model_copy(update={"misfit": misfit(each, card)}) for each in catalogue)


def _fits(adapter: Adapter, card: ModelCard) -> None:
    if why := misfit(adapter, card):
        raise RecipeRefused(
            f"'{adapter.name}' does not go with {card.ref.name}: {why}",
            hint="use it with the family that it was trained on",
        )


def _reads(adapter: Adapter, condition: str) -> None:
    if adapter.conditions and condition not in adapter.conditions:
        raise RecipeRefused(
            f"'{adapter.name}' reads {', '.join(adapter.conditions)}, not {condition}",
            hint=f"give a map for {adapter.conditions[0]}, or a network for {condition}",
        )


def _tells(reference: Reference, adapter: Adapter, models: Path | None) -> None:
    """A face is told by a recogniser where the adapter reads its vectors, and else by none."""
    if reference.recogniser is None:
        if adapter.numbers:
            raise RecipeRefused(
                f"'{adapter.name}' reads faces by a recognition network, and none is given",
                hint="give the picture as a face, or use an IP-Adapter that reads pictures",
            )
        return
    if not adapter.numbers:
        raise RecipeRefused(
            f"'{adapter.name}' reads pictures, not what a recogniser tells of a face",
            hint="give an IP-Adapter FaceID, or leave the recogniser out",
        )
    network = by_ref(reference.recogniser, models)
    if network.numbers != adapter.numbers:
        raise RecipeRefused(
            f"the recogniser '{network.name}' tells a face by {network.numbers} numbers,"
            f" '{adapter.name}' reads {adapter.numbers}",
            hint=f"use a recogniser of {adapter.numbers} numbers",
        )


def _fills(adapter: Adapter, net: ControlNet | None, recipe: Recipe, card: ModelCard) -> None:
    if not isinstance(recipe.task, Inpaint | Outpaint):
        raise RecipeRefused(
            f"'{adapter.name}' looks at what surrounds a hole, and nothing is to be filled here",
            hint="use it with inpaint and outpaint",
        )
    first = net is not None and net.kind == "unet" and card.family == "sd"
    if net is None or not (net.fills or first):
        raise RecipeRefused(
            f"'{adapter.name}' is not known to read what surrounds a hole",
            hint="those for Stable Diffusion 1 and 3 and for FLUX are; inpaint without it",
        )


def _places(adapter: Adapter, net: ControlNet, recipe: Recipe, card: ModelCard) -> None:
    most = longest(net, card)
    size = getattr(recipe.task, "work", recipe.size)
    if most is not None and max(size.width, size.height) > most:
        raise RecipeRefused(
            f"'{adapter.name}' has places for {most} pixels a side, not for {size}",
            hint=f"draw at {most} at most, then upscale",
        )


_ANSWERS: dict[tuple[str, str], tuple[object, str]] = {}


def misfit(adapter: Adapter, card: ModelCard) -> str:
    """Why an adapter does not go with a model; "" if it does, as far as headers tell. Found out
    once, and again when its files change."""
    path = Path(adapter.path)
    key, now = (adapter.path, card.ref.digest), stamp(path)
    before, answer = _ANSWERS.get(key, (None, ""))
    if before != now:
        answer = _misfit(adapter, path, card)
        _ANSWERS[key] = now, answer
    return answer


def _misfit(adapter: Adapter, path: Path, card: ModelCard) -> str:
    try:
        match adapter.kind:
            case "lora":
                return _lora_misfit(path, card)
            case "embedding":
                return _embedding_misfit(path, card)
            case "control":
                net = read_controlnet(path)
                return net_misfit(net, card) if net is not None else "it is no ControlNet"
            case "t2i-adapter":
                return _adapter_misfit(read_json(path / "config.json"), card)
            case "ip-adapter":
                return _ip_misfit(path, card)
    except MaquetteError as error:
        return str(error)


def networks_of(card: ModelCard) -> tuple[Mapping[str, Shapes], int]:
    """The shapes of a model's networks by their names, and the layers of a block of its UNet; no
    networks where it is a checkpoint in one file.

    Raises:
        ModelRefused: a file that is damaged.
    """
    networks: dict[str, Shapes] = {}
    for part in _PARTS:
        found = network_shapes(card.folder / part)
        if found is not None:
            networks[part] = found
    return networks, int(_config(card, "unet").get("layers_per_block") or 2)


def _lora_misfit(path: Path, card: ModelCard) -> str:
    shapes = read_header(weights_of(path))[0]
    networks, per_block = networks_of(card)
    if not networks:
        return ""  # a checkpoint in one file: told when it is loaded
    try:
        match(shapes, networks, per_block)
    except Misfit as error:
        return str(error)
    return ""


def _embedding_misfit(path: Path, card: ModelCard) -> str:
    shapes = read_header(weights_of(path))[0]
    if not _has_unet(card):
        return "learned words are read by Stable Diffusion 1, 2 and XL"
    for part, names in _SECOND.items():
        config = _config(card, part)
        if not config:
            continue
        named = [name for name in names if name in shapes]
        if not named and part == "text_encoder" and len(shapes) == 1:
            named = list(shapes)
        if not named:
            return f"it has no vectors for the {part.replace('_', ' ')}"
        width, own = shapes[named[0]][-1], config.get("hidden_size")
        if own and width != own:
            return f"its vectors have {width} numbers, this model's words {own}"
    if "clip_g" in shapes and not _config(card, "text_encoder_2"):
        return "it is for a model with two text encoders"
    return ""


def _width_misfit(width: Any, card: ModelCard) -> str:
    if not _has_unet(card):
        return "it is for a model with a UNet"
    own = _config(card, "unet").get("cross_attention_dim")
    if isinstance(own, int) and isinstance(width, int) and own != width:
        return f"it listens to texts of {width} numbers, this model's have {own}"
    return ""


def _ip_misfit(path: Path, card: ModelCard) -> str:
    shapes = read_header(weights_of(path))[0]
    if _has_unet(card) and layout_of(shapes) == "unet":
        keys = shapes.get("ip_adapter.1.to_k_ip.weight")
        why = _width_misfit(keys[-1] if keys else None, card)
    else:
        why = joint_misfit(shapes, _config(card, "transformer"), card.family)
    if why or layout_of_faces(path) is not None:
        return why
    return encoder_misfit(shapes, read_json(encoder_of(path) / "config.json"))


def _adapter_misfit(config: Mapping[str, Any], card: ModelCard) -> str:
    if not _has_unet(card):
        return "it is for a model with a UNet"
    own = _config(card, "unet").get("block_out_channels")
    theirs = config.get("channels")
    if isinstance(own, list) and isinstance(theirs, list) and len(theirs) >= len(own):
        theirs = theirs[: len(own)]
    if own and theirs and list(own) != list(theirs):
        return f"its levels have {theirs} channels, this model's {own}"
    return ""


def _has_unet(card: ModelCard) -> bool:
    return "unet" in card.configs


def _config(card: ModelCard, part: str) -> Mapping[str, Any]:
    return card.configs.get(part, {})
