"""Make the decoder's pictures crisp: a patch discriminator, with encoder and latents as they are.

    python -m training.sharpen --run RUN --minutes 20        # resumable; writes RUN/sharp
    python -m training.sharpen --run RUN --report            # held-out figures and a sheet

A latent cell cannot say to a fraction of a pixel where an edge runs, and the mean of all the places
where it may run is a blur: that is what a decoder learns from distances between pictures. Here a
small discriminator looks at patches of about 38 pixels, beside what is known for sure (the true
picture's mean colours in 8x8 squares), and the decoder learns to paint one sharp edge instead
(Isola et al., 2017, arXiv:1611.07004; hinge loss and spectral norm: Miyato et al., 2018,
arXiv:1802.05957; distances of its features: Wang et al., 2018, arXiv:1711.11585). Its gradient is
scaled to a share of the other terms' at the picture, as Esser et al., 2021 (arXiv:2012.09841) do at
the last layer.

RUN/sharp is an AutoencoderTiny folder with the encoder of RUN/autoencoder; PSNR falls a little, so
judge the sheet: drawn, before, after.
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm

from training import fitting
from training.autoencoder import Set
from training.device import autocast
from training.files import save_sheet, to_pictures
from training.losses import (
    busy_crops,
    crispness,
    cropped,
    psnr,
    reconstruction_loss,
    sharpness,
    steepest,
)
from training.parallel import Team

#: Side of the crops of three steps in four, in latent cells; the others see whole pictures.
CELLS = 8
#: Share of the other terms' gradient that the discriminator's gets, and steps until all of it.
SHARE, RAMP = 0.8, 100
FEATURES = 4.0


class Critic(nn.Module):
    """Judges patches of N x 3 x H x W pictures beside N x 3 x H x W hints; gives its features,
    the last of which are the logits (N x 1 x H/8 x W/8)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sizes = (6, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in pairwise(sizes)
        )
        self.last = nn.Conv2d(sizes[-1], 1, 3, 1, 1)

    def forward(self, pictures: torch.Tensor, hints: torch.Tensor) -> list[torch.Tensor]:
        """Features of each layer and the logits."""
        x, found = torch.cat([pictures, hints], 1), []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            found.append(x)
        return [*found, self.last(x)]


def hints_of(pictures: torch.Tensor) -> torch.Tensor:
    """What the latents are sure to say: mean colours of 8x8 squares, as large as the pictures."""
    return F.interpolate(F.avg_pool2d(pictures, 8), scale_factor=8, mode="bilinear")


class Task:
    """Learning to paint from the run's latents, against a critic that learns with it."""

    def __init__(
        self, decoder: nn.Module, run: Path, where: torch.device, noise: float, team: Team
    ) -> None:
        self.network = decoder.to(where, memory_format=torch.channels_last)
        self.where, self.noise, self.team = where, noise, team
        self.data = Set(run)
        self.latents = np.load(run / "latents.npy", mmap_mode="r")
        torch.manual_seed(1)
        self.critic = Critic().to(where, memory_format=torch.channels_last)
        self.critics = list(self.critic.parameters())
        self.optimizer = torch.optim.AdamW(self.critics, 4e-4, betas=(0.5, 0.99), weight_decay=0)
        self.steps = 0

    def _samples(self, rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and pictures, busy crops or (a quarter as many) whole ones."""
        whole = self.steps % 4 == 0
        rows = np.sort(rng.integers(0, self.data.count, max(1, count // 4) if whole else count))
        pictures = self.data.batch(rows, self.where)
        latents = torch.from_numpy(self.latents[rows].astype(np.float32)).to(self.where)
        if not whole:
            corners = busy_crops(pictures, CELLS)
            pictures = cropped(pictures, corners, CELLS, 16)
            latents = cropped(latents, corners, CELLS, 1)
        return latents + self.noise * torch.randn_like(latents), pictures

    def _teach(self, drawn: torch.Tensor, pictures: torch.Tensor, hints: torch.Tensor) -> float:
        """One step of the critic: tell true pictures from painted ones."""
        self.critic.requires_grad_(True)
        with autocast(self.where):
            true = self.critic(pictures, hints)[-1].float()
            painted = self.critic(drawn.detach(), hints)[-1].float()
        loss = F.relu(1 - true).mean() + F.relu(1 + painted).mean()
        loss.backward()
        self.team.add([p.grad for p in self.critics if p.grad is not None], 1 / self.team.size)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.critic.requires_grad_(False)
        return float(loss.detach())

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Distances from the true pictures, and what the critic says."""
        latents, pictures = self._samples(rng, count)
        with autocast(self.where):
            drawn = self.network(latents).float()
        distance = torch.stack(list(reconstruction_loss(drawn, pictures).values())).sum()
        crisp = (steepest(drawn) - steepest(pictures)).abs().mean()
        hints = hints_of(pictures)
        told = self._teach(drawn, pictures, hints)
        with autocast(self.where), torch.no_grad():
            true = self.critic(pictures, hints)[:-1]
        with autocast(self.where):
            *features, logits = self.critic(drawn, hints)
        alike = torch.stack(
            [(a.float() - b.float()).abs().mean() for a, b in zip(features, true, strict=True)]
        ).sum()
        judged = FEATURES * alike - logits.float().mean()
        near = torch.autograd.grad(distance + crisp, drawn, retain_graph=True)[0].norm()
        far = torch.autograd.grad(judged, drawn, retain_graph=True)[0].norm()
        ramp = min(1.0, self.steps / RAMP)
        self.steps += 1
        # Only its gradient counts; the value is no measure of anything.
        scale = float(SHARE * ramp * near / (far + 1e-8))
        return {
            "distance": distance,
            "crisp": crisp,
            "judged": scale * (judged - judged.detach()),
            "critic": torch.tensor(told),
        }


@torch.no_grad()
def report(run: Path, sharp: AutoencoderTiny) -> dict[str, dict[str, float]]:
    """Held-out figures before and after, and a sheet: drawn, before, after, two times enlarged."""
    data = Set(run)
    pictures = data.batch(np.arange(data.count, len(data.pictures))[:60], torch.device("cpu"))
    soft = AutoencoderTiny.from_pretrained(run / "autoencoder").float().eval()
    latents = torch.cat([soft.encoder(x) for x in pictures.split(10)])
    found, rows = {}, [pictures]
    for name, model in (("before", soft), ("after", sharp)):
        out = torch.cat([model.decoder(z) for z in latents.split(10)]).clamp(-1, 1)
        rows.append(out)
        found[name] = {
            "psnr": round(psnr(out, pictures), 2),
            "edges": round(sharpness(out, pictures), 3),
            "crispness": round(crispness(out, pictures), 3),
        }
    print(json.dumps(found), flush=True)
    shown = torch.stack([row[i] for i in range(24) for row in rows])
    large = F.interpolate(shown, scale_factor=2, mode="nearest")
    save_sheet(to_pictures(large), run / "sheets" / "sharp.png", columns=6)
    return found


def work(team: Team, a: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    run, folder = a.run, a.run / "sharp"
    folder.mkdir(parents=True, exist_ok=True)
    where = torch.device(a.device)
    sharp = AutoencoderTiny.from_pretrained(run / "autoencoder").float()
    if not a.report:
        fitting.fit(
            Task(sharp.decoder, run, where, a.noise, team),
            folder,
            until=until,
            most_steps=a.steps,
            rate=a.rate,
            batch=a.batch,
            seed=a.seed,
            team=team,
        )
    if team.rank == 0:
        sharp.decoder.cpu().to(memory_format=torch.contiguous_format)
        fitting.trained(sharp.decoder, folder)
        sharp.save_pretrained(folder)
        if fitting.reports(team, a):
            report(run, sharp.eval())


def options() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=16, rate=3e-4)
    parser.add_argument("--noise", type=float, default=0.06, help="added to latents (unscaled)")
    return parser


def main() -> None:
    """Entry point."""
    fitting.run(work, options().parse_args())


if __name__ == "__main__":
    main()
