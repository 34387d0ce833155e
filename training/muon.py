"""Muon: momentum whose update is made orthogonal, for matrices and convolutions.

After Jordan et al., 2024 (https://kellerjordan.github.io/posts/muon/), with the scale of Liu et
al., 2025 (arXiv:2502.16982) so that learning rates of AdamW apply.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch

from training.parallel import ALONE, Team

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
        team: Team = ALONE,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, defaults)
        self._team = team

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update. Matrices of one shape are made orthogonal together; workers share them."""
        del closure
        for group in self.param_groups:
            updates = []
            for p in group["params"]:
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                updates.append(p.grad.lerp(state["momentum"], group["momentum"]))
            self._orthogonalise(updates)
            for p, update in zip(group["params"], updates, strict=True):
                longer = max(p.shape[0], p[0].numel())
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * longer**0.5)

    def _orthogonalise(self, updates: list[torch.Tensor]) -> None:
        """Make every update orthogonal, in place; each worker does its share of them."""
        alike: dict[tuple[int, int], list[torch.Tensor]] = defaultdict(list)
        costs = [0.0] * self._team.size
        for update in sorted(updates, key=lambda u: -u.numel()):
            shape = (update.shape[0], update[0].numel())
            lightest = costs.index(min(costs))
            costs[lightest] += update.numel() * min(shape)
            if lightest == self._team.rank:
                alike[shape].append(update)
            else:
                update.zero_()
        for shape, members in alike.items():
            done = orthogonalise(torch.stack([m.reshape(shape) for m in members]))
            for member, result in zip(members, done, strict=True):
                member.copy_(result.view(member.shape))
        self._team.add(updates)
