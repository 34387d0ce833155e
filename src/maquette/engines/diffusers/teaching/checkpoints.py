"""What is kept of a training on the way: the adapter, the optimizer's memory, the step.

One safetensors file, written under a temporary name, synced and renamed: a kill leaves the one
before. It holds everything that the next step depends on, since that step's chance comes from its
own number.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from maquette.engines.diffusers.conditions.headers import in_order
from maquette.errors import EngineFailed, StorageFull

__all__ = ["Keeper", "write_tensors"]

STATE = "state.safetensors"
EVERY = 10
"""Steps after which the state is stored, …"""
SHARE = 20
"""… unless storing takes more than a twentieth of the time."""

_MEMORY = ("exp_avg", "exp_avg_sq")


class Keeper:
    """Stores and finds the state of a training in its folder."""

    def __init__(
        self,
        folder: Path,
        digest: str,
        learned: Mapping[str, nn.Parameter],
        optimizer: torch.optim.Optimizer,
    ) -> None:
        self.file = folder / STATE
        self.digest = digest
        self.learned = learned
        self.optimizer = optimizer
        self.step = 0
        self.seconds = 0.0
        self._took = 0.0
        self._began = time.perf_counter()

    def resume(self) -> int:
        """Bring back what was stored, if anything was; the number of steps that are done."""
        if not self.file.is_file():
            return 0
        try:
            with safe_open(self.file, framework="pt") as stored:
                about = stored.metadata() or {}
                if about.get("training") != self.digest:
                    return 0
                self.step, self.seconds = int(about["step"]), float(about["seconds"])
                with torch.no_grad():
                    for name, parameter in self.learned.items():
                        parameter.copy_(stored.get_tensor(f"value.{name}"))
                        memory = {
                            key: stored.get_tensor(f"{key}.{name}").to(parameter) for key in _MEMORY
                        }
                        count = torch.tensor(float(self.step))
                        self.optimizer.state[parameter] = {"step": count, **memory}
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise EngineFailed(
                f"the state of this training cannot be read: {error}",
                hint=f"remove {self.file.name} in the training's folder; it begins anew",
            ) from error
        return self.step

    def after(self, step: int) -> None:
        """A step is done: store the state, if it is time."""
        enough = time.perf_counter() - self._began >= SHARE * self._took
        if step - self.step >= EVERY and enough:
            self.store(step)

    def store(self, step: int) -> None:
        """Store the state after ``step`` steps.

        Raises:
            StorageFull.
        """
        if step == self.step:
            return
        began = time.perf_counter()
        seconds = self.seconds + began - self._began
        tensors: dict[str, torch.Tensor] = {}
        for name, parameter in self.learned.items():
            tensors[f"value.{name}"] = parameter.detach()
            memory = self.optimizer.state[parameter]
            tensors |= {f"{key}.{name}": memory[key] for key in _MEMORY}
        about = {"training": self.digest, "step": str(step), "seconds": f"{seconds:.3f}"}
        write_tensors(self.file, tensors, about)
        self.step, self.seconds = step, seconds
        self._began = time.perf_counter()
        self._took = self._began - began


def write_tensors(
    file: Path, tensors: Mapping[str, torch.Tensor], about: Mapping[str, str]
) -> None:
    """A safetensors file, whole or as it was before.

    Raises:
        StorageFull.
    """
    partial = file.with_name(f".{file.name}.partial")
    contiguous = {name: each.cpu().contiguous() for name, each in tensors.items()}
    data = in_order(save(contiguous, dict(about)))
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull("no space left for what was learned") from error
        raise EngineFailed(f"cannot write {file.name}: {error.strerror or error}") from error
