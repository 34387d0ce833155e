"""Versions are found by what their pictures show, with the other filters, a page at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maquette import Settings, Studio, Version
from maquette.core.picture import encode_png
from maquette.engines.base import Cancel
from maquette.errors import Cancelled, ModelMissing, ModelRefused, SettingRefused
from maquette.search import FakeEncoder
from maquette.stages import resemble


@pytest.fixture
def made(studio: Studio) -> dict[str, Version]:
    """Pictures of one colour each, oldest first, and one of two colours."""
    pictures = {name: Image.new("RGB", (64, 48), name) for name in ("red", "blue", "green")}
    pictures["both"] = Image.new("RGB", (64, 48), "red")
    pictures["both"].paste("blue", (0, 0, 20, 48))
    return {
        name: studio.import_picture(encode_png(each), caption=name)[0]
        for name, each in pictures.items()
    }


def ids(studio: Studio, *asked: str, **more: object) -> list[str]:
    found = studio.find(*asked, **more).matches  # pyright: ignore[reportArgumentType]
    return [match.entry.version.id for match in found]


def test_words_find_what_they_name_best_first(studio: Studio, made: dict[str, Version]) -> None:
    found = studio.find("something RED")
    assert [match.entry.version for match in found.matches[:2]] == [made["red"], made["both"]]
    scores = [match.score for match in found.matches]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 1
    # What is as near to no words at all was not found, and nothing is below 0.
    assert len(scores) == 2
    assert scores[1] > 0
    assert studio.find("something").matches == ()
    assert (found.unseen, found.more) == (0, False)


def test_a_picture_finds_itself_and_then_what_is_like_it(
    studio: Studio, made: dict[str, Version], tmp_path: Path
) -> None:
    assert ids(studio, like=made["blue"])[:2] == [made["blue"].id, made["both"].id]
    Image.new("RGB", (9, 9), "green").save(tmp_path / "leaf.png")
    assert ids(studio, like=tmp_path / "leaf.png")[0] == made["green"].id


def test_of_those_alike_the_newest_is_first(studio: Studio, made: dict[str, Version]) -> None:
    again = studio.rollback(made["red"])
    assert ids(studio, "red")[:2] == [again.id, made["red"].id]


def test_other_filters_hold_and_pages_follow_each_other(
    studio: Studio, made: dict[str, Version]
) -> None:
    studio.mark(made["both"], "star", True)
    studio.mark(made["green"], "rating", 4)
    assert ids(studio, "red", starred=True) == [made["both"].id]
    assert ids(studio, "green", rating=3) == [made["green"].id]
    assert ids(studio, "red", rating=3) == []
    assert ids(studio, "red blue", q="blue") == [made["blue"].id]
    first = studio.find("blue", limit=1)
    assert first.more
    rest = ids(studio, "blue", before=first.matches[0].entry.version)
    assert [first.matches[0].entry.version.id, *rest] == ids(studio, "blue")
    # A cursor that the filters have left out since still has its place.
    assert ids(studio, "red", before=made["both"], starred=True) == []


def test_a_picture_is_looked_at_once_and_never_longer_than_allowed(
    studio: Studio, made: dict[str, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    honest = FakeEncoder.pictures

    def count(encoder: FakeEncoder, images: list[Image.Image]) -> object:
        looked.append(len(images))
        return honest(encoder, images)

    monkeypatch.setattr(FakeEncoder, "pictures", count)
    found = studio.find("red", seconds=0)
    assert looked == [1]  # however little time, something is looked at
    assert [match.entry.version for match in found.matches] == [made["both"]]  # the newest first
    assert found.unseen == 3
    told: list[tuple[int, int]] = []
    assert studio.find("red", tell=lambda *how: told.append(how)).unseen == 0
    assert told == [(3, 3)]
    with Studio(studio.root, settings=studio.settings) as other:
        other.find("blue")
    assert looked == [1, 3]
    shutil.rmtree(studio.root / ".maquette" / "vectors")
    with Studio(studio.root, settings=studio.settings) as other:
        assert other.find("red").matches[0].entry.version == made["red"]
    assert sum(looked) == 8


def test_a_picture_that_cannot_be_opened_is_passed_over(
    studio: Studio, made: dict[str, Version]
) -> None:
    path = studio.blobs.path(made["blue"].image)  # pyright: ignore[reportAttributeAccessIssue]
    path.chmod(0o644)
    path.write_bytes(b"no picture")
    found = studio.find("blue")
    assert made["blue"].id not in [match.entry.version.id for match in found.matches]
    assert ([match.entry.version for match in found.matches], found.unseen) == ([made["both"]], 0)


def test_a_picture_that_nothing_comes_of_is_passed_over_too(
    studio: Studio, made: dict[str, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.full((4, FakeEncoder.width), np.nan, np.float32)
    monkeypatch.setattr(FakeEncoder, "pictures", lambda _, images: nothing[: len(images)])
    found = studio.find("red")
    assert (found.matches, found.unseen) == ((), 0)
    with pytest.raises(ModelRefused):
        studio.find(like="@")


def test_it_can_be_stopped_between_two_batches(
    studio: Studio, made: dict[str, Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resemble, "BATCH", 2)
    with pytest.raises(Cancelled):
        studio.find("red", tell=lambda *_: studio.cancel.set())
    studio.cancel = Cancel()
    assert studio.find("red", seconds=0).unseen == 1


def test_what_is_refused(studio: Studio, made: dict[str, Version], tmp_path: Path) -> None:
    for asked in ({}, {"shows": " "}, {"shows": "red", "like": made["red"]}):
        with pytest.raises(SettingRefused):
            studio.find(**asked)
    without = Settings(home=tmp_path / "home", engine="pixels")
    with Studio(studio.root, settings=without) as blind, pytest.raises(ModelMissing) as refused:
        blind.find("red")
    assert "MAQUETTE_CLIP" in refused.value.hint
    assert not (tmp_path / "home").exists()
    wrong = Settings(home=tmp_path / "home", engine="pixels", clip=tmp_path)
    with Studio(studio.root, settings=wrong) as blind, pytest.raises(ModelMissing):
        blind.find("red")
