"""``fetch``: a picture from somewhere on the web, by a link that nobody has vouched for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx2
from PIL import Image

from maquette.core.picture import decode_picture
from maquette.errors import (
    AddressRefused,
    PictureRefused,
    ServiceFailed,
    ServiceRefused,
    ServiceUnreachable,
)
from maquette.net.addresses import Policy, check_url
from maquette.net.wire import Transport, Wire

__all__ = ["Fetched", "fetch"]

_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Fetched:
    """A picture from the web: where it was found at last, its file, and the decoded picture."""

    url: str
    data: bytes
    image: Image.Image


def fetch(
    url: str, policy: Policy | None = None, *, stop: Callable[[], bool] | None = None
) -> Fetched:
    """Fetch a picture.

    Only https by default, and only public addresses: they are checked after the name was resolved,
    on every redirect, and the connection goes to the very address that was checked, so that a name
    that answers differently the second time gains nothing. No cookies, no credentials, no proxy.
    What the server says of the content counts for nothing: it must decode as a picture.

    Raises:
        AddressRefused: another scheme, or an address that is not public.
        ServiceUnreachable, ServiceRefused, ServiceFailed: it does not answer, answers with an
            error, or not in time.
        PictureRefused: too many bytes or pixels, or no picture.
        Cancelled.
    """
    policy = policy or Policy()
    wire = Wire(public=not policy.private, stop=stop)
    wire.begin(policy.seconds)
    with ExitStack() as stack:
        client = stack.enter_context(
            httpx2.Client(
                transport=Transport(wire),
                trust_env=False,
                follow_redirects=False,
                timeout=policy.seconds,
                headers={"User-Agent": "maquette", "Accept": "image/*", "Accept-Encoding": ""},
            )
        )
        for _ in range(policy.redirects + 1):
            check_url(url, policy)
            moved, data = _look(client, url, policy)
            if moved is None:
                name = urlsplit(url).path.rsplit("/", 1)[-1] or "the picture"
                return Fetched(url, data, decode_picture(data, name=name))
            url = moved
    raise AddressRefused(f"more than {policy.redirects} redirects")


def _look(client: httpx2.Client, url: str, policy: Policy) -> tuple[str | None, bytes]:
    """Where else to look, or the bytes."""
    host = urlsplit(url).hostname
    try:
        with client.stream("GET", url) as response:
            if response.status_code in _MOVED:
                if not (place := response.headers.get("location")):
                    raise ServiceFailed(f"{host} redirects to nowhere")
                return urljoin(url, place), b""
            if response.status_code != 200:
                raise ServiceRefused(f"{host} answers {response.status_code} for this address")
            if int(response.headers.get("content-length") or 0) > policy.max_bytes:
                raise _too_large(policy)
            found = bytearray()
            for piece in response.iter_bytes():
                found += piece
                if len(found) > policy.max_bytes:
                    raise _too_large(policy)
            return None, bytes(found)
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise ServiceUnreachable(f"{host} does not answer") from error
    except httpx2.TimeoutException as error:
        raise ServiceFailed(f"{host} took longer than {policy.seconds:g} s") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise ServiceFailed(f"{host} broke off: {type(error).__name__}") from error


def _too_large(policy: Policy) -> PictureRefused:
    most = f"{policy.max_bytes / 2**20:g} MB"
    return PictureRefused(f"there is more than {most} behind this address")
