"""Finishing a picture from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.engines import nets

from .conftest import Maquette


def pixels(record: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(record["image"]).convert("RGB")).astype(int)


@pytest.fixture
def sticker(tmp_path: Path) -> Path:
    image = Image.new("RGBA", (120, 80))
    draw = ImageDraw.Draw(image)
    draw.ellipse((4, 4, 70, 70), fill=(200, 20, 20, 255))
    draw.polygon([(75, 75), (116, 75), (95, 6)], fill=(20, 20, 120, 255))
    image.save(tmp_path / "sticker.png")
    return tmp_path / "sticker.png"


def test_retouch_takes_every_number(maquette: Maquette, wolf: dict[str, Any]) -> None:
    brighter = maquette("retouch", "@", "--exposure", "+0.5", "--json").record
    assert brighter["parents"] == [wolf["version"]]
    assert pixels(brighter).mean() > pixels(wolf).mean()
    options = "--temperature 20 --tint -5 --contrast 0.2 --saturation -0.3 --sharpness 1 --radius 2"
    options += " --grain 0.1 --seed 4 --match 0.5 --swatch #804020 --swatch #208"
    curves = ["--curve", "0,0 0.5,0.6 1,1", "--curve", "red:0,0.1 1,1"]
    task = maquette("retouch", "@", *options.split(), *curves, "--json").record
    recipe = maquette("show", task["version"], "--json").record["recipe"]["task"]
    assert recipe["kind"] == "retouch" and recipe["swatches"] == ["#804020", "#220088"]
    assert [curve["channel"] for curve in recipe["curves"]] == ["all", "red"]
    assert (recipe["radius"], recipe["seed"], recipe["match"]) == (2, 4, 0.5)


def test_retouch_stays_in_its_box(maquette: Maquette, wolf: dict[str, Any]) -> None:
    made = pixels(
        maquette("retouch", "@", "--exposure", "1", "--box", "0,0,64,64", "--json").record
    )
    before = pixels(wolf)
    assert np.array_equal(made[64:], before[64:]) and (made[:64, :64] != before[:64, :64]).any()


def test_a_palette_comes_from_a_version(maquette: Maquette, wolf: dict[str, Any]) -> None:
    other = maquette("generate", "a boat", "--seed", "3", "--json").record
    made = maquette("retouch", "@", "--palette", wolf["version"], "--json").record
    assert made["parents"] == [other["version"], wolf["version"]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["retouch", "@"], 13),
        (["retouch", "@", "--exposure", "9"], 13),
        (["retouch", "@", "--exposure", "nan"], 2),
        (["retouch", "@", "--curve", "0,0 5"], 2),
        (["retouch", "@", "--curve", "0.5,0 0.2,1"], 13),
        (["retouch", "@", "--swatch", "blue"], 13),
        (["retouch", "@", "--palette", "nowhere.png"], 10),
        (["retouch", "@", "--exposure", "1", "--mask", "nowhere.png"], 15),
        (["retouch", "@", "--exposure", "1", "--mask", "a.png", "--box", "0,0,9,9"], 2),
        (["upscale", "@", "--scale", "2", "--model", "nothing"], 20),
        (["restore", "@"], 20),
        (["logo", "@", "nowhere.png", "--on", "wolf"], 10),
        (["composite", "@", "@", "--at", "1.5,2"], 2),
        (["composite", "@", "@", "--at", "9999,0"], 13),
        (["composite", "@", "@", "--stand", "0.5,0.9"], 2),
        (["composite", "@", "@", "--stand", "0.5,0.9,0"], 13),
        (["composite", "@", "@", "--stand", "0.5,0.9,0.5", "--shadow", "2"], 13),
        (["composite", "@", "@", "--corners", "0,0 9,0"], 13),
        (["composite", "@", "@", "--arc", "90"], 2),
        (["layers", "@", "-o", "wolf.png"], 30),
        (["import", "wolf.png", "--of", "nothing"], 10),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    maquette: Maquette, wolf: dict[str, Any], arguments: list[str], code: int
) -> None:
    said = maquette(*arguments)
    assert said.code == code and said.err.count("\n") == 1 and "What to do" in said.err


def test_a_logo_on_a_thing(maquette: Maquette, sticker: Path, tmp_path: Path) -> None:
    mug = Image.new("RGB", (300, 260), (244, 244, 240))
    draw = ImageDraw.Draw(mug)
    draw.rectangle((70, 60, 230, 200), fill=(40, 90, 200))
    draw.ellipse((70, 185, 230, 215), fill=(40, 90, 200))
    mug.save(tmp_path / "mug.png")
    maquette("import", tmp_path / "mug.png")
    made = maquette("logo", "@", sticker, "--box", "80,70,140,120", "--json").record
    [finding] = [each for each in made["findings"] if each["name"].startswith("logo")]
    assert finding["name"] == "logo" and "undistorted" in finding["message"]


def test_a_composite_of_a_file_and_of_a_version(
    maquette: Maquette, wolf: dict[str, Any], sticker: Path
) -> None:
    flat = maquette("composite", "@", sticker, "--at", "10,20", "--json").record
    assert (pixels(flat)[55, 45] == [200, 20, 20]).all()
    corners = "5,5 90,15 90,100 5,90"
    bent = maquette(
        "composite",
        "@",
        wolf["version"],
        "--corners",
        corners,
        "--arc",
        "90",
        "--opacity",
        "0.5",
        "--json",
    ).record
    assert bent["parents"] == [flat["version"], wolf["version"]]


def test_learned_upscale_says_what_it_invented(
    maquette: Maquette, wolf: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nets.save(
        nets.soften(nets.compact(2), 0.3), tmp_path / "nets" / "upscalers" / "wild.safetensors"
    )
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "nets"))
    made = maquette("upscale", "@", "--scale", "2", "--model", "wild", "--json").record
    assert (made["width"], made["height"]) == (2 * wolf["width"], 2 * wolf["height"])
    [first, *_] = [each for each in made["findings"] if each["name"].startswith("invented")]
    mended = maquette("apply", made["version"], first["name"], "--json").record
    assert mended["parents"] == [made["version"], wolf["version"]]
    assert (pixels(mended) != pixels(made)).any()


def test_faces_are_restored(
    maquette: Maquette, wolf: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nets.face_drawer(tmp_path / "nets" / "restorers" / "faces.onnx", 1.0)
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "nets"))
    said = maquette("restore", "@")
    assert said.code == 13 and "no face" in said.err and "--box" in said.err
    made = maquette("restore", "@", "--box", "40,40,60,60", "--strength", "0.5", "--json").record
    assert made["parents"] == [wolf["version"]]


def test_layers_go_out_and_come_back(maquette: Maquette, wolf: dict[str, Any]) -> None:
    maquette("retouch", "@", "--exposure", "1", "--box", "0,0,64,64")
    written = maquette("layers", "@", "-o", "wolf.psd", "--json").record
    assert len(written["layers"]) == 2 and Path("wolf.psd").stat().st_size == written["bytes"]
    said = maquette("layers", "@", "-o", "wolf.psd")
    assert said.out.index("retouch") < said.out.index("generate"), "the topmost first"
    child = maquette("import", "wolf.psd", "--of", "@", "--json").record
    assert child["parents"] == [maquette("log", "--json").records[1]["version"]]


def test_networks_are_listed(
    maquette: Maquette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nets.save(nets.compact(), tmp_path / "nets" / "upscalers" / "soft.safetensors")
    (tmp_path / "nets" / "upscalers" / "old.pth").write_bytes(b"\x80")
    monkeypatch.setenv("MAQUETTE_MODELS", str(tmp_path / "nets"))
    listed = {each["name"]: each for each in maquette("networks", "--json").records}
    bad, good = listed["old"], listed["soft"]
    assert (good["kind"], good["family"], good["scale"]) == ("upscalers", "compact", 4)
    assert bad["digest"] is None and "pickled" in bad["problem"]
    assert "pickled" in maquette("networks").out.replace("\n", " ")
