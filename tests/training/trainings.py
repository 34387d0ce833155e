"""What every training on top of the base must do, whatever it trains."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.fitting import fit


def steps_lower_the_loss(task: Any, rate: float, steps: int = 6) -> None:
    """Some steps on one and the same batch of two."""
    optimizer, seen = torch.optim.Adam(task.network.parameters(), rate), []
    for _ in range(steps):
        loss = sum(task.loss(np.random.default_rng(1), 2).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.append(float(loss.detach()))
    assert seen[-1] < seen[0]


def killed_ends_as_unbroken(make: Callable[[], Any], folder: Path) -> None:
    """Killed in its third step and begun again, a training has the weights of one that was not."""
    plan: dict[str, Any] = {"until": math.inf, "most_steps": 3, "batch": 2, "every": 0.0}
    (folder / "whole").mkdir()
    whole = fit(make(), folder / "whole", **plan).state_dict()
    task, asked = make(), []
    loss = task.loss

    def killed(*given: Any) -> Any:
        asked.append(given)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return loss(*given)

    task.loss = killed
    (folder / "killed").mkdir()
    with pytest.raises(KeyboardInterrupt):
        fit(task, folder / "killed", **plan)
    again = fit(make(), folder / "killed", **plan).state_dict()
    assert all(torch.equal(whole[k], again[k]) for k in whole)
