"""What learns: low-rank changes of a network, or the vectors of a new word, on a frozen model.

Each is put on a loaded model for as long as it lasts and taken off again: the model's own modules
and tables are the very same objects afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from maquette.core.training import DreamBooth, Inversion, LowRank, Training
from maquette.engines.diffusers.conditions.embedding import known
from maquette.engines.diffusers.weights import Parts

__all__ = ["HALF", "Student", "put_on"]

ADAPTER = "maquette"
"""The name of the adapter while it is on a network; no file tells of it."""

ATTENTION = frozenset(
    {"to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"}
)
"""The last part of the names of the layers that attend, in every family."""

BLOCKS = ("blocks", "mid_block")
"""Where a network's layers lie that ``all`` means: not those at its two ends."""

HALF = 4_000_000
"""An adapter of more numbers than this is written in half precision, as is usual."""

KEYS = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
"""What a word's vectors are called in a file for two text encoders."""


@dataclass(frozen=True, eq=False)
class Student:
    """A model with something on it that learns.

    ``parts`` are to be used instead of the model's own. ``learned`` are the tensors that learn, by
    their names in the adapter's file; ``speaks`` says whether words have to be encoded anew at
    each step, because their vectors learn.
    """

    parts: Parts
    learned: Mapping[str, nn.Parameter]
    speaks: bool

    @property
    def parameters(self) -> int:
        """How many numbers learn."""
        return sum(parameter.numel() for parameter in self.learned.values())

    def tensors(self) -> dict[str, torch.Tensor]:
        """What the adapter's file holds."""
        kind = torch.float16 if self.parameters > HALF else torch.float32
        return {
            name: parameter.detach().to("cpu", kind).contiguous()
            for name, parameter in self.learned.items()
        }


@contextmanager
def put_on(parts: Parts, training: Training) -> Iterator[Student]:
    """What the training's method asks for, on a model."""
    method = training.method
    if isinstance(method, Inversion):
        with _word(parts, method, training.trigger.lower(), training.course.seed) as student:
            yield student
    else:
        with _low_rank(parts, method, training.course.seed) as student:
            yield student


# --- Low-rank changes ---------------------------------------------------------------------------


@contextmanager
def _low_rank(parts: Parts, method: LowRank | DreamBooth, seed: int) -> Iterator[Student]:
    from peft import LoraConfig, inject_adapter_in_model

    network = parts.network
    own = {name: network.get_submodule(name) for name in layers_of(network, method.layers)}
    config = LoraConfig(
        r=method.rank, lora_alpha=method.rank, target_modules=list(own), init_lora_weights=True
    )
    needing = [each for each in network.parameters() if each.requires_grad]
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inject_adapter_in_model(config, network, adapter_name=ADAPTER)
        prefix = "unet" if "unet" in parts.card.configs else "transformer"
        learned: dict[str, nn.Parameter] = {}
        for name, parameter in network.named_parameters():
            mine = f".{ADAPTER}." in name and ".lora_" in name
            parameter.requires_grad_(mine)
            if mine:
                # On the processor the numbers are drawn; elsewhere they learn in full precision.
                parameter.data = parameter.data.to(parts.device, torch.float32)
                learned[f"{prefix}.{name.replace(f'.{ADAPTER}.', '.')}"] = parameter
        yield Student(parts, learned, speaks=False)
    finally:
        for name, module in own.items():
            network.set_submodule(name, module)
            module.requires_grad_(False)
        for each in needing:
            each.requires_grad_(True)
        for left in ("peft_config", "active_adapter"):
            network.__dict__.pop(left, None)


def layers_of(network: nn.Module, which: str) -> list[str]:
    """The names of the layers that change."""
    kinds = nn.Linear | nn.Conv2d
    found = [name for name, module in network.named_modules() if isinstance(module, kinds)]
    inner = [name for name in found if any(part in name.split(".")[0] for part in BLOCKS)]
    if which == "all":
        return inner
    return [name for name in inner if _last(name) in ATTENTION]


def _last(name: str) -> str:
    head, _, last = name.rpartition(".")
    return f"{head.rpartition('.')[2]}.{last}" if last.isdigit() else last


# --- A word of its own --------------------------------------------------------------------------


@contextmanager
def _word(parts: Parts, method: Inversion, word: str, seed: int) -> Iterator[Student]:
    encoders = {
        name: (tokenizer, encoder)
        for name, tokenizer, encoder in zip(
            parts.card.driver.encoders, parts.tokenizers, parts.text_encoders, strict=True
        )
    }
    generator = torch.Generator().manual_seed(seed)
    learned: dict[str, nn.Parameter] = {}
    with ExitStack() as stack:
        tokenizers: list[Any] = []
        for name, (tokenizer, encoder) in encoders.items():
            table = encoder.get_input_embeddings()
            begun = _begun(tokenizer, table.weight.data, method, generator)
            first = len(table.weight)
            tokenizers.append(stack.enter_context(known(tokenizer, encoder, {word: begun})))
            vectors = nn.Parameter(begun.to(parts.device, torch.float32).clone())
            learned[KEYS[name] if len(encoders) > 1 else word] = vectors
            hook = table.register_forward_hook(_instead(first, vectors))
            stack.callback(hook.remove)
        yield Student(replace(parts, tokenizers=tuple(tokenizers)), learned, speaks=True)


def _begun(
    tokenizer: Any, table: torch.Tensor, method: Inversion, generator: torch.Generator
) -> torch.Tensor:
    """The vectors of the initial words, over and over until there are enough; each a little
    different, so that equal ones can part."""
    answer = tokenizer(method.initial, add_special_tokens=False, verbose=False)
    numbers: Sequence[int] = answer["input_ids"] or [0]
    chosen = [numbers[place % len(numbers)] for place in range(method.vectors)]
    begun = table[chosen].float().cpu().clone()
    return begun + 0.02 * begun.std() * torch.randn(begun.shape, generator=generator)


def _instead(first: int, vectors: nn.Parameter) -> Any:
    """A hook on a table of vectors: rows from ``first`` on are those that learn."""

    def hook(_table: nn.Module, given: tuple[torch.Tensor, ...], found: torch.Tensor) -> Any:
        numbers = given[0]
        own = numbers >= first
        rows = vectors[(numbers - first).clamp(0, len(vectors) - 1)].to(found.dtype)
        return torch.where(own[..., None], rows, found)

    return hook
