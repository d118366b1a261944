"""Addresses and hosts, however they are written."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.protocol import ToolConfigError, ToolError
from toolkit.web.fetching import fetch
from toolkit.web.policy import WebPolicy, is_public

INSIDE = (
    "0.0.0.1", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.1", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "2001:db8::1",
)  # fmt: skip


@pytest.mark.parametrize("text", INSIDE)
def test_no_inner_address_is_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "2606:4700::1111"])
def test_public_addresses_are(text: str) -> None:
    assert is_public(ip_address(text))


@given(st.ip_addresses(v=4), st.sampled_from([0, 0xFFFF << 32, 0xFFFF << 48, 0x64FF9B << 96, 0x2002 << 112]))
def test_no_ipv4_address_passes_inside_an_ipv6_one(inner: IPv4Address, around: int) -> None:
    shift = 80 if around >> 112 else 0
    assert not is_public(IPv6Address(around | int(inner) << shift))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0"])
async def test_addresses_written_oddly_are_seen_through(host: str) -> None:
    with pytest.raises(ToolError, match=r"public network|no address"):
        await fetch(f"http://{host}/", WebPolicy(("*",)))


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://example.com/x", True),
        ("https://EXAMPLE.com./x", True),
        ("https://a.b.wild.test/", True),
        ("https://wild.test/", False),
        ("https://notwild.test/", False),
        ("https://example.com.evil.test/", False),
        ("https://example.com:8443/", False),
        ("https://own.test:8443/", True),
        ("https://own.test/", False),
        ("https://example.com@evil.test/", False),
        ("https://evil.test/@example.com", False),
        ("https://bücher.test/", True),
        ("ftp://example.com/", False),
        ("/etc/passwd", False),
    ],
)
def test_only_allowed_hosts_and_ports_pass(url: str, is_allowed: bool) -> None:  # noqa: FBT001
    found = WebPolicy(("example.com", "*.wild.test", "own.test:8443", "bücher.test"))
    if is_allowed:
        found.check_url(httpx.URL(url))
    else:
        with pytest.raises(ToolError):
            found.check_url(httpx.URL(url))


_PATTERNS_THAT_ARE_NONE = (
    "", "https://example.com", "example.com/x", "a@b", "a:b", "*.", "*.*", "a*.com", "**", ".com",
    "example.com.", "127.0.0.1", "127.1", "0x7f.0x1", "2130706433", "8.8.8.8", "*.1", "::1", "[::1]",
    "[::1]:80", "localhost", "*.localhost", "localhost:8080", "a b.com", "example.com:", "example.com:0",
    "example.com:65536", "example.com:²", "-a.com", "a..b", "a" * 64 + ".com", "a." * 127 + "com",
    "\u202e.com", "\x1b.com",
)  # fmt: skip


@pytest.mark.parametrize("pattern", _PATTERNS_THAT_ARE_NONE)
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ToolConfigError, match="hosts"):
        WebPolicy((pattern,))
