"""The journal of every implementation of Queue: what it tells, in which order, and for how long."""

from __future__ import annotations

import pytest
from tests.storage.conftest import Clock
from tests.storage.making import finding, job, version
from tests.storage.test_queue import HOLD, order

from maquette.storage.base import Event, Mark, Queue, Records
from maquette.storage.journal import KEPT, PRUNE_EVERY, REMEMBERED


def told(queue: Queue, kind: str) -> list[Event]:
    return [event for event in queue.events() if event.kind == kind]


def test_what_is_posted_is_read_in_order(queue: Queue, clock: Clock) -> None:
    assert (queue.last_event(), queue.events()) == (0, [])
    first = queue.post("progress", "a-0", {"step": 1, "steps": 4, "seconds_left": None})
    clock.advance(1)
    second = queue.post("preview", "a-0", {"step": 1, "image": "data:"})
    assert queue.events() == [first, second]
    assert queue.events(after=first.id) == [second]
    assert queue.events(limit=1) == [first]
    assert queue.last_event() == second.id > first.id
    assert (second.at - first.at).total_seconds() == 1
    assert (first.kind, first.job, first.data["steps"]) == ("progress", "a-0", 4)


def test_every_state_of_a_job_is_told(records: Records, queue: Queue) -> None:
    queue.submit(order("a", 2))
    (taken,) = queue.claim("w", HOLD)
    queue.ask_cancel(["a-1"])
    records.add(version(1), job=taken)
    states = [(event.job, event.data["status"]) for event in told(queue, "job")]
    assert states == [
        ("a-0", "queued"),
        ("a-1", "queued"),
        ("a-0", "running"),
        ("a-1", "cancelled"),
        ("a-0", "done"),
    ]
    assert told(queue, "job")[-1].data["version"] == version(1).id


def test_every_new_version_is_told_whoever_made_it(records: Records, queue: Queue) -> None:
    records.add(version(1))
    queue.submit(order("a"))
    records.add(version(2), job=queue.claim("w", HOLD)[0])
    records.add(version(2))
    assert [dict(event.data) for event in told(queue, "version")] == [
        {"id": version(1).id, "job": ""},
        {"id": version(2).id, "job": "a-0"},
    ]


def test_marks_and_findings_are_told(records: Records, queue: Queue, clock: Clock) -> None:
    records.add(version(1))
    records.mark(Mark(version(1).id, "star", "1", clock()))
    records.add_findings(version(1).id, [finding()])
    (mark,), (found,) = told(queue, "mark"), told(queue, "findings")
    assert mark.data == {"version": version(1).id, "kind": "star", "value": "1"}
    assert found.data == {"version": version(1).id, "count": 1}


def test_what_is_refused_is_not_told(records: Records, queue: Queue) -> None:
    with pytest.raises(ValueError, match="no job"):
        records.add(version(1), job=job())
    assert queue.events() == []


def test_fleeting_lines_go_after_a_while(queue: Queue, clock: Clock) -> None:
    kept = [queue.post("progress", "a"), queue.post("mark"), queue.post("preview", "a")][1]
    clock.advance(REMEMBERED.total_seconds() + 1)
    while queue.post("progress", "b").id % PRUNE_EVERY:
        pass
    lines = queue.events(limit=1000)
    assert lines[0] == kept
    assert {event.job for event in lines[1:]} == {"b"}
    assert len(lines) == PRUNE_EVERY - 2


def test_the_journal_does_not_grow_for_ever(memory_queue: Queue) -> None:
    for _ in range(KEPT + 2 * PRUNE_EVERY):
        memory_queue.post("mark")
    assert len(memory_queue.events(limit=2 * KEPT)) <= KEPT + PRUNE_EVERY
    assert memory_queue.last_event() == KEPT + 2 * PRUNE_EVERY
