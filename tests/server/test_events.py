"""Server-sent events: everything, in order, once, whatever becomes of the connection."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from maquette.server import feed as feeding
from maquette.server.feed import Feed, Journal

from .conftest import Project, Running, Told, events, is_problem


@contextmanager
def listening(project: Project, **options: Any) -> Iterator[tuple[httpx2.Response, Iterator[Told]]]:
    with project.http.stream("GET", f"{project.base}/events", **options) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield response, events(response)


def test_a_stream_begins_now(project: Project) -> None:
    last = project.studio.queue.last_event()
    with listening(project) as (_, told):
        hello = next(told)
        assert (hello.kind, hello.data, hello.id) == (
            "hello",
            {"last": last, "complete": True},
            last,
        )
        project.studio.mark("@", "star", True)
        mark = next(told)
        assert mark.kind == "mark" and mark.id == last + 1
        assert mark.data["version"] == project.made[1].id and mark.data["kind"] == "star"


def test_everything_from_the_beginning(project: Project) -> None:
    with listening(project, params={"after": 0}) as (_, told):
        assert next(told).data["complete"] is True
        found = [next(told) for _ in range(project.studio.queue.last_event())]
    assert [each.id for each in found] == list(range(1, len(found) + 1))
    versions = [each.data for each in found if each.kind == "version"]
    assert [each["id"] for each in versions] == [version.id for version in project.made]
    jobs = [each.data for each in found if each.kind == "job"]
    assert {"prompt", "width", "height", "seed", "quality", "region", "parents"} <= jobs[0].keys()
    assert all(each["job"] == each["id"] for each in jobs)


def test_the_header_counts_before_the_address(project: Project) -> None:
    headers = {"Last-Event-ID": "2"}
    with listening(project, params={"after": 0}, headers=headers) as (_, told):
        assert next(told).id == 2 and next(told).id == 3


@pytest.mark.parametrize("value", ["nonsense", "-3", "\u00b2"])
def test_a_header_that_is_no_number_means_now(project: Project, value: str) -> None:
    headers = {"Last-Event-ID": value.encode("latin-1")}
    with listening(project, headers=headers) as (_, told):
        assert next(told).data["last"] == project.studio.queue.last_event()


def test_a_number_of_another_journal_means_everything_anew(project: Project) -> None:
    with listening(project, params={"after": 10**9}) as (_, told):
        assert next(told).data["complete"] is False


def test_what_is_asked_is_checked(project: Project) -> None:
    is_problem(project.get("/events", params={"after": -1}), 422, "request-malformed")
    is_problem(project.http.get("/api/v1/projects/nowhere/events"), 404, "project-missing")


def test_a_job_is_told_from_queued_to_done(project: Project) -> None:
    queue = project.studio.queue
    with listening(project) as (_, told):
        next(told)
        (job,) = project.post("/operations/generate", {"prompt": "a cat"}).json()["jobs"]
        (taken,) = queue.claim("somebody", 30)
        queue.post("progress", taken.id, {"step": 1, "steps": 16, "seconds_left": 2.0})
        queue.post("preview", taken.id, {"step": 1, "image": "data:image/webp;base64,AA=="})
        queue.put_back([taken])
        found = [next(told) for _ in range(5)]
    assert [each.kind for each in found] == ["job", "job", "progress", "preview", "job"]
    assert [each.data["job"] for each in found] == [job["id"]] * 5
    assert [each.data["status"] for each in found if each.kind == "job"] == [
        "queued",
        "running",
        "queued",
    ]
    assert found[0].data["prompt"] == "a cat" and found[0].data["steps"] == 16
    assert found[2].data == {"step": 1, "steps": 16, "seconds_left": 2.0, "job": job["id"]}


def test_ten_forced_reconnects_lose_nothing(project: Project) -> None:
    queue, total = project.studio.queue, 400
    first = queue.last_event()

    def write() -> None:
        for number in range(total):
            queue.post("progress", "j", {"step": number})
            time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    last, cuts = first, 0
    while len(seen) < total:
        with listening(project, headers={"Last-Event-ID": str(last)}) as (_, told):
            assert next(told).data["complete"] is True
            for each in told:
                assert each.id is not None
                seen.append(each.id)
                last = each.id
                if len(seen) == total or (cuts < 10 and len(seen) >= (cuts + 1) * total // 12):
                    cuts += 1
                    break
    writer.join()
    assert cuts >= 10
    assert seen == list(range(first + 1, first + total + 1))


def test_many_listeners_share_one_poller(server: Running, project: Project) -> None:
    last = project.studio.queue.last_event()
    ready = threading.Barrier(9)

    def listen(_: int) -> list[int | None]:
        with (
            server.client() as client,
            client.stream("GET", f"{project.base}/events") as response,
        ):
            told = events(response)
            next(told)
            ready.wait(20)
            return [next(told).id for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(listen, place) for place in range(8)]
        ready.wait(20)
        feed = server.context.feeds.feed(project.id, lambda: pytest.fail("there is a feed already"))
        assert feed.listeners == 8
        for number in range(20):
            project.studio.queue.post("progress", "j", {"step": number})
        wanted = list(range(last + 1, last + 21))
        assert [future.result(20) for future in futures] == [wanted] * 8
    until = time.monotonic() + 10
    while feed.listeners and time.monotonic() < until:
        time.sleep(0.02)
    assert feed.listeners == 0


def test_two_projects_are_told_apart(project: Project, empty: Project) -> None:
    with listening(empty) as (_, told):
        next(told)
        project.studio.mark("@", "star", True)
        empty.studio.generate("a cat", quality="draft")
        assert next(told).data["prompt"] == "a cat"


@dataclass
class Line:
    id: int
    kind: str = "progress"
    job: str = "j"
    data: dict[str, Any] = field(default_factory=dict[str, Any])


class Book:
    """A journal in memory that counts its readers."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.reads = 0

    def read(self, after: int, limit: int) -> list[Line]:
        self.reads += 1
        return [line for line in self.lines if line.id > after][:limit]

    def last(self) -> int:
        return self.lines[-1].id if self.lines else 0

    def write(self, count: int) -> None:
        for _ in range(count):
            self.lines.append(Line(self.last() + 1))


def played(play: Callable[[Feed, Book], Any]) -> Any:
    book = Book()
    with ThreadPoolExecutor(1) as reader:
        feed = Feed(Journal(book.read, book.last, lambda line: line.data), reader)
        return asyncio.run(asyncio.wait_for(play(feed, book), 20))


def numbers_of(piece: bytes) -> list[int]:
    return [int(line[4:]) for line in piece.split(b"\n") if line.startswith(b"id: ")]


def test_a_slow_listener_is_let_go_and_misses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_BEHIND", 50)
    monkeypatch.setattr(feeding, "POLL", 0.005)

    async def play(feed: Feed, book: Book) -> list[int]:
        seen: list[int] = []
        rounds = 0
        while len(seen) < 300:
            rounds += 1
            stream = feed.listen(seen[-1] if seen else 0)
            await anext(stream)
            if rounds == 1:
                book.write(300)
                await asyncio.sleep(0.3)  # it does not read meanwhile
            async for piece in stream:
                seen += numbers_of(piece)
                if seen[-1] == 300:
                    break
            await stream.aclose()
        assert rounds > 1
        return seen

    assert played(play) == list(range(1, 301))


def test_whoever_begins_before_there_are_jobs_misses_nothing() -> None:
    async def play(feed: Feed, book: Book) -> None:
        book.write(1)
        async with feed.following() as following, feed.following() as other:
            book.lines += [Line(2, job="mine"), Line(3, job="theirs"), Line(4, job="mine")]
            feed.nudge()
            theirs = other(["theirs"])  # named before the lines are read
            first = await theirs.get()
            assert first is not None and first.id == 3
            news = following(["mine"])  # named after they were
            book.lines.append(Line(5, job="mine"))
            feed.nudge()
            found = [await news.get() for _ in range(3)]
            assert [line.id for line in found if line is not None] == [2, 4, 5]
            assert feed.followed == 2 and theirs.empty()
            feed.close()
            assert await news.get() is None and await theirs.get() is None
        assert feed.followed == 0

    played(play)


def test_whoever_comes_soon_after_another_hears_of_what_came_between_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feeding, "POLL", 60.0)  # only a nudge lets it look

    async def play(feed: Feed, book: Book) -> None:
        async with feed.following() as following:
            following(["mine"])
        monkeypatch.setattr(book, "last", lambda: pytest.fail("it is known where to begin"))
        book.lines = [Line(number + 1) for number in range(1_200)]  # more than two looks bring
        async with feed.following() as following:
            news = following(["next"])
            book.lines.append(Line(1_201, job="next"))
            feed.nudge()
            line = await news.get()
            assert line is not None and line.id == 1_201

    played(play)


def test_nobody_listens_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "POLL", 0.005)

    async def play(feed: Feed, book: Book) -> None:
        stream = feed.listen(None)
        await anext(stream)
        await stream.aclose()
        before = book.reads
        await asyncio.sleep(0.1)
        assert book.reads <= before + 1
        book.write(3)
        again = feed.listen(0)
        await anext(again)
        found: list[int] = []
        while len(found) < 3:
            found += numbers_of(await anext(again))
        assert found == [1, 2, 3]
        await again.aclose()

    played(play)


def test_silence_is_broken_by_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "HEARTBEAT", 0.02)

    async def play(feed: Feed, book: Book) -> bytes:
        stream = feed.listen(None)
        await anext(stream)
        comment = await anext(stream)
        feed.close()
        assert [wire async for wire in stream if not wire.startswith(b":")] == []
        return comment

    assert played(play) == b": still here\n\n"
