"""Checkpoints in one safetensors file: recognised by their tensors' names, without torch.

Such a file holds weights alone. What its networks are comes from the published numbers of its
family (``facts/``), corrected by the shapes that its header tells; tokenizers, and parts that the
file lacks, come from a model folder of the same family. A JSON file of the same name beside it
may say otherwise::

    {"name": "mine", "base": "FOLDER or name", "configs": {"unet": {"sample_size": 96}},
     "scheduler": {"prediction_type": "epsilon"}, "native_size": [768, 768]}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from maquette.engines.diffusers.conditions.headers import Shapes, read_header
from maquette.engines.diffusers.digests import digest_of, sha256_of
from maquette.engines.diffusers.families import FAMILIES, Family
from maquette.errors import ModelMissing, ModelRefused

__all__ = ["PREFIXES", "Single", "is_checkpoint", "read_single", "recognise"]

PREFIXES: Mapping[str, tuple[str, ...]] = {
    "unet": ("model.diffusion_model.",),
    "transformer": ("model.diffusion_model.", ""),
    "vae": ("first_stage_model.", "vae."),
    "text_encoder": (
        "cond_stage_model.transformer.",
        "cond_stage_model.model.",
        "conditioner.embedders.0.transformer.",
        "text_encoders.clip_l.transformer.",
    ),
    "text_encoder_2": (
        "conditioner.embedders.1.model.",
        "text_encoders.clip_g.transformer.",
        "text_encoders.t5xxl.transformer.",
    ),
    "text_encoder_3": ("text_encoders.t5xxl.transformer.",),
}
"""Under which names a part's tensors stand, by the part; the first that is there."""

_SIGNS = {
    "sdxl": "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight",
    "sd3": "joint_blocks.0.context_block.adaLN_modulation.1.weight",
    "flux": "double_blocks.0.img_attn.qkv.weight",
}
_CROSS = "attn2.to_k.weight"
_UNET = "model.diffusion_model."


class Single:
    """What a file turned out to be.

    Attributes:
        file: the file. family, configs, scheduler: as a folder would say them.
        prefixes: of each part that the file holds, where its tensors' names begin.
        base: the folder that gives the rest, or None.
        about: what the JSON file beside it says.
    """

    def __init__(self, file: Path, name: str, shapes: Shapes, about: Mapping[str, Any]) -> None:
        told = _facts(name)
        self.file = file
        self.about = about
        self.family: Family = FAMILIES[told["family"]]
        self.scheduler: dict[str, Any] = {**told["scheduler"]}
        self.configs: dict[str, dict[str, Any]] = {
            part: {**config, **_mapping(about.get("configs"), part)}
            for part, config in told["parts"].items()
        }
        self.prefixes = {
            part: prefix
            for part in self.configs
            if (prefix := _prefix(shapes, part, self.family)) is not None
        }
        _correct(self, shapes)
        for part, config in self.configs.items():
            config.update(_mapping(about.get("configs"), part))
        self.scheduler.update(_mapping(about, "scheduler"))
        self.base: Path | None = None

    def take_rest(self, bases: Iterator[Path]) -> None:
        """Find the folder that gives tokenizers and the parts that the file lacks.

        Raises:
            ModelMissing: when none of them has all.
        """
        family = self.family
        wanted = [part for part in self.configs if part not in self.prefixes]
        needed = [part for part in wanted if not family.parts[part].optional]
        words = [
            name
            for name, encoder in zip(family.tokenizers, family.encoders, strict=True)
            if encoder in self.prefixes or encoder in needed
        ]
        for base in bases:
            if all((base / name).is_dir() for name in (*words, *needed)):
                self.base = base
                break
        else:
            lacks = " and ".join((*needed, *words))
            raise ModelMissing(
                f"{self.file.name} holds no {lacks}, and no model folder at hand does",
                hint=f'name one in {self.file.with_suffix(".json").name}: {{"base": "FOLDER"}}',
            )
        for part in wanted:
            file = self.base / part / "config.json"
            if file.is_file():
                config = _read(file)
                kind = config.get("_class_name") or (config.get("architectures") or [""])[0]
                self.configs[part] = {**config, "_class_name": kind}
            else:
                del self.configs[part]

    def variant(self, part: str) -> str | None:
        """The kind of weights that the base has of a part; None for a part of the file itself."""
        if self.base is None or part in self.prefixes or not (self.base / part).is_dir():
            return None
        names = [each.name for each in (self.base / part).glob("*.safetensors")]
        return "fp16" if names and all(".fp16" in name for name in names) else None

    @property
    def digest(self) -> str:
        """SHA-256 over the file, what it was taken for, and the parts of the base."""
        rest = {
            part: digest_of(self.base, parts=(part,))
            for part in (*self.family.parts, *self.family.tokenizers)
            if self.base is not None and part not in self.prefixes and (self.base / part).is_dir()
        }
        taken = {"configs": self.configs, "scheduler": self.scheduler, "rest": rest}
        lines = f"{sha256_of(self.file)}\n{json.dumps(taken, sort_keys=True)}\n"
        return hashlib.sha256(lines.encode()).hexdigest()


def read_single(file: Path, bases: Callable[[str, str | None], Iterator[Path]]) -> Single:
    """Read what a checkpoint in one file is; ``bases`` gives the folders to take the rest from for
    a family and the name that the JSON file states, best first.

    Raises:
        ModelRefused: of no known family, of a kind that is not driven, or damaged.
        ModelMissing: when something that the file lacks is nowhere.
    """
    shapes, _ = read_header(file)
    beside = file.with_suffix(".json")
    about = _read(beside) if beside.is_file() else {}
    single = Single(file, recognise(file, shapes), shapes, about)
    named = about.get("base")
    single.take_rest(bases(single.family.name, str(named) if named is not None else None))
    return single


def is_checkpoint(file: Path) -> bool:
    """Whether a safetensors file is a whole model, by its header."""
    try:
        return bool(recognise(file, read_header(file)[0]))
    except (ModelMissing, ModelRefused):
        return False


def recognise(file: Path, shapes: Shapes) -> str:
    """The name of the facts that fit the tensors of a file.

    Raises:
        ModelRefused: for a file that is something else; says what, where that can be told.
    """
    names = set(shapes)
    if any(name.endswith(("scale_weight", "scaled_fp8")) for name in names):
        raise ModelRefused(
            f"the weights of {file.name} are scaled 8-bit numbers",
            hint="take its float16 or bfloat16 edition",
        )
    for family in ("flux", "sd3"):
        if any(prefix + _SIGNS[family] in names for prefix in PREFIXES["transformer"]):
            return family
    if _SIGNS["sdxl"] in names:
        return "sdxl"
    if "conditioner.embedders.0.model.transformer.resblocks.0.attn.in_proj_weight" in names:
        raise ModelRefused(f"{file.name} is a refiner: it ends what a base model began")
    width = next((s[1] for n, s in shapes.items() if n.startswith(_UNET) and _CROSS in n), 0)
    if any(name.startswith("cond_stage_model.model.") for name in names) and width:
        return "sd2"
    if any(name.startswith("cond_stage_model.transformer.") for name in names) and width:
        return "sd1"
    kinds = {
        "lora_": "a LoRA",
        "lora.": "a LoRA",
        "lora_A": "a LoRA",
        "control_model": "a ControlNet",
        "string_to_param": "an embedding",
        "ip_adapter": "an IP-Adapter",
    }
    kind = next((what for sign, what in kinds.items() if any(sign in n for n in names)), "")
    raise ModelRefused(
        f"{file.name} is {kind}, no model"
        if kind
        else f"{file.name} is of no family that is known",
        hint="Stable Diffusion 1, 2, XL and 3 and FLUX.1 are recognised, as whole checkpoints",
    )


def _correct(single: Single, shapes: Shapes) -> None:
    """What the shapes tell better than the facts."""
    network = single.family.network
    prefix, config = single.prefixes[network], single.configs[network]
    if network == "unet":
        if (first := shapes.get(f"{prefix}input_blocks.0.0.weight")) is not None:
            config["in_channels"] = first[1]
        return
    if single.family.name == "sd3":
        _correct_sd3(config, shapes, prefix)
        return
    config["num_layers"] = _count(shapes, f"{prefix}double_blocks.")
    config["num_single_layers"] = _count(shapes, f"{prefix}single_blocks.")
    config["guidance_embeds"] = f"{prefix}guidance_in.in_layer.weight" in shapes
    config["in_channels"] = shapes[f"{prefix}img_in.weight"][1]
    if not config["guidance_embeds"]:  # schnell: steps are not shifted by the picture's size
        single.scheduler.update(use_dynamic_shifting=False, shift=1.0)


def _correct_sd3(config: dict[str, Any], shapes: Shapes, prefix: str) -> None:
    count = _count(shapes, f"{prefix}joint_blocks.")
    width = shapes[f"{prefix}context_embedder.weight"][0]
    config["num_layers"] = count
    config["caption_projection_dim"] = width
    config["num_attention_heads"] = width // int(config["attention_head_dim"])
    config["pos_embed_max_size"] = round(shapes[f"{prefix}pos_embed"][1] ** 0.5)
    config["dual_attention_layers"] = [
        number
        for number in range(count)
        if f"{prefix}joint_blocks.{number}.x_block.attn2.qkv.weight" in shapes
    ]
    if f"{prefix}joint_blocks.0.x_block.attn.ln_q.weight" in shapes:
        config["qk_norm"] = "rms_norm"


def _count(shapes: Shapes, prefix: str) -> int:
    return 1 + max(
        int(name[len(prefix) :].partition(".")[0]) for name in shapes if name.startswith(prefix)
    )


def _prefix(shapes: Shapes, part: str, family: Family) -> str | None:
    known = PREFIXES[part]
    if part == "transformer":
        return next(prefix for prefix in known if prefix + _SIGNS[family.name] in shapes)
    return next(
        (prefix for prefix in known if any(name.startswith(prefix) for name in shapes)), None
    )


def _facts(name: str) -> dict[str, Any]:
    return json.loads(
        (files("maquette.engines.diffusers") / "facts" / f"{name}.json").read_text("utf-8")
    )


def _mapping(told: Any, key: str) -> dict[str, Any]:
    found = told.get(key) if isinstance(told, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def _read(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{file.name} is not readable JSON") from error
    if not isinstance(told, dict):
        raise ModelRefused(f"{file.name} is not a JSON object")
    return told
