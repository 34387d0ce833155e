"""One way to train the small networks: by steps or by wall clock, resumable, alone or in a team.

A `Task` has a network and gives the loss of a step; `fit` does the rest: Muon for inner matrices
and AdamW for the others, warm-up and cosine, a running average, checkpoints. What a step does is
decided by seed, step and worker, so a run that was stopped goes on as if it had not been; with
`most_steps` the whole run is decided by its seed.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from training.device import device as usual_device
from training.device import usual_workers
from training.files import deadline, save_atomically, wait_while_paused
from training.muon import Muon
from training.parallel import ALONE, Team, start

#: Room for the gradients of the largest of these networks.
LARGEST = 8_000_000
CURVE_STEPS = 50


class Task(Protocol):
    """What is trained: a network on its device, and the loss of one step."""

    network: nn.Module

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Terms of the loss over `count` samples that `rng` decides; their sum is minimised."""
        ...


def optimizers(network: nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for matrices between features; AdamW for embeddings, outer layers, gains, biases."""
    tables = {m.weight for m in network.modules() if isinstance(m, nn.Embedding)}
    ours = [p for p in network.parameters() if p.requires_grad]
    inner = [
        p
        for p in ours
        if p.ndim >= 2 and min(p.shape[0], p[0].numel()) > 16 and p not in tables and p.ndim != 3
    ]
    known = set(inner)
    rest = [p for p in ours if p not in known]
    made: list[torch.optim.Optimizer] = []
    if rest:
        made.append(torch.optim.AdamW(rest, rate, betas=(0.9, 0.99), weight_decay=1e-3))
    if inner:
        made.append(Muon(inner, rate, weight_decay=1e-2))
    return made


class Fitter:
    """Network, average, optimizers and step of one training."""

    def __init__(self, task: Task, folder: Path, rate: float, seed: int, team: Team) -> None:
        self.task, self.folder, self.rate, self.seed, self.team = task, folder, rate, seed, team
        self.average = copy.deepcopy(task.network).requires_grad_(False)
        self.optimizers = optimizers(task.network, rate)
        self.parameters = [p for p in task.network.parameters() if p.requires_grad]
        ours = zip(self.average.parameters(), task.network.parameters(), strict=True)
        self.means = [m for m, p in ours if p.requires_grad]
        self.step, self.began, self.until = 0, time.time(), math.inf

    @property
    def checkpoint(self) -> Path:
        """Where the state is kept."""
        return self.folder / "checkpoint.pt"

    def keep(self) -> None:
        """Write the checkpoint."""
        state = {
            "network": self.task.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "began": self.began,
            "until": self.until,
        }
        save_atomically(state, self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        saved = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        self.task.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        for optimizer, state in zip(self.optimizers, saved["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        self.step = saved["step"]
        # A plan that is over would leave the rate at its lowest: then a new one begins.
        if time.time() < saved.get("until", math.inf):
            self.began = saved["began"]

    def update(self, share: float, batch: int) -> dict[str, float]:
        """One step at a share of the learning rate; gives the terms of the loss."""
        rng = np.random.default_rng([self.seed, self.step, self.team.rank])
        self.task.network.train()
        terms = self.task.loss(rng, max(1, batch // self.team.size))
        torch.stack(list(terms.values())).sum().backward()
        for p in self.parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        self.team.add([p.grad for p in self.parameters if p.grad is not None], 1 / self.team.size)
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimizer in self.optimizers:
            optimizer.param_groups[0]["lr"] = self.rate * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        with torch.no_grad():
            memory = min(0.99, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self.means, self.parameters, 1 - memory)
        return {name: float(value.detach()) for name, value in terms.items()}


def fit(
    task: Task,
    folder: Path,
    *,
    until: float,
    most_steps: int | None = None,
    rate: float = 1e-3,
    batch: int = 32,
    seed: int = 0,
    team: Team = ALONE,
    every: float = 60.0,
) -> nn.Module:
    """Train until the wall-clock time `until` or for `most_steps`; gives the averaged network.

    Worker 0 writes FOLDER/checkpoint.pt each `every` seconds and FOLDER/curve.jsonl.
    """
    fitter = Fitter(task, folder, rate, seed, team)
    fitter.resume()
    fitter.until = until
    first = team.rank == 0
    saved, marked, history = time.time(), time.time(), []
    while True:
        order = torch.zeros(2)
        if first:
            wait_while_paused(folder)
            if most_steps is not None:
                done, more = fitter.step / most_steps, fitter.step < most_steps
            else:
                done = (time.time() - fitter.began) / max(1.0, until - fitter.began)
                more = time.time() < until
            warm = min(1.0, (fitter.step + 1) / 30)
            order[0] = float(more)
            order[1] = warm * (0.02 + 0.49 * (1 + math.cos(math.pi * min(1.0, done))))
        team.add([order])
        if order[0] < 0.5:
            break
        history.append(fitter.update(float(order[1]), batch))
        if not first:
            continue
        if fitter.step % CURVE_STEPS == 0:
            recent = history[-CURVE_STEPS:]
            terms = {k: round(float(np.mean([h[k] for h in recent])), 4) for k in recent[0]}
            pace = CURVE_STEPS * batch / max(1e-6, time.time() - marked)
            entry = {"step": fitter.step, **terms, "rate": round(pace, 1)}
            with (folder / "curve.jsonl").open("a") as lines:
                lines.write(json.dumps(entry) + "\n")
            print(entry, flush=True)
            marked = time.time()
        if time.time() - saved > every:
            fitter.keep()
            saved = time.time()
    if first:
        fitter.keep()
        print(f"{folder.name}: {fitter.step} steps of {batch}", flush=True)
    return fitter.average.eval()


def trained(network: nn.Module, folder: Path) -> int:
    """Fill a network with the average of a checkpoint; gives how many steps it was trained for."""
    saved = torch.load(folder / "checkpoint.pt", weights_only=True, map_location="cpu")
    network.load_state_dict(saved["average"])
    network.eval()
    return int(saved["step"])


def write_card(folder: Path, name: str, card: dict[str, Any]) -> None:
    """Write FOLDER/NAME.json: what the card says and the SHA-256 of the files beside it."""
    known = (".safetensors", ".json", ".txt")
    files = [p for p in sorted(folder.iterdir()) if p.suffix in known and p.stem != name]
    files += [p for p in (folder / f"{name}.safetensors",) if p.exists()]
    content = {
        "name": name,
        "license": "Apache-2.0",
        **card,
        "digest": "sha256",
        "files": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
    }
    (folder / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def export(network: nn.Module, folder: Path, name: str, card: dict[str, Any]) -> Path:
    """Write FOLDER/NAME.safetensors in fp16 and its card FOLDER/NAME.json; gives the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        key: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for key, value in network.state_dict().items()
    }
    path = folder / f"{name}.safetensors"
    save_file(tensors, path)
    write_card(folder, name, {"parameters": sum(p.numel() for p in network.parameters()), **card})
    return path


def read(network: nn.Module, path: Path) -> None:
    """Fill a network from an exported file; in float32, ready to use."""
    network.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    network.eval()


def arguments(description: str, batch: int, rate: float) -> argparse.ArgumentParser:
    """The options that all these trainings share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--run", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--steps", type=int, help="so many steps instead of a time")
    parser.add_argument("--batch", type=int, default=batch, help="of all workers together")
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default=str(usual_device()))
    parser.add_argument("--workers", type=int, default=usual_workers(usual_device()))
    parser.add_argument("--report", action="store_true", help="only measure what is trained")
    parser.add_argument("--later", action="store_true", help="train; leave measuring to --report")
    return parser


def reports(team: Team, options: argparse.Namespace) -> bool:
    """Whether this worker is to measure and export now."""
    return team.rank == 0 and not options.later


def run(work: Callable[..., None], options: argparse.Namespace) -> None:
    """Start `work(team, options, until)` in as many workers as asked for."""
    if options.steps is not None or options.report:
        until = math.inf
    else:
        until = deadline(options.deadline, options.minutes)
    start(work, 1 if options.report else options.workers, LARGEST, options, until)
