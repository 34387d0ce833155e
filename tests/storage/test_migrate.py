"""How records come to their present shape, and what keeps older and newer Maquettes apart."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from tests.storage.making import finding, job, version

from maquette.core.job import Status
from maquette.errors import ProjectTooNew, ProjectUnreadable, StorageFull
from maquette.storage import opening
from maquette.storage.migrate import SHIPPED, Schema
from maquette.storage.sql import SqlRecords
from maquette.storage.sql_queue import SqlQueue
from maquette.storage.sql_shelf import SqlShelf
from maquette.storage.tables import HEAD, metadata


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def revision(path: Path) -> object:
    return ask(path, "SELECT version_num FROM alembic_version")[0][0]


@pytest.fixture
def today(sql: SqlRecords) -> Path:
    """Records of the shipped revision, with something in them."""
    sql.open_job(job())
    sql.add(version(1), job=job(), findings=[finding()])
    sql.add(version(2, [version(1)]))
    sql.close()
    return sql.path


class TestTheShippedSchema:
    def test_the_code_knows_the_newest_revision(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(SHIPPED.scripts))
        config.set_main_option("path_separator", "os")
        assert ScriptDirectory.from_config(config).get_heads() == [HEAD]

    def test_new_records_have_it(self, sql: SqlRecords) -> None:
        assert revision(sql.path) == HEAD

    def test_the_migrated_tables_are_the_ones_the_code_uses(self, sql: SqlRecords) -> None:
        engine = create_engine(f"sqlite:///{sql.path}")
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        engine.dispose()

    def test_every_table_but_those_that_change_is_append_only(self, sql: SqlRecords) -> None:
        triggers = {str(name) for (name,) in ask(sql.path, _TRIGGERS)}
        facts = set(metadata.tables) - {"events", "jobs", "project", "replies", "shelf"}
        kinds = ("never_change", "never_go", "never_replaced")
        assert triggers == {f"{table}_{kind}" for table in facts for kind in kinds}


_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'"


class TestOlderRecords:
    def test_they_are_brought_up_on_opening(self, today: Path, tomorrow: Schema) -> None:
        with closing(SqlRecords(today, schema=tomorrow)) as records:
            assert records.log() == [version(2, [version(1)]), version(1)]
            assert records.jobs()[0].version == version(1).id
            assert records.name == "boats"
        assert revision(today) == "tomorrow"
        assert ask(today, "SELECT count(*) FROM words") == [(300,)]

    def test_a_copy_is_kept(self, today: Path, tomorrow: Schema) -> None:
        SqlRecords(today, schema=tomorrow).close()
        names = {path.name for path in today.parent.iterdir() if path.is_file()}
        assert names == {"records.sqlite", "records.sqlite.before-tomorrow"}
        with closing(SqlRecords(today.with_name("records.sqlite.before-tomorrow"))) as copy:
            assert copy.log() == [version(2, [version(1)]), version(1)]

    def test_the_copy_holds_what_is_still_in_the_journal(
        self, today: Path, tomorrow: Schema
    ) -> None:
        with closing(SqlRecords(today)) as still_open:
            still_open.add(version(3))
            SqlRecords(today, schema=tomorrow).close()
        with closing(SqlRecords(today.with_name("records.sqlite.before-tomorrow"))) as copy:
            assert copy.count() == 3

    def test_opening_again_does_nothing_more(self, today: Path, tomorrow: Schema) -> None:
        SqlRecords(today, schema=tomorrow).close()
        copy = today.with_name("records.sqlite.before-tomorrow")
        copy.unlink()
        SqlRecords(today, schema=tomorrow).close()
        assert not copy.exists()

    @pytest.mark.parametrize(
        ("step", "reason"),
        [
            ("raise RuntimeError('a bug')", RuntimeError),
            (
                "op.execute(\"INSERT INTO marks VALUES (1, 'nobody', '', '', '')\")",
                ProjectUnreadable,
            ),
        ],
    )
    def test_a_migration_that_fails_changes_nothing(
        self, today: Path, tomorrow: Schema, step: str, reason: type[Exception]
    ) -> None:
        script = tomorrow.scripts / "versions" / "tomorrow.py"
        script.write_text(script.read_text() + f"    {step}\n")
        before = ask(today, "SELECT * FROM sqlite_master")
        with pytest.raises(reason):
            SqlRecords(today, schema=tomorrow)
        assert revision(today) == HEAD
        assert ask(today, "SELECT * FROM sqlite_master") == before
        with closing(SqlRecords(today)) as records:
            assert records.count() == 2

    def test_no_room_for_the_copy_changes_nothing(
        self, today: Path, tomorrow: Schema, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(path: Path, copy: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(opening, "copy_records", full)
        with pytest.raises(StorageFull):
            SqlRecords(today, schema=tomorrow)
        assert revision(today) == HEAD


class TestRecordsBeforeTheQueue:
    """Revision 0001: jobs were only noted down, and nothing was told."""

    def test_what_they_hold_is_there_and_can_be_worked_on(self, yesterday: Path) -> None:
        with closing(SqlRecords(yesterday)) as records:
            assert records.log() == [version(2, [version(1)]), version(1)]
            queue = SqlQueue(records.database)
            done, cut_short = queue.find()[::-1]
            assert (done.status, done.version) == (Status.DONE, version(1).id)
            assert (done.group, done.maps, done.attempts) == (done.id, True, 0)
            assert (cut_short.status, cut_short.lease_until) == (Status.RUNNING, None)
            assert queue.claim("w", 15) == []
            assert queue.events() == []
            shelf = SqlShelf(records.database)
            assert [entry.version for entry in shelf.page(words="BOAT")] == records.log()
            assert [entry.version for entry in shelf.page(starred=True)] == [version(1)]
            assert [node.id for node in shelf.graph()] == [v.id for v in records.log()[::-1]]
            queue.submit([job("new").model_copy(update={"group": "new"})], key="k")
            assert queue.claim("w", 15)[0].id == "new"

    def test_no_number_is_given_twice(self, yesterday: Path) -> None:
        before = ask(yesterday, "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'")
        SqlRecords(yesterday).close()
        assert ask(yesterday, "SELECT seq FROM sqlite_sequence WHERE name = 'jobs'") == before


class TestNewerRecords:
    def test_they_are_refused_and_left_as_they_are(self, today: Path, tomorrow: Schema) -> None:
        SqlRecords(today, schema=tomorrow).close()
        files = {path: path.read_bytes() for path in today.parent.iterdir() if path.is_file()}
        for attempt in (SqlRecords, lambda path: SqlRecords.create(path, "boats")):
            with pytest.raises(ProjectTooNew, match="revision tomorrow") as caught:
                attempt(today)
            assert "upgrade Maquette" in caught.value.hint
        after = {path: path.read_bytes() for path in today.parent.iterdir() if path.is_file()}
        assert after == files
