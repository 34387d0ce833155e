"""Which addresses a link from outside may lead to."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from maquette.errors import AddressRefused, ServiceUnreachable

__all__ = ["Policy", "check_url", "is_public", "resolve"]

_METADATA = frozenset({"168.63.129.16", "192.0.0.192"})
"""Services for virtual machines at addresses that may pass for public (Azure's, Oracle's)."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Policy:
    """What ``fetch`` allows.

    ``private`` opens this machine and its networks, ``plain`` http without TLS; both are for tests
    and for a network of one's own. ``seconds`` is for the whole of it, redirects included.
    """

    private: bool = False
    plain: bool = False
    max_bytes: int = 64 * 2**20
    seconds: float = 30.0
    redirects: int = 5


def is_public(address: str) -> bool:
    """Whether anybody on the internet may be behind this IP address: not this machine, not a
    private, link-local, shared or reserved network, no cloud's metadata service; IPv4 inside IPv6
    counts as what it is inside."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is None and found.teredo is not None:
            inner = found.teredo[1]
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast and str(found) not in _METADATA


def check_url(url: str, policy: Policy) -> None:
    """Look at a link before anything is resolved.

    Raises:
        AddressRefused: no host, a name and password in it, or another scheme than allowed.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise AddressRefused("this is no web address") from None
    allowed = ("https", "http") if policy.plain else ("https",)
    if parts.scheme not in allowed:
        raise AddressRefused(f"only {' and '.join(allowed)} addresses are fetched")
    if not host:
        raise AddressRefused("this address names no host")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("addresses with a name or password in them are not fetched")


def resolve(host: str, port: int, *, public: bool) -> list[str]:
    """The IP addresses of a host, in the order to try them.

    A host with one address that is not public is refused as a whole: which of them is asked is
    otherwise up to whoever owns the name.

    Raises:
        AddressRefused: ``public`` is asked and an address is not.
        ServiceUnreachable: the name has no address.
    """
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ServiceUnreachable(f"there is no host {host}") from error
    found = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if public and not all(is_public(address) for address in found):
        raise AddressRefused(f"{host} is an address of this machine or of a private network")
    return found
