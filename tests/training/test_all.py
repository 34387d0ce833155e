"""All steps in order: each once, what is there is kept, what is late still has what it needs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skia")

from training import all as steps


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that were given; each leaves what the next ones look for."""
    given: list[list[str]] = []
    left = {
        "data": ("captions/0000000.json", "pictures.npy"),
        "tokenizer": ("text.npz",),
        "autoencoder": ("autoencoder/config.json",),
        "export": ("export/model_index.json",),
    }

    def run(name: str, *arguments: object) -> None:
        said = [name, *(str(x) for x in arguments)]
        given.append(said)
        folder = Path(said[said.index("--run") + 1]) if "--run" in said else Path()
        files = ("latents.npy",) if "--encode" in said else left.get(name, ())
        if name == "train":
            files = (f"{said[said.index('--stage') + 1]}/checkpoint.pt",)
        for file in files:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".npy":
                np.save(path, np.zeros(4, np.uint8))
            else:
                path.write_text("[[], [], [], []]")

    monkeypatch.setattr(steps, "_run", run)
    return given


def _names(asked: list[list[str]]) -> list[str]:
    return [said[0] + (" --encode" if "--encode" in said else "") for said in asked]


def test_everything_in_order_and_what_is_there_is_not_made_again(
    tmp_path: Path, asked: list[list[str]]
) -> None:
    said = ["--run", str(tmp_path), "--out", str(tmp_path / "family"), "--minutes", "60"]
    steps.main([*said, "--pictures", "4", "--family", "30", "--report"])
    assert _names(asked) == [
        *("data", "tokenizer", "autoencoder", "autoencoder --encode", "train", "train"),
        *("sharpen", "export", "companions", "family", "evaluate", "report"),
    ]
    stages = [x[x.index("--stage") + 1] for x in asked if "--stage" in x]
    assert stages == ["main", "final", "final"]
    asked.clear()
    steps.main(said)
    assert not {"data", "tokenizer", "autoencoder"} & set(_names(asked))


def test_a_plan_that_is_late_still_makes_a_base(tmp_path: Path, asked: list[list[str]]) -> None:
    now = time.time()
    (tmp_path / "plan.json").write_text(json.dumps(dict.fromkeys(("denoiser", "family"), now - 60)))
    steps.main(["--run", str(tmp_path), "--out", str(tmp_path / "family"), "--minutes", "60"])
    assert _names(asked)[2:] == [
        *("autoencoder", "autoencoder --encode", "train", "export", "family"),
    ]


def test_a_denoiser_adopts_once(tmp_path: Path, asked: list[list[str]]) -> None:
    said = ["--run", str(tmp_path), "--out", str(tmp_path / "family"), "--minutes", "60"]
    for _ in range(2):
        steps.main([*said, "--adopt", str(tmp_path / "old" / "main")])
    assert [x for x in asked if x[0] == "train" and "--adopt" in x] == [
        x for x in asked if x[0] == "train"
    ][:1]
