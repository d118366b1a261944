"""botocore's client for Bedrock, whose requests travel over the event loop; importing this imports boto3."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from botocore.awsrequest import AWSResponse

from providers.backends.aws_session import open_client
from providers.backends.loop_transport import LoopTransport, RawBody
from providers.backends.wire import wire_options
from providers.log_filter import hide_in_logs

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from pydantic import SecretStr

    from providers.backend import Timeouts


class BedrockClient(NamedTuple):
    """botocore's client and what belongs to it.

    Attributes:
        client: Blocks; its requests are sent by `transport`.
        transport: Carries them over the event loop of who waits.
        pool: Holds the connections.
        secrets: What the requests so far were signed with, from wherever it came.
    """

    client: Any
    transport: LoopTransport
    pool: httpx.AsyncClient
    secrets: set[str]


def make_client(  # noqa: PLR0913 - each is what Bedrock needs
    region: str,
    endpoint: str | None,
    key: SecretStr | None,
    timeouts: Timeouts,
    *,
    keeps_open: bool = True,
    local_only: bool = False,
) -> BedrockClient:
    """Make the client.

    Args:
        region: Such as `us-east-1`.
        endpoint: Another address than the region's own.
        key: A Bedrock API key; without one the usual AWS credentials are used.
        timeouts: For connecting and for the whole.
        keeps_open: Whether a connection is kept for the next call; it then belongs to one event loop.
        local_only: Whether nothing may leave this machine, not even the question for credentials.
    """
    bundle = os.environ.get("AWS_CA_BUNDLE")
    trusted: dict[str, Any] = {"verify": ssl.create_default_context(cafile=bundle)} if bundle else {}
    pool = httpx.AsyncClient(
        headers={"Accept-Encoding": "identity"} | ({} if keeps_open else {"Connection": "close"}),
        timeout=httpx.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s)),
        **(trusted | wire_options(endpoint or "https://bedrock", "frames")),
    )
    transport = LoopTransport(pool)
    client, credentials = open_client(region, endpoint, key, local_only=local_only)
    secrets = set[str]()

    def send(request: AWSPreparedRequest, **_event: Any) -> AWSResponse | None:  # noqa: ANN401
        headers = [(str(name), _text(value)) for name, value in request.headers.items()]
        if credentials is not None:
            secrets.update(filter(None, credentials.get_frozen_credentials()[:3]))
            hide_in_logs(secrets)
        body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"")
        answer = transport.send(request.method, request.url, headers, body)
        if answer is None:
            return None
        head, parts = answer
        return AWSResponse(request.url, head.status, head.headers, RawBody(parts))

    # botocore takes an answer from whoever handles this event, and then sends nothing itself.
    client.meta.events.register("before-send.bedrock-runtime", send)
    return BedrockClient(client, transport, pool, secrets)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
