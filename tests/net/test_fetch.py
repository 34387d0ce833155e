from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.vendors.serving import Asked, Fault, Reply, Vendor, serving

from maquette.core.picture import encode_png
from maquette.errors import (
    AddressRefused,
    Cancelled,
    PictureRefused,
    ServiceFailed,
    ServiceRefused,
    ServiceUnreachable,
)
from maquette.net import Policy, addresses, fetch

HERE = Policy(private=True, plain=True, seconds=60.0)
PNG = encode_png(Image.new("RGB", (8, 6), "red"))


def answer(asked: Asked) -> Reply:
    match asked.path:
        case "/red.png":
            return Reply(PNG, headers={"Content-Type": "image/png"})
        case "/liar":
            return Reply(PNG, headers={"Content-Type": "text/html"})
        case "/page":
            return Reply(b"<html>", headers={"Content-Type": "image/png"})
        case "/moved":
            return Reply(status=302, headers={"Location": "/red.png"})
        case "/round":
            return Reply(status=302, headers={"Location": "/round"})
        case "/away":
            return Reply(status=302, headers={"Location": asked.query["to"]})
        case "/vast":
            return Reply(b"x" * 2**16 for _ in range(10**4))
        case "/vast-said":
            return Reply(PNG, headers={"Content-Length": str(10**12)})
        case "/bomb":
            return Reply(_bomb())
        case _:
            return Reply(b"no", 404)


def _bomb() -> bytes:
    import io

    buffer = io.BytesIO()
    Image.fromarray(np.zeros((20_000, 20_000), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[Vendor]:
    with serving(answer) as vendor:
        yield vendor


def test_a_picture(server: Vendor) -> None:
    found = fetch(f"{server.url}/red.png", HERE)
    assert found.image.size == (8, 6) and found.data == PNG
    headers = server.log[-1].headers
    assert "cookie" not in headers and "authorization" not in headers and "referer" not in headers


def test_the_bytes_decide_not_the_header(server: Vendor) -> None:
    assert fetch(f"{server.url}/liar", HERE).image.size == (8, 6)
    with pytest.raises(PictureRefused):
        fetch(f"{server.url}/page", HERE)


def test_redirects(server: Vendor) -> None:
    assert fetch(f"{server.url}/moved", HERE).url == f"{server.url}/red.png"
    with pytest.raises(AddressRefused, match="5 redirects"):
        fetch(f"{server.url}/round", HERE)
    with pytest.raises(AddressRefused):
        fetch(f"{server.url}/away?to=file:///etc/passwd", HERE)


def test_this_machine_is_refused_before_anything_is_sent(server: Vendor) -> None:
    before = len(server.log)
    with pytest.raises(AddressRefused, match="private"):
        fetch(f"{server.url}/red.png", Policy(plain=True))
    assert len(server.log) == before


def test_a_redirect_to_a_private_address_is_refused(
    server: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.1 plays a public host, 127.0.0.2 a private one."""
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    policy = Policy(plain=True)
    assert fetch(f"{server.url}/red.png", policy).image.size == (8, 6)
    target = f"http://127.0.0.2:{server.port}/red.png"
    before = len(server.log)
    with pytest.raises(AddressRefused, match="private"):
        fetch(f"{server.url}/away?to={target}", policy)
    assert len(server.log) == before + 1


def test_a_name_that_changes_its_mind(server: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the connection goes to the address that was checked, with one look-up."""
    looked: list[str] = []
    real = socket.getaddrinfo

    def lookup(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "pictures.example":
            looked.append(host)
            host = "127.0.0.1" if len(looked) == 1 else "127.0.0.2"
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    found = fetch(f"http://pictures.example:{server.port}/red.png", Policy(plain=True))
    assert found.image.size == (8, 6) and looked == ["pictures.example"]
    assert server.log[-1].headers["host"] == f"pictures.example:{server.port}"


def test_one_private_address_among_public_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_: Any, **__: Any) -> Any:
        return [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(AddressRefused):
        fetch("https://pictures.example/a.png")


@pytest.mark.parametrize("path", ["/vast", "/vast-said"])
def test_too_many_bytes(server: Vendor, path: str) -> None:
    with pytest.raises(PictureRefused, match="more than 1 MB"):
        fetch(server.url + path, Policy(private=True, plain=True, max_bytes=2**20))


def test_too_many_pixels(server: Vendor) -> None:
    with pytest.raises(PictureRefused, match="million"):
        fetch(f"{server.url}/bomb", HERE)


@pytest.mark.parametrize("kind", ["drip", "hang"])
def test_too_slow(server: Vendor, kind: Any) -> None:
    server.faults.append(Fault(kind, seconds=3))
    with pytest.raises(ServiceFailed, match=r"0\.5 s"):
        fetch(f"{server.url}/red.png", Policy(private=True, plain=True, seconds=0.5))


@pytest.mark.parametrize("kind", ["before", "cut"])
def test_broken_off(server: Vendor, kind: Any) -> None:
    server.faults.append(Fault(kind))
    with pytest.raises(ServiceFailed):
        fetch(f"{server.url}/red.png", HERE)


def test_refusals(server: Vendor) -> None:
    with pytest.raises(ServiceRefused, match="404"):
        fetch(f"{server.url}/nothing", HERE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServiceUnreachable):
        fetch(f"http://127.0.0.1:{port}/", HERE)


def test_stopped(server: Vendor) -> None:
    server.faults.append(Fault("hang", seconds=3))
    stop = threading.Event()
    server.on_request = lambda asked: stop.set()
    with pytest.raises(Cancelled):  # and not what would come of the wait
        fetch(f"{server.url}/red.png", HERE, stop=stop.is_set)
    server.on_request = None
