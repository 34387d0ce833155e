"""Load a model's parts. The only file that touches weights, and the network stays out of it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from maquette.engines.diffusers.imports import import_loaders, import_transformers
from maquette.engines.diffusers.models import ModelCard, verify_model
from maquette.errors import ModelRefused, SettingRefused

__all__ = ["Parts", "device_of", "dtype_of", "load_parts"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Parts:
    """A loaded model. ``tokenizer`` is transformers', the three networks diffusers' own."""

    card: ModelCard
    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype


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
    card: ModelCard, device: str = "cpu", dtype: str = "auto", *, threads: int = 0
) -> Parts:
    """Load the weights of a model onto a device; ``threads`` above 0 sets torch's.

    Raises:
        ModelMissing, ModelRefused: when a file is missing, damaged or does not fit its config.
        SettingRefused: for a device or number type that is not there.
    """
    where = device_of(device)
    kind = dtype_of(dtype, where)
    verify_model(card)
    if threads > 0:
        torch.set_num_threads(threads)
    with _offline(), _one_thread(), _quiet():
        # The modules themselves, not the package's face: that one imports every pipeline.
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
        from transformers.models.clip.modeling_clip import CLIPTextModel
        from transformers.models.clip.tokenization_clip import CLIPTokenizer

        vaes: dict[str, Any] = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
        common = {"local_files_only": True, "use_safetensors": True, "variant": card.variant}
        try:
            unet: Any = UNet2DConditionModel.from_pretrained(
                card.folder, subfolder="unet", torch_dtype=kind, **common
            )
            vae = vaes[card.vae_class].from_pretrained(
                card.folder, subfolder="vae", torch_dtype=kind, **common
            )
            text_encoder: Any = CLIPTextModel.from_pretrained(
                card.folder, subfolder="text_encoder", dtype=kind, **common
            )
            tokenizer = CLIPTokenizer.from_pretrained(
                card.folder, subfolder="tokenizer", local_files_only=True
            )
        except Exception as error:
            # Whatever the libraries raise here, the reason is the same: these files do not load.
            raise ModelRefused(
                f"the model {card.ref.name} does not load: {str(error).splitlines()[0][:200]}",
                hint="its files are damaged or do not belong together; get it again",
            ) from error
    for network in (unet, vae, text_encoder):
        network.to(where).eval().requires_grad_(False)
    for network in (unet, vae):
        # A place's channels side by side: convolutions are a few per cent faster, the decoder's a
        # quarter, and the numbers differ by rounding alone.
        network.to(memory_format=torch.channels_last)
    return Parts(card, unet, vae, text_encoder, tokenizer, card.scheduler, where, kind)


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
def _quiet() -> Iterator[None]:
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
