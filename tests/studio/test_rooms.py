"""Rooms: many projects under one roof."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette import Settings, Studio
from maquette.errors import ProjectMissing, SettingRefused
from maquette.studio.rooms import Rooms, slug_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(engine="fake", home=tmp_path / "home")


def make(folder: Path, settings: Settings) -> Path:
    Studio(folder, create=True, settings=settings).close()
    return folder


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Spring 2026", "spring-2026"),
        ("  Über — Bären!  ", "uber-baren"),
        ("../../etc", "etc"),
        ("月", ""),
        ("x" * 500, "x" * 60),
    ],
)
def test_slugs_fit_into_an_address(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_projects_below_the_root_and_those_that_are_named(
    tmp_path: Path, settings: Settings
) -> None:
    root = tmp_path / "root"
    make(root / "Boats", settings)
    make(root / ".hidden", settings)
    (root / "plain").mkdir()
    elsewhere = make(tmp_path / "elsewhere" / "boats", settings)
    with Rooms(root, [elsewhere], settings=settings) as rooms:
        assert [(place.id, place.root) for place in rooms.list()] == [
            ("boats", elsewhere),
            ("boats-2", root / "Boats"),
        ]
        assert rooms.open("boats-2").root == root / "Boats"
        with pytest.raises(ProjectMissing, match="nobody"):
            rooms.open("nobody")


def test_a_root_that_is_not_there_yet_is_empty(tmp_path: Path, settings: Settings) -> None:
    with Rooms(tmp_path / "later", settings=settings) as rooms:
        assert rooms.list() == []
        place = rooms.create("The first")
        assert place.id == "the-first"
        assert [each.id for each in rooms.list()] == ["the-first"]
        assert rooms.open("the-first").records.name == "The first"
        assert rooms.create("the FIRST").id == "the-first-2"


def test_names_that_no_folder_could_have(tmp_path: Path, settings: Settings) -> None:
    with Rooms(tmp_path, settings=settings) as rooms, pytest.raises(SettingRefused):
        rooms.create(" … ")
    with Rooms(None, settings=settings) as rooms, pytest.raises(SettingRefused):
        rooms.create("boats")


def test_a_project_is_opened_once_and_all_share_their_engines(
    tmp_path: Path, settings: Settings
) -> None:
    for name in ("one", "two"):
        make(tmp_path / "root" / name, settings)
    with Rooms(tmp_path / "root", settings=settings) as rooms:
        one, two = rooms.open("one"), rooms.open("two")
        assert rooms.open("one") is one
        assert one.engine() is two.engine()
