from __future__ import annotations

import pytest

from maquette.errors import AddressRefused, ServiceUnreachable
from maquette.net.addresses import Policy, check_url, is_public, resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192",
        "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2002:a00:1::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_not_for_strangers_links(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.png", "ftp://example.org/a", "file:///etc/passwd", "data:image/png,",
        "gopher://example.org", "//example.org/a", "example.org/a.png", "https://", "https:///a",
        "https://me:pw@example.org/", "https://me@example.org/", "https://[::1", "https://a:99999/",
        "", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_links_that_are_not_followed(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, Policy())


def test_plain_http_where_it_is_allowed() -> None:
    check_url("http://example.org/", Policy(plain=True))
    check_url("https://example.org:8443/a?b=c", Policy())


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"])
def test_spellings_of_this_machine(host: str) -> None:
    with pytest.raises((AddressRefused, ServiceUnreachable)):
        resolve(host, 443, public=True)


def test_a_name_without_an_address() -> None:
    with pytest.raises(ServiceUnreachable):
        resolve("nowhere.invalid", 443, public=False)
