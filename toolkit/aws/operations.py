"""Which operations of AWS may be called: those that read, and whose answer gives no access to anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

_READS: Final = re.compile(r"(?:describe|list|get)_\w+")
_MORE_READS: Final = frozenset(
    {
        ("cloudtrail", "lookup_events"),
        ("logs", "filter_log_events"),
        ("s3", "head_bucket"),
        ("s3", "head_object"),
    }
)
"""What reads under another name, and an analysis cannot do without."""

_KEYS: Final = re.compile(
    r"""
    credential | password(?!_policy) | secret_value | client_secret | api_key | stream_key | decrypted
    | ^get_.*token | access_details$ | ^get_\w+_access$ | signed_ | _url(?:_for_\w+)?$
    | parameters_for_import | sample_configuration
    """,
    re.VERBOSE,
)
"""Operations whose answer opens something: credentials, tokens, addresses that need no login."""

_NOT_KEYS: Final = frozenset({("sqs", "get_queue_url")})
_REFUSED: Final = frozenset(
    {
        ("cognito-identity", "get_id"),  # makes an identity
        ("location", "describe_key"),  # the keys themselves
        ("location", "list_keys"),
        ("sso", "list_account_roles"),  # these take a token of somebody's
        ("sso", "list_accounts"),
    }
)
_ONLY: Final = {"sts": ("get_caller_identity", "get_access_key_info")}
_STREAMS: Final = frozenset({("s3", "get_object")})
"""Operations that answer with a file, of which the beginning is read."""


@dataclass(frozen=True)
class Operation:
    """What is called.

    Attributes:
        service: As boto3 calls it, such as `ec2`.
        name: As boto3 calls it, such as `describe_instances`.
        model: What botocore knows of it.
    """

    service: str
    name: str
    model: Any


def find(session: Any, service: str, name: str) -> Operation:  # noqa: ANN401  # botocore has no types
    """Look an operation up in botocore's own description of the service.

    Args:
        session: Of botocore.
        service: As boto3 calls it.
        name: As boto3 calls it, or as AWS does: `DescribeInstances`.

    Raises:
        ToolError: When there is none, with names near it; when it is not allowed, with the reason.
    """
    from botocore import xform_name  # noqa: PLC0415 - an extra

    services = session.get_available_services()
    if service not in services:  # before it becomes part of a path
        raise ToolError(f"There is no AWS service {service[:60]!r}{_near(service, services)}.")
    model = session.get_service_model(service)
    names = {xform_name(one): one for one in model.operation_names}
    called = xform_name(name) if name.isidentifier() else name
    if called not in names:
        readable = [one for one in names if refusal(service, one) is None]
        raise ToolError(f"{service} has no operation {name[:60]!r}{_near(called, readable)}.")
    if reason := refusal(service, called):
        raise ToolError(f"{service} {called} is not called: {reason}.")
    operation = Operation(service, called, model.operation_model(names[called]))
    if reason := _refused_shape(operation):
        raise ToolError(f"{service} {called} is not called: {reason}.")
    return operation


def refusal(service: str, name: str) -> str | None:
    """Say why an operation is not allowed; None when it is."""
    if (service, name) in _MORE_READS:
        return None
    if not _READS.fullmatch(name):
        return "aws_read only calls operations that begin with describe_, list_ or get_"
    if service in _ONLY:
        return None if name in _ONLY[service] else f"of {service} only {' and '.join(_ONLY[service])} are"
    if (service, name) in _REFUSED or (_KEYS.search(name) and (service, name) not in _NOT_KEYS):
        return "its answer is a secret or gives access"
    return None


def check_parameters(operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse parameters that make an answer a secret, and add those that keep it from being one.

    Raises:
        ToolError: With the parameter to leave out.
    """
    given = dict(parameters)
    if given.get("WithDecryption"):
        raise ToolError("parameters.WithDecryption is not allowed: secrets are not read; leave it out.")
    if operation.name == "describe_instance_attribute" and given.get("Attribute") == "userData":
        raise ToolError("parameters.Attribute 'userData' is not allowed: user data often holds secrets.")
    if operation.name == "get_object" and "Range" not in given:
        given["Range"] = "bytes=0-65535"
    known = operation.model.input_shape.members if operation.model.input_shape else {}
    if "HidePassword" in known:
        given["HidePassword"] = True
    return given


def is_stream(operation: Operation) -> bool:
    """Tell whether the answer is a file."""
    return bool(operation.model.has_streaming_output)


def _refused_shape(operation: Operation) -> str | None:
    if operation.model.has_event_stream_output:
        return "its answer never ends"
    if is_stream(operation) and (operation.service, operation.name) not in _STREAMS:
        return "its answer is a file"
    inputs = operation.model.input_shape
    # Only what makes something must be protected from being done twice.
    makes = bool(inputs) and any(one.metadata.get("idempotencyToken") for one in inputs.members.values())
    if makes and not operation.name.startswith("describe_"):
        return "it makes something"
    return None


def _near(word: str, words: list[str]) -> str:
    near = get_close_matches(word, words, n=5, cutoff=0.5)
    return f"; names near it: {', '.join(near)}" if near else "; look it up in the documentation of boto3"
