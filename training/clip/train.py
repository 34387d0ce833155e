"""Train a small CLIP on the run's pictures and captions: scores, search, image features.

    python -m training.clip.train --run RUN --minutes 8
    python -m training.clip.train --run RUN --report

needs RUN/pictures.npy, masks.npy, tokenizer and text.npz (`training.data`, `training.tokenizer`);
writes RUN/clip: a stock `CLIPModel` folder in fp16 with its tokenizer and preprocessor settings,
and clip.json (card with retrieval figures on scenes that no training drew).
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812
from transformers import CLIPModel, CLIPTokenizer

from training import degrade, fitting
from training.autoencoder import held_out
from training.clip.network import GRID, SIDE, Learner, build
from training.device import autocast
from training.files import to_unit
from training.judge.scenes import shrink
from training.parallel import Team
from training.tokenizer import LENGTH
from training.world import NOUNS, Scene, render

FIRST_SCENE = 62_000_000


class Task:
    """Learning which caption belongs to which picture."""

    def __init__(self, network: Learner, run: Path, where: torch.device) -> None:
        self.network, self.where = network.to(where), where
        self.pictures = np.load(run / "pictures.npy", mmap_mode="r")
        self.masks = np.load(run / "masks.npy", mmap_mode="r")
        self.ids = np.load(run / "text.npz")["ids"]
        self.count = len(self.pictures) - held_out(len(self.pictures))
        self._bits = torch.arange(len(NOUNS), device=where).view(1, -1, 1, 1)

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Contrast within the batch, and nouns by patch."""
        chosen = np.sort(rng.choice(self.count, min(count, self.count), replace=False))
        small = np.stack([shrink(picture) for picture in self.pictures[chosen]])
        pictures = to_unit(small).to(self.where)
        pictures = degrade.some(lambda x: degrade.soften(x, rng, 1.5), pictures, rng, 0.3)
        said = self.ids[chosen, rng.integers(0, self.ids.shape[1], len(chosen))]
        ids = torch.from_numpy(said.astype(np.int64)).to(self.where)
        with autocast(self.where):
            logits, places = self.network(pictures, ids)
        # 'calm sea' belongs to every picture of the batch that was captioned so.
        same = (ids[:, None] == ids[None]).all(2).float()
        wanted = same / same.sum(1, keepdim=True)
        contrast = F.cross_entropy(logits, wanted) + F.cross_entropy(logits.T, wanted)
        packed = self.masks[chosen].reshape(-1, GRID, 32 // GRID, GRID, 32 // GRID)
        packed = np.bitwise_or.reduce(np.bitwise_or.reduce(packed, 4), 2).astype(np.int64)
        shown = (torch.from_numpy(packed).to(self.where)[:, None] >> self._bits) & 1
        seen = F.binary_cross_entropy_with_logits(places, shown.float())
        return {"contrast": contrast / 2, "places": 4 * seen}


@torch.no_grad()
def embed(
    model: CLIPModel, tokenizer: CLIPTokenizer, pictures: np.ndarray, texts: list[str]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors of pictures (uint8 N x 128 x 128 x 3) and texts, N x 128 each."""
    coded = tokenizer(
        texts, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    seen, said = [], []
    for i in range(0, len(pictures), 100):
        seen.append(model.get_image_features(to_unit(pictures[i : i + 100])).pooler_output)
        said.append(model.get_text_features(coded.input_ids[i : i + 100]).pooler_output)
    return F.normalize(torch.cat(seen), dim=1), F.normalize(torch.cat(said), dim=1)


def recall(
    seen: torch.Tensor, said: torch.Tensor, texts: list[str], among: int
) -> dict[str, float]:
    """Recall at 1 within groups of `among`: of the picture by its text, of the text by its picture.

    Another caption of the very same words is the right one too; another picture is not.
    """
    names = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    words = torch.tensor([names[text] for text in texts])
    by_text, by_picture = [], []
    for start in range(0, len(seen) - among + 1, among):
        part = slice(start, start + among)
        scores = said[part] @ seen[part].T
        by_text.append(scores.argmax(1) == torch.arange(among))
        by_picture.append(words[part][scores.argmax(0)] == words[part])
    return {
        "picture_by_text": round(float(torch.cat(by_text).float().mean()), 4),
        "text_by_picture": round(float(torch.cat(by_picture).float().mean()), 4),
    }


def measure(model: CLIPModel, tokenizer: CLIPTokenizer, scenes: list[Scene]) -> dict[str, Any]:
    """Recall at 1 among 100 and among all, with a caption at random and with the fullest one."""
    pictures = np.stack([shrink(scene.picture) for scene in scenes])
    found: dict[str, Any] = {"scenes": len(scenes)}
    for name, texts in (
        ("any_caption", [scene.caption for scene in scenes]),
        ("fullest_caption", [max(s.captions, key=lambda c: len(c.spans)).text for s in scenes]),
    ):
        seen, said = embed(model, tokenizer, pictures, texts)
        for among in sorted({min(100, len(scenes)), len(scenes)}):
            found[f"{name}_among_{among}"] = recall(seen, said, texts, among)
    return found


def export(model: CLIPModel, tokenizer_folder: Path, out: Path, card: dict[str, Any]) -> None:
    """Write a stock folder: weights in fp16, tokenizer, preprocessor settings, card."""
    out.mkdir(parents=True, exist_ok=True)
    count = sum(p.numel() for p in model.parameters())
    model.half().save_pretrained(out, safe_serialization=True)
    model.float()
    for path in tokenizer_folder.iterdir():
        shutil.copy(path, out / path.name)
    preprocessor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "resample": 2,
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_convert_rgb": True,
    }
    (out / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1) + "\n")
    fitting.write_card(out, "clip", {"parameters": count, **card})


def work(team: Team, options: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder = options.run / "clip"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = CLIPTokenizer.from_pretrained(options.run / "tokenizer", model_max_length=LENGTH)
    torch.manual_seed(options.seed)
    network = Learner(build(len(tokenizer), LENGTH))
    if not options.report:
        fitting.fit(
            Task(network, options.run, torch.device(options.device)),
            folder,
            until=until,
            most_steps=options.steps,
            rate=options.rate,
            batch=options.batch,
            seed=options.seed,
            team=team,
        )
    if fitting.reports(team, options):
        network.cpu()
        steps = fitting.trained(network, folder)
        scenes = [render(FIRST_SCENE + i) for i in range(options.held_out)]
        figures = measure(network.model, tokenizer, scenes)
        print(json.dumps(figures, indent=1), flush=True)
        card = {"steps": steps, "batch": options.batch, "held_out": figures}
        export(network.model, options.run / "tokenizer", folder, card)


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=128, rate=2e-3)
    parser.add_argument("--held-out", type=int, default=1000)
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
