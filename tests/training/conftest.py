"""What the tests of trainings on top of a base share: a run folder and an untrained tiny base."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: 20 drawn pictures, tokenizer, latents, and RUN/export, a base of no skill."""
    pytest.importorskip("skia", reason="drawing needs skia: pip install -e '.[training]'")
    import torch
    from diffusers import StableDiffusionPipeline
    from training.files import to_unit
    from training.networks import build_text_encoder, build_unet, sampler

    from training import autoencoder, data, tokenizer

    run = tmp_path_factory.mktemp("small")
    data.draw_set(run, 20, 1)
    flat = [pair for one in data.read_captions(run) for pair in one]
    words = tokenizer.train_tokenizer((text for text, _ in flat), run / "tokenizer")
    ids, nouns = tokenizer.mark_nouns(words, flat)
    shape = (20, -1, tokenizer.LENGTH)
    np.savez(run / "text.npz", ids=ids.reshape(shape), nouns=nouns.reshape(shape))
    torch.manual_seed(0)
    vae = autoencoder.build(8).eval()
    with torch.no_grad():
        pictures = to_unit(np.load(run / "pictures.npy"))
        latents = torch.cat([vae.encoder(x) for x in pictures.split(5)])
    vae.register_to_config(scaling_factor=float(1 / latents.std()))
    np.save(run / "latents.npy", latents.half().numpy())
    unet = build_unet((16, 32, 32))
    with torch.no_grad():
        unet.conv_out.weight.mul_(3)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=build_text_encoder(len(words), tokenizer.LENGTH),
        tokenizer=words,
        unet=unet,
        scheduler=sampler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(run / "export")
    for name in ("vocab.json", "merges.txt"):
        (run / "export" / "tokenizer" / name).write_bytes((run / "tokenizer" / name).read_bytes())
    (run / "export" / "MODEL.json").write_text(json.dumps({"weight_gain": 4.0}))
    return run
