from __future__ import annotations

import email.utils
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.vendors.serving import Asked, Fault, Reply, Vendor

from maquette.errors import (
    AddressRefused,
    Cancelled,
    MaquetteError,
    Moderated,
    ServiceBusy,
    ServiceFailed,
    ServiceKeyRefused,
    ServiceRefused,
    ServiceUnreachable,
    SubmittedUnknown,
)
from maquette.net import Answer, Caller, Rate, caller

KEY = "sk-very-secret-0123456789"


def answer(asked: Asked) -> Reply:
    if asked.path == "/events":
        pieces = [f'event: step\ndata: {{"n": {n}}}\n\n'.encode() for n in range(4)]
        return Reply(pieces, headers={"Content-Type": "text/event-stream"})
    if asked.path == "/large":
        return Reply(b"x" * 3_000_000)
    return Reply({"path": asked.path, "method": asked.method})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setattr(caller, "_pause", lambda attempt: 0.01)
    vendor = Vendor(answer)
    yield vendor
    vendor.close()


def client(server: Vendor, **how: Any) -> Caller:
    headers = {"Authorization": SecretStr(f"Bearer {KEY}")}
    return Caller(server.url, service="the service", headers=headers, **{"seconds": 5.0, **how})


def test_get_and_post(server: Vendor) -> None:
    with client(server) as here:
        assert here.get("/a").json() == {"path": "/a", "method": "GET"}
        assert here.post("/b", json={"x": 1}).json()["method"] == "POST"
    assert server.log[-1].json() == {"x": 1}
    assert server.log[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("kind", ["before", "after", "cut"])
def test_what_is_safe_is_repeated(server: Vendor, kind: Any) -> None:
    server.faults += [Fault(kind), Fault(kind)]
    with client(server) as here:
        assert here.get("/a").json()["path"] == "/a"
        server.faults.append(Fault(kind))
        assert here.post("/b", safe=True).json()["path"] == "/b"
    assert [len(server.asked(path)) for path in ("/a", "/b")] == [3, 2]


@pytest.mark.parametrize("kind", ["before", "after", "cut"])
def test_a_post_that_was_sent_is_never_repeated(server: Vendor, kind: Any) -> None:
    server.faults.append(Fault(kind))
    with client(server) as here, pytest.raises(SubmittedUnknown):
        here.post("/b", json={})
    assert len(server.asked("/b")) == 1


def test_a_post_that_was_never_sent(server: Vendor) -> None:
    server.close()
    with client(server) as here, pytest.raises(ServiceUnreachable):
        here.post("/b", json={})


def test_slow_answers(server: Vendor) -> None:
    server.faults += [Fault("drip"), Fault("hang", seconds=3)]
    with client(server, seconds=0.5, tries=1) as here:
        with pytest.raises(SubmittedUnknown):
            here.post("/b", json={})
        with pytest.raises(ServiceFailed):
            here.get("/b")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_too_many_requests(server: Vendor, method: str) -> None:
    date = email.utils.formatdate(time.time() - 5, usegmt=True)
    for headers in ({"retry-after": "0"}, {"retry-after": date}, {"retry-after-ms": "10"}):
        server.faults.append(Fault("reply", answer=Reply(b"", 429, headers)))
    with client(server) as here:
        assert here.send(method, "/a", safe=method == "GET").status == 200
    assert len(server.asked("/a")) == 4


def test_too_many_requests_for_too_long(server: Vendor) -> None:
    spent = Reply({"error": "quota"}, 429, {"retry-after": "9999"})
    server.faults.append(Fault("reply", answer=spent))
    with client(server) as here, pytest.raises(ServiceBusy, match="quota"):
        here.get("/a")
    assert len(server.asked("/a")) == 1


@pytest.mark.parametrize(
    ("status", "safe", "raised", "times"),
    [
        (400, True, ServiceRefused, 1),
        (401, True, ServiceKeyRefused, 1),
        (403, False, ServiceKeyRefused, 1),
        (404, True, ServiceRefused, 1),
        (422, False, ServiceRefused, 1),
        (500, True, ServiceFailed, 4),
        (502, True, ServiceFailed, 4),
        (500, False, ServiceFailed, 1),
        (502, False, SubmittedUnknown, 1),
        (504, False, SubmittedUnknown, 1),
        (524, False, SubmittedUnknown, 1),
        (520, False, SubmittedUnknown, 1),
        (522, False, ServiceBusy, 1),
        (503, False, ServiceBusy, 1),
        (503, True, ServiceFailed, 4),
    ],
)
def test_errors(
    server: Vendor, status: int, safe: bool, raised: type[MaquetteError], times: int
) -> None:
    server.faults += [
        Fault("reply", answer=Reply({"error": {"message": f"bad\nkey {KEY} here"}}, status))
    ] * 9
    with client(server) as here, pytest.raises(raised) as told:
        here.send("POST", "/a", safe=safe)
    assert type(told.value) is raised
    assert len(server.asked("/a")) == times
    assert "key ••• here" in str(told.value) and "\n" not in str(told.value)


def test_a_service_s_own_words(server: Vendor) -> None:
    def explain(answer: Answer) -> MaquetteError | None:
        return Moderated("blocked, " + KEY) if answer.said("error", "code") == "policy" else None

    server.faults.append(Fault("reply", answer=Reply({"error": {"code": "policy"}}, 400)))
    with client(server, explain=explain) as here:
        with pytest.raises(Moderated, match="blocked, •••"):
            here.post("/a")
        server.faults.append(Fault("reply", answer=Reply({"error": {"code": "other"}}, 400)))
        with pytest.raises(ServiceRefused):
            here.post("/a")


def test_too_large_an_answer(server: Vendor) -> None:
    with client(server) as here, pytest.raises(ServiceFailed, match="more than 1 MB"):
        here.get("/large", limit=2**20)


def test_another_kind_of_answer(server: Vendor) -> None:
    page = Reply(b"<html>a gateway</html>", headers={"Content-Type": "text/html"})
    server.faults.append(Fault("reply", answer=page))
    with client(server) as here, pytest.raises(ServiceFailed, match="text/html instead of JSON"):
        here.get("/a").json()


def test_the_key_goes_to_no_other_host(server: Vendor) -> None:
    with client(server) as here:
        assert here.get(f"{server.url}/whole").json()["path"] == "/whole"
        with pytest.raises(ServiceRefused, match="elsewhere"):
            here.get("https://elsewhere.example/whole")
        server.faults.append(
            Fault("reply", answer=Reply(b"", 302, {"Location": "https://elsewhere.example/"}))
        )
        assert here.get("/a").status == 302  # and nothing is followed


def test_events(server: Vendor) -> None:
    with client(server) as here:
        found = list(here.events("/events", json={}))
        assert [(event.name, event.json()["n"]) for event in found] == [
            ("step", n) for n in range(4)
        ]
        assert [event.json()["path"] for event in here.events("/plain", json={})] == ["/plain"]


def test_events_that_break_off(server: Vendor) -> None:
    server.faults.append(Fault("cut"))
    with client(server) as here, pytest.raises(SubmittedUnknown):
        list(here.events("/events", json={}))
    assert len(server.asked("/events")) == 1


def test_events_after_too_many_requests(server: Vendor) -> None:
    server.faults.append(Fault("reply", answer=Reply(b"", 429, {"retry-after": "0"})))
    with client(server) as here:
        assert len(list(here.events("/events", json={}))) == 4


def test_stopped_while_waiting(server: Vendor) -> None:
    server.faults.append(Fault("hang", seconds=3))
    stop = threading.Event()
    server.on_request = lambda asked: stop.set()
    with client(server, stop=stop.is_set) as here, pytest.raises(Cancelled):
        here.post("/a")
    with client(server, stop=stop.is_set) as here, pytest.raises(Cancelled):
        here.get("/a")
    assert len(server.asked("/a")) == 1


def test_keys_are_told_to_no_log(server: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with client(server) as here:
        here.get("/a")
        assert KEY not in repr(here) + repr(vars(here)["_client"])
    assert KEY not in caplog.text


def test_a_rate_holds_everybody(server: Vendor, tmp_path: Path) -> None:
    rate = Rate("the service", 6000, burst=2, folder=tmp_path)
    server.faults.append(Fault("reply", answer=Reply(b"", 429, {"retry-after": "0.3"})))
    began = time.monotonic()
    with client(server, rate=rate) as here:
        here.post("/a")
    assert time.monotonic() - began >= 0.3
    assert server.asked("/a")[1] is not None


def test_no_key_goes_in_the_clear_to_a_public_address(
    server: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller, "is_public", lambda address: True)
    with client(server) as here, pytest.raises(AddressRefused, match="without encryption"):
        here.get("/a")
    assert not server.log
    with Caller(server.url, service="the service") as open_to_all:
        assert open_to_all.get("/a").status == 200  # there is no key to be read
