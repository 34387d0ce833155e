"""Muon: momentum whose update is made orthogonal, for matrices and convolutions.

After Jordan et al., 2024 (https://kellerjordan.github.io/posts/muon/), with the scale of Liu et
al., 2025 (arXiv:2502.16982) so that learning rates of AdamW apply.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch

_QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalise(stack: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Replace each matrix of a stack (K x rows x columns) by about its nearest orthogonal one.

    Newton-Schulz in bfloat16; singular values end between about 0.7 and 1.2.
    """
    a, b, c = _QUINTIC
    x = stack.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.float().norm(dim=(1, 2), keepdim=True) + 1e-7).bfloat16()
    for _ in range(steps):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.transpose(1, 2) if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Muon for parameters of two or more dimensions; convolutions count as out x (in·k·k)."""

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update; matrices of one shape are made orthogonal together."""
        del closure
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[torch.nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    alike[(p.shape[0], p[0].numel())].append(p)
            for (rows, columns), members in alike.items():
                updates = []
                for p in members:
                    state = self.state[p]
                    if "momentum" not in state:
                        state["momentum"] = torch.zeros_like(p)
                    state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                    nesterov = p.grad.lerp(state["momentum"], group["momentum"])
                    updates.append(nesterov.reshape(rows, columns))
                scale = -group["lr"] * 0.2 * max(rows, columns) ** 0.5
                for p, update in zip(members, orthogonalise(torch.stack(updates)), strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update.view(p.shape), alpha=scale)
