"""Find a model and read what it is, without torch and without its weights.

A model is a folder in the layout of ``StableDiffusionPipeline``: ``model_index.json`` and the
parts ``unet``, ``vae``, ``text_encoder``, ``tokenizer`` and ``scheduler``, with weights as
safetensors. A ``MODEL.json`` beside them, when there is one, adds its name, its generation, its
native size, its words and the SHA-256 of every file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maquette.core.geometry import Size
from maquette.core.recipe import ModelRef
from maquette.engines.diffusers.digests import digest_of, sha256_of
from maquette.errors import ModelMissing, ModelRefused

__all__ = ["DEFAULT", "ModelCard", "find_model", "list_models", "read_model", "verify_model"]

DEFAULT = "postcard"
"""The model that ships inside the package."""

FOLDER = "MAQUETTE_MODELS"
"""The environment variable that names a folder of more models."""

_PICKLED = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
_CONVERT = (
    "pickled weights can run any code when they are opened, so they never are; convert it to"
    " safetensors on a machine that you can spare (save_pretrained(…, safe_serialization=True))"
)
_PARTS: Mapping[str, tuple[str, frozenset[str]]] = {
    "unet": ("config.json", frozenset({"UNet2DConditionModel"})),
    "vae": ("config.json", frozenset({"AutoencoderKL", "AutoencoderTiny"})),
    "text_encoder": ("config.json", frozenset({"CLIPTextModel"})),
    "scheduler": ("scheduler_config.json", frozenset()),
}
# What a UNet's config may not ask for: inputs that a plain text-to-image loop does not have.
_STRANGE = (
    "encoder_hid_dim_type",
    "addition_embed_type",
    "class_embed_type",
    "cross_attention_norm",
    "time_cond_proj_dim",
)


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model before its weights are read.

    ``scale`` is the number of pixels to a latent cell on each axis, ``latents`` the latent's
    channels, ``channels`` the UNet's input channels (4, or 9 for an inpainting UNet),
    ``max_tokens`` the text encoder's length with both end marks, ``attended`` whether each of the
    UNet's levels, finest first, has cross-attention, ``about`` what MODEL.json says.
    """

    folder: Path
    ref: ModelRef
    native: Size
    scale: int
    latents: int
    channels: int
    max_tokens: int
    prediction: str
    vocabulary: frozenset[str] | None
    variant: str | None
    vae_class: str
    attended: tuple[bool, ...]
    scheduler: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def weight_gain(self) -> float:
        """How strongly weights above 1 push: see ``attention.log_weights``; 1 unless stated."""
        gain = self.about.get("weight_gain", 1.0)
        return min(max(float(gain), 1.0), 16.0) if isinstance(gain, int | float) else 1.0

    @property
    def levels(self) -> int:
        """How many resolutions the UNet works at."""
        return len(self.attended)


def shipped() -> Path:
    """The folder of the models that ship inside the package."""
    return Path(__file__).resolve().parents[2] / "models"


def find_model(model: str | Path | None = None, models: Path | None = None) -> Path:
    """The folder of a model: the shipped one, a folder, or a name in the folder ``models``.

    Raises:
        ModelMissing: when there is none of that name.
        ModelRefused: for a checkpoint in one file.
    """
    name = str(model) if model is not None else DEFAULT
    given = Path(name).expanduser()
    _refuse_files(given)
    elsewhere = _elsewhere(models)
    places = [given] if len(given.parts) > 1 or given.is_absolute() else []
    places += [shipped() / name]
    places += [elsewhere / name] if elsewhere else []
    places += [given]
    for place in places:
        if place.is_dir():
            return place.resolve()
    raise ModelMissing(
        f"there is no model '{name}'",
        hint=f"give a folder in diffusers' layout, or a name in the folder that {FOLDER} names",
    )


def _elsewhere(models: Path | None) -> Path | None:
    named = str(models) if models is not None else os.environ.get(FOLDER)
    return Path(named).expanduser() if named else None


def _refuse_files(path: Path) -> None:
    if path.suffix in _PICKLED:
        raise ModelRefused(f"{path.name} is a pickled checkpoint", hint=_CONVERT)
    if path.suffix == ".safetensors" and path.is_file():
        raise ModelRefused(
            f"{path.name} holds a whole checkpoint in one file, without its configuration",
            hint="convert it to a folder in diffusers' layout (from_single_file, save_pretrained)",
        )


def list_models(models: Path | None = None) -> tuple[ModelCard, ...]:
    """Every readable model that goes by a name: shipped ones first, then those in ``models``."""
    elsewhere = _elsewhere(models)
    roots = [shipped(), *([elsewhere] if elsewhere else [])]
    found: dict[str, ModelCard] = {}
    for root in roots:
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if (folder / "model_index.json").is_file():
                try:
                    card = read_model(folder)
                except (ModelMissing, ModelRefused):
                    continue
                found.setdefault(card.ref.name, card)
    return tuple(found.values())


def read_model(folder: Path) -> ModelCard:
    """Read a model's configuration. Loads no weights; hashes files once (see ``digest_of``).

    Raises:
        ModelMissing: when a part is not there; the message names it.
        ModelRefused: pickled weights, or a part of a kind that this engine does not drive.
    """
    configs = {part: _part(folder, part, file, kinds) for part, (file, kinds) in _PARTS.items()}
    if not (folder / "tokenizer").is_dir():
        raise ModelMissing(f"the model in {folder.name} lacks its part 'tokenizer'")
    unet, vae, text = configs["unet"], configs["vae"], configs["text_encoder"]
    strange = [key for key in _STRANGE if unet.get(key)]
    if strange or unet.get("dual_cross_attention"):
        raise ModelRefused(
            f"the UNet of {folder.name} wants {', '.join(strange) or 'dual cross-attention'}",
            hint="models of the shape of Stable Diffusion 1 and 2 are driven; others are not yet",
        )
    weights = [_weights(folder, part) for part in ("unet", "vae", "text_encoder")]
    about = _json(folder / "MODEL.json") if (folder / "MODEL.json").is_file() else {}
    scale = 2 ** (len(vae.get("block_out_channels") or vae["encoder_block_out_channels"]) - 1)
    side = unet.get("sample_size") or 64
    height, width = side if isinstance(side, list) else (side, side)
    native = about.get("native_size") or [width * scale, height * scale]
    words = about.get("words")
    listed = about.get("files")
    return ModelCard(
        folder=folder,
        ref=ModelRef(
            name=about.get("name") or folder.name,
            digest=digest_of(folder, listed, about.get("weight_gain")),
        ),
        native=Size(width=native[0], height=native[1]),
        scale=scale,
        latents=int(vae.get("latent_channels", 4)),
        channels=int(unet.get("in_channels", 4)),
        max_tokens=int(text.get("max_position_embeddings", 77)),
        prediction=str(configs["scheduler"].get("prediction_type", "epsilon")),
        vocabulary=frozenset(word.lower() for word in words) if words else None,
        variant=next((variant for variant in weights if variant), None),
        vae_class=str(vae["_class_name"]),
        attended=tuple("CrossAttn" in kind for kind in unet["down_block_types"]),
        scheduler=configs["scheduler"],
        about=about,
    )


def verify_model(card: ModelCard) -> None:
    """Compare every file with the SHA-256 that MODEL.json gives for it, if it gives any.

    Raises:
        ModelMissing: for a listed file that is not there.
        ModelRefused: for one whose bytes are others.
    """
    for path, expected in (card.about.get("files") or {}).items():
        file = card.folder / path
        if not file.is_file():
            raise ModelMissing(f"the model {card.ref.name} lacks its file {path}")
        if sha256_of(file) != expected:
            raise ModelRefused(
                f"{path} of the model {card.ref.name} is damaged: its bytes are not as listed",
                hint="install the model again",
            )


def _part(folder: Path, part: str, file: str, kinds: frozenset[str]) -> dict[str, Any]:
    path = folder / part / file
    if not path.is_file():
        raise ModelMissing(f"the model in {folder.name} lacks its part '{part}' ({part}/{file})")
    config = _json(path)
    kind = config.get("_class_name") or (config.get("architectures") or [""])[0]
    if kinds and kind not in kinds:
        raise ModelRefused(
            f"the part '{part}' of {folder.name} is a {kind or 'thing without a name'}",
            hint=f"this engine drives {' and '.join(sorted(kinds))} there",
        )
    return {**config, "_class_name": kind}


def _weights(folder: Path, part: str) -> str | None:
    """The variant ("fp16", or None for the plain one) of a part's safetensors."""
    files = sorted(path.name for path in (folder / part).iterdir())
    safe = [name for name in files if name.endswith(".safetensors")]
    if not safe:
        pickled = [name for name in files if name.endswith(_PICKLED)]
        if pickled:
            raise ModelRefused(f"{part}/{pickled[0]} of {folder.name} is pickled", hint=_CONVERT)
        raise ModelMissing(f"the model in {folder.name} lacks the weights of its part '{part}'")
    stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
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
