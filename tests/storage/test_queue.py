"""What every implementation of Queue promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.storage.conftest import Clock
from tests.storage.making import DAWN, digest, finding, job, version

from maquette.core.job import ATTEMPTS, BATCH, INTERACTIVE, Job, Status
from maquette.errors import JobLost, JobUnknown
from maquette.storage.base import Queue, Records

HOLD = 15.0
Stored = tuple[Records, Queue]


def order(group: str, n: int = 1, priority: int = INTERACTIVE) -> list[Job]:
    """The jobs of one group, not yet submitted."""
    return [
        job(f"{group}-{place}", seed=place).model_copy(
            update={"group": group, "place": place, "priority": priority}
        )
        for place in range(n)
    ]


def ids(jobs: list[Job]) -> list[str]:
    return [each.id for each in jobs]


def test_it_is_a_queue(queue: Queue) -> None:
    assert isinstance(queue, Queue)


class TestSubmitting:
    def test_jobs_come_back_as_they_were(self, queue: Queue) -> None:
        (given,) = order("a")
        given = given.model_copy(
            update={
                "maps": False,
                "arguments": {"caption": "half \ud83c"},
                "parents": (digest("p"),),
                "hint": "so",
            }
        )
        assert queue.submit([given]) == [given]
        assert queue.get(given.id) == given

    def test_the_same_key_is_the_same_order(self, queue: Queue) -> None:
        first = queue.submit(order("a", 3), key="k")
        assert {each.key for each in first} == {"k"}
        (taken,) = queue.claim("w", HOLD)
        again = queue.submit(order("b", 3), key="k")
        assert ids(again) == ids(first)
        assert again[0] == taken
        assert len(queue.find()) == 3

    def test_without_a_key_every_order_is_another(self, queue: Queue) -> None:
        queue.submit(order("a"))
        queue.submit(order("b"))
        assert len(queue.find()) == 2

    def test_what_cannot_be_submitted(self, queue: Queue) -> None:
        for wrong in ([], order("a") + order("b"), order("a") * 2, order("")):
            with pytest.raises(ValueError, match=r"group|id"):
                queue.submit(wrong)
        queue.submit(order("a"))
        with pytest.raises(ValueError, match="already"):
            queue.submit(order("a", 2))
        assert len(queue.find()) == 1

    def test_one_being_finished_by_the_caller_is_not_given_away(self, queue: Queue) -> None:
        (mine,) = order("a")
        queue.submit([mine.taken("me", DAWN + timedelta(seconds=5))])
        assert queue.claim("w", HOLD) == []


class TestFinding:
    def test_the_newest_come_first_and_a_group_in_its_order(self, queue: Queue) -> None:
        queue.submit(order("a", 3))
        queue.submit(order("b"))
        assert ids(queue.find()) == ["b-0", "a-2", "a-1", "a-0"]
        assert ids(queue.find(limit=2)) == ["b-0", "a-2"]
        assert ids(queue.find(group="a")) == ["a-0", "a-1", "a-2"]
        assert queue.find(Status.DONE) == []
        assert len(queue.find(Status.QUEUED, Status.DONE)) == 4

    def test_an_unknown_job(self, queue: Queue) -> None:
        with pytest.raises(JobUnknown, match="nobody"):
            queue.get("nobody")


class TestClaiming:
    def test_an_empty_queue_has_nothing(self, queue: Queue) -> None:
        assert queue.urgency() is None
        assert queue.claim("w", HOLD) == []

    def test_a_taken_job_runs_on_a_lease(self, queue: Queue, clock: Clock) -> None:
        queue.submit(order("a"))
        (taken,) = queue.claim("w", HOLD)
        assert (taken.status, taken.owner, taken.attempts) == (Status.RUNNING, "w", 1)
        assert taken.lease_until == clock() + timedelta(seconds=HOLD)
        assert queue.get(taken.id) == taken
        assert queue.claim("v", HOLD) == []

    def test_who_waits_comes_first_and_then_who_came_first(self, queue: Queue) -> None:
        queue.submit(order("batch", 2, BATCH))
        queue.submit(order("early"))
        queue.submit(order("late"))
        assert queue.urgency() == INTERACTIVE
        taken = [queue.claim("w", HOLD)[0].id for _ in range(4)]
        assert taken == ["early-0", "late-0", "batch-0", "batch-1"]
        assert queue.urgency() is None

    def test_of_a_group_only_kin_is_taken_with_the_first(self, queue: Queue) -> None:
        queue.submit(order("a", 4))

        def kin(first: Job, other: Job) -> bool:
            return first.place % 2 == other.place % 2

        taken = [[job.id for job in queue.claim("w", HOLD, 4, kin)] for _ in range(3)]
        assert taken == [["a-0", "a-2"], ["a-1", "a-3"], []]

    def test_several_at_once_are_of_one_group(self, queue: Queue) -> None:
        queue.submit(order("a", 3))
        queue.submit(order("b", 3))
        assert ids(queue.claim("w", HOLD, limit=2)) == ["a-0", "a-1"]
        assert ids(queue.claim("w", HOLD, limit=5)) == ["a-2"]
        assert ids(queue.claim("w", HOLD, limit=5)) == ["b-0", "b-1", "b-2"]

    def test_no_two_workers_get_the_same(self, queue: Queue) -> None:
        for n in range(20):
            queue.submit(order(f"g{n}", 2))

        def drain(worker: int) -> list[str]:
            found: list[str] = []
            while taken := queue.claim(f"w{worker}", HOLD):
                found += ids(taken)
            return found

        with ThreadPoolExecutor(4) as threads:
            taken = [each for found in threads.map(drain, range(4)) for each in found]
        assert len(taken) == len(set(taken)) == 40

    def test_jobs_of_the_synchronous_verbs_are_not_given_away(
        self, records: Records, queue: Queue, clock: Clock
    ) -> None:
        records.open_job(job(status=Status.RUNNING))
        clock.advance(3600)
        assert queue.urgency() is None
        assert queue.claim("w", HOLD) == []


class TestLeases:
    def test_a_beat_renews_what_the_owner_has(self, queue: Queue, clock: Clock) -> None:
        queue.submit(order("a", 2))
        mine, other = queue.claim("w", HOLD) + queue.claim("v", HOLD)
        clock.advance(10)
        assert queue.beat("w", HOLD) == frozenset()
        assert queue.get(mine.id).lease_until == clock() + timedelta(seconds=HOLD)
        clock.advance(10)
        assert ids(queue.claim("x", HOLD)) == [other.id]

    def test_a_beat_is_no_news(self, queue: Queue, clock: Clock) -> None:
        queue.submit(order("a"))
        queue.claim("w", HOLD)
        before = queue.last_event()
        clock.advance(10)
        queue.beat("w", HOLD)
        assert queue.last_event() == before

    def test_the_next_worker_takes_what_a_dead_one_had(self, queue: Queue, clock: Clock) -> None:
        queue.submit(order("a"))
        (first,) = queue.claim("dead", HOLD)
        clock.advance(HOLD - 0.001)
        assert queue.urgency() is None
        clock.advance(0.001)
        assert queue.urgency() == INTERACTIVE
        (second,) = queue.claim("w", HOLD)
        assert (second.id, second.owner, second.attempts) == (first.id, "w", 2)

    def test_the_dead_one_may_not_come_back(
        self, records: Records, queue: Queue, clock: Clock
    ) -> None:
        queue.submit(order("a"))
        (lost,) = queue.claim("asleep", HOLD)
        clock.advance(HOLD)
        (taken,) = queue.claim("w", HOLD)
        with pytest.raises(JobLost):
            records.add(version(1), job=lost, findings=[finding()])
        with pytest.raises(JobLost):
            queue.finish(lost.to(Status.FAILED, message="late"))
        queue.put_back([lost])
        assert queue.beat("asleep", HOLD) == frozenset()
        assert records.count() == 0
        assert queue.get(lost.id) == taken
        records.add(version(1), job=taken)
        with pytest.raises(JobLost):
            records.add(version(2), job=lost)
        assert records.log() == [version(1)]

    def test_one_that_slept_but_was_not_missed_may_go_on(
        self, records: Records, queue: Queue, clock: Clock
    ) -> None:
        queue.submit(order("a"))
        (taken,) = queue.claim("w", HOLD)
        clock.advance(10 * HOLD)
        records.add(version(1), job=taken)
        assert queue.get(taken.id).version == version(1).id

    def test_a_job_that_kills_its_workers_fails_in_the_end(
        self, queue: Queue, clock: Clock
    ) -> None:
        queue.submit(order("a"))
        for attempt in range(ATTEMPTS):
            (taken,) = queue.claim(f"w{attempt}", HOLD)
            assert taken.attempts == attempt + 1
            clock.advance(HOLD)
        assert queue.claim("last", HOLD) == []
        failed = queue.get("a-0")
        assert failed.status is Status.FAILED
        assert f"{ATTEMPTS} workers" in failed.message
        assert failed.hint
        assert queue.urgency() is None


class TestEnds:
    def test_a_version_ends_its_job(self, records: Records, queue: Queue) -> None:
        queue.submit(order("a"))
        (taken,) = queue.claim("w", HOLD)
        records.add(version(1), job=taken)
        done = queue.get(taken.id)
        assert (done.status, done.version, done.lease_until) == (
            Status.DONE,
            version(1).id,
            None,
        )
        records.add(version(1), job=taken)  # said twice is said once
        assert queue.get(taken.id) == done

    @pytest.mark.parametrize("status", [Status.DONE, Status.FAILED, Status.CANCELLED])
    def test_a_worker_ends_its_job(self, queue: Queue, status: Status) -> None:
        queue.submit(order("a"))
        (taken,) = queue.claim("w", HOLD)
        end = taken.to(status, message="so", hint="do this").model_copy(
            update={"result": {"verdict": "exact", "reasons": ["none \ud83c"]}}
        )
        queue.finish(end)
        assert queue.get(taken.id) == end
        with pytest.raises(JobLost):
            queue.finish(end)

    def test_only_a_job_that_is_there_ends(self, queue: Queue) -> None:
        with pytest.raises(JobUnknown):
            queue.finish(order("a")[0])

    def test_putting_back_does_not_count(self, queue: Queue) -> None:
        queue.submit(order("a", 2))
        taken = queue.claim("w", HOLD, limit=2)
        queue.put_back(taken[1:])
        back = queue.get("a-1")
        assert (back.status, back.owner, back.attempts, back.lease_until) == (
            Status.QUEUED,
            "",
            0,
            None,
        )
        assert ids(queue.claim("v", HOLD)) == ["a-1"]

    def test_putting_back_what_nobody_wants_any_more_cancels_it(self, queue: Queue) -> None:
        queue.submit(order("a", 2))
        taken = queue.claim("w", HOLD, limit=2)
        queue.ask_cancel(["a-0"])
        queue.put_back(taken)
        states = [job.status for job in queue.find(group="a")]
        assert states == [Status.CANCELLED, Status.QUEUED]


class TestCancelling:
    def test_a_waiting_one_is_cancelled_at_once(self, queue: Queue) -> None:
        queue.submit(order("a", 2))
        (gone,) = queue.ask_cancel(["a-0"])
        assert gone.status is Status.CANCELLED
        assert queue.get("a-0") == gone
        assert ids(queue.claim("w", HOLD, limit=5)) == ["a-1"]

    def test_a_worker_hears_of_it_with_its_beat(self, queue: Queue) -> None:
        queue.submit(order("a", 2))
        queue.claim("w", HOLD, limit=2)
        (asked,) = queue.ask_cancel(["a-1"])
        assert (asked.status, asked.cancel) == (Status.RUNNING, True)
        assert queue.beat("w", HOLD) == {"a-1"}
        assert queue.beat("w", HOLD) == {"a-1"}

    def test_what_its_dead_worker_never_heard_of_is_not_begun_again(
        self, queue: Queue, clock: Clock
    ) -> None:
        queue.submit(order("a"))
        queue.claim("dead", HOLD)
        queue.ask_cancel(["a-0"])
        clock.advance(HOLD)
        assert queue.claim("w", HOLD) == []
        assert queue.get("a-0").status is Status.CANCELLED

    def test_one_whose_lease_ran_out_is_cancelled_at_once(self, queue: Queue, clock: Clock) -> None:
        queue.submit(order("a"))
        queue.claim("dead", HOLD)
        clock.advance(HOLD)
        assert queue.ask_cancel(["a-0"])[0].status is Status.CANCELLED

    def test_what_has_ended_stays(self, records: Records, queue: Queue) -> None:
        queue.submit(order("a"))
        records.add(version(1), job=queue.claim("w", HOLD)[0])
        assert queue.ask_cancel(["a-0"])[0].status is Status.DONE

    def test_one_unknown_job_and_none_is_cancelled(self, queue: Queue) -> None:
        queue.submit(order("a"))
        with pytest.raises(JobUnknown):
            queue.ask_cancel(["a-0", "nobody"])
        assert queue.get("a-0").status is Status.QUEUED


class TestRetrying:
    @pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
    def test_it_waits_anew(self, queue: Queue, status: Status) -> None:
        queue.submit(order("a"))
        (taken,) = queue.claim("w", HOLD)
        queue.finish(taken.to(status, message="so", hint="do this"))
        (again,) = queue.retry(["a-0"])
        assert again == order("a")[0]
        assert ids(queue.claim("w", HOLD)) == ["a-0"]

    def test_others_stay_as_they_are(self, records: Records, queue: Queue) -> None:
        queue.submit(order("a", 2))
        (taken,) = queue.claim("w", HOLD)
        assert queue.retry(["a-0", "a-1"]) == [taken, queue.get("a-1")]
        records.add(version(1), job=taken)
        assert queue.retry(["a-0"])[0].status is Status.DONE
        with pytest.raises(JobUnknown):
            queue.retry(["nobody"])


class TestHandingOver:
    def test_a_job_waits_for_those_that_it_ordered(self, records: Records, queue: Queue) -> None:

        queue.submit(order("plan"))
        (plan,) = queue.claim("w", HOLD)
        queue.hand_over(plan, order("pictures", 2), "waits for 2 pictures")
        parked = queue.get(plan.id)
        assert parked.status is Status.QUEUED and parked.awaits == "pictures"
        assert parked.message == "waits for 2 pictures" and parked.attempts == 0
        first, second = queue.claim("w", HOLD, limit=2)
        assert (first.group, second.group) == ("pictures", "pictures")
        assert queue.urgency() is None and queue.claim("w", HOLD) == []
        queue.finish(first.to(Status.FAILED))
        assert queue.claim("w", HOLD) == []
        records.add(version(1), job=second)
        assert queue.urgency() == plan.priority
        (again,) = queue.claim("w", HOLD)
        assert again.id == plan.id and again.awaits == "pictures" and again.attempts == 1

    def test_who_lost_the_job_orders_nothing(self, queue: Queue, clock: Clock) -> None:
        queue.submit(order("plan"))
        (plan,) = queue.claim("w", HOLD)
        clock.advance(HOLD + 1)
        (theirs,) = queue.claim("other", HOLD)
        with pytest.raises(JobLost):
            queue.hand_over(plan, order("pictures"))
        assert queue.find(group="pictures") == [] and queue.get(plan.id) == theirs

    def test_what_nobody_wants_any_more_orders_nothing(self, queue: Queue) -> None:
        queue.submit(order("plan"))
        (plan,) = queue.claim("w", HOLD)
        queue.ask_cancel([plan.id])
        queue.hand_over(plan, order("pictures"))
        assert queue.get(plan.id).status is Status.CANCELLED
        assert queue.find(group="pictures") == []

    def test_one_that_is_tried_again_waits_for_nobody(self, queue: Queue) -> None:
        queue.submit(order("plan"))
        (plan,) = queue.claim("w", HOLD)
        queue.hand_over(plan, order("pictures"))
        queue.ask_cancel([plan.id])
        (again,) = queue.retry([plan.id])
        assert again.awaits == ""
        assert [each.id for each in queue.claim("w", HOLD)] == [plan.id]
