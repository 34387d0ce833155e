"""What every implementation of Records promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import takewhile

import pytest
from tests.storage.making import DAWN, digest, finding, job, twins, version

from maquette.core.finding import Finding, Suggestion
from maquette.core.geometry import Box
from maquette.core.job import Status
from maquette.core.version import Version
from maquette.errors import AmbiguousVersion, VersionUnknown
from maquette.storage.base import Mark, Records
from maquette.storage.origin import origins_of


def ids(versions: list[Version]) -> list[str]:
    return [found.id for found in versions]


def chain(records: Records, length: int) -> list[Version]:
    made: list[Version] = []
    for seed in range(length):
        made.append(version(seed, made[-1:]))
        records.add(made[-1])
    return made


def test_it_is_a_memory(records: Records) -> None:
    assert isinstance(records, Records)


class TestVersions:
    def test_a_version_comes_back_as_it_was(self, records: Records) -> None:
        made = version(7, trace=digest("trace"))
        records.add(made)
        found = records.get(made.id)
        assert found == made
        assert found.intact

    @pytest.mark.parametrize(
        "at",
        [
            datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=UTC),
            datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        ],
    )
    def test_times_are_kept_to_the_microsecond(self, records: Records, at: datetime) -> None:
        made = version(created_at=at)
        records.add(made)
        found = records.get(made.id)
        assert found.created_at == at
        assert found.intact

    @pytest.mark.parametrize(
        "text", ["", "ein Boot", "🌙 über", "nul \0", "half \ud83c", "'\"\n\\"]
    )
    def test_any_text_is_kept(self, records: Records, text: str) -> None:
        made = version(text=text, build=text)
        records.add(made)
        assert records.get(made.id).intact
        assert records.find(made.recipe.digest, text) == [made]

    def test_parents_keep_their_order(self, records: Records) -> None:
        first, second = version(1), version(2)
        child = version(3, [second, first, second])
        for made in (first, second, child):
            records.add(made)
        assert records.get(child.id).parents == (second.id, first.id, second.id)
        assert records.children(first.id) == [child]
        assert records.children(second.id) == [child]

    def test_a_version_needs_its_parents(self, records: Records) -> None:
        missing = version(1)
        with pytest.raises(VersionUnknown):
            records.add(version(2, [missing]), findings=[finding()])
        assert records.count() == 0

    def test_adding_again_changes_nothing(self, records: Records) -> None:
        made = version()
        records.add(made, findings=[finding("first")])
        records.add(made, findings=[finding("second")])
        assert records.count() == 1
        assert [found.name for found in records.findings(made.id)] == ["first"]

    @pytest.mark.parametrize("wrong", ["", "0" * 64, "moon", "@"])
    def test_get_wants_a_full_id(self, records: Records, wrong: str) -> None:
        records.add(version())
        with pytest.raises(VersionUnknown):
            records.get(wrong)

    def test_children_come_oldest_first(self, records: Records) -> None:
        parent = version(0)
        made = [version(seed, [parent]) for seed in (9, 4, 7)]
        for each in (parent, *made):
            records.add(each)
        assert records.children(parent.id) == made
        assert records.children(made[0].id) == []

    def test_the_same_recipe_and_build_is_found_oldest_first(self, records: Records) -> None:
        twins = [version(1, created_at=DAWN + timedelta(seconds=n)) for n in range(3)]
        others = [version(2), version(1, build="fake 2")]
        for made in (*twins, *others):
            records.add(made)
        assert records.find(twins[0].recipe.digest, "fake 1") == twins
        assert records.find(twins[0].recipe.digest, "fake 3") == []


class TestLog:
    def test_it_is_newest_first(self, records: Records) -> None:
        made = chain(records, 5)
        assert records.log() == made[::-1]
        assert records.count() == 5

    def test_the_order_is_that_of_adding_not_of_clocks(self, records: Records) -> None:
        late, early = version(2), version(1)
        records.add(late)
        records.add(early)
        assert records.log() == [early, late]

    def test_it_can_be_read_in_pages(self, records: Records) -> None:
        made = chain(records, 5)
        first = records.log(limit=2)
        second = records.log(limit=2, before=first[-1].id)
        third = records.log(limit=2, before=second[-1].id)
        assert [*first, *second, *third] == made[::-1]
        assert records.log(limit=2, before=third[-1].id) == []

    def test_no_limit_and_none_at_all(self, records: Records) -> None:
        chain(records, 3)
        assert records.log(limit=0) == []
        assert len(records.log(limit=100)) == 3

    def test_it_cannot_go_on_from_nowhere(self, records: Records) -> None:
        with pytest.raises(VersionUnknown):
            records.log(before="0" * 64)


class TestResolve:
    def test_the_newest_and_those_before_it(self, records: Records) -> None:
        made = chain(records, 3)
        assert records.resolve("@") == made[2]
        assert records.resolve("@~1") == made[1]
        assert records.resolve("@~2") == made[0]

    @pytest.mark.parametrize("reference", ["@~3", "@~999999999"])
    def test_there_is_nothing_before_the_first(self, records: Records, reference: str) -> None:
        chain(records, 3)
        with pytest.raises(VersionUnknown):
            records.resolve(reference)

    def test_an_empty_project_has_no_newest(self, records: Records) -> None:
        with pytest.raises(VersionUnknown):
            records.resolve("@")

    @pytest.mark.parametrize("length", [4, 10, 63, 64])
    def test_a_prefix_in_any_case_is_enough(self, records: Records, length: int) -> None:
        made = chain(records, 3)
        for each in made:
            assert records.resolve(each.id[:length]) == each
            assert records.resolve(each.id[:length].upper()) == each

    def test_three_characters_are_too_few(self, records: Records) -> None:
        made = chain(records, 1)[0]
        with pytest.raises(VersionUnknown, match="names no version"):
            records.resolve(made.id[:3])

    def test_a_shared_prefix_is_ambiguous_until_it_is_long_enough(self, records: Records) -> None:
        pair = twins()
        for made in pair:
            records.add(made)
        alike = zip(*ids(list(pair)), strict=True)
        shared = "".join(a for a, _ in takewhile(lambda digits: digits[0] == digits[1], alike))
        with pytest.raises(AmbiguousVersion) as caught:
            records.resolve(shared)
        assert all(made.short in str(caught.value) for made in pair)
        assert records.resolve(pair[0].id[: len(shared) + 1]) == pair[0]
        assert records.resolve(pair[1].id[: len(shared) + 1]) == pair[1]

    def test_a_full_id_is_never_ambiguous(self, records: Records) -> None:
        for made in twins():
            records.add(made)
            assert records.resolve(made.id) == made

    @pytest.mark.parametrize("digit", ["0", "f"])
    def test_the_ends_of_the_alphabet_are_inside(self, records: Records, digit: str) -> None:
        # The id is taken by its word here: nobody finds a digest of zeros.
        forged = version().model_copy(update={"id": digit * 64})
        records.add(forged)
        assert records.resolve(digit * 4) == forged

    def test_an_unknown_prefix(self, records: Records) -> None:
        made = version()
        records.add(made)
        other = made.id[:9] + ("0" if made.id[9] != "0" else "1")
        with pytest.raises(VersionUnknown):
            records.resolve(other)


class TestFindings:
    def test_they_come_with_the_version_worst_first(self, records: Records) -> None:
        made = version()
        records.add(made, findings=[finding("b", 0.2), finding("a", 0.9), finding("c", 0.2)])
        assert [found.name for found in records.findings(made.id)] == ["a", "b", "c"]

    def test_the_newest_of_a_critic_and_name_counts(self, records: Records) -> None:
        made = version()
        records.add(made, findings=[finding(score=0.9, message="old")])
        records.add_findings(made.id, [finding(score=0.1, message="new")])
        records.add_findings(made.id, [finding(score=0.5, critic="faults", message="other")])
        found = records.findings(made.id)
        assert [each.message for each in found] == ["other", "new"]

    def test_everything_of_a_finding_is_kept(self, records: Records) -> None:
        made = version()
        full = Finding(
            critic="brand",
            name="off-palette",
            message="half \ud83c a moon",
            severity="fault",
            score=1,
            words=("moon", "boat"),
            region=Box(x=1, y=2, width=3, height=4),
            suggestion=Suggestion(
                operation="inpaint", arguments={"words": ["moon"], "n": 1.5}, says="try again"
            ),
        )
        records.add(made)
        records.add_findings(made.id, [full])
        assert records.findings(made.id) == [full]

    def test_they_belong_to_a_version(self, records: Records) -> None:
        with pytest.raises(VersionUnknown):
            records.add_findings("0" * 64, [finding()])
        assert records.findings("0" * 64) == []


class TestMarks:
    def test_they_come_oldest_first(self, records: Records) -> None:
        one, two = chain(records, 2)
        made = [
            Mark(two.id, "star", "1", DAWN),
            Mark(one.id, "name", "the good one", DAWN - timedelta(days=1)),
            Mark(two.id, "star", "0", DAWN),
        ]
        for mark in made:
            records.mark(mark)
        assert records.marks() == made
        assert records.marks([two.id]) == [made[0], made[2]]
        assert records.marks(found.id for found in (one, two)) == made
        assert records.marks([]) == []

    def test_many_versions_can_be_asked_for_at_once(self, records: Records) -> None:
        made = version()
        records.add(made)
        records.mark(Mark(made.id, "star", "1", DAWN))
        assert len(records.marks([made.id, *(digest(n) for n in range(1200))])) == 1

    def test_they_belong_to_a_version(self, records: Records) -> None:
        with pytest.raises(VersionUnknown):
            records.mark(Mark("0" * 64, "star", "1", DAWN))

    def test_a_time_needs_a_zone(self, records: Records) -> None:
        made = version()
        records.add(made)
        with pytest.raises(ValueError, match="time zone"):
            records.mark(Mark(made.id, "star", "1", DAWN.replace(tzinfo=None)))
        assert records.marks() == []


class TestJobs:
    def test_they_come_oldest_first_and_by_state(self, records: Records) -> None:
        made = [job("c"), job("a", Status.RUNNING), job("b", Status.FAILED)]
        for each in made:
            records.open_job(each)
        assert records.jobs() == made
        assert records.jobs(Status.RUNNING) == [made[1]]
        assert records.jobs(Status.QUEUED, Status.FAILED) == [made[0], made[2]]
        assert records.jobs(Status.DONE) == []

    def test_they_move(self, records: Records) -> None:
        queued = job()
        records.open_job(queued)
        running = queued.to(Status.RUNNING).model_copy(update={"owner": "4711"})
        records.move_job(running)
        assert records.jobs() == [running]
        failed = running.to(Status.FAILED, message="out of memory \udcff")
        records.move_job(failed)
        assert records.jobs() == [failed]

    def test_a_version_makes_its_job_done(self, records: Records) -> None:
        running = job(status=Status.RUNNING)
        records.open_job(running)
        made = version()
        records.add(made, job=running)
        assert records.jobs() == [running.to(Status.DONE, version=made.id)]

    def test_the_origin_that_a_job_tells_of_is_kept_beside_its_version(
        self, records: Records
    ) -> None:
        told = {"template": "hero", "row": {"product": "mug"}}
        work = job(status=Status.RUNNING).model_copy(update={"arguments": {"origin": told}})
        records.open_job(work)
        records.add(version(1), job=work)
        records.add(version(2))
        assert origins_of(records, [version(1).id, version(2).id]) == {version(1).id: told}
        records.mark(Mark(version(1).id, "origin", '{"stage": "draft"}', DAWN))
        assert origins_of(records, [version(1).id])[version(1).id] == {**told, "stage": "draft"}

    def test_adding_again_still_makes_the_job_done(self, records: Records) -> None:
        made = version()
        records.add(made)
        running = job(status=Status.RUNNING)
        records.open_job(running)
        records.add(made, job=running)
        assert records.jobs(Status.DONE)[0].version == made.id
        assert records.count() == 1

    def test_an_unknown_job_takes_the_version_down_with_it(self, records: Records) -> None:
        with pytest.raises(ValueError, match="no job"):
            records.add(version(), job=job(status=Status.RUNNING), findings=[finding()])
        assert records.count() == 0
        assert records.jobs() == []

    def test_only_a_job_that_is_there_moves(self, records: Records) -> None:
        with pytest.raises(ValueError, match="no job"):
            records.move_job(job())

    def test_a_job_is_opened_once(self, records: Records) -> None:
        records.open_job(job())
        with pytest.raises(ValueError, match="already"):
            records.open_job(job(status=Status.FAILED))

    def test_a_job_cannot_have_made_what_is_not_there(self, records: Records) -> None:
        records.open_job(job())
        done = job(status=Status.DONE).model_copy(update={"version": "0" * 64})
        with pytest.raises(VersionUnknown):
            records.move_job(done)
        with pytest.raises(VersionUnknown):
            records.open_job(done.model_copy(update={"id": "other"}))
        assert records.jobs() == [job()]


def test_threads_may_share_it(records: Records) -> None:
    made = [version(seed) for seed in range(24)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(records.add, made))
        assert list(threads.map(records.get, ids(made))) == made
    assert sorted(ids(records.log())) == sorted(ids(made))


def test_closing_twice_is_fine(records: Records) -> None:
    records.close()
    records.close()
