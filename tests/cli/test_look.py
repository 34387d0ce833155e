"""Commands that only look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maquette.cli.records import KEYS

from .conftest import WOLF, Maquette


def test_heatmap_tells_of_every_word(maquette: Maquette, wolf: dict[str, Any]) -> None:
    records = maquette("heatmap", "@", "--json").records
    assert {"wolf", "full", "moon", "misty", "forest"} <= {each["token"] for each in records}
    assert all(each.keys() == KEYS["heatmap"].keys() for each in records)
    assert sum(each["share"] for each in records) == pytest.approx(1, abs=0.01)
    for each in records:
        x, y = each["peak"]
        assert 0 <= x < wolf["width"]
        assert 0 <= y < wolf["height"]
        assert each["file"] is None


@pytest.mark.parametrize("token", ["moon", "full moon"])
def test_heatmap_of_one_word_is_one_file(
    maquette: Maquette, wolf: dict[str, Any], place: Path, token: str
) -> None:
    said = maquette("heatmap", "@", "--token", token, "-o", "maps/moon.png", "--json")
    assert said.record["token"] == token
    assert said.record["file"] == "maps/moon.png"
    assert Image.open(place / "maps/moon.png").size == (wolf["width"], wolf["height"])


def test_heatmaps_of_all_words_are_files_in_a_folder(
    maquette: Maquette, wolf: dict[str, Any], place: Path
) -> None:
    for output in ("maps", "named/map-{token}.png"):
        files = [each["file"] for each in maquette("heatmap", "@", "-o", output, "--json").records]
        assert len(set(files)) == len(files) > 3
        assert all((place / file).is_file() for file in files)
    assert (place / "maps/moon.png").is_file()
    assert (place / "named/map-moon.png").is_file()
    said = maquette("heatmap", "@", "-o", "all.png")
    assert said.code == 2
    assert "folder or a name with {token}" in said.err


def test_heatmap_with_a_caption(maquette: Maquette, wolf: dict[str, Any]) -> None:
    records = maquette("heatmap", "@", "--caption", "stars", "--json").records
    assert [each["token"] for each in records] == ["stars"]


def test_heatmap_for_people(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("heatmap", "@", "--token", "moon", "-o", "moon.png")
    assert "moon" in said.out
    assert "written: moon.png" in said.out


MASKS = {
    "box": (("--box", "10,20,30,40"), 1200),
    "box over the edge": (("--box", "-10,-10,20,20"), 100),
    "corners apart": (("--polygon", "0,0", "99,0", "99,99", "0,99"), 10_000),
    "corners quoted": (("--polygon", "0,0 99,0 99,99 0,99"), 10_000),
    "grown": (("--box", "50,50,10,10", "--grow", "-2"), 36),
    "inverted": (("--box", "0,0,256,255", "--invert"), 256),
}


@pytest.mark.parametrize("name", MASKS)
def test_mask(maquette: Maquette, wolf: dict[str, Any], place: Path, name: str) -> None:
    options, pixels = MASKS[name]
    said = maquette("mask", *options, "@", "-o", "mask.png", "--json")
    assert said.code == 0, said.err
    assert said.record.keys() == KEYS["mask"].keys()
    written = np.asarray(Image.open(place / said.record["file"]))
    assert written.shape == (wolf["height"], wolf["width"])
    assert said.record["pixels"] == np.count_nonzero(written) == pixels
    assert said.record["share"] == pytest.approx(pixels / written.size, abs=1e-4)


def test_mask_of_a_word(maquette: Maquette, wolf: dict[str, Any], place: Path) -> None:
    tight = maquette("mask", "@", "--token", "moon", "--threshold", 0.9, "-o", "a.png", "--json")
    loose = maquette(
        *("mask", "@", "--token", "moon", "--threshold", 0.2, "--feather", 4, "-o", "b.png"),
        "--json",
    )
    assert 0 < tight.record["pixels"] < loose.record["pixels"]
    said = maquette("mask", "@", "--token", "moon", "-o", "c.png")
    assert said.out.startswith("written: c.png, ")


def test_log_is_a_graph(maquette: Maquette, wolf: dict[str, Any]) -> None:
    first = wolf["version"]
    maquette("reweight", first, "moon=1.4")
    maquette("reweight", first, "wolf=0.8")
    maquette("rollback", first)
    lines = maquette("log").out.splitlines()
    assert [line.split("  ")[0] for line in lines if first[:10] in line][-1] == f"● {first[:10]}"
    assert any("moon 1.4" in line and "reweight" in line for line in lines)
    assert any("wolf 0.8" in line for line in lines)
    assert any("├" in line for line in lines)
    assert sum("●" in line for line in lines) == 4
    assert "just now" in lines[0]


def test_log_records(maquette: Maquette, wolf: dict[str, Any]) -> None:
    maquette("generate", "a boat", "--seed", 1)
    maquette("upscale", wolf["version"], "--scale", 2)
    records = maquette("log", "--json").records
    assert [each["operation"] for each in records] == ["upscale", "generate", "generate"]
    assert all(each.keys() == KEYS["log"].keys() for each in records)
    assert records[2]["prompt"] == WOLF
    assert len(maquette("log", "--limit", 2, "--json").records) == 2
    ancestry = maquette("log", "@", "--json").records
    assert [each["operation"] for each in ancestry] == ["upscale", "generate"]
    assert ancestry[1]["version"] == wolf["version"]
    assert len(maquette("log", "@", "--limit", 1, "--json").records) == 1


def test_an_empty_log(maquette: Maquette) -> None:
    maquette("init")
    assert maquette("log", "--json").out == ""
    assert "no versions yet" in maquette("log").out


def test_show_tells_everything(maquette: Maquette, wolf: dict[str, Any]) -> None:
    maquette("upscale", "@", "--scale", 2)
    said = maquette("show", wolf["version"], "--json").record
    assert said.keys() == KEYS["show"].keys()
    assert {**said, **wolf} == said
    assert said["recipe"]["task"]["kind"] == "text-to-image"
    assert len(said["children"]) == 1
    shown = maquette("show", wolf["version"])
    for fact in (WOLF, wolf["version"], "256x256 pixels", "7", said["build"], wolf["image"]):
        assert fact in shown.out


PROMPTS = {
    "a (moon:1.4)": {
        "runs": [["a ", 1.0], ["moon", 1.4]],
        "schedule": [[10, "a (moon:1.4)"]],
        "parts": [{"text": "a (moon:1.4)", "weight": 1.0}],
    },
    "[cat:dog:0.5]": {
        "runs": [["dog", 1.0]],
        "schedule": [[5, "cat"], [10, "dog"]],
        "parts": [{"text": "[cat:dog:0.5]", "weight": 1.0}],
    },
    "sea AND sky :0.5": {
        "runs": [["sea", 1.0]],
        "schedule": [[10, "sea"]],
        "parts": [{"text": "sea", "weight": 1.0}, {"text": "sky", "weight": 0.5}],
    },
}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompt(maquette: Maquette, prompt: str) -> None:
    said = maquette("prompt", prompt, "--steps", 10, "--json")
    assert said.record.keys() == KEYS["prompt"].keys()
    assert PROMPTS[prompt].items() <= said.record.items()


def test_prompt_for_people(maquette: Maquette, place: Path) -> None:
    out = maquette("prompt", "a (moon:1.4) [cat:dog:10] AND <lora:x:0.5> (sea", "--steps", 30).out
    for shown in ("moon", "1.4", "1–10", "11–30", "LoRA x at 0.5"):
        assert shown in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert not (place / ".maquette").exists()


def test_find_in_words_and_by_what_pictures_show(maquette: Maquette, place: Path) -> None:
    for colour in ("red", "blue"):
        Image.new("RGB", (32, 32), colour).save(place / f"{colour}.png")
        assert maquette("import", f"{colour}.png", "--caption", f"a {colour} wall").code == 0
    blue, red = maquette("find", "--json").records
    assert blue.keys() == KEYS["find"].keys()
    assert (blue["prompt"], blue["score"], blue["star"]) == ("a blue wall", None, False)
    assert maquette("find", "RED", "wall", "--json").record == red
    best = maquette("find", "--shows", "something red", "--json").record
    assert (best["version"], best["score"]) == (red["version"], 1.0)
    assert len(maquette("find", "--shows", "red blue", "--json").records) == 2
    for like in ("@", place / "blue.png"):
        assert maquette("find", "--like", like, "--limit", 1, "--json").record["prompt"] == (
            "a blue wall"
        )
    assert maquette("find", "--shows", "red", "--starred", "--json").records == []
    said = maquette("find", "--shows", "red")
    assert "a red wall" in said.out
    assert "a blue wall" not in said.out
    assert "1.00" in said.out
    assert "nothing found" in maquette("find", "submarine").out


def test_find_needs_something_to_look_with(
    maquette: Maquette, wolf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert maquette("find", "--shows", "a", "--like", "@").code == 2
    assert maquette("find", "--shows", " ").code == 2
    monkeypatch.setenv("MAQUETTE_ENGINE", "pixels")
    said = maquette("find", "--shows", "a wolf", "--json")
    assert said.code == 20
    assert "MAQUETTE_CLIP" in said.err
