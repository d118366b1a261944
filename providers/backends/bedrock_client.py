"""botocore's client for Bedrock, whose requests travel over the event loop; importing this imports boto3."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

import boto3
import httpx
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from langchain_aws.utils import create_aws_client

from providers.backends.loop_transport import LoopTransport, RawBody
from providers.place import client_options

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest
    from pydantic import SecretStr

    from providers.backend import Timeouts


def make_client(
    region: str, endpoint: str | None, key: SecretStr | None, timeouts: Timeouts, *, keeps_open: bool = True
) -> tuple[Any, LoopTransport, httpx.AsyncClient]:
    """Make the client, what carries its requests, and the client that holds its connections.

    Args:
        region: Such as `us-east-1`.
        endpoint: Another address than the region's own.
        key: A Bedrock API key; without one the usual AWS credentials are used.
        timeouts: For connecting and for the whole.
        keeps_open: Whether a connection is kept for the next call; it then belongs to one event loop.
    """
    bundle = os.environ.get("AWS_CA_BUNDLE")
    pool = httpx.AsyncClient(
        headers={"Accept-Encoding": "identity"} | ({} if keeps_open else {"Connection": "close"}),
        timeout=httpx.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s)),
        verify=ssl.create_default_context(cafile=bundle) if bundle else True,
        **client_options(endpoint or "https://bedrock"),
    )
    transport = LoopTransport(pool)
    options: dict[str, Any] = {
        "service_name": "bedrock-runtime",
        "region_name": region,
        "endpoint_url": endpoint,
        "config": Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    }
    # Each with a session of its own: boto3's default one keeps the first credentials for the whole process.
    client = create_aws_client(**options, api_key=key) if key else boto3.Session().client(**options)

    def send(request: AWSPreparedRequest, **_event: Any) -> AWSResponse | None:  # noqa: ANN401
        headers = [(str(name), _text(value)) for name, value in request.headers.items()]
        body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"")
        answer = transport.send(request.method, request.url, headers, body)
        if answer is None:
            return None
        head, parts = answer
        return AWSResponse(request.url, head.status, head.headers, RawBody(parts))

    # botocore takes an answer from whoever handles this event, and then sends nothing itself.
    client.meta.events.register("before-send.bedrock-runtime", send)
    return client, transport, pool


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
