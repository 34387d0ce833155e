"""A project is a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.storage.making import version

from maquette.errors import ProjectMissing, ProjectUnreadable
from maquette.storage.base import Blobs, Records
from maquette.storage.project import Project


def test_it_has_records_and_blobs(tmp_path: Path) -> None:
    with Project.create(tmp_path) as project:
        assert isinstance(project.records, Records)
        assert isinstance(project.blobs, Blobs)
        assert project.root == tmp_path
        image = project.blobs.put(b"a picture")
        project.records.add(version(image=image))
    with Project.open(tmp_path) as project:
        assert project.blobs.get(project.records.resolve("@").image) == b"a picture"


def test_everything_lies_in_one_hidden_folder(tmp_path: Path) -> None:
    Project.create(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == [".maquette"]
    inside = {path.name for path in (tmp_path / ".maquette").iterdir()}
    assert inside == {"records.sqlite", "blobs"}


def test_the_folder_is_made(tmp_path: Path) -> None:
    Project.create(tmp_path / "spring" / "boats").close()
    assert (tmp_path / "spring" / "boats" / ".maquette").is_dir()


@pytest.mark.parametrize(
    ("given", "name"), [(None, "boats"), ("Spring 2026", "Spring 2026"), ("  ", "boats")]
)
def test_its_name_is_the_folders_unless_given(tmp_path: Path, given: str | None, name: str) -> None:
    Project.create(tmp_path / "boats", given).close()
    with Project.open(tmp_path / "boats") as project:
        assert project.name == name


def test_a_folder_named_in_no_encoding(tmp_path: Path) -> None:
    folder = tmp_path / "bo\udcffats"
    with Project.create(folder) as project:
        project.blobs.put(b"a picture")
        assert project.name == "bo\udcffats"


def test_a_relative_folder_stays_the_same_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Project.create(".") as project:
        monkeypatch.chdir("/")
        digest = project.blobs.put(b"a picture")
        project.records.add(version(image=digest))
    with Project.open(tmp_path) as again:
        assert again.name == tmp_path.name
        assert digest in again.blobs


def test_creating_again_opens_it(tmp_path: Path) -> None:
    with Project.create(tmp_path, "boats") as project:
        project.records.add(version())
    with Project.create(tmp_path, "ships") as again:
        assert again.name == "boats"
        assert again.records.count() == 1


@pytest.mark.parametrize("made", ["", ".maquette", ".maquette/blobs"])
def test_a_folder_without_records_is_no_project(tmp_path: Path, made: str) -> None:
    (tmp_path / made).mkdir(parents=True, exist_ok=True)
    with pytest.raises(ProjectMissing, match="no project") as caught:
        Project.open(tmp_path)
    assert "maquette init" in caught.value.hint
    Project.create(tmp_path).close()
    Project.open(tmp_path).close()


def test_only_the_folder_itself_is_looked_at(tmp_path: Path) -> None:
    Project.create(tmp_path).close()
    (tmp_path / "below").mkdir()
    with pytest.raises(ProjectMissing):
        Project.open(tmp_path / "below")


def test_no_folder_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectMissing):
        Project.open(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", ["", "below", ".maquette", ".maquette/blobs"])
def test_a_file_in_the_way_is_said_so(tmp_path: Path, at: str) -> None:
    folder = tmp_path / "boats"
    blocked = folder if at in ("", "below") else folder / at
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file")
    with pytest.raises(ProjectUnreadable) as caught:
        Project.create(folder / "below" if at == "below" else folder)
    assert caught.value.hint
    assert blocked.read_text() == "a file"


def test_opening_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "boats").write_text("a file")
    with pytest.raises(ProjectUnreadable, match="is a file"):
        Project.open(tmp_path / "boats")


def test_a_folder_without_permission(locked_folder: Path) -> None:
    with pytest.raises(ProjectUnreadable, match="no access"):
        Project.create(locked_folder / "boats")


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.close()
    project.close()
