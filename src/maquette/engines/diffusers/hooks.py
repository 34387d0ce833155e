"""What a drawing offers to whatever steers it beside its words: adapters, structure, references.

A recipe's conditionings become a ``Steering`` (``conditions.prepare``). It is entered once around
the encoding of the texts and the drawing, and gives the model's parts back as it found them. For
each canvas it makes ``Condition`` objects, which the loop asks before every call of the network.
"""

# ruff: noqa: ARG002 (the base classes do nothing with what they are given)
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from maquette.core.geometry import Box, Size

if TYPE_CHECKING:
    from PIL import Image

    from maquette.engines.diffusers.attention import Aim, Watch
    from maquette.engines.diffusers.weights import Parts

__all__ = ["Call", "Condition", "Hole", "Places", "Steering", "added", "injected"]

Hole = tuple["Image.Image", "Image.Image"]
"""A picture (RGB) and its mask (L, white = to be filled), both of a canvas' size."""


@dataclass(frozen=True, eq=False)
class Call:
    """A call of the network that is about to be made.

    Attributes:
        parts: the model.
        latents: (pictures, channels, rows, columns) as the network reads them at this step
            (scaled by the sampler), without the channels of a mask.
        spread: brings (pictures, …) to the rows of the call, unconditional ones first.
        timestep: of the schedule, 0 to 1000.
        share: how much of the whole schedule is done before this step, 0 to 1 (for start, end).
        steps: of the whole schedule.
        aim: the texts of the rows: ``context`` (rows, tokens, width), ``first`` conditional row.
        owners: the picture of each row of the call.
        watch: the watching attention; ``watch.silent()`` for calls of one's own.
        extra: what the family passes beside (SDXL's ``added_cond_kwargs``).
        scheduler: of this drawing, for ``add_noise``.
        guidance: of this drawing, for networks that are told it.
    """

    parts: Parts
    latents: torch.Tensor
    spread: Any
    timestep: torch.Tensor
    share: float
    steps: int
    aim: Aim
    owners: Sequence[int]
    watch: Watch
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    scheduler: Any = None
    guidance: float = 0.0


@dataclass(frozen=True, eq=False)
class Places:
    """What a joint attention made of a picture's places, each (rows, heads, places, width).

    ``query``, ``key`` and ``value`` as they were projected, ``normed`` the query as the attention
    norms it, before positions turn it.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    normed: torch.Tensor


class Condition:
    """One thing that steers a canvas; every method may be left as it is."""

    def inject(self, parts: Parts) -> AbstractContextManager[None]:
        """Around the steps of a drawing, inside ``watch``: put on what must be on, take it off."""
        return nullcontext()

    def before(self, call: Call) -> Mapping[str, Any]:
        """Arguments for the network at this step: residuals by the network's own names.

        Tensors (or lists of them) that several conditions give by one name are added up.
        """
        return {}

    def attend(self, layer: str, attn: Any, query: torch.Tensor, aim: Aim) -> torch.Tensor | None:
        """What a cross-attention adds to its output before its last projection.

        ``layer`` is the attention's name in the network, ``query`` (rows x heads, places, width of
        a head); the answer has the query's shape, or is None.
        """
        return None

    def join(self, layer: str, attn: Any, places: Places, aim: Aim) -> torch.Tensor | None:
        """What the places of a joint attention get beside what they attended, of their query's
        shape, or None: in SD3 before the attention's last projection, in FLUX behind the block."""
        return None


class Steering:
    """The conditionings of one recipe, ready for a model."""

    def around(self, parts: Parts) -> AbstractContextManager[Parts]:
        """Around the texts and the drawing: adapters on the networks, new words in the tokenizer.

        Gives the parts to use inside.
        """
        return nullcontext(parts)

    def conditions(
        self, parts: Parts, size: Size, region: Box | None, holes: Sequence[Hole] = ()
    ) -> Sequence[Condition]:
        """For a canvas of ``size`` pixels that shows ``region`` of the picture (None: all of it).

        Inpainting and outpainting draw a region at a working size: maps are cut and resized so.
        ``holes`` is what each canvas has and where it is to be filled, where that is so.
        """
        return ()


def added(conditions: Sequence[Condition], call: Call) -> dict[str, Any]:
    """All that the conditions give for a call, sums where several give the same."""
    total: dict[str, Any] = {}
    for condition in conditions:
        for name, value in condition.before(call).items():
            total[name] = _sum(total[name], value) if name in total else value
    return total


def _sum(one: Any, two: Any) -> Any:
    if isinstance(one, torch.Tensor):
        return one + two
    # One residual may serve many blocks: the same two are added once.
    sums: dict[tuple[int, int], Any] = {}
    for a, b in zip(one, two, strict=True):
        if (id(a), id(b)) not in sums:
            sums[id(a), id(b)] = _sum(a, b)
    return [sums[id(a), id(b)] for a, b in zip(one, two, strict=True)]


@contextmanager
def injected(conditions: Sequence[Condition], parts: Parts) -> Iterator[None]:
    """All of them injected, taken off in reverse whatever happens."""
    with ExitStack() as stack:
        for condition in conditions:
            stack.enter_context(condition.inject(parts))
        yield
