"""A CLIP (Radford et al. 2021, arXiv:2103.00020) in a stock transformers folder.

``config.json`` of a `CLIPModel`, its weights as safetensors, its tokenizer, and
``preprocessor_config.json``. torch and transformers are imported with the first look.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maquette.errors import ModelRefused
from maquette.search.base import Vectors, small

__all__ = ["Clip", "crops", "files_of", "has_clip"]

_NEEDED = ("config.json", "preprocessor_config.json", "tokenizer_config.json")
_WORDS = ("tokenizer.json", "vocab.json", "merges.txt", "special_tokens_map.json")
_MOST = 6
_LOADING = threading.Lock()


def has_clip(folder: Path) -> bool:
    """Whether a folder holds a CLIP with safe weights."""
    if not all((folder / name).is_file() for name in _NEEDED):
        return False
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        return False
    return kind == "clip" and any(folder.glob("*.safetensors"))


def files_of(folder: Path) -> list[Path]:
    """The files that decide what a CLIP sees, by name."""
    named = [folder / name for name in (*_NEEDED, *_WORDS) if (folder / name).is_file()]
    return sorted([*named, *folder.glob("*.safetensors")])


class Clip:
    """The CLIP of a folder, in float32 on the processor. ``digest`` is that of ``files_of``.

    Raises:
        ModelRefused: settings that cannot be read.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.digest = digest
        self._folder = folder
        with _told(folder):
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self.width = int(config["projection_dim"])
            self._look = _Look(
                json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
            )

    def pictures(self, images: Sequence[Image.Image]) -> Vectors:
        """See ``Encoder.pictures``. Of a picture that is no square several squares are looked at,
        and their mean counts: a CLIP alone sees the middle of a panorama only."""
        import torch

        model, _ = _load(self._folder, self.digest)
        parts = [crops(image) for image in images]
        pixels = np.stack([self._look(part) for each in parts for part in each])
        with torch.inference_mode():
            seen = model.get_image_features(torch.from_numpy(pixels)).pooler_output
        each = iter(_unit(np.asarray(seen, np.float32)))
        return _unit(np.stack([np.mean([next(each) for _ in some], axis=0) for some in parts]))

    def words(self, text: str) -> Vectors:
        """See ``Encoder.words``. What goes beyond the tokens that it reads is left out."""
        import torch

        model, tokenizer = _load(self._folder, self.digest)
        text = text.encode("utf-8", "replace").decode()  # half surrogate pairs are no words
        most = int(model.config.text_config.max_position_embeddings)
        ids = tokenizer(text, truncation=True, max_length=most, return_tensors="pt").input_ids
        with torch.inference_mode():
            said = model.get_text_features(ids).pooler_output
        return _unit(np.asarray(said, np.float32))[0]


def crops(image: Image.Image) -> list[Image.Image]:
    """The squares of a picture, as ``small`` has it: one of a square, else as many as cover it,
    evenly spaced, at most six."""
    image = small(image)
    side = min(image.size)
    count = min(_MOST, math.ceil(max(image.size) / side))
    spare = max(image.size) - side
    places = [round(spare * n / (count - 1)) if count > 1 else 0 for n in range(count)]
    wide = image.width > side
    corners = [(at, 0) if wide else (0, at) for at in places]
    return [image.crop((x, y, x + side, y + side)) for x, y in corners]


class _Look:
    """How a CLIP's preprocessor settings want a square picture."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        wanted = settings.get("crop_size") or settings["size"]
        if isinstance(wanted, Mapping):
            wanted = wanted.get("height") or wanted["shortest_edge"]
        self._side = int(wanted)
        self._resample = Image.Resampling(int(settings.get("resample", 3)))
        self._scale = float(settings.get("rescale_factor", 1 / 255))
        self._mean = np.asarray(settings["image_mean"], np.float32)
        self._spread = np.asarray(settings["image_std"], np.float32)

    def __call__(self, square: Image.Image) -> Vectors:
        """3 x side x side."""
        small = square.resize((self._side, self._side), self._resample)
        pixels = np.asarray(small, np.float32) * np.float32(self._scale)
        return ((pixels - self._mean) / self._spread).transpose(2, 0, 1)


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _load(folder: Path, digest: str) -> tuple[Any, Any]:
    # transformers sets defaults of the whole process while it loads.
    with _LOADING:
        return _loaded(folder, digest)


@lru_cache(maxsize=2)
def _loaded(folder: Path, digest: str) -> tuple[Any, Any]:  # noqa: ARG001 (a key)
    """A `CLIPModel` and its `CLIPTokenizer`."""
    import torch
    from transformers import CLIPModel, CLIPTokenizer

    with _told(folder), _quiet():
        model = CLIPModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        return model.eval(), tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' bars and remarks."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelRefused(
            f"the CLIP in {folder.name} cannot be read", hint="take it away, or export it again"
        ) from error
