"""Which pages may be fetched: hosts, addresses and limits, as one object that is passed in."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Protocol

from toolkit.protocol import ToolConfigError, ToolError
from toolkit.web.hosts import ascii_name, problem_with_host

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    import httpx

Address = IPv4Address | IPv6Address

_PORTS = {"http": 80, "https": 443}

# What Python calls global, and is not for us: other networks inside, and services of a cloud's own.
_REFUSED = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's own services
        "192.0.0.0/24",  # protocols, and a cloud's metadata; older Pythons call most of it global
        "192.88.99.0/24",  # 6to4 relays
        "::/96",  # IPv4-compatible
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "2001::/23",  # Teredo and other protocols
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
    )
)


class Resolve(Protocol):
    """Gives the addresses of a host."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raise `OSError` when it has none."""
        ...


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public network, whichever way it is written."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _REFUSED)
    )


@dataclass(frozen=True)
class WebPolicy:
    """Which pages may be fetched, and how much of them.

    Attributes:
        hosts: Names (`example.com`), names below one (`*.example.com`), or `*` for every public host; with a
            port (`example.com:8443`) where it is not the usual one.
        inner_addresses: Addresses or networks that may be reached although they are not public; empty in use,
            loopback in tests.
        resolve: Gives addresses of a host; each request goes to the very address that was checked.
        ssl_context: How servers prove themselves; None for the usual authorities.
        timeout_s: Seconds for all of it, redirects too.
        max_bytes: What is read of a page, before and after it is unpacked.
        max_redirects: How often a server may send us on.
    """

    hosts: tuple[str, ...]
    inner_addresses: tuple[str, ...] = ()
    resolve: Resolve = resolve
    ssl_context: ssl.SSLContext | None = None
    timeout_s: float = 20
    max_bytes: int = 2_000_000
    max_redirects: int = 5

    def __post_init__(self) -> None:
        for pattern in self.hosts:
            if problem := problem_with_host(pattern):
                raise ToolConfigError(f"hosts has {pattern!r}: {problem}.")
        for text in self.inner_addresses:
            ip_network(text)

    def check_url(self, url: httpx.URL) -> None:
        """Check all that a URL says by itself.

        Raises:
            ToolError: When it may not be fetched.
        """
        if url.scheme not in _PORTS:
            raise ToolError(f"Only http and https are fetched, not {url.scheme or 'a relative address'}.")
        if url.userinfo:
            raise ToolError("An address with a user name or password is not fetched.")
        host, port = host_of(url), port_of(url)
        if not host:
            raise ToolError("That address names no host.")
        if not any(_matches(pattern, host, port, url.scheme) for pattern in self.hosts):
            raise ToolError(
                f"{host}:{port} is not among the allowed hosts: {', '.join(self.hosts) or 'none'}."
            )

    async def check_addresses(self, url: httpx.URL) -> Sequence[Address]:
        """Resolve the host of a URL; one address that is not public condemns them all.

        Raises:
            ToolError: When it has none, or one that may not be reached.
        """
        host = host_of(url)
        try:
            addresses = [ip_address(text) for text in await self.resolve(host, port_of(url))]
        except (OSError, ValueError) as error:  # a label that is too long is a UnicodeError
            raise ToolError(f"{host} has no address.") from error
        if not addresses:
            raise ToolError(f"{host} has no address.")
        if not all(self._is_allowed(address) for address in addresses):
            raise ToolError(f"{host} is not on the public network, so it is not fetched.")
        return addresses

    def _is_allowed(self, address: Address) -> bool:
        return is_public(address) or any(address in ip_network(text) for text in self.inner_addresses)


def host_of(url: httpx.URL) -> str:
    """Give the host as DNS writes it."""
    return url.raw_host.decode("ascii").lower().rstrip(".")


def port_of(url: httpx.URL) -> int:
    """Give the port that is asked."""
    return url.port or _PORTS[url.scheme]


def _matches(pattern: str, host: str, port: int, scheme: str) -> bool:
    name, _, wanted = pattern.lower().partition(":")
    if port != (int(wanted) if wanted else _PORTS[scheme]):
        return False
    if name == "*":
        return True
    if name.startswith("*."):
        return host.endswith(f".{ascii_name(name[2:])}")
    return host == ascii_name(name)
