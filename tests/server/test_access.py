"""Who may speak to the server."""

from __future__ import annotations

import pytest

from maquette.server.access import Access, is_loopback


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.4", False),
        ("studio.example", False),
    ],
)
def test_only_this_machine_needs_no_token(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    assert (Access.at(host).token is None) is loopback
    assert Access.at(host, "given").token == "given"


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("127.0.0.1:7860", True),
        ("localhost:7860", True),
        ("LOCALHOST", True),
        ("[::1]:7860", True),
        ("evil.example", False),
        ("evil.example:7860", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:7860", False),
        ("127.0.0.1:port", False),
        ("user@127.0.0.1", False),
        ("127.0.0.1/evil", False),
        ("192.168.1.4:7860", False),
        ("", False),
        (None, False),
    ],
)
def test_a_rebound_name_is_not_known_at_the_desk(header: str | None, known: bool) -> None:
    assert Access.at("127.0.0.1").knows_host(header) is known


def test_another_address_answers_to_addresses_and_to_names_that_were_given() -> None:
    access = Access.at("0.0.0.0", names=["Studio.example"])
    assert access.knows_host("192.168.1.4:7860")
    assert access.knows_host("studio.example:7860")
    assert access.knows_host("127.0.0.1:7860")
    assert not access.knows_host("evil.example:7860")


@pytest.mark.parametrize(
    ("origin", "known"),
    [
        (None, True),
        ("http://127.0.0.1:7860", True),
        ("http://127.0.0.1:7861", False),
        ("http://localhost:7860", False),
        ("http://evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_an_origin_must_be_the_server_itself(origin: str | None, known: bool) -> None:
    access = Access.at("127.0.0.1")
    assert access.knows_origin(origin, "http", "127.0.0.1:7860") is known


def test_what_may_change_something() -> None:
    access = Access.at("127.0.0.1")
    assert access.may_change("1", None)
    assert access.may_change(None, access.csrf)
    assert not access.may_change(None, None)
    assert not access.may_change("0", "guess")


def test_the_cookie_tells_nothing_of_the_token_and_outlives_a_restart() -> None:
    first, again = Access.at("0.0.0.0", "secret"), Access.at("0.0.0.0", "secret")
    assert "secret" not in first.cookie
    assert first.cookie == again.cookie != Access.at("0.0.0.0", "other").cookie
    assert first.knows_cookie(again.cookie)
    assert not first.knows_cookie("") and not first.knows_cookie(None)


def test_guessing_is_stopped() -> None:
    access, guesser, other = Access.at("0.0.0.0", "secret"), "192.0.2.1", "192.0.2.2"
    assert access.admits("secret", guesser)
    assert access.wait_seconds(guesser) == 0
    for number in range(10):
        assert not access.admits(f"guess {number}", guesser)
    assert 0 < access.wait_seconds(guesser) <= 60
    assert not access.admits("secret", guesser), "a short token might have been guessed"
    assert access.admits("secret", other)
