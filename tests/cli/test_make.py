"""Commands that make versions, over the fake engine and a real project."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maquette.cli.records import KEYS

from .conftest import WOLF, Maquette


def pixels(record: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(record["image"]).convert("RGB"))


def test_generate_makes_the_project_and_says_so(maquette: Maquette, place: Path) -> None:
    said = maquette("generate", WOLF, "--seed", 7, "--json")
    assert said.code == 0
    assert f"made a project in {place}" in said.err
    assert said.record.keys() == KEYS["generate"].keys()
    assert (said.record["width"], said.record["height"]) == pixels(said.record).shape[1::-1]
    assert len(said.record["version"]) == len(said.record["recipe_digest"]) == 64
    assert said.record["parents"] == []
    assert maquette("generate", WOLF, "--seed", 8, "--json").err == ""


def test_generate_passes_every_setting_on(maquette: Maquette) -> None:
    made = maquette(
        *("generate", WOLF, "--negative", "fog", "--seed", 4294967295, "-n", 2, "--json"),
        *("--quality", "draft", "--steps", 3, "--guidance", 2.5, "--size", "64x32"),
        *("--sampler", "euler", "--interpreter", "a1111", "--no-maps", "--engine", "fake"),
    )
    assert made.code == 0, made.err
    first, second = (
        maquette("show", record["version"], "--json").record for record in made.records
    )
    assert (first["seed"], second["seed"]) == (4294967295, 0)
    assert first["recipe"]["sampling"] == {
        "sampler": "euler",
        "steps": 3,
        "guidance": 2.5,
        "seed": 4294967295,
        "noise": "cpu",
    }
    assert (first["width"], first["height"], first["trace"]) == (64, 32, None)
    assert (first["prompt"], first["negative"]) == (WOLF, "fog")
    assert first["recipe"]["prompt"]["interpreter"] == "a1111"


def test_the_same_recipe_is_not_drawn_twice(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("generate", WOLF, "--seed", 7)
    assert "1 drawn before and not drawn again" in said.out
    again, first = maquette("log", "--json").records
    assert again["image"] == first["image"] == wolf["image"]
    assert again["seconds"] == 0


def test_people_get_a_table(maquette: Maquette) -> None:
    said = maquette("generate", WOLF, "-n", 2, "--seed", 5)
    header, *rows = said.out.splitlines()
    assert header.split() == ["version", "size", "seconds", "seed", "findings"]
    assert [row.split()[3] for row in rows] == ["5", "6"]
    assert "next:" not in said.out  # hints are for terminals


def test_brackets_of_a_prompt_are_no_markup(maquette: Maquette) -> None:
    maquette("generate", "a [bold] (moon:1.4) [/] \x1b[31m", "--seed", 1)
    assert "a [bold] (moon:1.4) [/] \ufffd[31m" in maquette("log").out
    assert "\x1b" not in maquette("show", "@").out


def test_reweight(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("reweight", "@", "moon=1.4", "misty forest=0.5", "--json")
    assert said.record.keys() == KEYS["reweight"].keys()
    assert said.record["parents"] == [wolf["version"]]
    shown = maquette("show", "@", "--json").record
    assert shown["operation"] == "reweight"
    assert shown["prompt"] == "a wolf under a full (moon:1.4), (misty forest:0.5)"
    assert shown["seed"] == 7


def test_refine_finishes_a_draft_as_its_child(maquette: Maquette) -> None:
    draft = maquette("generate", "a wolf", "--quality", "draft", "--seed", 3, "--json").record
    said = maquette("refine", "@", "--begin", "0.25", "--json")
    assert said.record.keys() == KEYS["refine"].keys()
    assert said.record["parents"] == [draft["version"]]
    shown = maquette("show", "@", "--json").record
    assert shown["operation"] == "refine" and shown["seed"] == 3
    told = maquette("refine", "@~1", "--size", "512x256")
    assert told.code != 0 and "outpaint" in told.err


def test_reweight_goes_on_from_where_it_is_told(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("reweight", "@", "moon=1.4", "--begin", "0.5", "--json")
    assert said.record["parents"] == [wolf["version"]]
    assert maquette("replay", "@", "--json").record["verdict"] == "exact"


def test_inpaint_with_a_mask_file(maquette: Maquette, wolf: dict[str, Any]) -> None:
    assert maquette("mask", "@", "--box", "32,64,96,80", "-o", "mask.png").code == 0
    said = maquette("inpaint", "@", "--mask", "mask.png", "--prompt", "a cat", "--json")
    assert said.code == 0, said.err
    assert said.record.keys() == KEYS["inpaint"].keys()
    before, after = pixels(wolf), pixels(said.record)
    changed = (before != after).any(axis=-1)
    assert changed.any()
    outside = np.ones_like(changed)
    outside[64:144, 32:128] = False
    assert not changed[outside].any()


@pytest.mark.parametrize("way", [("--token", "wolf"), ("--box", "0,0,64,64")])
def test_inpaint_with_a_place(
    maquette: Maquette, wolf: dict[str, Any], way: tuple[str, str]
) -> None:
    said = maquette(
        *("inpaint", "@", *way, "--prompt", "a cat", "--negative", "dog", "--seed", 3, "--json"),
        *("--strength", 0.8, "--feather", 2, "--quality", "draft", "--steps", 3, "--guidance", 4),
    )
    assert said.code == 0, said.err
    shown = maquette("show", "@", "--json").record
    assert (shown["recipe"]["task"]["strength"], shown["recipe"]["task"]["feather"]) == (0.8, 2)
    assert shown["negative"] == "dog"


def test_outpaint(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette(
        *("outpaint", "@", "--left", 32, "--top", 8, "--right", 16, "--bottom", 8),
        *("--prompt", "a wide sky", "--seed", 4, "--quality", "draft", "--json"),
    )
    assert said.code == 0, said.err
    assert said.record.keys() == KEYS["outpaint"].keys()
    assert said.record["width"] == wolf["width"] + 48
    assert said.record["height"] == wolf["height"] + 16
    height, width = wolf["height"], wolf["width"]
    inside = pixels(said.record)[8 : 8 + height, 32 : 32 + width]
    assert np.array_equal(inside, pixels(wolf))


def test_vary(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette(
        *("vary", "@", "--strength", 0.3, "--seed", 9, "-n", 2, "--prompt", "two wolves"),
        *("--negative", "fog", "--quality", "draft", "--json"),
    )
    assert [record["parents"] for record in said.records] == [[wolf["version"]]] * 2
    assert said.records[0].keys() == KEYS["vary"].keys()
    shown = maquette("show", "@", "--json").record
    assert (shown["seed"], shown["prompt"], shown["negative"]) == (10, "two wolves", "fog")


def test_upscale(maquette: Maquette, wolf: dict[str, Any]) -> None:
    said = maquette("upscale", "@", "--scale", 1.5, "--json")
    assert said.record.keys() == KEYS["upscale"].keys()
    assert said.record["width"] == wolf["width"] * 3 // 2


def test_rollback_loses_nothing(maquette: Maquette, wolf: dict[str, Any]) -> None:
    maquette("upscale", "@", "--scale", 2)
    said = maquette("rollback", wolf["version"][:8], "--json")
    assert said.record.keys() == KEYS["rollback"].keys()
    assert said.record["image"] == wolf["image"]
    assert wolf["version"] in said.record["parents"]
    assert len(maquette("log", "--json").records) == 3


def test_rollback_says_what_it_did(maquette: Maquette, wolf: dict[str, Any]) -> None:
    first = wolf["version"][:10]
    said = maquette("rollback", first).out
    assert f"{first} is the newest again, with its recipe\n" in said
    maquette("upscale", "@", "--scale", 2)
    said = maquette("rollback", first).out
    assert f"{first} is the newest again, with its recipe; what was made since stays" in said
    assert "(2 versions)" in said
    assert "drawn" not in said


def test_references(maquette: Maquette) -> None:
    ids = [
        record["version"]
        for record in maquette("generate", WOLF, "-n", 3, "--seed", 1, "--json").records
    ]
    for reference, expected in (("@", 2), ("@~1", 1), ("@~2", 0), (ids[1][:12], 1), (ids[0], 0)):
        assert maquette("show", reference, "--json").record["version"] == ids[expected]


def test_options_stand_before_or_after(maquette: Maquette, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    assert maquette("--json", "--project", there, "generate", WOLF).record["parents"] == []
    after = maquette("log", "--json", "--project", there).records
    before = maquette("--project", there, "--json", "log").records
    assert after == before
    assert len(after) == 1
    # The nearer one counts.
    assert maquette("--project", there, "log", "--project", tmp_path).code == 16


def test_the_environment_names_the_project(
    maquette: Maquette, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_PROJECT", str(tmp_path / "named"))
    assert maquette("generate", WOLF).code == 0
    assert (tmp_path / "named" / ".maquette").is_dir()


def test_import_takes_pictures_of_every_kind(maquette: Maquette, place: Path) -> None:
    grey = np.linspace(0, 65535, 64 * 32, dtype=np.uint16).reshape(32, 64)
    upright = Image.new("RGB", (20, 10), "red")
    exif = Image.Exif()
    exif[274] = 6  # turned by 90 degrees
    kinds: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "one.png": (Image.new("RGB", (1, 1), "blue"), {}),
        "deep.png": (Image.fromarray(grey), {}),
        "print.jpg": (Image.new("CMYK", (24, 16), (0, 90, 90, 0)), {}),
        "palette.png": (Image.new("RGB", (24, 16), "green").convert("P"), {}),
        "alpha.png": (Image.new("RGBA", (24, 16), (9, 8, 7, 100)), {}),
        "turned.jpg": (upright, {"exif": exif}),
        "wrong-name.txt": (upright, {"format": "PNG"}),
    }
    for name, (image, options) in kinds.items():
        image.save(place / name, **options)
        said = maquette("import", name, "--json")
        assert said.code == 0, (name, said.err)
        assert said.record.keys() == KEYS["import"].keys()
        assert Image.open(said.record["image"]).mode == ("RGBA" if name == "alpha.png" else "RGB")
        if name == "turned.jpg":
            assert (said.record["width"], said.record["height"]) == (10, 20)
    assert len(maquette("log", "--json").records) == len(kinds)


def test_import_makes_the_project_and_keeps_the_caption(maquette: Maquette, place: Path) -> None:
    Image.new("RGB", (64, 64), "navy").save(place / "night.png")
    said = maquette("import", "night.png", "--caption", "a night sky")
    assert said.code == 0
    assert "made a project in" in said.err
    assert maquette("show", "@", "--json").record["prompt"] == "a night sky"
    told = maquette("heatmap", "@", "--json").records
    assert [record["token"] for record in told]


def test_import_reads_what_a_file_tells(maquette: Maquette, place: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a boat\nSteps: 20, Sampler: DDIM, CFG scale: 7, Seed: 42")
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG", pnginfo=info)
    (place / "boat.png").write_bytes(buffer.getvalue())
    said = maquette("import", "boat.png")
    assert "its file tells of a recipe (a1111)" in said.err
    assert maquette("show", "@", "--json").record["prompt"] == "a boat"


def test_explore_draws_the_same_seed_in_other_styles(maquette: Maquette) -> None:
    said = maquette("explore", "a wolf, pixel art", "--reach", "far", "-n", 3, "--json")
    assert said.code == 0, said.err
    assert [record.keys() for record in said.records] == [KEYS["explore"].keys()] * 3
    shown = [maquette("show", record["version"], "--json").record for record in said.records]
    assert len({each["prompt"] for each in shown}) == 3
    assert not any("pixel art" in each["prompt"] for each in shown)
    assert len({each["seed"] for each in shown}) == 1
    assert {each["operation"] for each in shown} == {"explore"}


def test_explore_tells_people_the_words(maquette: Maquette) -> None:
    assert "a wolf, flat vector illustration" in maquette("explore", "a wolf", "-n", 2).out


def test_explore_of_no_styles_is_refused(maquette: Maquette) -> None:
    said = maquette("explore", "a wolf", "-n", 0)
    assert said.code == 13 and "no other style" in said.err
