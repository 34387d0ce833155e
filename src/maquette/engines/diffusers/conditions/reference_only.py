"""Reference-only attention: the drawing looks at pictures through its own self-attention.

Each picture's latents, noised to the step's level, go through the network beside the drawing; what
each self-attention reads there is laid beside what it reads of the drawing, as more keys and values
for the conditional rows. No network is trained for it. A picture's strength is added to the logits
of its keys as a logarithm, as weights of words are, so that 0 leaves the drawing as it is and
strengths add up: the same picture twice at 0.4 is that picture at 0.8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from maquette.engines.diffusers.attention import Aim, grids
from maquette.engines.diffusers.conditions.control import active
from maquette.engines.diffusers.hooks import Call, Condition
from maquette.engines.diffusers.weights import Parts

__all__ = ["ReferenceCondition", "Shown"]


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture to look at: ``latents``, (1, channels, rows, columns) of the drawing's size;
    ``seed`` of the noise that is laid over them; ``mask`` where it counts, (height, width) or
    None; from ``start`` to ``end`` of the steps."""

    latents: torch.Tensor
    seed: int
    strength: float
    mask: torch.Tensor | None = None
    start: float = 0.0
    end: float = 1.0

    def bias(self, places: int, like: torch.Tensor) -> torch.Tensor:
        """What is added to the logits of its keys: (places, places), or (1, places) where no mask
        makes a place differ from another."""
        strength = math.log(max(self.strength, 1e-6))
        if self.mask is None:
            return like.new_full((1, places), strength)
        cells = self.latents.shape[-2:]
        rows, columns = grids(cells[0], cells[1], 8)[places]
        small = torch.nn.functional.interpolate(
            self.mask[None, None], size=(rows, columns), mode="area"
        )
        by_place = small.flatten().clamp_min(1e-4).log().to(like)[:, None]
        return (by_place + strength).expand(places, places)


@dataclass(eq=False)
class ReferenceCondition(Condition):
    """All the pictures of a drawing that are looked at so."""

    pictures: Sequence[Shown]
    _told: list[Shown] = field(default_factory=list[Shown])
    _seen: dict[str, list[torch.Tensor]] = field(default_factory=dict[str, list[torch.Tensor]])
    _writing: bool = False
    _first: int = 0

    @contextmanager
    def inject(self, parts: Parts) -> Iterator[None]:
        """Our processors on every self-attention, the old ones back at the end."""
        layers = [
            (name, module)
            for name, module in parts.unet.named_modules()
            if name.endswith("attn1") and hasattr(module, "processor")
        ]
        before = [module.processor for _, module in layers]
        try:
            for name, module in layers:
                module._modules.pop("processor", None)
                module.processor = _Processor(self, name, module.processor)
            yield
        finally:
            for (_, module), old in zip(layers, before, strict=True):
                module.processor = old
            self._seen.clear()

    def before(self, call: Call) -> Mapping[str, Any]:
        """Let the network see the pictures at this step's level of noise; adds nothing itself."""
        self._first = call.aim.first
        self._seen.clear()
        self._told = [
            each
            for each in self.pictures
            if each.strength > 0 and active(call, each.start, each.end)
        ]
        for each in self._told:
            self._look(each, call)
        return {}

    def _look(self, shown: Shown, call: Call) -> None:
        noise = torch.randn(
            shown.latents.shape, generator=torch.Generator("cpu").manual_seed(shown.seed)
        ).to(shown.latents)
        device = call.latents.device
        noised = _noised(call, shown.latents.to(device), noise.to(device))
        # Each conditional row reads it with its own words, so that a picture is drawn in a batch as
        # it would be alone.
        told = slice(call.aim.first, None)
        own = Aim(call.aim.context[told], 0, None)
        noised = noised.expand(len(own.context), -1, -1, -1)
        extra = {
            name: {key: value[told] for key, value in each.items()}
            if isinstance(each, Mapping)
            else each[told]
            for name, each in call.extra.items()
        }
        watch, aim = call.watch, call.watch.aim
        self._writing = True
        try:
            with watch.silent():
                watch.aim = own
                channels = call.parts.unet.config.in_channels - noised.shape[1]
                if channels:  # an inpainting network: nothing is masked in the reference
                    rest = torch.zeros_like(noised[:, :1]).expand(-1, channels, -1, -1)
                    noised = torch.cat([noised, rest], dim=1)
                call.parts.unet(
                    noised.to(call.parts.dtype),
                    call.timestep,
                    encoder_hidden_states=own.context,
                    return_dict=False,
                    **extra,
                )
        finally:
            watch.aim, self._writing = aim, False

    def bias(self, places: int, like: torch.Tensor) -> torch.Tensor:
        """What is added to the logits, (1, 1, places or 1, places of the drawing and of all)."""
        more = [each.bias(places, like) for each in self._told]
        rows = max(len(each) for each in more)
        every = [like.new_zeros(1, places), *more]
        return torch.cat([each.expand(rows, places) for each in every], dim=1)[None, None]


def _noised(call: Call, latents: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Latents at the noise of a step, in the form that the network reads."""
    stock = getattr(call.scheduler, "scheduler", call.scheduler)
    alphas = getattr(stock, "alphas_cumprod", None)
    if alphas is None:
        raise RuntimeError("reference-only attention needs a variance-preserving schedule")
    alpha = alphas[int(call.timestep)].to(latents)
    return alpha.sqrt() * latents + (1 - alpha).sqrt() * noise


class _Processor:
    """Self-attention that notes what it reads, or reads what was noted."""

    def __init__(self, shared: ReferenceCondition, layer: str, inner: Any) -> None:
        self.shared = shared
        self.layer = layer
        self.inner = inner

    def __call__(
        self, attn: Any, hidden_states: torch.Tensor, *args: Any, **options: Any
    ) -> torch.Tensor:
        """(rows, places, width) in, the same out."""
        shared = self.shared
        if shared._writing:
            shared._seen.setdefault(self.layer, []).append(hidden_states)
            return self.inner(attn, hidden_states, *args, **options)
        seen = shared._seen.get(self.layer)
        if seen is None:
            return self.inner(attn, hidden_states, *args, **options)
        free, told = hidden_states[: shared._first], hidden_states[shared._first :]
        parts = [self.inner(attn, free, *args, **options)] if len(free) else []
        return torch.cat([*parts, self._read(attn, told, seen)])

    def _read(self, attn: Any, states: torch.Tensor, seen: Sequence[torch.Tensor]) -> torch.Tensor:
        rows, places, _ = states.shape
        both = torch.cat([states, *(each.to(states) for each in seen)], dim=1)

        def heads(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.view(rows, tensor.shape[1], attn.heads, -1).transpose(1, 2)

        query = heads(attn.to_q(states))
        bias = self.shared.bias(places, query)
        out = torch.nn.functional.scaled_dot_product_attention(
            query, heads(attn.to_k(both)), heads(attn.to_v(both)), attn_mask=bias, scale=attn.scale
        )
        out = attn.to_out[0](out.transpose(1, 2).reshape(rows, places, -1))
        if attn.residual_connection:
            out = out + states
        return out / attn.rescale_output_factor
