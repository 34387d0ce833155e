"""The client for one service: what it sends, how often, how long, and what is made of errors."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr

from maquette.errors import (
    AddressRefused,
    MaquetteError,
    ServiceBusy,
    ServiceFailed,
    ServiceKeyRefused,
    ServiceRefused,
    ServiceUnreachable,
    SubmittedUnknown,
)
from maquette.net.addresses import is_public, resolve
from maquette.net.answers import Answer, Event, Explain, retry_after
from maquette.net.rates import Rate, wait
from maquette.net.wire import Transport, Wire

__all__ = ["Caller"]

TRIES = 4
LONGEST_PAUSE = 60.0
MAX_BYTES = 128 * 2**20


_NOT_PASSED_ON = frozenset({503, 521, 522, 523, 525, 526, 530})
"""What a gateway answers that did not reach the service behind it (52x: Cloudflare's)."""
_PERHAPS_PASSED_ON = frozenset({502, 504, 520, 524})
"""What a gateway answers that got no sensible answer, or none in time, from the service behind it:
that may have carried the request out."""


class Caller:
    """Speaks with one service at one address. Use it in a ``with``; it is for one thread.

    A request is repeated, with pauses that grow and jitter, only where that is safe: what is
    ``safe`` by itself (GET, or a POST with an idempotency key), what never left this machine, and
    what the service refused for being too much (429). A POST that was sent and got no whole answer
    raises ``SubmittedUnknown``.
    """

    def __init__(
        self,
        base: str,
        *,
        service: str,
        headers: Mapping[str, str | SecretStr] | None = None,
        auth: tuple[str, SecretStr] | None = None,
        rate: Rate | None = None,
        stop: Callable[[], bool] | None = None,
        explain: Explain | None = None,
        seconds: float = 300.0,
        tries: int = TRIES,
        domain: str = "",
        hidden: tuple[SecretStr, ...] = (),
    ) -> None:
        """``service`` is its name for people; ``seconds`` is how long one request may take.
        ``rate`` counts what is not safe: work, not looking. The service may send its client to
        other hosts of ``domain``, over https, and to no other. ``hidden`` are secrets that travel
        in bodies: they are cut out of whatever it says.
        """
        self.base = base.rstrip("/")
        self.service = service
        self._rate, self._stop, self._explain = rate, stop, explain
        self._seconds, self._domain = seconds, domain
        self.tries = tries
        """How often what may be repeated is sent at most."""
        given = dict(headers or {})
        plain = {key: _bare(value) for key, value in given.items()}
        secret = [_bare(value) for value in given.values() if isinstance(value, SecretStr)]
        secret += [_bare(value) for value in (*hidden, *([] if auth is None else [auth[1]]))]
        # 'Bearer KEY': the key alone may come back in a message.
        self._near: set[str] = set()
        self._secrets = [*secret, *(word for each in secret for word in each.split()[1:])]
        self.wire = Wire(public=False, stop=stop)
        self.status = 0
        """Of the last answer to something that was not safe to repeat; 0 before there is one."""
        self._client = httpx2.Client(
            transport=Transport(self.wire),
            headers={"User-Agent": "maquette", "Accept-Encoding": "identity", **plain},
            auth=(auth[0], _bare(auth[1])) if auth is not None else None,
            timeout=httpx2.Timeout(seconds, connect=10.0),
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, *, limit: int = MAX_BYTES, **what: Any) -> Answer:
        """A GET, repeated where that helps. ``path`` may be a whole URL.

        Raises:
            ServiceUnreachable, ServiceFailed, ServiceRefused, ServiceKeyRefused, ServiceBusy,
            Cancelled, and what the service's own ``explain`` says.
        """
        return self.send("GET", path, safe=True, limit=limit, **what)

    def post(self, path: str, *, safe: bool = False, limit: int = MAX_BYTES, **what: Any) -> Answer:
        """A POST with ``json``, ``data``, ``files`` or ``content``. ``safe`` says that sending it
        twice does no more than sending it once.

        Raises:
            SubmittedUnknown: it is not safe, was sent, and no whole answer came.
            And what ``get`` raises.
        """
        return self.send("POST", path, safe=safe, limit=limit, **what)

    def send(
        self, method: str, path: str, *, safe: bool, limit: int = MAX_BYTES, **what: Any
    ) -> Answer:
        """Any request; see ``get`` and ``post``."""
        for attempt in range(1, self.tries + 1):
            last = attempt == self.tries
            if self._rate is not None and not safe:
                self._rate.take(self._stop)
            try:
                with self._open(method, path, what) as response:
                    answer = self._read(response, limit)
            except _Lost as lost:
                if last or not (safe or not lost.sent):
                    raise self._unanswered(lost, safe) from lost
                wait(_pause(attempt), self._stop)
                continue
            if not safe:
                self.status = answer.status
            if answer.status < 400:
                return answer
            if self._explain is not None and self._explain(answer) is not None:
                raise self.refusal(answer, safe=safe)  # it will say the same the next time
            pause = retry_after(answer)
            if answer.status == 429 and self._rate is not None:
                self._rate.hold(min(pause if pause is not None else 1.0, LONGEST_PAUSE))
            again = answer.status == 429 or (safe and answer.status in {408, 500, 502, 503, 504})
            if last or not again or (pause or 0) > LONGEST_PAUSE:
                raise self.refusal(answer, safe=safe)
            wait(pause if pause is not None else _pause(attempt), self._stop)
        raise AssertionError("unreachable")

    def events(self, path: str, *, limit: int = MAX_BYTES, **what: Any) -> Iterator[Event]:
        """A POST whose answer is a stream of events; never repeated once it was sent.

        A service that answers with JSON instead yields one event without a name.

        Raises:
            SubmittedUnknown: the stream broke off or was more than ``limit`` bytes.
            And what ``get`` raises.
        """
        for attempt in range(1, self.tries + 1):
            if self._rate is not None:
                self._rate.take(self._stop)
            try:
                with self._open("POST", path, what) as response:
                    self.status = response.status_code
                    if response.status_code >= 400:
                        answer = self._read(response, limit)
                        pause = retry_after(answer)
                        if answer.status != 429 or attempt == self.tries:
                            raise self.refusal(answer, safe=False)
                        explained = self._explain is not None and self._explain(answer)
                        if explained or (pause or 0) > LONGEST_PAUSE:
                            raise self.refusal(answer, safe=False)
                    elif "text/event-stream" in response.headers.get("content-type", ""):
                        yield from self._events(response, limit)
                        return
                    else:
                        yield Event("", self._read(response, limit).body.decode("utf-8", "replace"))
                        return
            except _Lost as lost:
                if lost.sent or attempt == self.tries:
                    raise self._unanswered(lost, safe=False) from lost
                pause = None
            wait(pause if pause is not None else _pause(attempt), self._stop)

    @contextmanager
    def listen(self, path: str) -> Iterator[Callable[[float], str | bytes | None]]:
        """A web socket of the service. What is yielded waits so many seconds for a message: text,
        bytes, or None when there was none.

        Raises:
            ServiceFailed: there is no web socket, or it broke off.
        """
        from httpx2.websockets import HTTPXWSException
        from wsproto.events import BytesMessage, TextMessage

        url = f"ws{self.base.removeprefix('http')}{path}"
        headers, auth = self._client.headers, self._client.auth
        wire = Wire(public=False)  # it is read in a thread of its own, and closed by the block
        with httpx2.Client(transport=Transport(wire), headers=headers, auth=auth) as client:
            try:
                with client.websocket(url, max_message_size_bytes=16 * 2**20) as session:

                    def receive(seconds: float) -> str | bytes | None:
                        try:
                            event = session.receive(timeout=seconds)
                        except TimeoutError:
                            return None
                        if isinstance(event, TextMessage):
                            return event.data
                        return bytes(event.data) if isinstance(event, BytesMessage) else None

                    yield receive
            except (HTTPXWSException, httpx2.HTTPError) as error:
                about = f"the web socket of {self.service} broke off ({type(error).__name__})"
                raise ServiceFailed(about) from error

    def refusal(self, answer: Answer, *, safe: bool = True) -> MaquetteError:
        """What an answer of 400 and more means."""
        if self._explain is not None and (told := self._explain(answer)) is not None:
            return type(told)(self.clean(str(told)), hint=told.hint)
        said = self.clean(
            answer.said("error", "message")
            or answer.said("message")
            or answer.said("detail")
            or answer.said("error")
            or answer.said("errors")
        )
        about = f"{self.service} answers {answer.status}" + (f": {said}" if said else "")
        match answer.status:
            case 401 | 403:
                hint = "check the key and what the account may do"
                return ServiceKeyRefused(about, hint=hint)
            case 429:
                return ServiceBusy(about)
            case status if status in _NOT_PASSED_ON and not safe:
                return ServiceBusy(about)
            case status if status in _PERHAPS_PASSED_ON and not safe:
                return SubmittedUnknown(f"{about}; it may have been carried out all the same")
            case status if status >= 500:
                return ServiceFailed(about, hint="order again; its own status page may say more")
            case _:
                return ServiceRefused(about)

    def clean(self, text: str) -> str:
        """A service's words for people: one line, not too long, no key in it."""
        for secret in self._secrets:
            if len(secret) >= 4:
                text = text.replace(secret, "•••")
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:400]

    @contextmanager
    def _open(self, method: str, path: str, what: Mapping[str, Any]) -> Iterator[httpx2.Response]:
        url = path if "://" in path else f"{self.base}{path}"
        given = dict(what)
        self.wire.begin(float(given.pop("seconds", self._seconds)))
        if not self._is_ours(url):
            raise ServiceRefused(f"{self.service} sends its client to {urlsplit(url).hostname}")
        self._keep_secrets(url)
        try:
            with self._client.stream(method, url, **given) as response:
                yield response
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise _Lost(error, self.wire.sent) from error

    def _keep_secrets(self, url: str) -> None:
        """No key goes over a wire that anybody can read: without TLS only to this machine and to
        networks of one's own.

        Raises:
            AddressRefused, ServiceUnreachable.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not self._secrets or parts.netloc in self._near:
            return
        addresses = resolve(parts.hostname or "", parts.port or 80, public=False)
        if any(is_public(each) for each in addresses):
            raise AddressRefused(
                f"{self.service} is at a public address without encryption, and there is a key",
                hint="use its https address",
            )
        self._near.add(parts.netloc)

    def _is_ours(self, url: str) -> bool:
        # The key goes along: never to another host than the service's own.
        theirs, own = urlsplit(url), urlsplit(self.base)
        if self._domain and theirs.scheme == "https" and theirs.port in {None, 443}:
            host = theirs.hostname or ""
            if host == self._domain or host.endswith(f".{self._domain}"):
                return True
        return (theirs.scheme, theirs.netloc) == (own.scheme, own.netloc)

    def _read(self, response: httpx2.Response, limit: int) -> Answer:
        found = bytearray()
        for piece in response.iter_bytes():
            found += piece
            if len(found) > limit:
                raise ServiceFailed(
                    f"{self.service} answers with more than {limit / 2**20:g} MB",
                    hint="ask for a smaller picture",
                )
        headers = {key.lower(): value for key, value in response.headers.items()}
        return Answer(response.status_code, headers, bytes(found))

    def _events(self, response: httpx2.Response, limit: int) -> Iterator[Event]:
        taken = 0
        for event in httpx2.EventSource(response, limit):
            taken += len(event.data)
            if taken > limit:
                raise SubmittedUnknown(f"{self.service} streams more than {limit / 2**20:g} MB")
            yield Event(event.event, event.data)

    def _unanswered(self, lost: _Lost, safe: bool) -> MaquetteError:
        why = type(lost.error).__name__
        if isinstance(lost.error, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
            return ServiceUnreachable(f"{self.service} has no address that can be called")
        if not lost.sent:
            host = urlsplit(self.base).netloc
            return ServiceUnreachable(f"{self.service} does not answer at {host}")
        if safe:
            return ServiceFailed(f"{self.service} broke off ({why})", hint="order again")
        return SubmittedUnknown(f"{self.service} was asked, and its answer never came ({why})")


class _Lost(Exception):
    """No whole answer."""

    def __init__(self, error: Exception, sent: bool) -> None:
        super().__init__(str(error))
        self.error, self.sent = error, sent


def _bare(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _pause(attempt: int) -> float:
    """Full jitter: anything up to a bound that doubles."""
    return random.uniform(0.1, min(20.0, 0.5 * 2**attempt))  # noqa: S311 - no secret
