"""Everything that people get wrong: one clear line on stderr, an exit code, nothing lost."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maquette import errors
from maquette.studio import Studio

from .conftest import WOLF, Maquette, Said


def refused(said: Said, code: int, *words: str) -> None:
    """One line, with what happened and what to do, and nothing on stdout."""
    assert said.code == code, (said.out, said.err)
    assert said.out == ""
    assert said.err.startswith("maquette: ")
    assert said.err.count("\n") == 1
    assert ". What to do: " in said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err


ROWS: dict[str, tuple[tuple[Any, ...], int, str]] = {
    "unknown version": (("show", "f" * 64), 10, "fff"),
    "unknown prefix": (("upscale", "0000", "--scale", 2), 10, "0000"),
    "no version at all": (("show", ""), 10, ""),
    "before the first": (("show", "@~1"), 10, "@~1"),
    "no such offset": (("show", "@~x"), 10, "@~x"),
    "another version unknown": (("compare", "@", "feed"), 10, "feed"),
    "empty prompt": (("generate", ""), 12, "empty"),
    "blank prompt": (("generate", " \n "), 12, "empty"),
    "overlong prompt": (("generate", "x" * 100_000), 12, "100,000 characters"),
    "overlong negative": (("generate", WOLF, "--negative", "x" * 100_000), 12, "100,000"),
    "overlong in prompt": (("prompt", "x" * 100_000), 12, "100,000 characters"),
    "empty in prompt": (("prompt", ""), 12, "empty"),
    "seed too large": (("generate", WOLF, "--seed", 2**32), 13, "4294967296"),
    "seed negative": (("generate", WOLF, "--seed", -1), 13, "-1"),
    "seed huge": (("generate", WOLF, "--seed", "9" * 40), 13, "999"),
    "no pictures": (("generate", WOLF, "-n", 0), 13, "0 pictures"),
    "too many pictures": (("generate", WOLF, "-n", 100_000), 13, "100000 pictures"),
    "off the grid": (("generate", WOLF, "--size", "250x250"), 13, "250x250"),
    "too small": (("generate", WOLF, "--size", "8x8"), 13, "8x8"),
    "absurdly large": (("generate", WOLF, "--size", "99999x99999"), 13, "99999x99999"),
    "no size": (("generate", WOLF, "--size", "0x0"), 13, "0x0"),
    "no steps": (("generate", WOLF, "--steps", 0), 13, "steps"),
    "too many steps": (("generate", WOLF, "--steps", 10**9), 13, "steps"),
    "too much guidance": (("generate", WOLF, "--guidance", 1000), 13, "guidance"),
    "negative guidance": (("vary", "@", "--guidance", -1), 13, "guidance"),
    "strength": (("vary", "@", "--strength", 1.5), 13, "strength"),
    "no strength": (("vary", "@", "--strength", 0), 13, "strength"),
    "scale": (("upscale", "@", "--scale", 1), 13, "scale"),
    "huge scale": (("upscale", "@", "--scale", 1000), 13, "scale"),
    "nothing to outpaint": (("outpaint", "@"), 13, ""),
    "outpaint inwards": (("outpaint", "@", "--left", -8), 13, "left"),
    "outpaint too far": (("outpaint", "@", "--left", 10**8), 13, ""),
    "threshold": (("mask", "@", "--token", "moon", "--threshold", 7, "-o", "m.png"), 13, "7"),
    "grow": (("mask", "@", "--box", "0,0,9,9", "--grow", 10**6, "-o", "m.png"), 13, "grow"),
    "box outside": (("mask", "@", "--box", "900,900,9,9", "-o", "m.png"), 14, "900,900,9,9"),
    "box of nothing": (("mask", "@", "--box", "0,0,0,0", "-o", "m.png"), 14, "0,0,0,0"),
    "polygon outside": (("mask", "@", "--polygon", "900,0 901,0 900,9", "-o", "m.png"), 14, ""),
    "shrunk away": (("mask", "@", "--box", "0,0,9,9", "--grow", -99, "-o", "m.png"), 14, ""),
    "unknown engine": (("generate", WOLF, "--engine", "oil"), 22, "oil"),
    "no such word": (("heatmap", "@", "--token", "zebra"), 27, "zebra"),
    "no such word to mask": (("mask", "@", "--token", "zebra", "-o", "m.png"), 27, "zebra"),
    "no such word to weigh": (("reweight", "@", "zebra=1.4"), 27, "zebra"),
    "absurd weight": (("reweight", "@", "moon=1e9"), 13, ""),
    "no such file": (("import", "nowhere.png"), 15, "nowhere.png"),
    "a folder": (("import", "."), 15, "not a file"),
    "no such file to verify": (("verify", "nowhere.png"), 15, "nowhere.png"),
    "no such mask": (("inpaint", "@", "--mask", "no.png", "--prompt", "x"), 15, "no.png"),
    "unknown finding": (("apply", "@", "nonsense"), 26, "nonsense"),
}


@pytest.mark.parametrize("name", ROWS)
def test_refused(maquette: Maquette, wolf: dict[str, Any], name: str) -> None:
    arguments, code, word = ROWS[name]
    refused(maquette(*arguments), code, word)
    assert maquette("log", "--json").record == wolf


USAGE: dict[str, tuple[tuple[Any, ...], str]] = {
    "no such command": (("paint",), "No such command 'paint'"),
    "no such option": (("generate", WOLF, "--sed", 3), "--sed"),
    "no prompt": (("generate",), "PROMPT"),
    "no output": (("mask", "@", "--box", "0,0,1,1"), "--output"),
    "malformed size": (("generate", WOLF, "--size", "big"), "WIDTHxHEIGHT, such as 256x256"),
    "malformed box": (("mask", "@", "--box", "1,2", "-o", "m.png"), "X,Y,WIDTH,HEIGHT"),
    "malformed corner": (("mask", "@", "--polygon", "1,2", "3,4", "-o", "m.png"), "three corners"),
    "malformed weight": (("reweight", "@", "moon"), "WORD=WEIGHT"),
    "malformed seed": (("generate", WOLF, "--seed", "lucky"), "--seed"),
    "malformed number": (("generate", WOLF, "--guidance", "nan"), "--guidance"),
    "unknown quality": (("generate", WOLF, "--quality", "best"), "--quality"),
    "unknown sampler": (("generate", WOLF, "--sampler", "magic"), "--sampler"),
    "unknown format": (("export", "@", "-o", "a.png", "--format", "gif"), "--format"),
    "quality of a file": (("export", "@", "-o", "a.jpg", "--quality", 101), "--quality"),
    "two places": (("inpaint", "@", "--token", "a", "--box", "0,0,9,9", "--prompt", "b"), "one of"),
    "no place": (("inpaint", "@", "--prompt", "b"), "one of --mask, --token and --box"),
    "two masks": (("mask", "@", "--token", "a", "--box", "0,0,9,9", "-o", "m.png"), "one of"),
    "no limit": (("log", "--limit", 0), "--limit"),
}


@pytest.mark.parametrize("name", USAGE)
def test_usage_errors(maquette: Maquette, place: Path, name: str) -> None:
    arguments, word = USAGE[name]
    refused(maquette(*arguments), 2, word, "--help")
    assert not (place / ".maquette").exists()


def test_an_ambiguous_prefix(maquette: Maquette, wolf: dict[str, Any], place: Path) -> None:
    with Studio(place) as studio:
        version = studio.version("@")
        for last in "01":
            studio.records.add(version.model_copy(update={"id": "abcd" + last * 60}))
    refused(maquette("show", "abcd"), 11, "abcd", "a few more characters")
    assert maquette("show", "abcd1", "--json").record["version"] == "abcd" + "1" * 60


def png_bomb() -> bytes:
    """A small file that says it holds 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def truncated() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()[:2000]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb.png": png_bomb,
    "cut.jpg": truncated,
    "empty.png": lambda: b"",
    "page.png": lambda: b"<html>not a picture</html>",
    "vector.png": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "zeros.png": lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 500,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures(maquette: Maquette, place: Path, wolf: dict[str, Any], name: str) -> None:
    (place / name).write_bytes(HOSTILE[name]())
    refused(maquette("import", name), 15, name)
    refused(maquette("inpaint", "@", "--mask", name, "--prompt", "x"), 15)
    assert maquette("log", "--json").record == wolf


def test_masks_that_do_not_fit(maquette: Maquette, place: Path, wolf: dict[str, Any]) -> None:
    Image.new("L", (10, 10), 255).save(place / "small.png")
    Image.new("L", (wolf["width"], wolf["height"]), 0).save(place / "black.png")
    refused(maquette("inpaint", "@", "--mask", "small.png", "--prompt", "x"), 14, "10x10")
    refused(maquette("inpaint", "@", "--mask", "black.png", "--prompt", "x"), 14, "empty")


def test_a_picture_without_words(maquette: Maquette, place: Path) -> None:
    Image.new("RGB", (64, 64)).save(place / "plain.png")
    maquette("import", "plain.png")
    refused(maquette("heatmap", "@"), 28, "--caption")
    refused(maquette("reweight", "@", "moon=1.4"), 22, "import")


@pytest.mark.parametrize(
    "arguments",
    [
        ("log",),
        ("show", "@"),
        ("heatmap", "@"),
        ("reweight", "@", "moon=1"),
        ("mask", "@", "--box", "0,0,9,9", "-o", "m.png"),
        ("inpaint", "@", "--box", "0,0,9,9", "--prompt", "x"),
        ("outpaint", "@", "--left", 8),
        ("vary", "@"),
        ("upscale", "@", "--scale", 2),
        ("critique", "@"),
        ("apply", "@", "x"),
        ("compare", "@", "@"),
        ("rollback", "@"),
        ("replay", "@"),
        ("export", "@", "-o", "a.png"),
    ],
)
def test_no_project(maquette: Maquette, place: Path, arguments: tuple[Any, ...]) -> None:
    refused(maquette(*arguments), 16, "maquette init")
    assert list(place.iterdir()) == []


def test_a_project_folder_that_is_a_file(maquette: Maquette, place: Path) -> None:
    (place / "file").write_text("hello")
    refused(maquette("generate", WOLF, "--project", "file"), 17, "file")
    assert (place / "file").read_text() == "hello"


def test_a_damaged_project(maquette: Maquette, place: Path, wolf: dict[str, Any]) -> None:
    records = place / ".maquette" / "records.sqlite"
    records.write_bytes(b"scrambled" * 1000)
    before = records.read_bytes()
    refused(maquette("log"), 17)
    refused(maquette("generate", WOLF), 17)
    assert records.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="permissions as on POSIX systems")
def test_a_project_that_cannot_be_read(
    maquette: Maquette, wolf: dict[str, Any], place: Path
) -> None:
    folder, person = place / ".maquette", os.geteuid()
    folder.chmod(0)
    try:
        if person == 0:
            os.seteuid(65534)  # root reads everything
        refused(maquette("log"), 17, "no access")
        refused(maquette("init"), 17, "no access")
    finally:
        os.seteuid(person)
        folder.chmod(0o700)
    assert maquette("log", "--json").record == wolf


def test_records_that_are_a_folder(maquette: Maquette, wolf: dict[str, Any], place: Path) -> None:
    records = place / ".maquette" / "records.sqlite"
    records.unlink()
    records.mkdir()
    refused(maquette("log"), 17)
    refused(maquette("generate", WOLF), 17)


def test_a_newer_project(maquette: Maquette, place: Path, wolf: dict[str, Any]) -> None:
    records = place / ".maquette" / "records.sqlite"
    with sqlite3.connect(records) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from the future'")
    connection.close()
    refused(maquette("log"), 18, "upgrade Maquette")
    refused(maquette("generate", WOLF), 18)


def test_a_missing_blob(maquette: Maquette, wolf: dict[str, Any]) -> None:
    Path(wolf["image"]).unlink()
    refused(maquette("upscale", "@", "--scale", 2), 23)
    assert maquette("log", "--json").code == 0


def test_a_damaged_blob(maquette: Maquette, wolf: dict[str, Any]) -> None:
    picture = Path(wolf["image"])
    picture.chmod(0o644)
    picture.write_bytes(b"rotten")
    refused(maquette("compare", "@", "@"), 24)


def test_models_that_cannot_be_used(maquette: Maquette, place: Path) -> None:
    refused(maquette("generate", WOLF, "--engine", "diffusers", "--model", "none"), 20, "none")
    (place / "old.ckpt").write_bytes(b"\x80\x04.")
    refused(
        maquette("generate", WOLF, "--engine", "diffusers", "--model", "old.ckpt"), 21, "pickled"
    )


def test_a_pickled_folder(maquette: Maquette, tmp_path: Path) -> None:
    from .test_setup import model_folder

    folder = model_folder(tmp_path / "pencil")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    said = maquette("generate", WOLF, "--engine", "diffusers", "--model", folder)
    refused(said, 21, "pickled")


def test_an_engine_that_breaks_keeps_what_is_finished(
    maquette: Maquette, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maquette.engines.fake import FakeEngine
    from maquette.errors import EngineFailed

    whole = FakeEngine.run

    def half(self: FakeEngine, *given: Any, **named: Any) -> Any:
        pictures = 0
        for event in whole(self, *given, **named):
            yield event
            pictures += hasattr(event, "seconds")
            if pictures == 2:
                raise EngineFailed("the lamp went out", hint="light it")

    monkeypatch.setattr(FakeEngine, "run", half)
    said = maquette("generate", WOLF, "-n", 4, "--seed", 1, "--json")
    assert said.code == 31
    assert json.loads(said.err.splitlines()[-1])["message"] == "the lamp went out"
    assert [each["version"] for each in said.records] == [
        each["version"] for each in reversed(maquette("log", "--json").records)
    ]
    assert len(said.records) == 2


def test_errors_as_json(maquette: Maquette) -> None:
    for arguments, name, code in (
        (("log", "--json"), "ProjectMissing", 16),
        (("--json", "show", "@"), "ProjectMissing", 16),
        (("paint", "--json"), "UsageError", 2),
        (("prompt", "", "--json"), "PromptRefused", 12),
    ):
        said = maquette(*arguments)
        assert said.out == ""
        error = json.loads(said.err)
        assert (error["error"], error["exit_code"], said.code) == (name, code, code)
        assert error["message"]
        assert error["hint"]
        assert error.keys() == {"error", "message", "hint", "exit_code"}


def test_every_reason_has_an_exit_code_of_its_own() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__ if name != "MaquetteError"]
    codes = {kind.exit_code for kind in kinds}
    assert len(codes) == len(kinds)
    assert not {0, 1, 2, 141} & codes


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("a\nstrange [fault]")


def test_an_unforeseen_fault(
    maquette: Maquette, tmp_path: Path, wolf: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maquette.studio.Studio.log", broken)
    said = maquette("log")
    refused(said, 1, "ZeroDivisionError: a strange [fault]", "please report it", "are safe")
    (log,) = tmp_path.glob("maquette-fault-*.log")
    assert str(log) in said.err
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("MAQUETTE_DEBUG", "1")
    assert "Traceback" in maquette("log").err


def test_a_reader_that_leaves_is_no_fault(place: Path, wolf: dict[str, Any]) -> None:
    code = (
        "import sys; from maquette.cli import main; from maquette.cli.output import Voice;"
        "Voice.emit.__globals__['print'] = lambda *a, **k: [print('x' * 9999, flush=True)"
        " for _ in range(99)];"
        "sys.exit(main(['log', '--json']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.read(1)
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(timeout=60) == 141
