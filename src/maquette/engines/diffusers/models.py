"""Find a model and read what it is, without torch and without its weights.

A model is a folder in diffusers' layout: ``model_index.json`` and the parts of its family (say
``unet``, ``vae``, ``text_encoder``, ``tokenizer`` and ``scheduler``), with weights as
safetensors. A ``MODEL.json`` beside them, when there is one, adds its name, its generation, its
native size, its words and the SHA-256 of every file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.core.geometry import Size
from maquette.core.recipe import ModelRef
from maquette.engines.diffusers.card import ModelCard
from maquette.engines.diffusers.digests import digest_of, sha256_of
from maquette.engines.diffusers.families import Family, Part, family_of
from maquette.engines.diffusers.families.variants import variant_of, with_spacing
from maquette.errors import ModelMissing, ModelRefused

if TYPE_CHECKING:
    from maquette.engines.diffusers.singles import Single

__all__ = [
    "DEFAULT",
    "ModelCard",
    "find_model",
    "list_models",
    "read_model",
    "shipped",
    "verify_model",
]

DEFAULT = "postcard"
"""The model that ships inside the package."""

DEFAULT_SIDES = {"sdxl": 128, "sd3": 128, "flux": 128}
"""Latent cells on a side where a network's configuration does not say."""

FOLDER = "MAQUETTE_MODELS"
"""The environment variable that names a folder of more models."""

_SAFE = ".safetensors"
_PICKLED = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
_CONVERT = (
    "pickled weights can run any code when they are opened, so they never are; convert it to"
    " safetensors on a machine that you can spare (save_pretrained(…, safe_serialization=True))"
)


def shipped() -> Path:
    """The folder of the models that ship inside the package."""
    return Path(__file__).resolve().parents[2] / "models"


def find_model(model: str | Path | None = None, models: Path | None = None) -> Path:
    """The folder of a model, or its one file: the shipped one, a path, or a name in ``models``.

    Raises:
        ModelMissing: when there is none of that name.
        ModelRefused: for a pickled checkpoint.
    """
    name = str(model) if model is not None else DEFAULT
    given = Path(name).expanduser()
    if given.suffix in _PICKLED:
        raise ModelRefused(f"{given.name} is a pickled checkpoint", hint=_CONVERT)
    elsewhere = _elsewhere(models)
    places = [given] if len(given.parts) > 1 or given.is_absolute() else []
    places += [shipped() / name]
    places += [elsewhere / name] if elsewhere else []
    places += [given]
    for place in places:
        if place.is_dir() or (place.suffix == _SAFE and place.is_file()):
            return place.resolve()
        if (file := place.with_name(place.name + _SAFE)).is_file():
            return file.resolve()
    if elsewhere is not None and (stated := _stated(elsewhere, name)) is not None:
        return stated
    raise ModelMissing(
        f"there is no model '{name}'",
        hint="give a folder in diffusers' layout, a safetensors file, or a name in the folder that"
        f" {FOLDER} names",
    )


def _stated(elsewhere: Path, name: str) -> Path | None:
    """The model that states this name, whatever its folder or file is called."""
    for place in sorted(elsewhere.iterdir()) if elsewhere.is_dir() else ():
        label = place / "MODEL.json" if place.is_dir() else place.with_suffix(".json")
        if (place.is_dir() or place.suffix == _SAFE) and label.is_file():
            try:
                told = json.loads(label.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(told, dict) and told.get("name") == name:
                return place.resolve()
    return None


def _elsewhere(models: Path | None) -> Path | None:
    named = str(models) if models is not None else os.environ.get(FOLDER)
    return Path(named).expanduser() if named else None


def list_models(models: Path | None = None) -> tuple[ModelCard, ...]:
    """Every readable model that goes by a name: shipped ones first, then those in ``models``."""
    elsewhere = _elsewhere(models)
    roots = [shipped(), *([elsewhere] if elsewhere else [])]
    found: dict[str, ModelCard] = {}
    for root in roots:
        for place in sorted(root.iterdir()) if root.is_dir() else ():
            if (place / "model_index.json").is_file() or place.suffix == _SAFE:
                try:
                    card = read_model(place, models)
                except (ModelMissing, ModelRefused):
                    continue
                found.setdefault(card.ref.name, card)
    return tuple(found.values())


def read_model(folder: Path, models: Path | None = None) -> ModelCard:
    """Read a model's configuration. Loads no weights; hashes files once (see ``digest_of``).

    ``folder`` may be a checkpoint in one safetensors file; ``models`` is where the folders are
    that give it what it lacks.

    Raises:
        ModelMissing: when a part is not there; the message names it.
        ModelRefused: pickled weights, or a part of a kind that this engine does not drive.
    """
    if folder.is_file():
        return _read_file(folder, models)
    unet, transformer = (_config(folder, part) for part in ("unet", "transformer"))
    family = family_of(folder.name, unet, transformer)
    configs = {
        name: _part(folder, name, part)
        for name, part in family.parts.items()
        if not (part.optional and not (folder / name).is_dir())
    }
    scheduler = _scheduler(folder)
    for name, part in family.tokenizers.items():
        if not (folder / name).is_dir() and not part.optional:
            raise ModelMissing(f"the model in {folder.name} lacks its part '{name}'")
    weights = {name: _weights(folder, name, family.parts[name].stem) for name in configs}
    about = _json(folder / "MODEL.json") if (folder / "MODEL.json").is_file() else {}
    configs["index"] = _optional(folder / "model_index.json")
    digest = digest_of(folder, about.get("files"), about.get("weight_gain"))
    return card_of(folder, family, configs, scheduler, digest=digest, about=about, variants=weights)


def _read_file(file: Path, models: Path | None) -> ModelCard:
    from maquette.engines.diffusers.singles import read_single

    elsewhere = _elsewhere(models)

    def bases(family: str, named: str | None) -> Iterator[Path]:
        if named is not None:
            beside = file.parent / named
            yield beside if beside.is_dir() else find_model(named, models)
            return
        roots = [root for root in (file.parent, elsewhere) if root is not None and root.is_dir()]
        folders = [each for root in roots for each in sorted(root.iterdir()) if each.is_dir()]
        yield from sorted(folders, key=lambda each: not _like(each, family))

    single = read_single(file, bases)
    return card_of(
        file,
        single.family,
        single.configs,
        single.scheduler,
        digest=single.digest,
        about=single.about,
        variants={part: single.variant(part) for part in single.configs},
        name=file.stem,
        single=single,
    )


def _like(folder: Path, family: str) -> bool:
    unet, transformer = (_config(folder, part) for part in ("unet", "transformer"))
    try:
        return family_of(folder.name, unet, transformer).name == family
    except ModelRefused:
        return False


def _config(folder: Path, part: str) -> dict[str, Any]:
    return _optional(folder / part / "config.json")


def card_of(
    folder: Path,
    family: Family,
    configs: Mapping[str, Mapping[str, Any]],
    scheduler: Mapping[str, Any],
    *,
    digest: str,
    about: Mapping[str, Any],
    variants: Mapping[str, str | None],
    name: str = "",
    single: Single | None = None,
) -> ModelCard:
    """A card from the configurations of a model's parts.

    Raises:
        ModelRefused: for a model that its family's loop cannot drive.
    """
    name = str(about.get("name") or name or folder.name)
    configs = {"index": {}, **configs}
    family.check(name, configs)
    vae, text = configs["vae"], configs["text_encoder"]
    scale = 2 ** (len(vae.get("block_out_channels") or vae["encoder_block_out_channels"]) - 1)
    side = configs[family.network].get("sample_size") or DEFAULT_SIDES.get(family.name, 64)
    height, width = side if isinstance(side, list) else (side, side)
    native = about.get("native_size") or [width * scale, height * scale]
    words = about.get("words")
    few = variant_of(name, about, scheduler)
    return ModelCard(
        folder=folder,
        ref=ModelRef(name=name, digest=digest),
        native=Size(width=native[0], height=native[1]),
        scale=scale,
        latents=int(vae.get("latent_channels", 4)),
        channels=family.channels(configs),
        max_tokens=int(text.get("max_position_embeddings", 77)),
        prediction=str(scheduler.get("prediction_type", "flow" if family.flow else "epsilon")),
        vocabulary=frozenset(word.lower() for word in words) if words else None,
        variant=next((variant for variant in variants.values() if variant), None),
        vae_class=str(vae["_class_name"]),
        attended=family.attended(configs),
        scheduler=with_spacing(few, scheduler),
        about=about,
        family=family.name,
        patch=family.patch(configs),
        few=few,
        configs=configs,
        variants=variants,
        licence=str(about.get("license") or about.get("licence") or ""),
        single=single,
    )


def verify_model(card: ModelCard, *, fresh: bool = False, beside: bool = True) -> None:
    """Compare every file with the SHA-256 that MODEL.json gives for it, if it gives any; ``fresh``
    reads each anew. What stands ``beside`` the model (adapters, judge, upscaler) is no part of its
    digest, and is looked at unless it is left out.

    Raises:
        ModelMissing: for a listed file that is not there.
        ModelRefused: for one whose bytes are others.
    """
    listed = dict(card.about.get("files") or {})
    if beside:
        listed |= card.about.get("beside") or {}
    for path, expected in listed.items():
        file = card.folder / path
        if not file.is_file():
            raise ModelMissing(f"the model {card.ref.name} lacks its file {path}")
        if sha256_of(file, fresh=fresh) != expected:
            raise ModelRefused(
                f"{path} of the model {card.ref.name} is damaged: its bytes are not as listed",
                hint="install the model again",
            )


def _part(folder: Path, name: str, part: Part) -> dict[str, Any]:
    path = folder / name / "config.json"
    if not path.is_file():
        raise ModelMissing(
            f"the model in {folder.name} lacks its part '{name}' ({name}/{path.name})"
        )
    config = _json(path)
    kind = config.get("_class_name") or (config.get("architectures") or [""])[0]
    if kind not in part.classes:
        raise ModelRefused(
            f"the part '{name}' of {folder.name} is a {kind or 'thing without a name'}",
            hint=f"this engine drives {' and '.join(sorted(part.classes))} there",
        )
    return {**config, "_class_name": kind}


def _scheduler(folder: Path) -> dict[str, Any]:
    path = folder / "scheduler" / "scheduler_config.json"
    if not path.is_file():
        raise ModelMissing(
            f"the model in {folder.name} lacks its part 'scheduler' (scheduler/{path.name})"
        )
    return _json(path)


def _optional(path: Path) -> dict[str, Any]:
    return _json(path) if path.is_file() else {}


def _weights(folder: Path, part: str, stem: str) -> str | None:
    """The variant ("fp16", or None for the plain one) of a part's safetensors."""
    files = sorted(path.name for path in (folder / part).iterdir())
    safe = [name for name in files if name.endswith(".safetensors")]
    if not safe:
        pickled = [name for name in files if name.endswith(_PICKLED)]
        if pickled:
            raise ModelRefused(f"{part}/{pickled[0]} of {folder.name} is pickled", hint=_CONVERT)
        raise ModelMissing(f"the model in {folder.name} lacks the weights of its part '{part}'")
    if any(name == f"{stem}.safetensors" or name.startswith(f"{stem}-0") for name in safe):
        return None
    if any(name.startswith(f"{stem}.fp16") for name in safe):
        return "fp16"
    raise ModelRefused(
        f"the weights of the part '{part}' of {folder.name} have an unknown name: {safe[0]}",
        hint=f"name them {part}/{stem}.safetensors",
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{path.parent.name}/{path.name} is not readable JSON") from error
    if not isinstance(value, dict):
        raise ModelRefused(f"{path.parent.name}/{path.name} is not a JSON object")
    return value
