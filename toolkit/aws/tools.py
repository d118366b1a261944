"""The tool on an AWS account; nothing here imports boto3."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from pydantic import Field

from toolkit.aws.account import Account, Share
from toolkit.compact import Caps, as_json, compact
from toolkit.protocol import Arguments, Tool, ToolInfo, ToolText

_TIMEOUT_S: Final = 45.0
_PAGING_S: Final = 20.0
_MAX_TOKEN: Final = 4000
_CAPS: Final = Caps(chars=4000, items=1000, keys=200, depth=12)

READ: Final = ToolInfo(
    name="aws_read",
    description=(
        "Read from the AWS account: call an operation of boto3 that begins with describe_, list_ or get_, "
        "such as service ec2, operation describe_instances; also logs filter_log_events and cloudtrail "
        "lookup_events. The answer is JSON; secrets are left out of it."
    ),
    category="aws",
    effect="read",
    extras=("aws",),
    cost="cheap",
    timeout_s=_TIMEOUT_S,
    max_chars=20_000,
)


class ReadArguments(Arguments):
    """What to call."""

    service: str = Field(max_length=60, description="As boto3 calls it: ec2, rds, logs, cloudwatch, …")
    operation: str = Field(max_length=100, description="As boto3 calls it: describe_instances, …")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="As boto3 takes them; times as ISO 8601 texts."
    )
    limit: int = Field(default=100, ge=1, le=1000, description="The most items to take of a list.")
    start: str = Field(
        default="", max_length=_MAX_TOKEN, description="The token of an earlier answer, to read on."
    )


def make_read() -> Tool[ReadArguments]:
    """Make `aws_read`, on the account and in the region that the environment names as it does for boto3."""
    return Tool(READ, ReadArguments, partial(_read, Account()))


def _read(account: Account, arguments: ReadArguments) -> ToolText:
    answer = account.read(
        arguments.service,
        arguments.operation,
        arguments.parameters,
        Share(arguments.limit, arguments.start, _PAGING_S),
    )
    shown = compact(answer.value, _CAPS)
    if not answer.more:
        return ToolText(as_json(shown))
    if len(answer.more) > _MAX_TOKEN:
        return ToolText(as_json(shown), "there is more: filter it with parameters, or raise limit")
    # At the beginning, where it is never clipped.
    return ToolText(as_json({"start": answer.more, **shown}), 'there is more: call again with this "start"')
