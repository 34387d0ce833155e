"""The place itself: init, models, doctor."""

from __future__ import annotations

import json
import os
import socket
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from maquette.cli.records import KEYS
from maquette.core.job import Status
from maquette.stages.order import is_alive
from maquette.studio import Studio

from .conftest import Maquette, Said


def test_init(maquette: Maquette, place: Path) -> None:
    first = maquette("init", "--json").record
    assert first == {"project": str(place), "created": True}
    assert first.keys() == KEYS["init"].keys()
    assert maquette("init", "--json").record["created"] is False
    assert "there is a project already" in maquette("init").out


def test_init_elsewhere(maquette: Maquette, tmp_path: Path) -> None:
    said = maquette("init", "--project", tmp_path / "deep" / "new")
    assert "made a project in" in said.out
    assert said.err == ""
    assert (tmp_path / "deep" / "new" / ".maquette").is_dir()


def checks(said: Said) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in said.records}


def test_doctor_without_a_project(maquette: Maquette) -> None:
    said = maquette("doctor", "--json")
    found = checks(said)
    assert said.code == 0
    assert all(each.keys() == KEYS["doctor"].keys() for each in said.records)
    assert found["project"]["level"] == "warn"
    assert "init" in found["project"]["remedy"]
    assert "torch" in found["libraries"]["detail"]
    assert {"python", "threads", "model", "disk", "signing key"} <= found.keys()


def test_doctor_makes_nothing(maquette: Maquette, place: Path, tmp_path: Path) -> None:
    maquette("doctor")
    assert not (place / ".maquette").exists()
    assert not (tmp_path / "home").exists()


def test_doctor_in_a_project(maquette: Maquette, wolf: dict[str, Any]) -> None:
    maquette("export", "@", "-o", "wolf.png")
    found = checks(maquette("doctor", "--json"))
    assert found["project"]["detail"].endswith("1 version")
    assert found["jobs"]["detail"] == "none is unfinished"
    assert "valid until" in found["signing key"]["detail"]
    assert "●" in maquette("doctor").out


def test_doctor_knows_jobs_whose_process_is_gone(
    maquette: Maquette, wolf: dict[str, Any], place: Path
) -> None:
    with Studio(place) as studio:
        (done,) = studio.records.jobs()
        owners = {"a" * 32: f"{2**22 + 7}@{socket.gethostname()}", "b" * 32: "7@elsewhere"}
        for name, owner in owners.items():
            job = done.model_copy(
                update={"id": name, "owner": owner, "status": Status.RUNNING, "version": None}
            )
            studio.records.open_job(job)
    said = maquette("doctor", "--json")
    jobs = [each for each in said.records if each["check"] == "job"]
    assert [each["level"] for each in jobs] == ["warn", "ok"]
    assert "is gone" in jobs[0]["detail"]
    assert "another machine" in jobs[1]["detail"]
    assert said.code == 0


def test_doctor_counts_what_waits(maquette: Maquette, wolf: dict[str, Any], place: Path) -> None:
    with Studio(place, engine="fake") as studio:
        studio.submit(studio.orders.generate("a boat", n=3, seed=1))
        found = checks(maquette("doctor", "--json"))
        assert found["jobs"]["detail"] == "3 jobs waiting"
        assert "maquette worker" in found["jobs"]["remedy"]
        studio.queue.claim(f"{2**22 + 7}@{socket.gethostname()}", 15)
    found = checks(maquette("doctor", "--json"))
    assert found["jobs"]["detail"] == "2 jobs waiting"
    assert found["job"]["level"] == "warn"
    assert "takes it over" in found["job"]["remedy"]


def test_owners() -> None:
    here = socket.gethostname()
    assert is_alive(f"{os.getpid()}@{here}") is True
    assert is_alive(f"{2**22 + 7}@{here}") is False
    assert is_alive("1@elsewhere") is None
    assert is_alive("") is None


def test_doctor_fails_when_something_is_broken(
    maquette: Maquette, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / ".maquette").mkdir()
    (place / ".maquette" / "records.sqlite").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("MAQUETTE_ENGINE", "diffusers")
    monkeypatch.setenv("MAQUETTE_MODEL", "no-such-model")
    said = maquette("doctor", "--json")
    found = checks(said)
    assert said.code == 1
    assert (found["project"]["ok"], found["model"]["ok"]) == (False, False)
    assert found["model"]["remedy"]
    assert said.err == ""


def test_settings_that_cannot_be_used(maquette: Maquette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAQUETTE_THREADS", "many")
    said = maquette("log")
    assert said.code == 13
    assert "MAQUETTE_THREADS is 'many'" in said.err
    doctor = maquette("doctor", "--json")
    assert doctor.code == 1
    assert not checks(doctor)["settings"]["ok"]
    monkeypatch.setenv("MAQUETTE_THREADS", "9999")
    assert checks(maquette("doctor", "--json"))["threads"]["level"] == "warn"


def model_folder(folder: Path) -> Path:
    """A model's configuration without weights worth the name: enough to be listed."""
    index = {"_class_name": "StableDiffusionPipeline"}
    unet = {
        "_class_name": "UNet2DConditionModel",
        "block_out_channels": [32, 64],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
        "sample_size": 32,
        "in_channels": 4,
        "cross_attention_dim": 32,
    }
    vae = {"_class_name": "AutoencoderKL", "block_out_channels": [8, 8], "latent_channels": 4}
    parts: dict[str, dict[str, Any]] = {
        "unet/config.json": unet,
        "vae/config.json": vae,
        "text_encoder/config.json": {
            "architectures": ["CLIPTextModel"],
            "max_position_embeddings": 77,
        },
        "scheduler/scheduler_config.json": {"_class_name": "DDIMScheduler"},
        "tokenizer/vocab.json": {},
    }
    for path, content in {"model_index.json": index, **parts}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(content))
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        (folder / part / f"{stem}.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    return folder


def test_models(maquette: Maquette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model_folder(tmp_path / "models" / "pencil")
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("MAQUETTE_MODEL", "pencil")
    found = {each["name"]: each for each in maquette("models", "--json").records}
    assert found["pencil"].keys() == KEYS["models"].keys()
    assert found["pencil"]["default"] is True
    assert (found["pencil"]["width"], found["pencil"]["words"]) == (64, None)
    assert len(found["pencil"]["digest"]) == 64
    assert "pencil  (default)" in maquette("models").out
    monkeypatch.setenv("MAQUETTE_ENGINE", "diffusers")
    assert checks(maquette("doctor", "--json"))["model"]["ok"]


def test_models_verify(maquette: Maquette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model_folder(tmp_path / "models" / "pencil")
    model_folder(tmp_path / "models" / "unlisted")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    listed = {weights.relative_to(folder).as_posix(): sha256(weights.read_bytes()).hexdigest()}
    (folder / "MODEL.json").write_text(json.dumps({"name": "pencil", "files": listed}))
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "models"))
    found = {each["name"]: each for each in maquette("models", "verify", "--json").records}
    assert found["pencil"]["verified"] is found["postcard"]["verified"] is True
    assert found["unlisted"]["verified"] is None
    weights.write_bytes(weights.read_bytes() + b"?")
    said = maquette("models", "verify")
    assert said.code == 1 and "damaged" in said.out and "safetensors" in said.out
