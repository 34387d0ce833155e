"""Records in SQLite: what the database itself forbids, and what it does when things go wrong."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from tests.storage.making import DAWN, finding, job, version
from tests.storage.workers import Forge

from maquette.errors import ProjectMissing, ProjectTooNew, ProjectUnreadable, StorageFull
from maquette.storage.base import Mark
from maquette.storage.project import Project
from maquette.storage.sql import SqlRecords


def run(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Behind the records' back, as any SQLite tool could."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def filled(sql: SqlRecords) -> SqlRecords:
    parent = version(1)
    sql.add(parent, findings=[finding()])
    sql.add(version(2, [parent]))
    sql.mark(Mark(parent.id, "star", "1", DAWN))
    return sql


class TestAppendOnly:
    @pytest.mark.parametrize("table", ["versions", "version_parents", "findings", "marks"])
    def test_facts_cannot_be_deleted(self, filled: SqlRecords, table: str) -> None:
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} are append-only"):
            run(filled.path, f"DELETE FROM {table}")  # noqa: S608

    @pytest.mark.parametrize(
        ("table", "column"),
        [
            ("versions", "build"),
            ("versions", "recipe"),
            ("version_parents", "parent"),
            ("findings", "body"),
            ("marks", "value"),
        ],
    )
    def test_facts_cannot_be_changed(self, filled: SqlRecords, table: str, column: str) -> None:
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} are append-only"):
            run(filled.path, f"UPDATE {table} SET {column} = 'x'")  # noqa: S608

    @pytest.mark.parametrize("table", ["versions", "version_parents", "findings", "marks"])
    def test_nor_replaced(self, filled: SqlRecords, table: str) -> None:
        with pytest.raises(sqlite3.IntegrityError, match=f"{table} are append-only"):
            run(filled.path, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")  # noqa: S608

    def test_foreign_keys_are_on(self, sql: SqlRecords) -> None:
        with pytest.raises(IntegrityError), sql._writing() as connection:
            connection.exec_driver_sql("INSERT INTO marks VALUES (9, 'nobody', 'k', 'v', 'now')")


class TestOpening:
    def test_it_keeps_what_was_added(self, filled: SqlRecords) -> None:
        filled.close()
        with closing(SqlRecords(filled.path)) as again:
            assert again.name == "boats"
            assert again.log() == [version(2, [version(1)]), version(1)]

    def test_a_url_is_as_good_as_a_path(self, sql: SqlRecords) -> None:
        with closing(SqlRecords(f"sqlite:///{sql.path}")) as again:
            assert again.path == sql.path

    @pytest.mark.parametrize("name", ["a?b#c.sqlite", "s p %41.sqlite", "ü'\".sqlite"])
    def test_any_file_name_will_do(self, tmp_path: Path, name: str) -> None:
        with closing(SqlRecords.create(tmp_path / name, "boats")) as records:
            records.add(version())
        assert (tmp_path / name).is_file()

    def test_creating_again_opens_what_is_there(self, filled: SqlRecords) -> None:
        with closing(SqlRecords.create(filled.path, "ships")) as again:
            assert again.name == "boats"
            assert again.count() == 2

    def test_nothing_is_left_beside_it(self, sql: SqlRecords) -> None:
        sql.close()
        assert [path.name for path in sql.path.parent.iterdir()] == ["records.sqlite"]

    def test_every_commit_is_synced_and_readers_do_not_wait(self, sql: SqlRecords) -> None:
        with sql._reading() as connection:
            pragmas = ["journal_mode", "synchronous", "foreign_keys", "busy_timeout"]
            found = [connection.exec_driver_sql(f"PRAGMA {p}").scalar_one() for p in pragmas]
        assert found == ["wal", 2, 1, 30_000]

    def test_it_does_not_import_alembic(self, sql: SqlRecords) -> None:
        code = (
            "import sys; from maquette.storage.sql import SqlRecords;"
            f"SqlRecords({str(sql.path)!r}).close();"
            "print([m for m in ('alembic', 'torch') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout == b"[]\n"


class TestNotOpening:
    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ProjectMissing):
            SqlRecords(tmp_path / "records.sqlite")
        assert list(tmp_path.iterdir()) == []

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ProjectUnreadable, match="not a file"):
            SqlRecords(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"moon", b"moon " * 5000, b"SQLite format 3\0moon"])
    def test_no_database(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "records.sqlite"
        path.write_bytes(content)
        with pytest.raises(ProjectUnreadable) as caught:
            SqlRecords(path)
        assert caught.value.hint
        assert path.read_bytes() == content
        with pytest.raises(ProjectUnreadable):
            SqlRecords.create(path, "boats")

    def test_somebody_elses_database(self, tmp_path: Path) -> None:
        path = tmp_path / "records.sqlite"
        run(path, "CREATE TABLE bookmarks (url TEXT)")
        before = path.read_bytes()
        with pytest.raises(ProjectUnreadable, match="does not hold a Maquette project"):
            SqlRecords(path)
        assert path.read_bytes() == before

    def test_a_newer_format(self, sql: SqlRecords) -> None:
        sql.close()
        run(sql.path, "UPDATE project SET format = 2")
        with pytest.raises(ProjectTooNew, match="format 2"):
            SqlRecords(sql.path)

    def test_a_journal_without_its_database_is_not_swallowed(self, tmp_path: Path) -> None:
        journal = tmp_path / "records.sqlite-wal"
        journal.write_bytes(b"the newest commits")
        for attempt in (SqlRecords, lambda path: SqlRecords.create(path, "boats")):
            with pytest.raises(ProjectUnreadable, match="journal"):
                attempt(tmp_path / "records.sqlite")
        assert [path.name for path in tmp_path.iterdir()] == [journal.name]

    @pytest.mark.parametrize("url", ["postgresql://h/db", "sqlite://", "sqlite:///:memory:", "://"])
    def test_what_is_no_file_at_all(self, url: str) -> None:
        with pytest.raises(ProjectUnreadable) as caught:
            SqlRecords.create(url, "boats")
        assert "sqlite:///PATH" in caught.value.hint

    def test_a_damaged_page(self, filled: SqlRecords) -> None:
        filled.close()
        content = bytearray(filled.path.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        filled.path.write_bytes(content)
        with (
            pytest.raises(ProjectUnreadable, match="damaged"),
            closing(SqlRecords(filled.path)) as records,
        ):
            records.log()


class TestTrouble:
    def test_a_lock_that_is_never_let_go(self, filled: SqlRecords) -> None:
        with (
            closing(sqlite3.connect(filled.path, isolation_level=None)) as other,
            closing(SqlRecords(filled.path, patience=0.05)) as hasty,
        ):
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ProjectUnreadable, match="locked") as caught:
                hasty.add(version(3))
            assert "other command" in caught.value.hint
            assert hasty.count() == 2  # readers do not wait
            other.execute("ROLLBACK")
            hasty.add(version(3))
            assert filled.count() == 3

    def test_a_full_database_keeps_what_is_finished(self, filled: SqlRecords) -> None:
        with filled._reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 3}")
        made = [version(seed) for seed in range(10, 60)]
        finished = 0
        with pytest.raises(StorageFull) as caught:
            for each in made:
                filled.open_job(job(f"job-{each.id}"))
                filled.add(each, job=job(f"job-{each.id}"), findings=[finding()])
                finished += 1
        assert "safe" in caught.value.hint
        assert finished
        filled.close()
        with closing(SqlRecords(filled.path)) as again:
            assert again.log()[:-2] == made[:finished][::-1]
            again.add(made[finished])

    def test_a_full_disk_keeps_what_is_finished(self, mount: Callable[[str], Path]) -> None:
        disk = mount("size=1m")
        with closing(SqlRecords.create(disk / "records.sqlite", "boats")) as records:
            made: list[str] = []
            with pytest.raises(StorageFull):
                for seed in range(200):
                    each = version(seed, text="x" * 20_000)
                    records.add(each)
                    made.append(each.id)
            assert made
            assert [found.id for found in records.log()] == made[::-1]
        assert run(disk / "records.sqlite", "PRAGMA integrity_check") == [("ok",)]

    def test_a_disk_too_full_to_begin_on(self, mount: Callable[[str], Path]) -> None:
        disk = mount("size=64k")
        with pytest.raises(StorageFull):
            SqlRecords.create(disk / "records.sqlite", "boats")
        assert list(disk.iterdir()) == []

    def test_a_disk_too_full_to_look_at_the_records(self, mount: Callable[[str], Path]) -> None:
        disk = mount("size=1m")
        SqlRecords.create(disk / "records.sqlite", "boats").close()
        filler = disk / "filler"
        with pytest.raises(OSError, match="space"), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StorageFull):
            SqlRecords(disk / "records.sqlite")
        filler.unlink()
        SqlRecords(disk / "records.sqlite").close()

    def test_a_read_only_disk(self, mount: Callable[[str], Path]) -> None:
        disk = mount("size=1m")
        SqlRecords.create(disk / "records.sqlite", "boats").close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for attempt in (SqlRecords, lambda path: SqlRecords.create(path, "boats")):
            with pytest.raises(ProjectUnreadable) as caught:
                attempt(disk / "records.sqlite")
            assert "read-only" in caught.value.hint or "owns" in caught.value.hint
        with pytest.raises(ProjectUnreadable):
            SqlRecords.create(disk / "other.sqlite", "boats")

    def test_a_folder_without_permission(self, locked_folder: Path) -> None:
        with pytest.raises(ProjectUnreadable):
            SqlRecords.create(locked_folder / "records.sqlite", "boats")


class TestSeveralProcesses:
    def test_two_add_at_once_and_nothing_is_lost_or_doubled(self, tmp_path: Path) -> None:
        Project.create(tmp_path / "p").close()
        with Forge(tmp_path) as forge:
            workers = [forge.start("work", tmp_path / "p", seed=s, count=15) for s in "abc"]
            assert [forge.end(worker) for worker in workers] == [0, 0, 0]
            said = [line for worker in workers for line in worker.said()]
        with Project.open(tmp_path / "p") as project:
            log = project.records.log()
            assert len(said) == 45
            assert sorted(found.id for found in log) == sorted(said)
            assert len({found.id for found in log}) == 45
            assert all(found.intact for found in log)
            assert len(project.records.jobs()) == 45

    def test_many_create_the_same_project_at_once(self, tmp_path: Path) -> None:
        with Forge(tmp_path) as forge:
            workers = [forge.start("same", tmp_path / "p", seed=s) for s in "abcd"]
            assert [forge.end(worker) for worker in workers] == [0, 0, 0, 0]
            names = {worker.said()[0] for worker in workers}
        assert len(names) == 1  # whoever was first has named it for all
