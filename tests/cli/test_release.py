"""The way out of a project, and what a stranger can check."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maquette.cli.records import KEYS

from .conftest import WOLF, Maquette


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("wolf.png", (), "png"),
        ("deep/down/wolf.jpg", ("--quality", 80), "jpeg"),
        ("wolf.webp", (), "webp"),
        ("wolf.bin", ("--format", "png"), "png"),
    ],
)
def test_export(
    *,
    maquette: Maquette,
    wolf: dict[str, Any],
    place: Path,
    name: str,
    options: tuple[Any, ...],
    kind: str,
) -> None:
    said = maquette("export", "@", "-o", name, *options, "--json").record
    data = (place / name).read_bytes()
    assert said == {
        "file": name,
        "format": kind,
        "bytes": len(data),
        "digest": hashlib.sha256(data).hexdigest(),
        "signed": True,
        "pictures": [],
        "models": [],
        "notes": [],
    }
    assert said.keys() == KEYS["export"].keys()
    assert (Image.open(place / name).format or "").lower() == kind
    verdict = maquette("verify", name, "--json")
    assert verdict.code == 0
    assert verdict.record.keys() == KEYS["verify"].keys()
    assert verdict.record["state"] == "trusted"
    assert verdict.record["digital_source_type"] == "trainedAlgorithmicMedia"
    assert verdict.record["actions"]


def test_a_workflow(maquette: Maquette, wolf: dict[str, Any], place: Path) -> None:
    maquette("mask", "@", "--box", "0,0,32,32", "-o", "mask.png")
    maquette("inpaint", "@", "--mask", "mask.png", "--prompt", "snow")
    said = maquette("export", "@", "--workflow", "comfyui", "-o", "out/wolf.json", "--json").record
    assert said.keys() == KEYS["export"].keys()
    graph = json.loads((place / "out/wolf.json").read_text())
    texts = [node["inputs"]["text"] for node in graph.values() if "text" in node["inputs"]]
    assert WOLF in texts and "snow" in texts  # the edit, and the picture before it
    loaded = [n["inputs"]["image"] for n in graph.values() if n["class_type"] == "LoadImageMask"]
    assert said["pictures"] == [f"out/wolf-input/{name}" for name in loaded]
    assert (place / said["pictures"][0]).is_file()
    assert "folder input" in maquette("export", "@", "--workflow", "comfyui", "-o", "w.json").out
    assert maquette("export", "@", "--workflow", "comfyui", "-o", "wolf.png").code == 30


def test_people_are_told(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("export", "@", "-o", "wolf.png")
    assert said.out.startswith("written: wolf.png, png, ")
    assert said.out.rstrip().endswith(", signed")
    verdict = maquette("verify", "wolf.png").out
    assert "trusted" in verdict
    assert "made from words" in verdict


def test_unsigned_and_wordless(maquette: Maquette, wolf: dict[str, Any], place: Path) -> None:
    said = maquette("export", "@", "-o", "wolf.png", "--no-sign", "--no-prompts", "--json").record
    assert said["signed"] is False
    assert WOLF.encode() not in (place / "wolf.png").read_bytes()
    verdict = maquette("verify", "wolf.png", "--json")
    assert (verdict.code, verdict.record["state"]) == (0, "unsigned")


def test_a_changed_file_does_not_verify(
    maquette: Maquette, wolf: dict[str, Any], place: Path
) -> None:
    maquette("export", "@", "-o", "wolf.jpg")
    data = bytearray((place / "wolf.jpg").read_bytes())
    data[-40] ^= 0x55
    (place / "wolf.jpg").write_bytes(data)
    verdict = maquette("verify", "wolf.jpg", "--json")
    assert (verdict.code, verdict.record["state"]) == (1, "invalid")
    assert verdict.record["problems"]


def test_verify_needs_no_project(maquette: Maquette, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    said = maquette("verify", tmp_path / "plain.png", "--json")
    assert (said.code, said.record["state"]) == (0, "unsigned")
    assert not (tmp_path / "home" / "signing").exists()


def test_a_place_that_cannot_be_written(
    maquette: Maquette, wolf: dict[str, Any], place: Path
) -> None:
    (place / "file").write_text("not a folder")
    for command in (
        ("export", "@", "-o", "file/wolf.png"),
        ("export", "@", "-o", "wolf.xyz"),
        ("mask", "@", "--box", "0,0,9,9", "-o", "file/mask.png"),
        ("mask", "@", "--box", "0,0,9,9", "-o", "mask.xyz"),
        ("compare", "@", "@", "-o", "file/sheet.png"),
        ("heatmap", "@", "--token", "moon", "-o", "file/moon.png"),
    ):
        said = maquette(*command)
        assert said.code == 30, (command, said.err)
        assert said.err.count("\n") == 1
