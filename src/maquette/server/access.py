"""Who may speak to the server: host names, origins, the CSRF token, the token of a far address.

On a loopback address there is no ceremony: whoever can connect is the person at the desk. What
must be kept out there are other web pages in that person's browser, by DNS rebinding (the Host
header must be a loopback name), by requests of their own (the Origin must be this server's) and
by forms (what changes anything needs a header that no form can send). At any other address a
token is needed as well, once, for a cookie that no script can read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["COOKIE", "CSRF_HEADER", "PLAIN_HEADER", "Access", "is_loopback", "key_in"]

COOKIE = "maquette_session"
CSRF_HEADER = "x-csrf-token"
PLAIN_HEADER = "x-maquette"

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TRIES, _WINDOW = 10, 60.0
"""So many different wrong tokens in so many seconds, and then that address is not heard."""

_LONG = 20
"""Characters of a token that nobody guesses, however often they may try (ours have 32)."""

_PLACES = 10_000
"""Addresses whose wrong tokens are remembered."""


def is_loopback(host: str) -> bool:
    """Whether an address that a server listens on can be reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass
class Access:
    """``host`` is the address listened on, ``token`` the secret that other addresses need (None:
    no ceremony), ``names`` more host names that the server answers to, ``origins`` those of other
    sites' pages whose scripts may use the faces (``null`` is a sandboxed plug-in's)."""

    host: str = "127.0.0.1"
    token: str | None = None
    names: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _wrong: dict[str, dict[bytes, float]] = field(default_factory=dict[str, dict[bytes, float]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def at(
        cls,
        host: str,
        token: str | None = None,
        names: Iterable[str] = (),
        origins: Iterable[str] = (),
    ) -> Access:
        """The access for an address; a token is made where one is needed and none is given: at
        every address but this machine's own, and where pages of other sites are let in."""
        allowed = frozenset(origin.lower().rstrip("/") for origin in origins)
        if token is None and (allowed or not is_loopback(host)):
            token = secrets.token_urlsafe(24)
        known = frozenset(name.lower() for name in names)
        return cls(host=host, token=token, names=known, origins=allowed)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    def knows_host(self, header: str | None) -> bool:
        """Whether a Host header names this server."""
        name = _host_of(header or "")
        if not name:
            return False
        if name in _LOOPBACK or name in self.names or name == self.host.strip("[]").lower():
            return True
        if self.loopback:
            return False
        # A rebound DNS name is a name: an address cannot be one.
        return _is_address(name) or name in {
            socket.gethostname().lower(),
            socket.getfqdn().lower(),
        }

    def knows_origin(self, origin: str | None, scheme: str, host: str | None) -> bool:
        """Whether a request comes from this server's own pages, or from no page at all."""
        if origin is None:
            return True
        found = urlsplit(origin)
        return (
            found.scheme in {scheme, "https"}
            and found.netloc != ""
            and found.netloc.lower() == (host or "").lower()
        )

    def lets_in(self, origin: str | None) -> bool:
        """Whether scripts of pages from there may use the faces."""
        return origin is not None and origin.lower() in self.origins

    def may_change(self, plain: str | None, csrf: str | None) -> bool:
        """Whether a request carries what no foreign page can make a browser send."""
        return plain == "1" or (csrf is not None and _same(csrf, self.csrf))

    def knows_cookie(self, value: str | None) -> bool:
        """Whether a cookie is one that this server gave for the token."""
        return value is not None and _same(value, self.cookie)

    def admits(self, given: str, who: str) -> bool:
        """Whether this is the token, from somebody at the address ``who``. Compared in constant
        time.

        Wrong ones are counted, each once: a program that asks again and again with an old token is
        no guesser. Who tried too many is not heard for a while. Nobody else is locked out by that,
        and where the token is long, nobody at all who has it: such a one is not guessed.
        """
        wait = self.wait_seconds(who)
        with self._lock:
            token = self.token or ""
            if token and _same(given, token):
                return not wait or len(token) >= _LONG
            if given and not wait:
                tried = self._wrong.setdefault(_place(who), {})
                tried[hashlib.sha256(given.encode("utf-8", "replace")).digest()] = time.monotonic()
                while len(self._wrong) > _PLACES:
                    self._wrong.pop(next(iter(self._wrong)))
            return False

    def wait_seconds(self, who: str) -> int:
        """How long nobody at this address is asked for a token, after too many wrong ones; 0 =
        ask."""
        with self._lock:
            place, since = _place(who), time.monotonic() - _WINDOW
            tried = {key: at for key, at in self._wrong.get(place, {}).items() if at > since}
            if not tried:
                self._wrong.pop(place, None)
                return 0
            self._wrong[place] = tried
            return 0 if len(tried) < _TRIES else max(1, round(min(tried.values()) - since))

    @property
    def cookie(self) -> str:
        """What the cookie holds: nothing of the token itself, and the same after a restart."""
        key = (self.token or "").encode()
        return hmac.new(key, b"maquette session cookie 1", hashlib.sha256).hexdigest()


def key_in(header: str | None, *, login: bool) -> str:
    """What an Authorization header gives as the token: a bearer (RFC 6750) or, where a ``login``
    may be one, the password of a name (RFC 7617), whatever the name; empty for anything else."""
    kind, _, given = (header or "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() != "basic" or not login:
        return ""
    try:
        pair = base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return pair.partition(":")[2]


def _place(who: str) -> str:
    """An address as it is counted: of the sixth version, the net that one customer gets."""
    try:
        address = ipaddress.ip_address(who)
    except ValueError:
        return who
    if isinstance(address, ipaddress.IPv4Address):
        return who
    return str(ipaddress.ip_network((address, 64), strict=False))


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())


def _host_of(header: str) -> str:
    """The host of a Host header, without its port; empty for a malformed one."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return ""
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return ""
    return (parts.hostname or "").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
