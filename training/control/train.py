"""Train a ControlNet on top of the frozen base: lines, depth, poses and tiles in one network.

    python -m training.control.conditions --run RUN --count 20000 --workers 2
    python -m training.control.train --run RUN --minutes 60
    python -m training.control.train --run RUN --report

A stock `ControlNetModel` (arXiv 2302.05543) of eight condition channels (conditions.py), a random
few of which are given at a time, so that any mix is obeyed. Needs an exported base (`--model`,
default RUN/export); draws conditions itself where there are none. Writes RUN/control: config and
weights in fp16, control.json (card with figures), sheet.png.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import ControlNetModel
from torch import nn

from training import fitting
from training.attention import WatchedAttention
from training.control.conditions import CHANNELS, WIDTH, draw
from training.control.given import Conditions
from training.control.measure import measure, show
from training.control.reader import readers
from training.degrade import noise_like
from training.device import autocast
from training.frozen import Base, Samples, size, timesteps, usual_batch
from training.parallel import Team

#: Widths of the layers that bring a control picture down by factor 16, one halving between each.
EMBEDDING = (8, 16, 32, 64, 128)
GAIN = 1.68


def build(base: Base) -> ControlNetModel:
    """A ControlNet that begins as the base's own first half and at first changes nothing."""
    network: ControlNetModel = ControlNetModel.from_unet(
        base.unet,
        conditioning_channels=WIDTH,
        conditioning_embedding_out_channels=EMBEDDING,
    )
    # With the usual beginnings a control picture fades ten thousandfold on its way through nine
    # layers, and long nothing is learned; this gain keeps its variance through SiLU.
    embedding = network.controlnet_cond_embedding
    for layer in (embedding.conv_in, *embedding.blocks):
        nn.init.normal_(layer.weight, 0, GAIN / layer.weight[0].numel() ** 0.5)
        nn.init.zeros_(layer.bias)
    network.set_attn_processor(WatchedAttention())
    return network.requires_grad_(True)


class Task:
    """The base's own loss, with conditions."""

    def __init__(
        self, network: ControlNetModel, base: Base, samples: Samples, conditions: Conditions
    ) -> None:
        self.network = network.to(base.where, memory_format=torch.channels_last)
        self.base, self.samples, self.conditions = base, samples, conditions

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Velocity to predict; a third of the samples have no caption, so that structure is read
        from the conditions and not guessed from words."""
        base = self.base
        batch = self.samples.take(rng, count, silent=0.3, weighted=0.0)
        t = timesteps(rng, count, base.where)
        noisy, velocity = base.noisy(batch.clean, noise_like(batch.clean, rng), t)
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        control = self.conditions.make(batch.rows, rng)
        control = control.contiguous(memory_format=torch.channels_last)
        states = base.states(batch.ids)
        with autocast(base.where):
            down, middle = self.network(noisy, t, states, control, return_dict=False)
            told = base.unet(
                noisy,
                t,
                states,
                down_block_additional_residuals=down,
                mid_block_additional_residual=middle,
            ).sample
        return {"velocity": (told.float() - velocity).pow(2).mean()}


def export(network: ControlNetModel, folder: Path, card: dict[str, Any]) -> None:
    """Write a stock ControlNet folder in fp16, and its card."""
    network = network.to("cpu", memory_format=torch.contiguous_format)
    network.half().save_pretrained(folder, safe_serialization=True)
    network.float()
    config = json.loads((folder / "config.json").read_text())
    config.pop("_name_or_path", None)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    fitting.write_card(
        folder,
        "control",
        {
            "kind": "controlnet",
            "parameters": size(network),
            "channels": {name: [part.start, part.stop] for name, part in CHANNELS.items()},
            "absent": -1.0,
            **card,
        },
    )


def work(team: Team, a: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder = a.run / "control"
    if team.rank == 0 and not a.report:
        draw(a.run, a.count, a.drawers)
    team.wait()
    base = Base(a.model or a.run / "export", torch.device(a.device))
    torch.manual_seed(a.seed)
    network = build(base)
    if not a.report:
        conditions = Conditions(folder, base.where)
        fitting.fit(
            Task(network, base, Samples(a.run, base, len(conditions)), conditions),
            folder,
            until=until,
            most_steps=a.steps,
            rate=a.rate,
            batch=a.batch,
            seed=a.seed,
            team=team,
        )
    if fitting.reports(team, a):
        steps = fitting.trained(network.cpu(), folder)
        network.to(memory_format=torch.contiguous_format)
        export(network, folder, {"steps": steps, "batch": a.batch})
        reader = readers(a.run, base.where, minutes=a.reader_minutes, steps=a.reader_steps)
        model = a.model or a.run / "export"
        figures = measure(model, folder, reader, a.scenes, where=base.where)
        show(model, folder, folder / "sheet.png", where=base.where)
        print(json.dumps(figures, indent=1), flush=True)
        export(network, folder, {"steps": steps, "batch": a.batch, "held_out": figures})


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=usual_batch(32), rate=1e-3)
    parser.add_argument("--model", type=Path, help="exported base; default RUN/export")
    parser.add_argument("--count", type=int, default=20_000, help="pictures to draw conditions of")
    parser.add_argument(
        "--drawers", type=int, default=os.cpu_count() or 2, help="processes that draw those"
    )
    parser.add_argument("--scenes", type=int, default=48, help="held-out scenes for the figures")
    parser.add_argument("--reader-minutes", type=float, default=4.0, help="to train the measure")
    parser.add_argument("--reader-steps", type=int, help="so many steps instead of a time")
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
