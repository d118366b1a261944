"""Keeps secrets out of what the clients' own loggers write about requests and answers at the level DEBUG."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from providers.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Iterable

# botocore writes the headers that it signs, the others those of the answer, where anything may stand.
_LOGGERS: Final = (
    "anthropic._base_client",
    "botocore.auth",
    "botocore.credentials",
    "botocore.endpoint",
    "botocore.hooks",
    "botocore.parsers",
    "botocore.retries.standard",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore2.http11",
    "httpcore2.http2",
    "openai._base_client",
)

_in_use: ContextVar[tuple[str, ...]] = ContextVar("duograph_secrets_in_use", default=())


def hide_in_logs(secrets: Iterable[str]) -> None:
    """Hide secrets in what the clients log from here on in this task or thread, and in those it starts.

    Args:
        secrets: Beside those of the environment and all that looks like a key.
    """
    _in_use.set(tuple({*_in_use.get(), *secrets}))
    for name in _LOGGERS:
        # The same filter is kept once, however often it is added.
        logging.getLogger(name).addFilter(_hide)


def _hide(record: logging.LogRecord) -> bool:
    secrets = _in_use.get()
    text = record.getMessage()
    if (clean := scrub(text, secrets)) != text:
        record.msg, record.args = clean, ()
    if record.exc_info and not record.exc_text:
        record.exc_text = scrub(logging.Formatter().formatException(record.exc_info), secrets)
    return True
