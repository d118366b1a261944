"""Over TLS a server must prove to be the name that was asked for, though an address is connected to."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.toolkit.web.servers import MisbehavingServer, Names, misbehaving
from toolkit.protocol import ToolError
from toolkit.web.fetching import fetch
from toolkit.web.policy import WebPolicy


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of rivers.test, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rivers.test")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("rivers.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "rivers.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def server(certificate: Path) -> Iterator[MisbehavingServer]:
    with misbehaving(certificate) as running:
        yield running


@pytest.mark.parametrize(("host", "is_proven"), [("rivers.test", True), ("lakes.test", False)])
async def test_only_the_name_that_was_asked_for_is_taken(
    server: MisbehavingServer,
    certificate: Path,
    host: str,
    is_proven: bool,  # noqa: FBT001
) -> None:
    policy = WebPolicy(
        hosts=(f"{host}:{server.server_port}",),
        inner_addresses=("127.0.0.1",),
        resolve=Names(rivers_test=(["127.0.0.1"],), lakes_test=(["127.0.0.1"],)),
        ssl_context=ssl.create_default_context(cafile=certificate),
    )
    server.asked.clear()
    address = f"https://{host}:{server.server_port}/"
    if is_proven:
        assert b"The Elbe" in (await fetch(address, policy)).body
    else:
        with pytest.raises(ToolError, match="ConnectError"):
            await fetch(address, policy)
    assert bool(server.asked) == is_proven
