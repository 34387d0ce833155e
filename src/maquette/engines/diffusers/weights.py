"""Load a model's parts. The only file that touches weights, and the network stays out of it."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from maquette.engines.diffusers.families.base import Part
from maquette.engines.diffusers.fitting import Wish, fit
from maquette.engines.diffusers.imports import import_loaders, import_transformers
from maquette.engines.diffusers.keeping import Turns, settle
from maquette.engines.diffusers.memory import keep_freed
from maquette.engines.diffusers.models import ModelCard, verify_model
from maquette.engines.diffusers.tails import lighten, shorten
from maquette.engines.diffusers.text import Texts
from maquette.errors import MaquetteError, ModelRefused, SettingRefused

if TYPE_CHECKING:
    from maquette.engines.diffusers.singles import Single

__all__ = ["Parts", "class_of", "device_of", "dtype_of", "free_memory", "load_parts", "quiet"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Parts:
    """A loaded model: diffusers' own networks, transformers' text encoders and tokenizers.

    ``network`` is what draws, a UNet or a transformer. ``text_encoders`` and ``tokenizers`` stand
    in the order of their family, None where an optional one is not there. ``turns`` brings one
    network at a time to the device, where they do not all fit. ``texts`` are those encoded last.
    """

    card: ModelCard
    network: Any
    vae: Any
    text_encoders: tuple[Any, ...]
    tokenizers: tuple[Any, ...]
    scheduler: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype
    turns: Turns | None = None
    texts: Texts = field(default_factory=Texts)

    def turn(self, network: Any) -> None:
        """Before a method of a network other than its call: bring it to the device."""
        if self.turns is not None:
            self.turns.take(network)

    @property
    def unet(self) -> Any:
        """What draws, where it is a UNet."""
        return self.network

    @property
    def text_encoder(self) -> Any:
        """The first text encoder."""
        return self.text_encoders[0]

    @property
    def tokenizer(self) -> Any:
        """The first tokenizer."""
        return self.tokenizers[0]


def device_of(name: str) -> torch.device:
    """``auto`` is the first accelerator, or the processor.

    Raises:
        SettingRefused: for a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise SettingRefused(f"there is no device '{name}' here", hint="use 'cpu'") from error
    return device


def dtype_of(name: str, device: torch.device) -> torch.dtype:
    """``auto`` is float32 on the processor and float16 elsewhere.

    Raises:
        SettingRefused: for another name than float32, bfloat16, float16, auto.
    """
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    if name not in _DTYPES:
        raise SettingRefused(f"'{name}' is no number type", hint=f"use {', '.join(_DTYPES)}, auto")
    return _DTYPES[name]


def load_parts(
    card: ModelCard,
    device: str = "cpu",
    dtype: str = "auto",
    *,
    threads: int = 0,
    wish: Wish | None = None,
) -> Parts:
    """Load the weights of a model onto a device, as ``fitting`` says; ``threads`` above 0 sets
    torch's. A ``wish`` goes before ``dtype``.

    Raises:
        ModelMissing, ModelRefused: when a file is missing, damaged or does not fit its config.
        SettingRefused: for a device or number type that is not there.
    """
    where = device_of(device)
    chosen = fit(card, where.type, free_memory(where), wish or Wish(dtype=dtype))
    kind = dtype_of(chosen.dtype, where)
    verify_model(card, beside=False)
    keep_freed()
    if threads > 0:
        torch.set_num_threads(threads)
    with _offline(), _one_thread(), quiet():
        try:
            loaded = _networks(card, kind)
            words = _tokenizers(card)
            if card.single is not None:
                loaded |= _converted(card, card.single, kind)
        except MaquetteError:
            raise
        except Exception as error:
            # Whatever the libraries raise here, the reason is the same: these files do not load.
            raise ModelRefused(
                f"the model {card.ref.name} does not load: {str(error).splitlines()[0][:200]}",
                hint="its files are damaged or do not belong together; get it again",
            ) from error
    network, vae = loaded[card.driver.network], loaded["vae"]
    for each in loaded.values():
        each.eval().requires_grad_(False)
    decoder = getattr(vae, "decoder", None)
    shorten(decoder)
    if where.type == "cpu":
        lighten(decoder)
    for each in (network, vae):
        # A place's channels side by side: convolutions are a few per cent faster, the decoder's a
        # quarter, and the numbers differ by rounding alone.
        each.to(memory_format=torch.channels_last)
    turns = settle(loaded, where, chosen)
    encoders = tuple(loaded.get(name) for name in card.driver.encoders)
    if chosen.compiled:
        network.compile()
    return Parts(card, network, vae, encoders, words, card.scheduler, where, kind, turns)


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on an accelerator; None where that is not known."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)


def _networks(card: ModelCard, kind: torch.dtype) -> dict[str, Any]:
    """The networks of a model folder by the name of their part, of its number type."""
    loaded: dict[str, Any] = {}
    for name, part in card.driver.parts.items():
        if name not in card.configs or (card.single is not None and name in card.single.prefixes):
            continue  # an optional part, or one of the file's own
        config = card.configs[name]
        typed = {
            "dtype" if name in card.driver.encoders else "torch_dtype": _numbers(card, name, kind)
        }
        loaded[name] = class_of(part, config["_class_name"]).from_pretrained(
            card.base,
            subfolder=name,
            local_files_only=True,
            use_safetensors=True,
            variant=card.variants.get(name),
            **typed,
        )
    return loaded


def _converted(card: ModelCard, single: Single, kind: torch.dtype) -> dict[str, Any]:
    """The networks that a checkpoint in one file holds."""
    from maquette.engines.diffusers.convert import networks_of

    parts = card.driver.parts
    return networks_of(
        single,
        lambda name: _numbers(card, name, kind),
        lambda name: class_of(parts[name], card.configs[name]["_class_name"]),
    )


def _numbers(card: ModelCard, part: str, kind: torch.dtype) -> torch.dtype:
    """The number type of a part: SDXL's decoder leaves the range of float16, as its configuration
    says."""
    upcast = part == "vae" and card.configs[part].get("force_upcast")
    return torch.float32 if upcast and kind == torch.float16 else kind


def _tokenizers(card: ModelCard) -> tuple[Any, ...]:
    found: list[Any] = []
    for name, part in card.driver.tokenizers.items():
        folder = card.base / name
        if not folder.is_dir():
            found.append(None)
            continue
        (kind,) = part.classes
        found.append(class_of(part, kind).from_pretrained(folder, local_files_only=True))
    return tuple(found)


def class_of(part: Part, name: str) -> Any:
    """A class of a part, from its own module: the libraries' faces import every pipeline."""
    return getattr(importlib.import_module(part.classes[name]), name)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Load with one thread: a weight is too small to share out, and on a busy machine two threads
    wait for each other at every one of them (0.7 s for Postcard instead of 0.1 s)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _offline() -> Iterator[None]:
    """Tell the hub's client that there is no network, for as long as a model is loaded."""
    before = {key: os.environ.get(key) for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    os.environ.update(dict.fromkeys(before, "1"))
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' remarks and bars out of the person's terminal."""
    import_transformers()
    import_loaders()
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    logs = (diffusers_logging, transformers_logging)
    before = [(log, log.get_verbosity(), log.is_progress_bar_enabled()) for log in logs]
    for log in logs:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level, bars in before:
            log.set_verbosity(level)
            if bars:
                log.enable_progress_bar()
