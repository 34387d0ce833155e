"""The door, over a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from maquette.server.access import COOKIE, Access
from maquette.server.guard import MAX_JSON

from .conftest import CHANGES, Project, Running, is_problem, start

PROMPT = "/api/v1/prompt"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "user@127.0.0.1"])
def test_another_host_name_is_refused(http: httpx2.Client, host: str) -> None:
    is_problem(http.get("/api/v1/session", headers={"Host": host}), 403, "host-refused")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_origin_is_refused(http: httpx2.Client, origin: str) -> None:
    answer = http.post(PROMPT, json={"text": "a"}, headers={"Origin": origin})
    is_problem(answer, 403, "origin-refused")
    assert "access-control-allow-origin" not in answer.headers


def test_its_own_origin_is_not(server: Running, http: httpx2.Client) -> None:
    own = http.post(PROMPT, json={"text": "a"}, headers={"Origin": server.address})
    assert own.status_code == 200


def test_what_changes_something_needs_its_header(server: Running) -> None:
    with httpx2.Client(base_url=server.address) as bare:
        is_problem(bare.post(PROMPT, json={"text": "a"}), 403, "csrf-refused")
        csrf = bare.get("/api/v1/session").json()["csrf"]
        with_token = bare.post(PROMPT, json={"text": "a"}, headers={"X-CSRF-Token": csrf})
        assert with_token.status_code == 200
        wrong = bare.post(PROMPT, json={"text": "a"}, headers={"X-CSRF-Token": csrf[:-1]})
        is_problem(wrong, 403, "csrf-refused")


def test_every_answer_is_sealed(http: httpx2.Client, project: Project) -> None:
    image = project.made[0].image
    for path in ("/", "/api/v1/session", f"{project.base}/pictures/{image}", "/api/v1/nothing"):
        headers = http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert "img-src 'self' blob: data:" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


def test_a_body_that_says_it_is_too_large_is_refused_at_once(server: Running) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    head = f"POST {PROMPT} HTTP/1.1\r\nHost: {host}\r\nX-Maquette: 1\r\nContent-Length: {10**12}"
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(f"{head}\r\n\r\n{{}}".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 413") and "body-too-large" in answer


def test_a_body_that_does_not_say_is_counted(http: httpx2.Client) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(MAX_JSON // 65536 + 40):
            yield b" " * 65536

    try:
        answer = http.post(PROMPT, content=endless(), headers={"Content-Type": "application/json"})
    except httpx2.TransportError:
        return  # the server hung up while it was still being sent, which is as good
    is_problem(answer, 413, "body-too-large")


def test_garbage_is_no_fault(server: Running) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    for line in (b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(line)
            assert raw.recv(64).startswith(b"HTTP/1.1 4")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Running]:
    """A server that thinks it listens at another address."""
    running = start(tmp_path, Access.at("0.0.0.0", "open sesame"))
    yield running
    running.stop()


def test_another_address_needs_the_token(far: Running) -> None:
    with far.client() as client:
        is_problem(client.get("/api/v1/projects"), 401, "token-needed")
        is_problem(client.get("/metrics"), 401, "token-needed")
        assert client.get("/healthz").status_code == 200
        bearer = {"Authorization": "Bearer open sesame"}
        assert client.get("/api/v1/projects", headers=bearer).status_code == 200
        assert client.get("/api/v1/session", headers=bearer).json()["loopback"] is False


def test_a_person_signs_in_on_a_page(far: Running) -> None:
    with far.client() as client:
        page = client.get("/p/moon", headers={"Accept": "text/html"})
        assert page.status_code == 303 and page.headers["location"] == "/login"
        form = client.get("/login")
        assert form.status_code == 200 and "<script" not in form.text and "style=" not in form.text
        assert client.get("/login.css").headers["content-type"].startswith("text/css")
        assert client.post("/login", data={"token": "wrong"}).status_code == 401
        done = client.post("/login", data={"token": "open sesame"})
        assert done.status_code == 303
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "sesame" not in cookie
        assert client.get("/api/v1/projects").status_code == 200
        assert client.post("/logout", headers=CHANGES).status_code == 204
        client.cookies.clear()
        assert client.get("/api/v1/projects").status_code == 401


def test_a_form_of_another_site_cannot_sign_in(far: Running) -> None:
    with far.client() as client:
        given = {"token": "open sesame"}
        other = client.post("/login", data=given, headers={"Origin": "http://evil.example"})
        is_problem(other, 403, "origin-refused")
        cross = client.post("/login", data=given, headers={"Sec-Fetch-Site": "cross-site"})
        is_problem(cross, 403, "origin-refused")


def test_a_made_up_cookie_opens_nothing(far: Running) -> None:
    for value in ("", "a" * 64, '"', "a;b=c"):
        with far.client(headers={**CHANGES, "Cookie": f"{COOKIE}={value}"}) as client:
            assert client.get("/api/v1/projects").status_code == 401


def test_guessing_ends(far: Running) -> None:
    with far.client() as client:
        for number in range(10):
            guess = {"Authorization": f"Bearer guess {number}"}
            assert client.get("/api/v1/projects", headers=guess).status_code == 401
        right = {"Authorization": "Bearer open sesame"}
        is_problem(client.get("/api/v1/projects", headers=right), 429, "too-many-attempts")
        assert client.post("/login", data={"token": "open sesame"}).status_code == 429


class TestWhoIsHeard:
    """Wrong tokens lock out who tries them, and nobody who has the right one."""

    LONG = "a token that nobody guesses"

    def tried(self, token: str, *, times: int = 10, who: str = "10.0.0.1") -> Access:
        access = Access(host="0.0.0.0", token=token)
        for number in range(times):
            assert not access.admits(f"guess {number}", who)
        return access

    def test_an_old_token_asked_again_and_again_is_no_guess(self) -> None:
        access = Access(host="0.0.0.0", token="short")
        assert not any(access.admits("an old one", "10.0.0.1") for _ in range(50))
        assert access.wait_seconds("10.0.0.1") == 0 and access.admits("short", "10.0.0.1")

    def test_guessing_ends_for_that_address_alone(self) -> None:
        access = self.tried("short")
        assert 0 < access.wait_seconds("10.0.0.1") <= 60
        assert not access.admits("short", "10.0.0.1") and access.admits("short", "10.0.0.2")

    def test_a_long_token_is_always_heard(self) -> None:
        access = self.tried(self.LONG)
        assert access.admits(self.LONG, "10.0.0.1")
        assert not access.admits(self.LONG[:-1], "10.0.0.1")

    def test_the_addresses_of_one_net_are_one(self) -> None:
        access = self.tried("short", who="2001:db8::1")
        assert access.wait_seconds("2001:db8::2") and not access.wait_seconds("2001:db9::2")

    def test_what_is_no_token_is_not_counted(self) -> None:
        access = Access(host="0.0.0.0", token="short")
        assert not any(access.admits("", "10.0.0.1") for _ in range(20))
        assert access.wait_seconds("10.0.0.1") == 0
