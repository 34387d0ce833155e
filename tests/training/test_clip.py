"""The small CLIP: retrieval is counted right; a tiny training resumes and ships as stock."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skia")

import torch
from training.clip.network import GRID, SIDE, Learner, build
from training.clip.train import Task, embed, export, measure, recall
from training.fitting import fit
from training.world import NOUNS, render
from transformers import CLIPModel, CLIPTokenizer

from training import data, tokenizer


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with 20 pictures and a tokenizer."""
    folder = tmp_path_factory.mktemp("run")
    data.draw_set(folder, 20, 1, first=500)
    flat = [pair for one in data.read_captions(folder) for pair in one]
    made = tokenizer.train_tokenizer((text for text, _ in flat), folder / "tokenizer")
    ids, nouns = tokenizer.mark_nouns(made, flat)
    shape = (20, -1, tokenizer.LENGTH)
    np.savez(folder / "text.npz", ids=ids.reshape(shape), nouns=nouns.reshape(shape))
    return folder


def _tiny(run: Path) -> tuple[Learner, CLIPTokenizer]:
    words = CLIPTokenizer.from_pretrained(run / "tokenizer", model_max_length=tokenizer.LENGTH)
    torch.manual_seed(0)
    return Learner(build(len(words), tokenizer.LENGTH, vision=(32, 1), text=(32, 1))), words


def test_recall_counts_the_best_of_each_group() -> None:
    seen = torch.eye(4)
    assert recall(seen, seen, list("abcd"), 4) == {"picture_by_text": 1.0, "text_by_picture": 1.0}
    swapped = seen[[1, 0, 2, 3]]
    assert recall(seen, swapped, list("abcd"), 4)["picture_by_text"] == 0.5
    assert recall(seen, swapped, list("abcd"), 2)["picture_by_text"] == 0.5


def test_the_same_words_are_the_right_caption() -> None:
    seen = torch.eye(2)
    found = recall(seen, seen[[1, 0]], ["calm sea", "calm sea"], 2)
    assert found == {"picture_by_text": 0.0, "text_by_picture": 1.0}


def test_the_full_size_has_about_three_million_parameters() -> None:
    model = build(1800, tokenizer.LENGTH)
    assert 2e6 < sum(p.numel() for p in model.parameters()) < 3.5e6


def test_a_step_compares_captions_and_sees_nouns(run: Path) -> None:
    network, _ = _tiny(run)
    task = Task(network, run, torch.device("cpu"))
    terms = task.loss(np.random.default_rng(0), 6)
    again = task.loss(np.random.default_rng(0), 6)
    assert set(terms) == {"contrast", "places"}
    assert all(torch.isclose(terms[k], again[k]) for k in terms)
    logits, places = network(torch.zeros(3, 3, SIDE, SIDE), torch.ones(3, 40, dtype=torch.long))
    assert logits.shape == (3, 3)
    assert places.shape == (3, len(NOUNS), GRID, GRID)


def test_a_tiny_training_resumes_and_ships(run: Path, tmp_path: Path) -> None:
    plan = {"until": math.inf, "batch": 6, "rate": 1e-3, "seed": 0}
    network, words = _tiny(run)
    fit(Task(network, run, torch.device("cpu")), tmp_path / "fit", most_steps=2, **plan)
    network, _ = _tiny(run)
    done = fit(Task(network, run, torch.device("cpu")), tmp_path / "fit", most_steps=4, **plan)
    assert isinstance(done, Learner)
    scenes = [render(s) for s in range(4)]
    figures = measure(done.model, words, scenes)
    assert figures["scenes"] == 4
    assert 0 <= figures["any_caption_among_4"]["picture_by_text"] <= 1

    out = tmp_path / "clip"
    export(done.model, run / "tokenizer", out, {"steps": 4})
    card = json.loads((out / "clip.json").read_text())
    assert {"model.safetensors", "config.json", "preprocessor_config.json"} <= set(card["files"])
    stock = CLIPModel.from_pretrained(out, local_files_only=True, dtype=torch.float32).eval()
    loaded = CLIPTokenizer.from_pretrained(out, local_files_only=True)
    pictures = np.random.default_rng(0).integers(0, 255, (2, SIDE, SIDE, 3), dtype=np.uint8)
    ours = embed(done.model, words, pictures, ["a red mug", "calm sea"])
    theirs = embed(stock, loaded, pictures, ["a red mug", "calm sea"])
    assert torch.allclose(ours[0], theirs[0], atol=0.02)
    assert torch.allclose(ours[1], theirs[1], atol=0.02)
