"""Calls to AWS: pages merged and counted, files read from their beginning, faults as one sentence."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from toolkit.aws import operations
from toolkit.aws.hiding import hide
from toolkit.aws.operations import Operation
from toolkit.compact import redact
from toolkit.protocol import ToolError

MAX_PAGES: Final = 20
"""Pages of one call; a page can be empty and have a next one."""

_CONNECT_S: Final = 5
_READ_S: Final = 15
_FILE_BYTES: Final = 64 * 1024
_REASON_CHARS: Final = 400


@dataclass(frozen=True)
class Answer:
    """What AWS said.

    Attributes:
        value: Without secrets, of any length.
        more: The token to read on with, or an empty text.
    """

    value: object
    more: str = ""


class Account:
    """The account that the environment names, in one region; safe for several threads."""

    def __init__(self) -> None:
        """Look at nothing yet."""
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}

    def read(
        self, service: str, name: str, parameters: dict[str, Any], *, items: int, start: str, within_s: float
    ) -> Answer:
        """Call an operation that reads.

        Args:
            service: As boto3 calls it.
            name: Of the operation.
            parameters: As boto3 takes them.
            items: The most to take of what the operation lists.
            start: A token of an earlier answer, or an empty text.
            within_s: Seconds after which no further page is asked for.

        Raises:
            ToolError: When it is not allowed, or did not work.
        """
        from botocore import exceptions as kinds  # noqa: PLC0415 - an extra

        try:
            operation, client = self._prepared(service, name)
            given = operations.check_parameters(operation, parameters)
            if client.can_paginate(operation.name):
                end = monotonic() + within_s
                value, more = _pages(client, operation, given, items=items, start=start, end=end)
            else:
                value, more = _single(client, operation, given), ""
        except (kinds.BotoCoreError, kinds.ClientError, OSError, ValueError) as error:
            raise explained(error, kinds) from None
        return Answer(hide(value, operation.model.output_shape), more)

    def _prepared(self, service: str, name: str) -> tuple[Operation, Any]:
        import boto3  # noqa: PLC0415 - an extra
        from botocore.config import Config  # noqa: PLC0415 - an extra

        with self._lock:  # a session is not safe for threads; a client is
            if self._session is None:
                self._session = boto3.Session()
            operation = operations.find(self._session._session, service, name)  # noqa: SLF001 - what boto3 wraps
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    config=Config(
                        connect_timeout=_CONNECT_S,
                        read_timeout=_READ_S,
                        retries={"total_max_attempts": 2, "mode": "standard"},
                        user_agent_extra="duograph",
                    ),
                )
            return operation, self._clients[service]


def _single(client: Any, operation: Operation, given: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401  # no types
    said: dict[str, Any] = getattr(client, operation.name)(**given)
    said.pop("ResponseMetadata", None)
    if operations.is_stream(operation):
        payload = operation.model.output_shape.serialization["payload"]
        with said[payload] as body:
            raw = body.read(_FILE_BYTES)
        try:
            # The cut may go through a character.
            said[payload] = raw.decode("utf-8", errors="strict" if len(raw) < _FILE_BYTES else "ignore")
        except UnicodeDecodeError:
            said[payload] = raw
    return said


def _pages(
    client: Any,  # noqa: ANN401  # botocore has no types
    operation: Operation,
    given: dict[str, Any],
    *,
    items: int,
    start: str,
    end: float,
) -> tuple[dict[str, Any], str]:
    """Merge pages until there are enough items, too many pages, or no time."""
    from botocore.utils import set_value_from_jmespath  # noqa: PLC0415 - an extra

    config: dict[str, Any] = {"MaxItems": items} | ({"StartingToken": start} if start else {})
    pages = client.get_paginator(operation.name).paginate(**given, PaginationConfig=config)
    merged: dict[str, Any] = {}
    asked = 0
    is_cut = False
    for page in pages:
        page.pop("ResponseMetadata", None)
        asked += 1
        if asked == 1:
            merged = page
        else:
            for key in pages.result_keys:
                found = key.search(page)
                if isinstance(found, list):
                    set_value_from_jmespath(merged, key.expression, [*(key.search(merged) or []), *found])
        if asked == MAX_PAGES or monotonic() > end:
            is_cut = True
            break
    more = pages.resume_token or ""
    return merged, more or (_next(pages, page) if is_cut and asked else "")


def _next(pages: Any, page: dict[str, Any]) -> str:  # noqa: ANN401  # botocore has no types
    """Make the token for a cut that was ours, in the form that `StartingToken` takes."""
    from botocore.paginate import TokenEncoder  # noqa: PLC0415 - an extra

    token = pages._get_next_token(page)  # noqa: SLF001 - it knows how each operation names its token
    found = {key: value for key, value in token.items() if value is not None}
    return TokenEncoder().encode(found) if found else ""


def explained(error: Exception, kinds: Any) -> ToolError:  # noqa: ANN401  # botocore has no types
    """Say in one sentence what AWS or botocore reported."""
    if isinstance(error, kinds.ClientError):
        told = error.response.get("Error", {})
        code = str(told.get("Code") or "unknown")[:80]
        reason = redact(" ".join(str(told.get("Message") or "").split())).rstrip(". ")[:_REASON_CHARS]
        return ToolError(f"AWS answered {code}" + (f": {reason}." if reason else "."))
    if isinstance(error, kinds.ParamValidationError):
        report = redact("; ".join(str(error.kwargs.get("report", "")).splitlines())).rstrip(". ")
        return ToolError(f"parameters are wrong: {report[:_REASON_CHARS]}.")
    if isinstance(error, kinds.NoRegionError):
        return ToolError("No AWS region is set: set AWS_DEFAULT_REGION.")
    if isinstance(error, kinds.ProfileNotFound):
        return ToolError("The AWS profile is not there: mend AWS_PROFILE.")
    if isinstance(error, kinds.NoCredentialsError | kinds.PartialCredentialsError):
        return ToolError(
            "No AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    if isinstance(error, kinds.ConnectTimeoutError | kinds.ReadTimeoutError):
        return ToolError("AWS did not answer in time: ask for less, or try again.")
    if isinstance(error, kinds.HTTPClientError | kinds.ConnectionError | OSError):
        return ToolError("AWS cannot be reached: look at the network, and at AWS_DEFAULT_REGION.")
    return ToolError(
        f"The call did not work ({type(error).__name__}): look at the parameters and the set-up of AWS."
    )
