"""An AWS of our own: moto's server on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="session")
def moto_address() -> Iterator[str]:
    """Where moto's server listens; it keeps what was made, so each test names its own things."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - heavy, and few need it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_address: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Put that AWS into the environment, and give clients to prepare it with."""
    import boto3  # noqa: PLC0415 - heavy, and few need it

    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    session = boto3.Session()
    return session.client  # type: ignore[no-any-return]
