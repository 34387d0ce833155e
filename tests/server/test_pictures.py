"""Pictures and thumbnails: named by digest, kept for a year, whole or not at all."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from maquette.core.picture import encode_png
from maquette.errors import PictureRefused
from maquette.server.thumbnails import Thumbnails, shrink

from .conftest import Project, is_problem


def test_a_picture_is_its_png(project: Project) -> None:
    wolf = project.made[0]
    answer = project.get(f"/pictures/{wolf.image}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == project.studio.blobs.get(wolf.image)
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    asked = {"If-None-Match": answer.headers["etag"]}
    assert project.get(f"/pictures/{wolf.image}", headers=asked).status_code == 304


@pytest.mark.parametrize("side", [64, 128, 256, 512, 1024])
def test_a_thumbnail_is_no_larger_than_asked_and_than_the_picture(
    project: Project, side: int
) -> None:
    digest = project.studio.blobs.put(encode_png(Image.new("RGB", (700, 350), "navy")))
    answer = project.get(f"/pictures/{digest}/{side}.webp")
    assert answer.headers["content-type"] == "image/webp"
    assert "immutable" in answer.headers["cache-control"]
    image = Image.open(io.BytesIO(answer.content))
    long = min(side, 700)
    assert image.format == "WEBP" and image.size == (long, round(long / 2))
    asked = {"If-None-Match": answer.headers["etag"]}
    assert project.get(f"/pictures/{digest}/{side}.webp", headers=asked).status_code == 304


@pytest.mark.parametrize("side", ["65", "0", "-64", "x", "64.5"])
def test_only_some_sides_are_made(project: Project, side: str) -> None:
    answer = project.get(f"/pictures/{project.made[0].image}/{side}.webp")
    assert answer.status_code in {404, 422}


def test_what_is_no_picture_is_not_shown(project: Project) -> None:
    is_problem(project.get(f"/pictures/{'0' * 64}"), 404, "blob-missing")
    is_problem(project.get("/pictures/abc"), 422, "request-malformed")
    trace = project.made[0].trace
    is_problem(project.get(f"/pictures/{trace}"), 404, "blob-missing")
    page = project.studio.blobs.put(b"<script>alert(1)</script>")
    is_problem(project.get(f"/pictures/{page}"), 404, "blob-missing")
    is_problem(project.get(f"/pictures/{page}/64.webp"), 404, "blob-missing")


def test_a_thumbnail_is_made_once_and_stays_when_many_ask(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "thumbnails")
    picture, digest = encode_png(Image.effect_noise((600, 400), 60).convert("RGB")), "ab" * 32
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: thumbnails.make(digest, 128, picture), range(24)))
    assert len(set(answers)) == 1 and thumbnails.kept(digest, 128) == answers[0]
    assert [path.name for path in (tmp_path / "thumbnails").rglob("*") if path.is_file()] == [
        f"{digest[2:]}.webp"
    ]


def test_a_folder_that_cannot_be_written_costs_no_thumbnail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    thumbnails = Thumbnails(tmp_path / "file")
    picture = encode_png(Image.new("RGB", (8, 8)))
    assert thumbnails.make("ab" * 32, 64, picture) == shrink(picture, 64)
    assert thumbnails.kept("ab" * 32, 64) is None
    with pytest.raises(PictureRefused):
        thumbnails.make("cd" * 32, 64, b"no picture")


def test_transparency_survives(project: Project) -> None:
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    digest = project.studio.blobs.put(encode_png(clear))
    answer = project.get(f"/pictures/{digest}/64.webp")
    assert Image.open(io.BytesIO(answer.content)).convert("RGBA").getpixel((9, 9))[3] == 0  # pyright: ignore[reportIndexIssue]
