"""Calls to AWS: pages merged and counted, files read from their beginning, faults as one sentence."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from toolkit.aws import operations
from toolkit.aws.faults import explained
from toolkit.aws.hiding import hide
from toolkit.aws.operations import Operation

MAX_PAGES: Final = 20
"""Pages of one call; a page can be empty and have a next one."""

_CONNECT_S: Final = 5
_READ_S: Final = 15
_FILE_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Share:
    """How much of a list is taken.

    Attributes:
        items: The most.
        start: A token of an earlier answer, or an empty text.
        within_s: Seconds after which no further page is asked for.
    """

    items: int
    start: str = ""
    within_s: float = 20


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

    def read(self, service: str, name: str, parameters: dict[str, Any], share: Share) -> Answer:
        """Call an operation that reads.

        Args:
            service: As boto3 calls it.
            name: Of the operation.
            parameters: As boto3 takes them.
            share: How much to take of what the operation lists.

        Raises:
            ToolError: When it is not allowed, or did not work.
        """
        from botocore import exceptions as kinds  # noqa: PLC0415 - an extra

        try:
            operation, client = self._prepared(service, name)
            given = operations.check_parameters(operation, parameters)
            if client.can_paginate(operation.name):
                value, more = _pages(client, operation, given, share)
            else:
                value, more = _single(client, operation, given), ""
        except (kinds.BotoCoreError, kinds.ClientError, OSError, ValueError) as error:
            raise explained(error) from None
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
    share: Share,
) -> tuple[dict[str, Any], str]:
    """Merge pages until there are enough items, too many pages, or no time."""
    from botocore.utils import set_value_from_jmespath  # noqa: PLC0415 - an extra

    config: dict[str, Any] = {"MaxItems": share.items} | (
        {"StartingToken": share.start} if share.start else {}
    )
    pages = client.get_paginator(operation.name).paginate(**given, PaginationConfig=config)
    merged: dict[str, Any] = {}
    end = monotonic() + share.within_s
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
